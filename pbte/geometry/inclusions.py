"""Structures of two materials: the core-shell particle, and an inclusion in a matrix.

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
from pbte.geometry.sides import check_axes, make_periodic, sides_of


def core_shell(
    path: str | Path,
    *,
    diameter: float,
    core_diameter: float,
    size: float,
    size_at_interface: float | None = None,
    growth: float = 0.3,
) -> Path:
    """Write the mesh of a sphere around the origin with a core inside, and return its path.

    Regions "core" and "shell", interface "core-shell", wall "surface".

    Raises:
        InputError: A length is not positive, or the core does not fit into the sphere.
        RunError: The file cannot be written.
    """
    shape = "core_shell"
    check_lengths(shape, diameter=diameter, core_diameter=core_diameter, size=size)
    if core_diameter >= diameter:
        raise InputError(
            f"{shape}: core_diameter = {core_diameter:g} m; it must be smaller than the diameter,"
            f" {diameter:g} m"
        )
    check_size(shape, size, diameter=diameter)
    near = size if size_at_interface is None else size_at_interface
    check_size(shape, near, core_diameter=core_diameter)
    check_graded(
        shape,
        "interface",
        size,
        size_at_interface,
        growth,
        volume=np.pi / 6 * diameter**3,
        area=2 * np.pi * core_diameter**2,
        dim=3,
    )
    outer, inner = (0.5 * d / NANOMETRE for d in (diameter, core_diameter))

    def build(gmsh: ModuleType) -> None:
        occ = gmsh.model.occ
        ball, core = occ.addSphere(0, 0, 0, outer), occ.addSphere(0, 0, 0, inner)
        shell = _embed(gmsh, 3, ball, core)
        gmsh.model.addPhysicalGroup(3, [core], -1, "core")
        gmsh.model.addPhysicalGroup(3, [shell], -1, "shell")
        common = _faces(gmsh, 3, core)
        gmsh.model.addPhysicalGroup(2, sorted(_faces(gmsh, 3, shell) - common), -1, "surface")
        gmsh.model.addPhysicalGroup(2, sorted(common), -1, "core-shell")
        distance = f"abs(sqrt(x^2+y^2+z^2)-{inner:.12g})"
        set_size_by_distance(gmsh, size, size_at_interface, growth, [distance])

    return write_mesh(path, dim=3, build=build)


def inclusion(
    path: str | Path,
    *,
    lengths: Sequence[float],
    size: float,
    diameter: float | None = None,
    inclusion_lengths: Sequence[float] | None = None,
    size_at_interface: float | None = None,
    growth: float = 0.3,
    periodic: str = "",
) -> Path:
    """Write the mesh of a box with a sphere or a box of another material in its middle.

    In two dimensions a rectangle with a disc or a rectangle inside. Regions "matrix" and
    "inclusion", interface "matrix-inclusion", walls "x_min", "x_max", "y_min", ...

    Raises:
        InputError: A length is not positive, the inclusion does not fit into the matrix, or its
            shape is not given, or twice.
        RunError: The file cannot be written.
    """
    shape, dim = "inclusion", len(lengths)
    if dim not in (2, 3):
        raise InputError(f"{shape}: {dim} lengths given; 2 or 3 were expected")
    inner = _inner_lengths(dim, diameter, inclusion_lengths)
    outer_named = {f"extent in {a}": length for a, length in zip("xyz", lengths, strict=False)}
    inner_named = {f"inclusion's extent in {a}": t for a, t in zip("xyz", inner, strict=False)}
    check_lengths(shape, **outer_named, **inner_named, size=size)
    check_axes(shape, periodic, dim)
    for axis, length, room in zip("xyz", inner, lengths, strict=False):
        if length >= room:
            raise InputError(
                f"{shape}: the inclusion is {length:g} m wide in {axis}; it must be smaller than"
                f" the matrix, {room:g} m"
            )
    near = size if size_at_interface is None else size_at_interface
    check_size(shape, size, **outer_named)
    check_size(shape, near, **inner_named)
    check_graded(
        shape,
        "interface",
        size,
        size_at_interface,
        growth,
        volume=float(np.prod(lengths)),
        # That of the box around the inclusion, on both sides.
        area=4 * sum(float(np.prod(inner)) / length for length in inner),
        dim=dim,
    )
    extents = [length / NANOMETRE for length in lengths]
    inside = [length / NANOMETRE for length in inner]

    def build(gmsh: ModuleType) -> None:
        box = _add_box(gmsh, [0.0] * dim, extents)
        if diameter is None:
            core = _add_box(
                gmsh, [0.5 * (a - b) for a, b in zip(extents, inside, strict=True)], inside
            )
        else:
            core = _add_ball(gmsh, [0.5 * extent for extent in extents], 0.5 * inside[0])
        matrix = _embed(gmsh, dim, box, core)
        gmsh.model.addPhysicalGroup(dim, [matrix], -1, "matrix")
        gmsh.model.addPhysicalGroup(dim, [core], -1, "inclusion")
        sides = sides_of(gmsh, extents)
        for name, members in sides.items():
            gmsh.model.addPhysicalGroup(dim - 1, members, -1, name)
        common = sorted(_faces(gmsh, dim, core))
        gmsh.model.addPhysicalGroup(dim - 1, common, -1, "matrix-inclusion")
        make_periodic(gmsh, sides, extents, periodic, dim=dim)
        distance = _distance(extents, inside, is_round=diameter is not None)
        set_size_by_distance(gmsh, size, size_at_interface, growth, [distance])

    return write_mesh(path, dim=dim, build=build)


def _inner_lengths(
    dim: int, diameter: float | None, lengths: Sequence[float] | None
) -> tuple[float, ...]:
    """Return the extents of the inclusion along each axis."""
    if (diameter is None) == (lengths is None):
        raise InputError(
            "inclusion: give either a diameter (a round inclusion) or inclusion_lengths (a box)"
        )
    if lengths is None:
        assert diameter is not None
        return (diameter,) * dim
    if len(lengths) != dim:
        raise InputError(
            f"inclusion: {len(lengths)} inclusion_lengths given; {dim} were expected, one for each"
            " extent of the matrix"
        )
    return tuple(lengths)


def _add_box(gmsh: ModuleType, corner: Sequence[float], extents: Sequence[float]) -> int:
    occ = gmsh.model.occ
    if len(extents) == 2:
        return int(occ.addRectangle(*corner, 0, *extents))
    return int(occ.addBox(*corner, *extents))


def _add_ball(gmsh: ModuleType, centre: Sequence[float], radius: float) -> int:
    occ = gmsh.model.occ
    if len(centre) == 2:
        return int(occ.addDisk(*centre, 0, radius, radius))
    return int(occ.addSphere(*centre, radius))


def _embed(gmsh: ModuleType, dim: int, body: int, core: int) -> int:
    """Embed a core in a body, with a common surface; return the tag of the remaining body."""
    gmsh.model.occ.fragment([(dim, body)], [(dim, core)])
    gmsh.model.occ.synchronize()
    return next(int(tag) for _, tag in gmsh.model.getEntities(dim) if tag != core)


def _faces(gmsh: ModuleType, dim: int, body: int) -> set[int]:
    """Return the tags of the curves or surfaces that bound a body."""
    return {abs(int(tag)) for _, tag in gmsh.model.getBoundary([(dim, body)], combined=False)}


def _distance(extents: Sequence[float], inside: Sequence[float], *, is_round: bool) -> str:
    """Return a formula of the distance from the surface of the inclusion [nm]."""
    offsets = [f"(x-{0.5 * extents[0]:.12g})", f"(y-{0.5 * extents[1]:.12g})"]
    if len(extents) == 3:
        offsets.append(f"(z-{0.5 * extents[2]:.12g})")
    if is_round:
        return f"abs(sqrt({'+'.join(f'{o}^2' for o in offsets)})-{0.5 * inside[0]:.12g})"
    # How far outside each pair of sides; the largest of them, 0 on the surface, -depth inside.
    beyond = [f"(abs{o}-{0.5 * b:.12g})" for o, b in zip(offsets, inside, strict=True)]
    largest = beyond[0]
    for other in beyond[1:]:
        largest = f"(0.5*({largest}+{other}+abs({largest}-{other})))"
    return f"abs({largest})"
