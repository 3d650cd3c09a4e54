"""Who must not load DuckDB: a shard must not be kept waiting for it, nor a request, nor the start of either."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["api.serve", "api.serving", "actors.shard_home", "actors.keeper", "actors.standby"])
def test_only_the_process_of_the_analytics_loads_their_libraries(module: str) -> None:
    code = f"import sys, {module}; print(*sorted({{'duckdb', 'xlsxwriter', 'analytics.store'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
