"""The house itself: its rooms, its walls, and what must never be committed."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("engine", "actors", "devices", "analytics", "api")
LOCKS = ("runtime", "demo", "dev")
PICKLES = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}


def committed() -> Iterator[Path]:
    """Every file that git would ship; in an unpacked archive, every file outside of dot folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    else:
        paths = (path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts))
    yield from (path for path in paths if path.is_file())


def sources(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("room", [*PACKAGES, "benchmarks", "tests", "docs", "requirements"])
def test_every_room_is_there(room: str) -> None:
    assert (ROOT / room).is_dir()


def test_the_distribution_ships_the_five_packages_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    included = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(included) == {pattern for package in PACKAGES for pattern in (package, f"{package}.*")}
    assert project["project"]["scripts"] == {"omnistock": "api.cli:main"}


def test_the_walls_stand() -> None:
    # In a process of its own: it sets up logging, and switches off every logger that is there already.
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_ray_remote_is_said_in_the_composition_root_only() -> None:
    said = [
        path
        for path, tree in sources(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "remote" and getattr(node.value, "id", "") == "ray"
    ]
    assert set(said) <= {"actors/cluster.py"}


def test_nothing_is_pickled() -> None:
    for path, tree in sources(*PACKAGES):
        assert not PICKLES & {name.split(".")[0] for name in imported(tree)}, path
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is False, path


def test_what_only_kernels_may_call_is_imported_by_kernels_only() -> None:
    """`inner` functions have no entrance from Python: a call would crash."""
    kernels = list(sources("engine/kernels"))
    inner = {
        node.name
        for _, tree in kernels
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and "inner" in {ast.unparse(each) for each in node.decorator_list}
    }
    assert inner
    inside = {path for path, _ in kernels}
    for path, tree in sources(*PACKAGES, "tests", "benchmarks"):
        for node in ast.walk(tree):
            if path not in inside and isinstance(node, ast.ImportFrom) and "engine.kernels" in str(node.module):
                assert not inner & {each.name for each in node.names}, path


def test_every_module_says_its_job() -> None:
    silent = [path for path, tree in sources(*PACKAGES, "benchmarks") if tree.body and not ast.get_docstring(tree)]
    assert silent == []


def test_importing_a_package_starts_nothing() -> None:
    """Modules hold definitions and constants; a call statement at import is a start in disguise.

    Alembic's migration scripts are programs: Alembic runs them, nobody imports them.
    """
    started = [
        f"{path}:{node.lineno}"
        for path, tree in sources(*PACKAGES)
        for node in tree.body
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and not path.endswith("__main__.py")
        and "/migrations/" not in path
    ]
    assert started == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_no_addresses(name: str) -> None:
    lock = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|@ |--(index|extra-index|find-links|trusted)", lock)
    entries = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", lock, flags=re.MULTILINE).strip())
    assert len(entries) > 30
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._\[\],-]+==", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {
        "runtime": project["dependencies"],
        "demo": project["dependencies"] + extras["demo"],
        "dev": project["dependencies"] + extras["demo"] + extras["dev"],
    }
    for name in LOCKS:
        lock = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").lower()
        for requirement in wanted[name]:
            package, pinned = re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?(?:==(\S+))?", requirement).groups()  # type: ignore[union-attr]
            assert f"\n{package.lower()}=={pinned or ''}" in f"\n{lock}", f"{requirement} is not in {name}: make lock"


def test_no_committed_file_knows_a_machine() -> None:
    """No home or work folder of whoever wrote it, no address of a package registry."""
    machine = re.compile(
        rb"/(root|home|work|Users)/[\w.]|file:///|https?://[^\s\"')]*(pypi|pythonhosted|npmjs|proxy\.golang)"
    )
    found = [
        f"{path.relative_to(ROOT)}: {hit.group().decode(errors='replace')}"
        for path in committed()
        if path != Path(__file__)
        for hit in machine.finditer(path.read_bytes())
    ]
    assert found == []


def test_no_data_is_committed() -> None:
    heavy = [
        str(path.relative_to(ROOT)) for path in committed() if path.suffix in {".parquet", ".duckdb", ".db", ".whl"}
    ]
    assert heavy == []
