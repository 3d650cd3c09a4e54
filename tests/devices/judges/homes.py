"""Where other people's decoders and encoders live: installed once into a private directory beside the repository's own
packages, never among them. What cannot be had is a skipped test that says what is missing.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

VARIABLE: Final = "OMNISTOCK_JUDGES_DIR"
EMUPOS: Final = "emupos==0.4.0"
NPM: Final = ("@point-of-sale/receipt-printer-encoder@4.0.1", "@point-of-sale/codepage-encoder@3.0.2")
INSTALL_S: Final = 240
_NEW_ENOUGH: Final = "import sys; sys.exit(sys.version_info < (3, 13))"


def home() -> Path:
    """A directory that only we can write, kept between runs."""
    named = os.environ.get(VARIABLE)
    path = Path(named) if named else Path(tempfile.gettempdir()) / f"omnistock-judges-{os.getuid()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        pytest.skip(f"{path} belongs to somebody else: set {VARIABLE}")
    return path


def pythons() -> Iterator[str]:
    """Every Python that may be 3.13 or newer: by name on the path, then what pyenv has."""
    for minor in (13, 14, 15):
        yield f"python3.{minor}"
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from map(str, sorted(versions.glob("3.1[3-9]*/bin/python")))


def new_python() -> str:
    """A Python of 3.13 or newer, or the test is skipped."""
    for name in pythons():
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", _NEW_ENOUGH], capture_output=True, check=False).returncode == 0:
            return found
    pytest.skip("emupos wants Python 3.13 or newer: none on the path or under pyenv")


@contextmanager
def _alone(name: str) -> Iterator[Path]:
    """One process at a time installs."""
    with (home() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield home() / name


def _run(what: str, *command: str, cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_S, check=False, env=_environment()
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what} could not be installed within {INSTALL_S} s")
    if done.returncode:
        pytest.skip(f"{what} could not be installed: {(done.stderr or done.stdout).strip()[-300:]}")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def emupos_python() -> Path:
    """The Python of an environment that has emupos."""
    with _alone("emupos") as where:
        python = where / "bin" / "python"
        if not (where / "ready").exists():
            shutil.rmtree(where, ignore_errors=True)
            _run("emupos", new_python(), "-m", "venv", str(where))
            _run("emupos", str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", EMUPOS)
            (where / "ready").touch()
        return python


def npm_modules() -> Path:
    """A directory in which node finds the encoders of npm."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"the encoders of npm want {program}: not on the path")
    with _alone("npm") as where:
        if not (where / "ready").exists():
            shutil.rmtree(where, ignore_errors=True)
            where.mkdir()
            (where / "package.json").write_text('{"private": true, "type": "module"}')
            _run("npm's encoders", "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *NPM, cwd=where)
            (where / "ready").touch()
        return where
