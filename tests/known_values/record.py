"""One number of a reference model that can be had in two independent ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class KnownValue:
    """A number that can be had in two independent ways.

    Attributes:
        name: Subject and case, "ham/cold limit".
        source: Paper and equation, or the independent route, that the expected number is from.
        quantity: What the number is.
        unit: Its unit, "" for a pure number.
        expected: The number, or a function that computes it.
        tolerance: Largest error that passes, relative to the expected number.
        found: Computes the number to be judged.
        absolute: Whether error and tolerance are differences in the unit instead, as they must
            be where zero is expected.
    """

    name: str
    source: str
    quantity: str
    unit: str
    expected: float | Callable[[], float]
    tolerance: float
    found: Callable[[], float]
    absolute: bool = False
