"""Modes are dealt so that no rank waits longer for the others than it must."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.core.mode_partition import (
    TYPICAL_ROUNDS,
    all_modes,
    fair_cuts,
    partition_modes,
    sweep_costs,
)


class Rank:
    """A place among a number of ranks."""

    def __init__(self, rank, size):
        self.rank, self.size = rank, size


def shares(size, num_pairs, num_modes, **options):
    return [partition_modes(num_pairs, num_modes, Rank(r, size), **options) for r in range(size)]


def longest(costs, speeds, cuts):
    return max(
        costs[start:stop].sum() / speed
        for start, stop, speed in zip(cuts[:-1], cuts[1:], speeds, strict=True)
    )


def best_possible(costs, speeds):
    """Return the least longest time of all ways to cut the sequence."""
    inner = itertools.combinations_with_replacement(range(costs.size + 1), speeds.size - 1)
    return min(longest(costs, speeds, (0, *cuts, costs.size)) for cuts in inner)


@pytest.mark.parametrize("seed", range(20))
def test_no_other_cuts_finish_earlier(seed):
    random = np.random.default_rng(seed)
    size, parts = int(random.integers(1, 12)), int(random.integers(1, 5))
    costs = random.choice([1.0, 1.0, 3.0, 0.1, 21.0], size)
    speeds = random.choice([1.0, 1.0, 2.5], parts)
    cuts = fair_cuts(costs, speeds)
    assert cuts[0] == 0 and cuts[-1] == size
    assert np.all(np.diff(cuts) >= 0)
    assert longest(costs, speeds, cuts) == pytest.approx(best_possible(costs, speeds), rel=1e-8)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_equal_costs_are_dealt_evenly(size):
    parts = np.diff(fair_cuts(np.full(100, 0.1), np.ones(size)))
    assert parts.max() - parts.min() <= 1


def test_a_fast_rank_gets_more_modes():
    cuts = fair_cuts(np.ones(900), np.array([2.0, 1.0]))
    assert np.array_equal(cuts, [0, 600, 900])


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("by_cost", [False, True])
def test_every_mode_belongs_to_one_rank_however_many_there_are(size, by_cost):
    """Four pairs and three singles, also on more ranks than there are pairs or modes."""
    costs = np.array([2.0, 42.0, 2.0, 2.0, 1.0, 21.0, 1.0]) if by_cost else None
    dealt = shares(size, 4, 11, costs=costs)
    found = np.concatenate([mode_partition.indices for mode_partition in dealt])
    assert np.array_equal(np.sort(found), np.arange(11))
    for mode_partition in dealt:
        own, num = mode_partition.indices, mode_partition.num_pairs
        assert np.array_equal(own[num : 2 * num], own[:num] + 4)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
def test_the_rows_of_all_ranks_in_rank_order_are_all_rows_in_their_order(size):
    dealt = shares(size, 4, 11)
    even, odd = np.arange(7), np.arange(4)
    assert np.array_equal(
        np.concatenate([even[mode_partition.even_range] for mode_partition in dealt]), even
    )
    assert np.array_equal(
        np.concatenate([odd[mode_partition.odd_range] for mode_partition in dealt]), odd
    )


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9])
def test_by_number_no_rank_has_more_than_a_pair_above_the_mean(size):
    most = max(mode_partition.num_modes for mode_partition in shares(size, 40, 95))
    assert most <= 95 / size + 2


def test_cyclic_modes_are_paid_for():
    """One cyclic pair costs as much as all the others together: it has a rank of its own."""
    num_pairs = TYPICAL_ROUNDS + 2
    lagged = np.zeros(2 * num_pairs, dtype=np.int32)
    lagged[[0, num_pairs]] = 3
    costs = sweep_costs(lagged, num_pairs)
    assert costs[0] == 2.0 * (TYPICAL_ROUNDS + 1)
    assert np.array_equal(costs[1:], np.full(num_pairs - 1, 2.0))
    dealt = shares(2, num_pairs, 2 * num_pairs, costs=costs)
    assert [mode_partition.num_pairs for mode_partition in dealt] == [1, num_pairs - 1]


def test_ranks_put_together_what_they_know_of_their_modes(comm):
    costs = np.array([9.0, 1.0, 1.0, 5.0, 1.0, 1.0])
    mode_partition = partition_modes(4, 10, comm, costs=costs)
    assert np.array_equal(all_modes(mode_partition, 7 * mode_partition.indices), 7 * np.arange(10))


def test_a_single_costs_half_a_pair():
    assert np.array_equal(sweep_costs(np.zeros(5, dtype=np.int32), 2), [2.0, 2.0, 1.0])


def test_speeds_alone_count_a_pair_as_two_modes():
    dealt = shares(2, 4, 10, speeds=np.array([1.0, 4.0]))
    assert [mode_partition.num_modes for mode_partition in dealt] == [2, 8]


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_costs_that_are_not_positive_are_refused(bad):
    with pytest.raises(InputError, match="number 1 is"):
        partition_modes(3, 6, Rank(0, 2), costs=np.array([1.0, bad, 1.0]))
    with pytest.raises(InputError, match="number 1 is"):
        partition_modes(3, 6, Rank(0, 2), speeds=np.array([1.0, bad]))


def test_a_wrong_number_of_costs_is_refused():
    with pytest.raises(InputError, match="expected \\(3,\\)"):
        partition_modes(3, 6, Rank(0, 2), costs=np.ones(6))
