"""Conductivity along diffuse wires of any convex cross-section, gray or band by band.

In an infinite wire with a uniform gradient, neither the scattering emission nor the diffuse
reflection has a part that is odd along the axis. So the odd part of the distribution at a distance
s from the surface is proportional to 1 - exp(-s/l), whatever the cross-section, and

    k/k_bulk = (3/4 pi A) int dn n_x^2 int dA [1 - exp(-s(r, n)/(l sin a))],

a the angle between the direction n and the axis x, s the distance back to the surface in the
cross-section: the argument of R. B. Dingle, Proc. R. Soc. A 201, 545 (1950), for the round wire,
and of D. K. C. MacDonald and K. Sarginson, Proc. R. Soc. A 203, 223 (1950), for the square one.
Here for polygons: along chords of length c the inner integral is c - l sin a (1 - exp(-c/l sin a)),
and c is linear in the position between two corners.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import positive
from pbte.reference.closed_forms.slab import IsotropicBands

# Gauss nodes: directions between those of two edges, chords between two corners, angles to the
# axis on each of the panels that get smaller towards the axis.
_TURNS, _CHORDS, _TILTS, _PANELS = 12, 8, 8, 12


def square(width: float) -> Array:
    """Return the corners of a square, shape (4, 2) [m]."""
    half = 0.5 * float(positive("width", width, "m"))
    return half * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def regular_polygon(num_corners: int, circumdiameter: float) -> Array:
    """Return the corners of a regular polygon, shape (num_corners, 2) [m].

    Raises:
        InputError: Fewer than three corners, or a diameter that is not positive.
    """
    if num_corners < 3:
        raise InputError(f"num_corners = {num_corners}; a polygon has at least 3 corners")
    radius = 0.5 * float(positive("circumdiameter", circumdiameter, "m"))
    angles = 2.0 * np.pi * np.arange(num_corners) / num_corners
    return radius * np.column_stack([np.cos(angles), np.sin(angles)])


def polygon_suppression(corners: Array, mean_free_paths: npt.ArrayLike) -> Array:
    """Return the conductivity along a diffuse wire over that of the bulk.

    Args:
        corners: Corners of the convex cross-section in order, shape (n, 2) [m].
        mean_free_paths: l, any shape [m].

    Returns:
        Same shape as `mean_free_paths` [-]; 1 for a wide wire.

    Raises:
        InputError: The cross-section is not convex, or a mean free path not positive.
    """
    paths = positive("mean free path", mean_free_paths, "m")
    area = _area(corners)
    chords, widths = _chords(corners)
    tilts, steps = _tilts()
    sines = np.sin(tilts)
    shares = steps * sines * np.cos(tilts) ** 2
    out = np.empty(paths.size)
    for number, path in enumerate(paths.ravel()):
        depth = chords[:, None] / (path * sines)
        # c - p (1 - exp(-c/p)) with p = path sines, over c: 1 for a long chord, c/2p for a short.
        free = np.where(depth < 1e-6, 0.5 * depth, 1.0 + np.expm1(-depth) / depth)
        out[number] = (widths * chords) @ (free @ shares)
    # int dn = int d(turn) int sin a da; both halves of the axis contribute equally.
    return np.asarray(2.0 * 3.0 / (4.0 * np.pi * area) * out).reshape(paths.shape)


def polygon_wire_conductivity(bands: IsotropicBands, corners: Array) -> float:
    """Return the conductivity along a diffuse wire [W/m K].

    Args:
        bands: The crystal.
        corners: Corners of the convex cross-section in order, shape (n, 2) [m].

    Raises:
        InputError: The cross-section is not convex.
    """
    free = bands.heat_capacities * bands.speeds**2 * bands.relaxation_times / 3.0
    return float(free @ polygon_suppression(corners, bands.mean_free_paths))


def _area(corners: Array) -> float:
    edges = np.roll(corners, -1, axis=0) - corners
    after = np.roll(edges, -1, axis=0)
    turns = edges[:, 0] * after[:, 1] - edges[:, 1] * after[:, 0]
    if corners.shape[0] < 3 or not (np.all(turns > 0.0) or np.all(turns < 0.0)):
        raise InputError("the cross-section must be a convex polygon, its corners in order")
    x, y = corners.T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def _chords(corners: Array) -> tuple[Array, Array]:
    """Return lengths of chords and their weights, d(turn) d(position), over all directions.

    For directions between those of two edges the sequence of corners is fixed, and chord lengths
    are smooth functions of the direction.
    """
    edges = np.roll(corners, -1, axis=0) - corners
    kinks = np.unique(np.round(np.arctan2(edges[:, 1], edges[:, 0]) % np.pi, 12))
    kinks = np.append(kinks, kinks[0] + np.pi)
    nodes, shares = np.polynomial.legendre.leggauss(_TURNS)
    lengths, weights = [], []
    for low, high in itertools.pairwise(kinks):
        turns = 0.5 * (low + high) + 0.5 * (high - low) * nodes
        for turn, share in zip(turns, 0.5 * (high - low) * shares, strict=True):
            chord, width = _parallel_chords(corners, float(turn))
            lengths.append(chord)
            weights.append(2.0 * share * width)  # both directions of a chord
    return np.concatenate(lengths), np.concatenate(weights)


def _parallel_chords(corners: Array, turn: float) -> tuple[Array, Array]:
    """Return lengths of the chords of one direction and the widths that they stand for."""
    along = corners @ np.array([np.cos(turn), np.sin(turn)])
    across = corners @ np.array([-np.sin(turn), np.cos(turn)])
    marks = np.unique(across)
    marks = marks[np.append(True, np.diff(marks) > 1e-12 * np.ptp(marks))]
    nodes, shares = np.polynomial.legendre.leggauss(_CHORDS)
    half = 0.5 * np.diff(marks)[:, None]
    places = (0.5 * (marks[:-1] + marks[1:])[:, None] + half * nodes).ravel()
    ends = np.full((2, places.size), [[np.inf], [-np.inf]])
    following = np.roll(np.arange(corners.shape[0]), -1)
    for start, stop in zip(range(corners.shape[0]), following, strict=True):
        low, high = sorted((across[start], across[stop]))
        crossed = (places > low) & (places < high)
        slope = (along[stop] - along[start]) / (across[stop] - across[start])
        met = along[start] + slope * (places - across[start])
        ends[0] = np.where(crossed, np.minimum(ends[0], met), ends[0])
        ends[1] = np.where(crossed, np.maximum(ends[1], met), ends[1])
    return ends[1] - ends[0], (half * shares).ravel()


def _tilts() -> tuple[Array, Array]:
    """Return angles to the axis from 0 to pi/2 and their weights."""
    nodes, shares = np.polynomial.legendre.leggauss(_TILTS)
    edges = 0.5 * np.pi * np.concatenate([[0.0], 0.3 ** np.arange(_PANELS - 1.0, -1.0, -1.0)])
    low, high = edges[:-1, None], edges[1:, None]
    points = 0.5 * (low + high) + 0.5 * (high - low) * nodes
    return points.ravel(), (0.5 * (high - low) * shares).ravel()
