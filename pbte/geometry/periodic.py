"""Matching of walls that are copies of each other by translation, as periodic walls must be.

Plain arrays: a wall is given by the corners of its facets. Two walls match when one translation
maps every facet of the first onto a facet of the second, corner by corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial import cKDTree

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.geometry.facets import facet_area_vectors

# Largest distance between a corner and its image, as a part of the shortest edge. Mesh generators
# copy walls to about 1e-10 of the extent; meshes that differ do so by a fraction of an edge.
_TOLERANCE = 1e-5
_ROUND_OFF = 1e-12


@dataclass(frozen=True, kw_only=True)
class MatchedWalls:
    """A translation from a first wall to a second one, and the image of each facet.

    Attributes:
        translation: From the first wall to the second, shape (dim,) [m].
        images: Number of the facet of the second wall onto which each facet of the first is moved,
            shape (num_facets,).
        corners: Corner of the image onto which each corner is moved, shape (num_facets, dim):
            corner k of facet f comes to lie on corner `corners[f, k]` of facet `images[f]`.
        mismatch: Largest distance between a moved corner and its image [m].
    """

    translation: Array
    images: IntArray
    corners: IntArray
    mismatch: float


def match_walls(
    first: Array, second: Array, *, names: tuple[str, str] = ("the first wall", "the second wall")
) -> MatchedWalls:
    """Return the translation that maps one wall onto another, and the image of each facet.

    The translation is the difference of the centres of area, so the walls may have any shape.

    Args:
        first: Corners of the facets of the first wall, shape (num_facets, dim, dim) [m].
        second: Those of the second wall; its facets and their corners may come in any order.
        names: Names of the walls, for messages.

    Raises:
        InputError: A wall has no facets, or the second wall is not a translated copy of the first.
    """
    wanted = f"walls {names[0]!r} and {names[1]!r} do not match"
    remedy = "make the mesh of one a copy of the other (gmsh: Periodic Surface, Periodic Curve)"
    if len(first) != len(second) or not len(first):
        raise InputError(f"{wanted}: they have {len(first)} and {len(second)} facets; {remedy}")
    translation = _centre(second) - _centre(first)
    # Walls that face each other differ along one axis; round-off along the others is no shift.
    translation[np.abs(translation) < _ROUND_OFF * np.abs(translation).max()] = 0.0
    moved = first + translation
    tolerance = _TOLERANCE * min(_shortest_edge(first), _shortest_edge(second))
    # Nearest in the space of all corners would need their order; centres tell the facets apart.
    centres = cKDTree(second.mean(axis=1))
    images = np.asarray(centres.query(moved.mean(axis=1))[1], dtype=np.int64)
    apart = np.linalg.norm(moved[:, :, None] - second[images][:, None, :], axis=3)
    corners = np.argmin(apart, axis=2)
    mismatches = apart.min(axis=2).max(axis=1)
    # Two corners on one image, or two facets on one, are no match however near they are.
    good = (mismatches <= tolerance) & (np.diff(np.sort(corners, axis=1)) > 0).all(axis=1)
    good &= np.bincount(images, minlength=len(second))[images] == 1
    if not good.all():
        shift = ", ".join(f"{x:.4g}" for x in translation)
        raise InputError(
            f"{wanted}: moved by ({shift}) m, {int(np.sum(~good))} of the {len(first)} facets of"
            f" {names[0]!r} have no image on {names[1]!r}; the largest mismatch of a corner is"
            f" {mismatches.max():.2g} m, at most {tolerance:.2g} m is allowed; {remedy}"
        )
    return MatchedWalls(
        translation=translation,
        images=images,
        corners=corners.astype(np.int64),
        mismatch=float(mismatches.max()),
    )


def matching_walls(walls: dict[str, tuple[Array, Array]]) -> dict[tuple[str, str], MatchedWalls]:
    """Return all pairs of walls that can be periodic: translated copies with opposite normals.

    Args:
        walls: Name of each wall -> corners of its facets, shape (num_facets, dim, dim) [m], and
            their outward normals of any length, shape (num_facets, dim).

    Returns:
        Names of two walls -> their match.
    """
    found = {}
    for one, other in combinations(walls, 2):
        (first, first_normals), (second, second_normals) = walls[one], walls[other]
        try:
            matched = match_walls(first, second, names=(one, other))
        except InputError:
            continue
        facing = np.einsum("fd,fd->f", first_normals, second_normals[matched.images])
        if np.all(facing < 0):
            found[one, other] = matched
    return found


def _centre(facets: Array) -> Array:
    """Return the centre of area of a wall, shape (dim,) [m]."""
    dim = facets.shape[2]
    points = facets.reshape(-1, dim)
    numbers = np.arange(len(points)).reshape(-1, dim)
    areas = np.linalg.norm(facet_area_vectors(points, numbers), axis=1)
    return np.asarray(np.average(facets.mean(axis=1), axis=0, weights=areas), dtype=np.float64)


def _shortest_edge(facets: Array) -> float:
    """Return the shortest edge of the facets, in 1D the smallest distance of two of them [m].

    A single point is infinitely far from any other: every point is a copy of it.
    """
    dim = facets.shape[2]
    if dim == 1:
        return float(np.diff(np.sort(facets.ravel())).min(initial=np.inf))
    pairs = combinations(range(dim), 2)
    return min(float(np.linalg.norm(facets[:, i] - facets[:, j], axis=1).min()) for i, j in pairs)
