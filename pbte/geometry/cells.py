"""Periodic cells of porous structures: a box with a pore, and a nanomesh film with holes.

The parameters of a builder are explained by its record in `pbte/case/mesh.py`; lengths in metres.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from pbte.core.errors import InputError
from pbte.geometry.building import (
    NANOMETRE,
    check_graded,
    check_lengths,
    check_size,
    set_size_by_distance,
    write_mesh,
)
from pbte.geometry.sides import make_periodic, sides_of


def porous_cell(
    path: str | Path,
    *,
    lengths: Sequence[float],
    diameter: float,
    size: float,
    pore: str | None = None,
    size_at_pore: float | None = None,
    growth: float = 0.3,
) -> Path:
    """Write the mesh of a periodic cell with a pore in its middle, and return its path.

    The pore is a circle in 2D and, in 3D, a cylinder along z through the whole cell or a sphere.
    Opposite walls "x_min", "x_max", "y_min", ... have the same mesh. Region "body", wall "pore".

    Raises:
        InputError: A length is not positive, the pore does not fit into the cell, or there is no
            such pore.
        RunError: The file cannot be written.
    """
    dim = len(lengths)
    if dim not in (2, 3):
        raise InputError(f"porous_cell: {dim} lengths given; 2 or 3 were expected")
    if pore not in (None, "cylinder", "sphere"):
        raise InputError(f"porous_cell: pore = {pore!r}; it must be 'cylinder' or 'sphere'")
    if pore is not None and dim == 2:
        raise InputError(
            "porous_cell: pore has no meaning in 2D, where it is a circle; leave it out"
        )
    return _pierced_box(
        path,
        "porous_cell",
        lengths,
        diameter,
        (size, size_at_pore, growth),
        hole="pore",
        round_in_z=pore == "sphere",
        periodic="xyz"[:dim],
    )


def nanomesh(
    path: str | Path,
    *,
    period: float,
    diameter: float,
    size: float,
    thickness: float | None = None,
    size_at_hole: float | None = None,
    growth: float = 0.3,
) -> Path:
    """Write the mesh of one cell of a film with a square array of round holes; return its path.

    The film lies normal to z, between "z_min" and "z_max"; without a thickness the mesh is that of
    its plane. The holes run through it. Opposite walls "x_min" and "x_max", "y_min" and "y_max"
    have the same mesh. Region "body", wall "hole".

    Raises:
        InputError: A length is not positive, or the hole does not fit into the cell.
        RunError: The file cannot be written.
    """
    lengths = (period, period) if thickness is None else (period, period, thickness)
    return _pierced_box(
        path,
        "nanomesh",
        lengths,
        diameter,
        (size, size_at_hole, growth),
        hole="hole",
        round_in_z=False,
        periodic="xy",
    )


def _pierced_box(
    path: str | Path,
    shape: str,
    lengths: Sequence[float],
    diameter: float,
    sizes: tuple[float, float | None, float],
    *,
    hole: str,
    round_in_z: bool,
    periodic: str,
) -> Path:
    """Write a box with a disc, cylinder or ball cut out of its middle; see the callers."""
    dim = len(lengths)
    size, near, growth = sizes
    named = {f"extent in {axis}": length for axis, length in zip("xyz", lengths, strict=False)}
    check_lengths(shape, **named, diameter=diameter, size=size)
    across = lengths if round_in_z else lengths[:2]
    if diameter >= min(across):
        raise InputError(
            f"{shape}: diameter = {diameter:g} m; the {hole} must be smaller than the cell of"
            f" {min(across):g} m"
        )
    check_size(shape, size, **named)
    check_size(shape, size if near is None else near, diameter=diameter)
    area = np.pi * diameter * (1.0 if dim == 2 else diameter if round_in_z else lengths[2])
    check_graded(
        shape, hole, size, near, growth, volume=float(np.prod(lengths)), area=area, dim=dim
    )
    extents = [length / NANOMETRE for length in lengths]
    centre = [0.5 * extent for extent in extents]
    radius = 0.5 * diameter / NANOMETRE

    def build(gmsh: ModuleType) -> None:
        occ = gmsh.model.occ
        if dim == 2:
            box, cut = occ.addRectangle(0, 0, 0, *extents), occ.addDisk(*centre, 0, radius, radius)
        else:
            box = occ.addBox(0, 0, 0, *extents)
            if round_in_z:
                cut = occ.addSphere(*centre, radius)
            else:
                cut = occ.addCylinder(*centre[:2], 0, 0, 0, extents[2], radius)
        occ.cut([(dim, box)], [(dim, cut)])
        occ.synchronize()
        gmsh.model.addPhysicalGroup(
            dim, [tag for _, tag in gmsh.model.getEntities(dim)], -1, "body"
        )
        sides = sides_of(gmsh, extents)
        for name, members in sides.items():
            gmsh.model.addPhysicalGroup(dim - 1, members, -1, name)
        outer = {tag for members in sides.values() for tag in members}
        inner = [tag for _, tag in gmsh.model.getEntities(dim - 1) if tag not in outer]
        gmsh.model.addPhysicalGroup(dim - 1, inner, -1, hole)
        make_periodic(gmsh, sides, extents, periodic, dim=dim)
        from_centre = "+".join(
            f"({axis}-{middle:.12g})^2"
            for axis, middle in zip("xyz" if round_in_z else "xy", centre, strict=False)
        )
        distance = f"abs(sqrt({from_centre})-{radius:.12g})"
        set_size_by_distance(gmsh, size, near, growth, [distance])

    return write_mesh(path, dim=dim, build=build)
