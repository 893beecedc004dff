"""Arithmetic expressions of coordinates in case files, evaluated without running user code.

The text is parsed with Python's grammar, and only the following is accepted: numbers, names,
arithmetic, comparisons, `a if condition else b`, and the functions below.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array

CONSTANTS = {"pi": float(np.pi), "e": float(np.e)}
FUNCTIONS: Mapping[str, Callable[..., Array]] = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "abs": np.abs, "sign": np.sign,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "arctan": np.arctan, "arctan2": np.arctan2, "hypot": np.hypot,
    "min": np.minimum, "max": np.maximum, "where": np.where,
}  # fmt: skip
_NUM_ARGUMENTS = {"arctan2": (2, 2), "min": (2, 9), "max": (2, 9), "hypot": (2, 3), "where": (3, 3)}
_OPERATORS: Mapping[type[ast.AST], Callable[..., Array]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.Pow: operator.pow, ast.Mod: np.mod,
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: np.logical_not,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.And: np.logical_and, ast.Or: np.logical_or,
}  # fmt: skip
# Longer texts could exhaust the stack of Python's parser.
_LONGEST = 2000


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A parsed expression.

    Attributes:
        text: As the user wrote it.
        names: Variables that it may use besides constants and functions.
    """

    text: str
    names: tuple[str, ...]

    def __call__(self, **values: Array) -> Array:
        """Return its values for one array per name, all of one shape; may hold inf and nan."""
        shape = np.broadcast_shapes(*(value.shape for value in values.values()))
        with np.errstate(all="ignore"):
            found = _value(_tree(self.text), {**CONSTANTS, **values})
        return np.array(np.broadcast_to(np.asarray(found, dtype=np.float64), shape))


def parse_expression(text: str, names: Sequence[str]) -> Expression:
    """Return the parsed expression of a text; ``^`` means a power, like ``**``.

    Args:
        text: Such as ``"2e18*exp(-(x^2 + y^2)/(1e-8)^2) if z > 0 else 0"``.
        names: The variables, such as ``["x", "y", "z"]``.

    Raises:
        InputError: The text is no such expression; the message names the part not understood.
    """
    if len(text) > _LONGEST:
        raise InputError(f"has {len(text)} characters; an expression has at most {_LONGEST}")
    try:
        tree = _tree(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise InputError(f"is no arithmetic expression ({reason})") from None
    _check(tree, [*names, *CONSTANTS])
    return Expression(text=text, names=tuple(names))


def _tree(text: str) -> ast.expr:
    return ast.parse(text.strip().replace("^", "**"), mode="eval").body


def _check(node: ast.expr, names: Sequence[str]) -> None:
    """Raise InputError for anything that `_value` does not evaluate."""
    match node:
        case ast.Constant(value=bool() | str() | bytes() | complex() | None):
            raise InputError(f"{ast.unparse(node)} is no number")
        case ast.Constant():
            return
        case ast.Name(id=name):
            if name not in names:
                raise InputError(f"unknown name '{name}'; {_known(name, [*names, *FUNCTIONS])}")
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) | ast.BoolOp(op=op) if type(op) in _OPERATORS:
            pass
        case ast.Compare(ops=ops) if all(type(op) in _OPERATORS for op in ops):
            pass
        case ast.IfExp():
            pass
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            if name not in FUNCTIONS:
                raise InputError(f"unknown function '{name}'; {_known(name, [*FUNCTIONS])}")
            least, most = _NUM_ARGUMENTS.get(name, (1, 1))
            if not least <= len(arguments) <= most:
                raise InputError(f"{name} takes {least} arguments, not {len(arguments)}")
            for argument in arguments:
                _check(argument, names)
            return
        case _:
            raise InputError(
                f"'{ast.unparse(node)}' is not understood; use numbers, {', '.join(names)}, "
                "+ - * / ^, comparisons and functions such as exp"
            )
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            _check(child, names)


def _known(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known are {', '.join(names)}"


def _value(node: ast.expr, values: Mapping[str, Array | float]) -> Array | float:
    def of(child: ast.expr) -> Array | float:
        return _value(child, values)

    match node:
        case ast.Constant(value=int() | float() as number):
            return np.float64(number)  # NumPy's overflows to infinity, Python's stops
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](of(left), of(right))
        case ast.UnaryOp(op=op, operand=operand):
            return _OPERATORS[type(op)](of(operand))
        case ast.BoolOp(op=op, values=parts):
            return reduce(_OPERATORS[type(op)], map(of, parts))
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [of(left), *map(of, others)]
            pairs = zip(ops, sides, sides[1:], strict=False)
            return reduce(np.logical_and, [_OPERATORS[type(op)](a, b) for op, a, b in pairs])
        case ast.IfExp(test=test, body=body, orelse=other):
            return np.where(of(test), of(body), of(other))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            function = FUNCTIONS[name]
            given = [of(argument) for argument in arguments]
            return reduce(function, given) if name in ("min", "max", "hypot") else function(*given)
    raise AssertionError("checked when it was parsed")
