"""Arrays spread over ranks: what one rank stored, another one takes, wherever it is."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.distributed_array import DistributedArray

AXES = ("mode", "cell", "vertex")


def part(whole, modes, cells, values=None):
    numbers = np.array(modes), np.array(cells), np.arange(whole.shape[2])
    own = whole[np.ix_(*numbers)] if values is None else values
    return DistributedArray(axes=AXES, numbers=numbers, values=own)


def test_parts_of_some_ranks_make_those_of_others():
    """Modes and cells are dealt in two ways; nothing is lost and nothing is mixed up."""
    whole = np.random.default_rng(1).normal(size=(5, 6, 3))
    halves = [5, 1, 0], [2, 4, 3]
    stored = [part(whole, modes, cells) for modes in ([3, 0], [1, 4, 2]) for cells in halves]
    for modes, cells in (([0, 1], [0, 1, 2, 3, 4, 5]), ([4, 3, 2], [5, 0]), ([], [1])):
        nothing = np.full((len(modes), len(cells), 3), np.nan)
        mine = part(whole, np.array(modes, int), cells, nothing)
        for other in stored:
            mine.take_over(other)
        np.testing.assert_array_equal(
            mine.values, whole[np.ix_(np.array(modes, int), cells, [0, 1, 2])]
        )


def test_the_owner_sees_what_is_taken_over():
    whole = np.random.default_rng(2).normal(size=(2, 4, 3))
    field = np.zeros((2, 12))
    part(whole, [0, 1], range(4), field.reshape(2, 4, 3)).take_over(part(whole, [0, 1], [3, 1]))
    np.testing.assert_array_equal(field.reshape(2, 4, 3)[:, [1, 3]], whole[:, [1, 3]])
    assert not field.reshape(2, 4, 3)[:, [0, 2]].any()


def test_other_axes_and_shapes_are_refused():
    whole = np.zeros((2, 3, 3))
    mine = part(whole, [0], [1])
    axes = "moment", "cell", "vertex"
    other = DistributedArray(axes=axes, numbers=mine.numbers, values=mine.values)
    with pytest.raises(ValueError, match="axes moment, cell, vertex instead of mode, cell, vertex"):
        mine.take_over(other)
    with pytest.raises(ValueError, match="have axes mode, cell"):
        DistributedArray(axes=("mode", "cell"), numbers=mine.numbers, values=mine.values)
