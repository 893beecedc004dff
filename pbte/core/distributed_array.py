"""Arrays whose entries are spread over ranks, with the number of each entry in the whole array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.core.types import IntArray, Numbers


@dataclass(frozen=True, kw_only=True)
class DistributedArray:
    """The entries of an array that a rank holds.

    Attributes:
        axes: Name of each axis, such as ("mode", "cell", "vertex").
        numbers: For each axis the number in the whole array of each local entry.
        values: The entries, one axis for each name; the owner's own memory, so that what is
            written here is what the owner has.
        is_written: Whether this rank stores it; where several ranks hold the same, only one does.

    Raises:
        ValueError: Axes, numbers and values are not of one shape.
    """

    axes: tuple[str, ...]
    numbers: tuple[IntArray, ...]
    values: Numbers
    is_written: bool = True

    def __post_init__(self) -> None:
        """Check the shape."""
        numbered = tuple(numbers.size for numbers in self.numbers)
        if numbered != self.values.shape or len(self.axes) != self.values.ndim:
            raise ValueError(
                f"values of shape {self.values.shape} have axes {', '.join(self.axes)} with "
                f"{numbered} numbers"
            )

    def take_over(self, other: DistributedArray) -> None:
        """Overwrite the values by those of another part of the same array, where it has them.

        Raises:
            ValueError: It has other axes.
        """
        if other.axes != self.axes:
            raise ValueError(f"axes {', '.join(other.axes)} instead of {', '.join(self.axes)}")
        here, there = [], []
        for mine, theirs in zip(self.numbers, other.numbers, strict=True):
            _, own, taken = np.intersect1d(mine, theirs, return_indices=True)
            here.append(own)
            there.append(taken)
        if all(own.size for own in here):
            self.values[np.ix_(*here)] = other.values[np.ix_(*there)]
