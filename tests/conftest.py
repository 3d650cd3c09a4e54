"""Where kernels are cached, Hypothesis profiles, and plain asserts that explain themselves outside of test files."""

import os

import pytest
from hypothesis import HealthCheck, settings

from actors.kernel_cache import kernel_cache_environment

# Before numba is imported: it does not notice when a kernel in another file changes.
for _name, _value in kernel_cache_environment().items():
    os.environ.setdefault(_name, _value)

pytest.register_assert_rewrite("tests.engine.tables", "tests.engine.twins")

# A history can take a second on a busy machine: kernels and oracle decide it side by side.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("ci", _patient, max_examples=60)
settings.register_profile("deep", _patient, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
