"""Expressions of coordinates: their values, and everything that they are not."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.core.expressions import parse_expression

X = np.array([-2.0, 0.0, 0.5, 3.0])
Y = np.array([1.0, -1.0, 2.0, 0.5])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", np.ones(4)),
        ("2*x + y/4 - 1", 2 * X + Y / 4 - 1),
        ("-x^2", -(X**2)),  # a power binds more than a sign
        ("2^3^2", np.full(4, 512.0)),
        ("x**2 * exp(-y) + pi", X**2 * np.exp(-Y) + np.pi),
        ("max(x, y, 0) + min(x, 1)", np.maximum(np.maximum(X, Y), 0) + np.minimum(X, 1)),
        ("hypot(x, y)", np.hypot(X, Y)),
        ("arctan2(y, x) % 2", np.arctan2(Y, X) % 2),
        ("1e3 if x > 0 else y", np.where(X > 0, 1e3, Y)),
        ("where(-1 < x <= 0.5 and not y < 0, 1, 0)", [0, 0, 1, 0]),
        ("(x > 1) + (y > 1 or x < -1)", [1, 0, 1, 1]),
        ("abs(sin(x)) - sign(y)*sqrt(4)", np.abs(np.sin(X)) - 2 * np.sign(Y)),
        ("9^9^9^9", np.full(4, np.inf)),  # at once, not after a year of arithmetic
        ("1/x", [-0.5, np.inf, 2.0, 1 / 3]),
    ],
)
def test_an_expression_has_the_value_of_its_arithmetic(text, expected):
    np.testing.assert_allclose(parse_expression(text, ["x", "y"])(x=X, y=Y), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x +", "no arithmetic expression"),
        ("", "no arithmetic expression"),
        ("x; y", "no arithmetic expression"),
        ("w * x", "unknown name 'w'; known are x, y, pi"),
        ("yy", "unknown name 'yy'; did you mean 'y'"),
        ("expp(x)", "unknown function 'expp'; did you mean 'exp'"),
        ("exp", "unknown name 'exp'"),
        ("exp(x, y)", "exp takes 1 arguments, not 2"),
        ("where(x, y)", "where takes 3"),
        ("exp(x=1)", "not understood"),
        ("'x'", "'x' is no number"),
        ("True", "True is no number"),
        ("2j", "2j is no number"),
        ("x.real", "'x.real' is not understood"),
        ("x[0]", "'x\\[0\\]' is not understood"),
        ("[x, y]", "not understood"),
        ("x == y", "not understood"),
        ("x // y", "not understood"),
        ("__import__('os').system('true')", "not understood"),
        ("__import__('os')", "unknown function '__import__'"),
        ("(lambda: x)()", "not understood"),
        ("(x := 3)", "not understood"),
        ("x" + "+x" * 1000, "at most 2000"),
        ("(" * 500 + "x" + ")" * 500, "no arithmetic expression"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text, message):
    with pytest.raises(InputError, match=message):
        parse_expression(text, ["x", "y"])
