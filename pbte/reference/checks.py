"""Checks of arguments of the reference models; errors name value, unit and requirement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array

Rule = Callable[[Array], Any]


def positive(name: str, value: npt.ArrayLike, unit: str = "") -> Array:
    """Return the values as an array when all are positive and finite.

    Args:
        name: Their name in the message.
        value: Number or array, any shape.
        unit: Unit of the message, empty for pure numbers.

    Returns:
        Same shape as `value`.

    Raises:
        InputError: A value is zero, negative or not finite.
    """
    return _checked(name, value, unit, lambda values: values > 0.0, "positive and finite")


def not_negative(name: str, value: npt.ArrayLike, unit: str = "") -> Array:
    """Return the values as an array when all are zero or more, and finite.

    Args:
        name: Their name in the message.
        value: Number or array, any shape.
        unit: Unit of the message, empty for pure numbers.

    Returns:
        Same shape as `value`.

    Raises:
        InputError: A value is negative or not finite.
    """
    return _checked(name, value, unit, lambda values: values >= 0.0, "zero or more, and finite")


def probability(name: str, value: npt.ArrayLike) -> Array:
    """Return the values as an array when all lie between 0 and 1.

    Args:
        name: Their name in the message.
        value: Number or array, any shape [-].

    Returns:
        Same shape as `value`.

    Raises:
        InputError: A value lies outside, or is not a number.
    """
    return _checked(
        name, value, "", lambda values: (values >= 0.0) & (values <= 1.0), "between 0 and 1"
    )


def finite(name: str, value: npt.ArrayLike, unit: str = "") -> Array:
    """Return the values as an array when all are finite.

    Args:
        name: Their name in the message.
        value: Number or array, any shape.
        unit: Unit of the message, empty for pure numbers.

    Returns:
        Same shape as `value`.

    Raises:
        InputError: A value is infinite or not a number.
    """
    return _checked(name, value, unit, np.isfinite, "finite")


def _checked(name: str, value: npt.ArrayLike, unit: str, rule: Rule, wanted: str) -> Array:
    values = np.asarray(value, dtype=np.float64)
    good = np.isfinite(values) & rule(values)
    if not np.all(good):
        bad = float(values[~good].flat[0])
        shown = f"{bad:g} {unit}".rstrip()
        others = "" if values.ndim == 0 else f" ({np.count_nonzero(~good)} of {values.size})"
        raise InputError(f"{name} = {shown}{others}; it must be {wanted}")
    return values
