"""The sides of a box, and opposite sides with the same mesh, as periodic bodies need them."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.geometry.periodic import match_walls

# Gmsh gives bounding boxes with a margin of 1e-7 (bodies are built in nanometres).
_ON_SIDE = 1e-5


def sides_of(gmsh: ModuleType, extents: Sequence[float]) -> dict[str, list[int]]:
    """Return the curves or surfaces on each side (x_min, x_max, ...) of a box from the origin on.

    Those that lie on no side, such as holes and interfaces, are left out.
    """
    dim = len(extents)
    found: dict[str, list[int]] = {}
    for _, tag in gmsh.model.getEntities(dim - 1):
        bounds = np.array(gmsh.model.getBoundingBox(dim - 1, tag)).reshape(2, 3)[:, :dim]
        for axis in range(dim):
            for place, end in ((0.0, "min"), (extents[axis], "max")):
                if np.all(np.abs(bounds[:, axis] - place) < _ON_SIDE):
                    found.setdefault(f"{'xyz'[axis]}_{end}", []).append(int(tag))
    return dict(sorted(found.items(), key=lambda side: (side[0][0], side[0][2:] == "max")))


def make_periodic(
    gmsh: ModuleType, sides: dict[str, list[int]], extents: Sequence[float], axes: str, *, dim: int
) -> None:
    """Ask for the same mesh on opposite sides, along each of some axes such as "xy".

    Args:
        gmsh: The session with the body.
        sides: Curves or surfaces on each side x_min, x_max, ...
        extents: Distance of opposite sides in x, y, z [nm].
        axes: The axes; in one dimension a side is a point and there is nothing to do.
        dim: Dimension of the body.
    """
    if dim == 1:
        return
    for axis, extent in zip("xyz", extents, strict=False):
        if axis not in axes:
            continue
        affine = np.eye(4)
        affine["xyz".index(axis), 3] = extent
        originals, others = sides[f"{axis}_min"], sides[f"{axis}_max"]
        moved = _centres(gmsh, dim - 1, originals) + affine[:3, 3]
        apart = moved[:, None] - _centres(gmsh, dim - 1, others)
        copies = [others[k] for k in np.argmin(np.linalg.norm(apart, axis=2), axis=1)]
        gmsh.model.mesh.setPeriodic(dim - 1, copies, originals, affine.ravel())


def _centres(gmsh: ModuleType, dim: int, tags: Sequence[int]) -> Array:
    """Return the centre of each curve or surface, shape (num, 3) [nm]."""
    return np.array([gmsh.model.occ.getCenterOfMass(dim, tag) for tag in tags], dtype=np.float64)


def check_axes(shape: str, axes: str, dim: int) -> None:
    """Refuse periodic axes that are not some of x, y and z, each once."""
    known = "xyz"[:dim]
    if len(set(axes)) != len(axes) or not set(axes) <= set(known):
        raise InputError(
            f"{shape}: periodic = {axes!r}; in {dim}D it must be one or more of the"
            f" letters {known}, such as {known[0]!r} or {known!r}"
        )


def check_copies(gmsh: ModuleType, dim: int) -> None:
    """Raise an error unless each curve or surface that should be a copy of another is one."""
    for _, tag in gmsh.model.getEntities(dim):
        original = int(gmsh.model.mesh.getPeriodic(dim, [tag])[0])
        if original != tag and dim > 0:
            match_walls(_corners(gmsh, dim, original), _corners(gmsh, dim, tag))


def _corners(gmsh: ModuleType, dim: int, entity: int) -> Array:
    """Return the corners of the elements of an entity, shape (num, dim + 1, dim + 1)."""
    kind = gmsh.model.mesh.getElementTypes(dim, entity)[0]
    nodes: IntArray = np.asarray(gmsh.model.mesh.getElementsByType(kind, entity)[1], dtype=np.int64)
    tags, coordinates, _ = gmsh.model.mesh.getNodes(dim, entity, includeBoundary=True)
    used, first = np.unique(np.asarray(tags, dtype=np.int64), return_index=True)
    points = np.asarray(coordinates, dtype=np.float64).reshape(-1, 3)[first, : dim + 1]
    return np.asarray(points[np.searchsorted(used, nodes)].reshape(-1, dim + 1, dim + 1))


def forget_copies(gmsh: ModuleType, dim: int) -> None:
    """Drop what gmsh would write of copies: the file would give their distance in nanometres."""
    for d in range(dim + 1):
        for _, tag in gmsh.model.getEntities(d):
            if int(gmsh.model.mesh.getPeriodic(d, [tag])[0]) != tag:
                gmsh.model.mesh.setPeriodic(d, [tag], [tag], np.eye(4).ravel())
