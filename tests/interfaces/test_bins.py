"""Energy bins: whole levels, closed under symmetry, none of them empty."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.interfaces.bins import FULL_STAR, energy_bins, energy_levels

CHOICES = ["auto", 1, 7, 50, 200]


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("names", [("Si-9",), ("Si-5", "Ge-5"), ("Si-9", "Ge-9")])
def test_bins_hold_whole_levels_and_none_is_empty(names, choice, crystal):
    tables = [crystal(name) for name in names]
    frequencies = np.concatenate([modes.frequencies for modes in tables])
    bins = energy_bins(tables, choice)
    level, _ = energy_levels(frequencies)
    for index in range(level.max() + 1):
        assert len(np.unique(bins.index[level == index])) == 1
    assert np.bincount(bins.index, minlength=bins.num_bins).min() > 0
    assert np.all(np.diff(bins.edges) > 0.0)
    assert bins.edges[0] <= frequencies.min()
    assert bins.edges[-1] >= frequencies.max()
    partners = tables[0].partners
    np.testing.assert_array_equal(
        bins.index[: partners.size][partners], bins.index[: partners.size]
    )


def test_modes_lie_between_the_edges_of_their_bin(crystal):
    modes = crystal("Si-9")
    bins = energy_bins([modes], 40)
    assert np.all(bins.edges[bins.index] <= modes.frequencies)
    assert np.all(modes.frequencies < bins.edges[bins.index + 1])


def test_an_edge_inside_a_level_moves_the_whole_level(crystal):
    """Degenerate modes differ by round-off; the edge lies between them."""
    modes = crystal("Si-9")
    level, values = energy_levels(modes.frequencies)
    edge = values[50]
    bins = energy_bins([modes], (0.0, edge, 1e15))
    assert np.all(bins.index[level < 50] == 0)
    assert np.all(bins.index[level >= 50] == 1)


@pytest.mark.parametrize("grid", [5, 9])
def test_automatic_bins_serve_both_crystals_below_the_end_of_either(grid, crystal):
    silicon, germanium = crystal(f"Si-{grid}"), crystal(f"Ge-{grid}")
    bins = energy_bins([silicon, germanium])
    moving = [np.any(modes.velocities != 0.0, axis=1) for modes in (silicon, germanium)]
    split = np.split(bins.index, [silicon.num_modes])
    counts = [
        np.bincount(index[chosen], minlength=bins.num_bins)
        for index, chosen in zip(split, moving, strict=True)
    ]
    shared = bins.edges[:-1] < germanium.frequencies[moving[1]].max()
    assert np.all(np.minimum(*counts)[shared] > 0)
    assert np.median(np.minimum(*counts)[shared]) >= min(FULL_STAR, 24)
    assert not counts[1][~shared].any()


def test_automatic_bins_of_a_model_are_its_levels(crystal, string):
    """All directions of one frequency belong together, but not two frequencies."""
    modes = crystal("model")
    assert energy_bins([modes]).num_bins == 2
    assert energy_bins([string("a", 1.0, 1.0, 2e13), string("b", 1.0, 1.0, 3e13)]).num_bins == 2


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (0, "bins = 0; at least one"),
        ("fine", "bins = 'fine'; expected \"auto\""),
        (True, "bins = True"),
        ((1e13, 1e13), "not ascending"),
        ((0.0,), "not ascending"),
        ((0.0, 2e13), "leave out .* levels"),
    ],
)
def test_a_bad_choice_of_bins_is_refused(choice, message, crystal):
    with pytest.raises(InputError, match=message):
        energy_bins([crystal("Si-5")], choice)
