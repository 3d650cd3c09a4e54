"""Mutation testing itself, and a sample of what `make mutants` judges in full: most faults are noticed at once."""

import ast
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import Tell
from tests.mutants.known import equivalent, killers
from tests.mutants.operators import Mutant, mutants_of
from tests.mutants.targets import MODULES, ROOT, Function, functions_of, path_of

SAMPLE, SHARE = 80, 0.65
"""The few tests that are known to see most of a function notice less than all do."""
BOUND_S = 240.0


@pytest.fixture(scope="module")
def mutants() -> list[Mutant]:
    return [mutant for module in MODULES for function in functions_of(module) for mutant in mutants_of(function)]


def operators_in(source: str) -> list[str]:
    """What is done to a function with this body."""
    body = "\n".join(f"    {line}" for line in source.splitlines())
    tree = ast.parse(f"def function(a: int, b: int) -> int:\n{body}\n")
    node = tree.body[0]
    assert isinstance(node, ast.FunctionDef)
    return [mutant.operator for mutant in _without_file(Function(MODULES[0], "function", node))]


def _without_file(function: Function) -> Iterator[Mutant]:
    return mutants_of(function)


@pytest.mark.parametrize(
    ("source", "operators"),
    [
        ("return a < b", ["return 0", "< -> <=", "< -> >="]),
        ("return a == b", ["return 0", "== -> !="]),
        ("return a + 1", ["return 0", "+ -> -", "1 -> 2", "1 -> 0"]),
        ("return a and not b", ["return 0", "and -> or", "without not"]),
        ("if a:\n    return 5", ["condition negated", "5 -> 6", "5 -> 4"]),
        ("a.b = True", ["left out", "True -> False"]),
        ("new = b", []),
        ("a += b", ["+= -> -=", "left out"]),
        ("while a:\n    break", ["condition negated", "break -> continue"]),
        ("return min(a, b)", ["return 0", "min -> max"]),
        ('"""Says nothing."""\nprefetch(a, 1)', []),
    ],
)
def test_what_is_done_to_each_sort_of_code(source: str, operators: list[str]) -> None:
    assert sorted(operators_in(source)) == sorted(operators)


def test_every_mutant_has_a_name_of_its_own_and_compiles(mutants: list[Mutant]) -> None:
    assert len({mutant.key for mutant in mutants}) == len(mutants)
    originals = {
        (each.module, each.name): ast.unparse(each.node) for module in MODULES for each in functions_of(module)
    }
    for mutant in mutants[::50]:
        assert mutant.code().co_name == mutant.function.rpartition(".")[2]
    again = {(each.module, each.name): ast.unparse(each.node) for module in MODULES for each in functions_of(module)}
    assert again == originals


def test_the_lists_name_mutants_and_functions_that_are_there(mutants: list[Mutant]) -> None:
    assert not set(equivalent()) - {mutant.key for mutant in mutants}
    assert not set(killers()) - {f"{mutant.module} {mutant.function}" for mutant in mutants}
    assert all(path_of(module).exists() for module in MODULES)


@pytest.mark.long
def test_a_sample_of_mutants_is_noticed(tell: Tell) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutants", "--sample", str(SAMPLE), "--share", str(SHARE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tell(done.stdout)
