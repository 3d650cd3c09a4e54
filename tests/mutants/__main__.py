"""The command line of mutation testing; see the package for how it is called."""

import os
import sys


def run() -> int:
    """Kernels are not compiled here, which has to be said before they are imported."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    from tests.mutants.quicker import quicken

    quicken()
    from tests.mutants.command import main

    return main()


if __name__ == "__main__":
    sys.exit(run())
