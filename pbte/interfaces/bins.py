"""Energy bins: sets of modes of one or two crystals that count as having the same energy.

A grid of wave vectors has few distinct energies, so elastic models join modes into bins. Bins are
made of whole levels (all modes of one frequency, of whatever branch and direction): they never
split degenerate modes and are closed under time reversal and under the point group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array, BoolArray, IntArray
from pbte.materials.modes import ModeTable

BinChoice = Literal["auto"] | int | tuple[float, ...]
"""A number of bins of equal width, edges [rad/s], or "auto"."""

SAME_LEVEL = 1e-6
"""Frequencies closer than this share of the highest one are one level [-]."""
FINEST, WIDEST, FULL_STAR = 100, 10, 48
"""Automatic bins: 1/100 of the highest frequency wide, or wider until every crystal whose spectrum
reaches so high has as many moving modes in them as its most degenerate level, at most 48, the
number of directions that a cubic point group makes of one; not above 1/10 except the lowest, which
holds the acoustic modes that a grid lacks."""


@dataclass(frozen=True, kw_only=True)
class EnergyBins:
    """Bins of the modes of one crystal, or of two in a row.

    Attributes:
        edges: Ascending, shape (num_bins + 1,) [rad/s].
        index: Bin of each mode, shape (M,); every bin has modes.
    """

    edges: Array
    index: IntArray

    @property
    def num_bins(self) -> int:
        """Number of bins."""
        return int(self.edges.shape[0]) - 1


def check_bin_choice(bins: BinChoice) -> None:
    """Refuse what is neither "auto", nor a positive number, nor ascending edges.

    Raises:
        InputError: The choice is none of these.
    """
    expected = 'expected "auto", a number of bins, or ascending edges in rad/s'
    if isinstance(bins, str):
        if bins != "auto":
            raise InputError(f"bins = {bins!r}; {expected}")
    elif isinstance(bins, bool):
        raise InputError(f"bins = {bins}; {expected}")
    elif isinstance(bins, (int, np.integer)):
        if bins < 1:
            raise InputError(f"bins = {bins}; at least one energy bin is needed")
    else:
        edges = np.asarray(bins, dtype=np.float64)
        if edges.ndim != 1 or edges.size < 2 or not np.all(np.diff(edges) > 0.0):
            raise InputError(f"bins: edges of shape {edges.shape} are not ascending; {expected}")


def energy_levels(frequencies: Array) -> tuple[IntArray, Array]:
    """Return the level of each mode and the frequency of each level.

    Args:
        frequencies: Shape (M,) [rad/s].

    Returns:
        Index of the level, shape (M,), ascending with the frequency; mean frequency of the modes
        of each level, shape (num_levels,) [rad/s].
    """
    order = np.argsort(frequencies, kind="stable")
    steps = np.diff(frequencies[order]) > SAME_LEVEL * frequencies.max()
    level = np.empty(frequencies.size, dtype=np.int64)
    level[order] = np.concatenate([[0], np.cumsum(steps)])
    return level, np.bincount(level, weights=frequencies) / np.bincount(level)


def energy_bins(tables: Sequence[ModeTable], bins: BinChoice = "auto") -> EnergyBins:
    """Return bins common to one or two crystals.

    Bins without modes are joined with the one above them (the last ones with the one below).

    Args:
        tables: One mode table, or those of the two sides of an interface.
        bins: Number of bins of equal width from zero to the highest frequency; edges [rad/s];
            or "auto", see FULL_STAR.

    Returns:
        Edges and the bin of each mode, modes of the first table first.

    Raises:
        InputError: The choice makes no sense, or a mode lies outside the given edges.
    """
    check_bin_choice(bins)
    frequencies = np.concatenate([modes.frequencies for modes in tables])
    level, values = energy_levels(frequencies)
    top = values[-1] * (1.0 + SAME_LEVEL)
    if isinstance(bins, str):
        edges = _automatic_edges(tables, level, values, top)
    elif isinstance(bins, (int, np.integer)):
        edges = np.linspace(0.0, top, int(bins) + 1)
    else:
        edges = np.asarray(bins, dtype=np.float64)
        outside = np.count_nonzero((values < edges[0]) | (values >= edges[-1]))
        if outside:
            raise InputError(
                f"bins: the edges from {edges[0]:.4g} to {edges[-1]:.4g} rad/s leave out {outside} "
                f"of {values.size} levels between {values[0]:.4g} and {values[-1]:.4g} rad/s"
            )
    return _without_empty(edges, np.searchsorted(edges, values, side="right") - 1, level)


def bin_totals(index: IntArray, values: Array, chosen: BoolArray, num_bins: int) -> Array:
    """Return the sum of values over the chosen modes of each bin, shape (num_bins,)."""
    totals = np.bincount(index[chosen], weights=values[chosen], minlength=num_bins)
    return np.asarray(totals, dtype=np.float64)


def _automatic_edges(
    tables: Sequence[ModeTable], level: IntArray, values: Array, top: float
) -> Array:
    """Join narrow bins from below until each crystal that reaches so high has modes in them."""
    moving = [np.any(modes.velocities != 0.0, axis=1) for modes in tables]
    bounds = np.cumsum([0] + [modes.num_modes for modes in tables])
    counts = np.zeros((len(tables), FINEST), dtype=np.int64)
    highest = np.zeros(len(tables), dtype=np.int64)
    fewest = np.zeros(len(tables), dtype=np.int64)
    cell = np.minimum((values / top * FINEST).astype(np.int64), FINEST - 1)
    for side, chosen in enumerate(moving):
        levels = level[bounds[side] : bounds[side + 1]][chosen]
        counts[side] = np.bincount(cell[levels], minlength=FINEST)
        highest[side] = cell[levels].max(initial=-1)
        fewest[side] = min(FULL_STAR, np.bincount(levels).max(initial=0))
    # Never across the end of one crystal's spectrum: what lies above has no states there.
    ends = {*(highest + 1).tolist(), FINEST}
    steps = [0]
    for step in range(1, FINEST + 1):
        present = highest >= steps[-1]
        found = counts[:, steps[-1] : step].sum(axis=1)
        filled = np.all(found[present] >= fewest[present])
        wide = len(steps) > 1 and step - steps[-1] >= FINEST // WIDEST
        if step in ends and not filled and len(steps) > 1 and steps[-1] not in ends:
            steps[-1] = step
        elif step in ends or filled or wide:
            steps.append(step)
    return np.asarray(steps, dtype=np.float64) * (top / FINEST)


def _without_empty(edges: Array, of_level: IntArray, level: IntArray) -> EnergyBins:
    used = np.unique(of_level)
    kept = np.concatenate([edges[:1], edges[used[1:]], edges[-1:]])
    return EnergyBins(edges=kept, index=np.searchsorted(used, of_level)[level])
