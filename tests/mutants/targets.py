"""What is mutated: the kernels that decide and fold, and commands over several shards; and the functions in them."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent.parent
MODULES: Final = (
    *(f"engine.kernels.{name}" for name in ("alerts", "cells", "decide", "define", "finish", "idtable", "operations")),
    *(f"engine.kernels.{name}" for name in ("plain", "plan", "replay", "reservations", "settle", "stock", "table")),
    *(f"actors.{name}" for name in ("saga", "saga_scan", "spanning", "over_shards")),
)
HINTS: Final = frozenset({"touch", "touch_ids", "prefetch", "hint_of", "endless"})
"""What these do can be left out, and nothing but the speed changes: `kernels.touch` and `kernels.machine`."""


class Function(NamedTuple):
    """A function of a module as the parser sees it."""

    module: str
    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef


def path_of(module: str) -> Path:
    """Where the module's source is."""
    return ROOT / (module.replace(".", "/") + ".py")


def functions_of(module: str) -> Iterator[Function]:
    """Functions and methods, in order; what is defined inside of a function belongs to that."""
    yield from _functions_in(module, "", ast.parse(path_of(module).read_text()).body)


def _functions_in(module: str, prefix: str, body: list[ast.stmt]) -> Iterator[Function]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _functions_in(module, f"{prefix}{node.name}.", node.body)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Function(module, prefix + node.name, node)


def exchange(module: str, name: str, code: CodeType) -> None:
    """Give the function other code. Whoever has imported it calls that from now on, for it is the same function."""
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = vars(found)[part]
    if isinstance(found, property):
        found = found.fget
    while not isinstance(found, FunctionType) or hasattr(found, "__wrapped__"):
        found = found.__wrapped__  # an interpreted kernel is called by way of a wrapper
    found.__code__ = code
