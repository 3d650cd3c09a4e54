"""The faults that are made: each changes one place of one function's syntax tree.

A mutant is named by its function, the text of its line and what was changed, never by a line number, so that a list of
mutants outlives edits elsewhere in the file.
"""

import ast
import copy
import re
from collections import Counter
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Final, NamedTuple

from tests.mutants.targets import HINTS, Function, path_of

_COMPARED: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_COMPUTED: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
_SIGNS: Final = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Div: "/",
    ast.Mod: "%",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.And: "and",
    ast.Or: "or",
}
_NUMBERED: Final = re.compile(r"_[A-Z_]+")
"""How the modules name their plain numbers: outcomes, states, kinds."""


class Change(NamedTuple):
    """What is done to a node: `apply` is given the node of a copy, and gives what takes its place."""

    operator: str
    apply: Callable[[ast.AST], ast.AST]


class Mutant(NamedTuple):
    """One fault."""

    module: str
    function: str
    text: str
    """the line where it is, without its indentation"""
    operator: str
    nth: int
    """which of those that are alike so far"""
    lines: tuple[int, int]
    """first and last line of the statement, or of the head of a compound one: who runs none of them cannot see it"""
    within: tuple[int, int]
    """first and last line of the function"""
    code: Callable[[], CodeType]

    @property
    def key(self) -> str:
        """Its name in lists."""
        again = f" #{self.nth + 1}" if self.nth else ""
        return f"{self.module} {self.function} ~ {self.text} ~ {self.operator}{again}"


def mutants_of(function: Function) -> Iterator[Mutant]:
    """Every mutant of a function, in order."""
    text = path_of(function.module).read_text().splitlines()
    seen: Counter[tuple[str, str]] = Counter()
    nodes = list(ast.walk(function.node))
    spans = _spans(function.node)
    within = (function.node.lineno, function.node.end_lineno or function.node.lineno)
    for at, node in enumerate(nodes):
        for change in _changes(node, function.node) if node in spans else ():
            line = text[getattr(node, "lineno", spans[node][0]) - 1].strip()
            nth = seen[line, change.operator]
            seen[line, change.operator] += 1
            code = _compiler(function, at, change)
            yield Mutant(function.module, function.name, line, change.operator, nth, spans[node], within, code)


def _compiler(function: Function, at: int, change: Change) -> Callable[[], CodeType]:
    def code() -> CodeType:
        changed = copy.deepcopy(function.node)
        nodes = list(ast.walk(changed))
        target = nodes[at]
        new = ast.copy_location(change.apply(target), target)
        if new is not target:
            _replace(nodes, target, new)
        changed.decorator_list = []
        module = ast.fix_missing_locations(ast.Module([changed], []))
        whole = compile(module, str(path_of(function.module)), "exec")
        return next(each for each in whole.co_consts if isinstance(each, CodeType) and each.co_name == changed.name)

    return code


def _replace(nodes: list[ast.AST], old: ast.AST, new: ast.AST) -> None:
    for parent in nodes:
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            if isinstance(value, list):
                for place, each in enumerate(value):
                    if each is old:
                        value[place] = new
                        return
    raise LookupError(ast.dump(old))


def _spans(function: ast.FunctionDef | ast.AsyncFunctionDef) -> dict[ast.AST, tuple[int, int]]:
    """Of every node that may be changed, the lines of its statement; signature, docstrings and hints are left out."""
    spans: dict[ast.AST, tuple[int, int]] = {}

    def enter(statement: ast.stmt) -> None:
        if _says_nothing(statement):
            return
        inner = [each for name in ("body", "orelse", "finalbody") for each in getattr(statement, name, [])]
        handlers = getattr(statement, "handlers", [])
        below = [*inner, *(each for handler in handlers for each in handler.body)]
        first = statement.lineno
        last = min((each.lineno - 1 for each in below), default=statement.end_lineno or first)
        spans[statement] = (first, max(first, last))
        left_out = {id(each) for each in (*inner, *handlers)} | {id(getattr(statement, "annotation", None))}
        for child in ast.iter_child_nodes(statement):
            if id(child) not in left_out:
                mark(child, spans[statement])
        for each in below:
            enter(each)

    def mark(node: ast.AST, span: tuple[int, int]) -> None:
        # `strict` of a zip is the program's look at itself.
        if _is_hint(node) or (isinstance(node, ast.keyword) and node.arg == "strict"):
            return
        spans[node] = span
        for child in ast.iter_child_nodes(node):
            mark(child, span)

    for statement in function.body:
        enter(statement)
    return spans


def _is_hint(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in HINTS


def _says_nothing(statement: ast.stmt) -> bool:
    """A docstring, or nothing but hints."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant) or _is_hint(statement.value)
    if isinstance(statement, ast.Assign):
        value = statement.value
        return all(map(_is_hint, value.elts if isinstance(value, ast.Tuple) else [value]))
    return False


def _changes(node: ast.AST, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Change]:
    """All that can be done to one node."""
    if isinstance(node, ast.expr):
        yield from _of_expression(node)
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node, function)


def _of_expression(node: ast.expr) -> Iterator[Change]:
    match node:
        case ast.Compare(ops=ops):
            for place, op in enumerate(ops):
                for other in _COMPARED[type(op)]:
                    yield Change(f"{_SIGNS[type(op)]} -> {_SIGNS[other]}", _with_op(place, other()))
        case ast.BinOp(op=op):
            other_op = _COMPUTED[type(op)]
            yield Change(f"{_SIGNS[type(op)]} -> {_SIGNS[other_op]}", _with(op=other_op()))
        case ast.BoolOp(op=op):
            opposite = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield Change(f"{_SIGNS[type(op)]} -> {_SIGNS[type(opposite)]}", _with(op=opposite))
        case ast.UnaryOp(op=ast.Not()):
            yield Change("without not", lambda each: each.operand)  # type: ignore[attr-defined]
        case ast.UnaryOp(op=ast.USub() | ast.Invert()):
            yield Change("without sign", lambda each: each.operand)  # type: ignore[attr-defined]
        case ast.IfExp() if not isinstance(node.test, ast.Compare | ast.BoolOp):
            yield Change("other branch", _negated)
        case ast.Constant(value=bool(value)):
            yield Change(f"{value} -> {not value}", _with(value=not value))
        case ast.Constant(value=int(value)):
            yield Change(f"{value} -> {value + 1}", _with(value=value + 1))
            if value > 0:
                yield Change(f"{value} -> {value - 1}", _with(value=value - 1))
        case ast.Call(func=ast.Name(id="min" | "max" as name)):
            other_name = "max" if name == "min" else "min"
            yield Change(f"{name} -> {other_name}", _with(func=ast.Name(other_name, ast.Load())))
        case ast.Call(func=ast.Name(id="abs")):
            yield Change("without abs", lambda each: each.args[0])  # type: ignore[attr-defined]
        case ast.Call(func=ast.Attribute(attr="any" | "all" as name)):
            yield Change(f"{name} -> {'all' if name == 'any' else 'any'}", _other_quantifier)


def _of_statement(node: ast.stmt, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Change]:
    match node:
        case ast.If(test=test) | ast.While(test=test) if not isinstance(test, ast.Compare) and not _is_not(test):
            yield Change("condition negated", _negated)
        case ast.AugAssign(op=op):
            other = _COMPUTED[type(op)]
            yield Change(f"{_SIGNS[type(op)]}= -> {_SIGNS[other]}=", _with(op=other()))
            yield Change("left out", _left_out)
        case ast.Assign(targets=targets, value=value):
            if not all(_is_first(target, node, function) for target in targets):
                yield Change("left out", _left_out)
            if _is_number(value):
                yield Change("another number", _another_number)
        case ast.Expr() | ast.Continue():
            yield Change("left out", _left_out)
        case ast.Break():
            yield Change("break -> continue", lambda each: ast.Continue())
        case ast.Return(value=None):
            yield Change("left out", _left_out)
        case ast.Return(value=value):
            if _is_number(value) or (isinstance(value, ast.Tuple) and _is_number(value.elts[0])):
                yield Change("another number", _another_number)
            elif _returns(function) == "bool" and not isinstance(value, ast.Compare | ast.Constant | ast.BoolOp):
                yield Change("negated", lambda each: _with(value=_not(each.value))(each))  # type: ignore[attr-defined]
            elif _returns(function) == "int" and not isinstance(value, ast.Constant):
                yield Change("return 0", lambda each: ast.Return(ast.Constant(0)))


def _returns(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    return function.returns.id if isinstance(function.returns, ast.Name) else ""


def _is_not(test: ast.expr) -> bool:
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _is_number(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Name) and _NUMBERED.fullmatch(value.id) is not None


def _is_first(target: ast.expr, statement: ast.stmt, function: ast.AST) -> bool:
    """Whether the target is a name that has no value before: without it nothing would run at all."""
    names = {each.id for each in ast.walk(target) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    if not names:
        return False
    earlier = {
        each.id if isinstance(each, ast.Name) else each.arg
        for each in ast.walk(function)
        if (isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store) and each.lineno < statement.lineno)
        or isinstance(each, ast.arg)
    }
    return not names & earlier


def _with_op(place: int, op: ast.cmpop) -> Callable[[ast.AST], ast.AST]:
    def apply(node: ast.AST) -> ast.AST:
        node.ops[place] = op  # type: ignore[attr-defined]
        return node

    return apply


def _with(**fields: object) -> Callable[[ast.AST], ast.AST]:
    def apply(node: ast.AST) -> ast.AST:
        for name, value in fields.items():
            setattr(node, name, value)
        return node

    return apply


def _not(node: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), node)


def _negated(node: ast.AST) -> ast.AST:
    return _with(test=_not(node.test))(node)  # type: ignore[attr-defined]


def _left_out(_: ast.AST) -> ast.AST:
    return ast.Pass()


def _another_number(node: ast.AST) -> ast.AST:
    value = node.value  # type: ignore[attr-defined]
    if isinstance(value, ast.Tuple):
        value.elts[0] = ast.BinOp(value.elts[0], ast.Add(), ast.Constant(1))
        return node
    return _with(value=ast.BinOp(value, ast.Add(), ast.Constant(1)))(node)


def _other_quantifier(node: ast.AST) -> ast.AST:
    function = node.func  # type: ignore[attr-defined]
    function.attr = "all" if function.attr == "any" else "any"
    return node
