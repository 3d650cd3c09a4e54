"""python-escpos, the library that our receipts are measured against."""

from typing import Any

import pytest


@pytest.fixture(scope="module")
def anchor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """python-escpos with a printer in memory, its cache of profiles in a directory that goes away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESCPOS_CAPABILITIES_PICKLE_DIR", str(tmp_path_factory.mktemp("escpos")))
        from escpos.printer import Dummy
    return Dummy
