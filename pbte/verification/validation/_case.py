"""One case whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pbte.core.errors import InputError

if TYPE_CHECKING:
    from mpi4py import MPI


@dataclass(frozen=True, kw_only=True)
class ValidationCase:
    """A number that can be had in two independent ways.

    Attributes:
        name: Subject and case, "film/gray, t = 1"; patterns of the command line match it.
        source: Paper and equation, or the independent route, that the expected number is from.
        quantity: What the number is.
        unit: Its unit, "" for a pure number.
        expected: The number, or a function that computes it.
        tolerance: Largest error that passes, relative to the expected number.
        run: Computes the number to be judged, given the communicator; collective over it. All
            ranks get the same number.
        absolute: Whether error and tolerance are differences in the unit instead, as they must
            be where zero is expected.
        slow: Left out unless asked for: takes more than ten seconds.
    """

    name: str
    source: str
    quantity: str
    unit: str
    expected: float | Callable[[], float]
    tolerance: float
    run: Callable[[MPI.Intracomm], float]
    absolute: bool = False
    slow: bool = False

    def __post_init__(self) -> None:
        if "/" not in self.name:
            raise InputError(f"case '{self.name}': a name is 'subject/case'")
        if not self.tolerance > 0.0:
            raise InputError(f"{self.name}: tolerance = {self.tolerance:g}; it must be positive")
        if not self.source:
            raise InputError(f"{self.name}: it must say where the expected number is from")
