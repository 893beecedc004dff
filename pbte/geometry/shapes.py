"""Mesh builders of standard structures: one gmsh file each, in metres, every part named.

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
    check_count,
    check_lengths,
    check_size,
    grade,
    set_uniform_size,
    write_mesh,
)
from pbte.geometry.sides import check_axes, make_periodic, sides_of


def nanoparticle(
    path: str | Path,
    *,
    diameter: float,
    size: float,
    core_size: float | None = None,
    core_radius: float | None = None,
) -> Path:
    """Write the mesh of a sphere around the origin, finer in its core, and return its path.

    The element size is ``core_size`` up to ``core_radius`` and from there grows linearly to
    ``size`` at the surface. Region "body", wall "surface".

    Raises:
        InputError: A length is not positive, a size is larger than the body, or the core does
            not lie in the sphere.
        RunError: The file cannot be written.
    """
    core_size = size if core_size is None else core_size
    core_radius = diameter / 4 if core_radius is None else core_radius
    check_lengths("nanoparticle", diameter=diameter, size=size, core_size=core_size)
    check_size("nanoparticle", size, diameter=diameter)
    if core_size > size:
        raise InputError(
            f"nanoparticle: core_size = {core_size:g} m is larger than size = {size:g} m; the core"
            " is the finer part"
        )
    if not 0 <= core_radius < diameter / 2:
        raise InputError(
            f"nanoparticle: core_radius = {core_radius:g} m; it must be at least 0 and less than"
            f" half the diameter, {diameter / 2:g} m"
        )
    radius = 0.5 * diameter / NANOMETRE
    check_count("nanoparticle", np.pi / 6 * diameter**3, core_size, dim=3, share=1 / 8)

    def build(gmsh: ModuleType) -> None:
        ball = gmsh.model.occ.addSphere(0, 0, 0, radius)
        gmsh.model.occ.synchronize()
        gmsh.model.addPhysicalGroup(3, [ball], 1, "body")
        surfaces = [tag for _, tag in gmsh.model.getEntities(2)]
        gmsh.model.addPhysicalGroup(2, surfaces, 2, "surface")
        core = core_radius / NANOMETRE
        grade(gmsh, "Ball", core_size, size, {"Radius": core, "Thickness": radius - core})

    return write_mesh(path, dim=3, build=build)


def film(
    path: str | Path,
    *,
    thickness: float,
    size: float,
    dim: int = 1,
    width: float | None = None,
    height: float | None = None,
    periodic: bool = False,
) -> Path:
    """Write the mesh of a film between x = 0 and x = ``thickness``, and return its path.

    In one dimension an interval of equal cells; in two a rectangle, in three a slab of finite
    lateral size, from y = 0 (and z = 0) on. Region "body"; walls "left" (x = 0) and "right", and in
    two and three dimensions "sides" or, if ``periodic``, "y_min", "y_max", "z_min", "z_max" with
    the same mesh on opposite ones: the periodic cell of an infinite film.

    Raises:
        InputError: A length is not positive, the size is larger than the body, or there is no
            such dimension.
        RunError: The file cannot be written.
    """
    if dim not in (1, 2, 3):
        raise InputError(f"film: dim = {dim}; it must be 1, 2 or 3")
    for name, value, least in (("width", width, 2), ("height", height, 3)):
        if value is not None and dim < least:
            raise InputError(f"film: {name} has no meaning with dim = {dim}; leave it out")
    width = thickness if width is None else width
    height = width if height is None else height
    lengths = (thickness, width, height)[:dim]
    sides: dict[str, tuple[str, ...]] = {"left": ("x_min",), "right": ("x_max",)}
    names = ("y_min", "y_max", "z_min", "z_max")[: 2 * dim - 2]
    if periodic:
        sides |= {name: (name,) for name in names}
    elif dim > 1:
        sides["sides"] = names
    return _box(path, "film", lengths, size, sides, "xyz"[1:dim] if periodic else "")


def block(path: str | Path, *, lengths: Sequence[float], size: float, periodic: str = "") -> Path:
    """Write the mesh of a box or rectangle with one corner at the origin, and return its path.

    Region "body"; walls "x_min", "x_max", "y_min", "y_max" and, for a box, "z_min", "z_max".
    A film along its plane is a block that is periodic in x, or in x and z, with walls in y.

    Raises:
        InputError: A length is not positive, the size is larger than the body, or there are not
            two or three lengths or no such axes.
        RunError: The file cannot be written.
    """
    if len(lengths) not in (2, 3):
        raise InputError(f"block: {len(lengths)} lengths given; 2 or 3 were expected")
    names = ("x_min", "x_max", "y_min", "y_max", "z_min", "z_max")[: 2 * len(lengths)]
    return _box(path, "block", lengths, size, {name: (name,) for name in names}, periodic)


def wire(
    path: str | Path, *, length: float, diameter: float, size: float, periodic: bool = False
) -> Path:
    """Write the mesh of a cylinder along x from x = 0 to x = ``length``, and return its path.

    Region "body"; walls "left" (x = 0), "right" and "side". If ``periodic``, both ends have the
    same mesh: the periodic cell of an infinite wire.

    Raises:
        InputError: A length is not positive or the size is larger than the body.
        RunError: The file cannot be written.
    """
    check_lengths("wire", length=length, diameter=diameter, size=size)
    check_size("wire", size, length=length, diameter=diameter)
    check_count("wire", np.pi / 4 * diameter**2 * length, size, dim=3)
    far, radius = length / NANOMETRE, 0.5 * diameter / NANOMETRE

    def build(gmsh: ModuleType) -> None:
        body = gmsh.model.occ.addCylinder(0, 0, 0, far, 0, 0, radius)
        gmsh.model.occ.synchronize()
        gmsh.model.addPhysicalGroup(3, [body], 1, "body")
        centre = {
            tag: gmsh.model.occ.getCenterOfMass(2, tag)[0] for _, tag in gmsh.model.getEntities(2)
        }
        faces = {
            name: [tag for tag in centre if abs(centre[tag] - x) < 0.1 * far]
            for name, x in (("left", 0.0), ("right", far), ("side", 0.5 * far))
        }
        for name, tags in faces.items():
            gmsh.model.addPhysicalGroup(2, tags, -1, name)
        if periodic:
            ends = {"x_min": faces["left"], "x_max": faces["right"]}
            make_periodic(gmsh, ends, (far,), "x", dim=3)
        set_uniform_size(gmsh, size)

    return write_mesh(path, dim=3, build=build)


def _box(
    path: str | Path,
    shape: str,
    lengths: Sequence[float],
    size: float,
    walls: dict[str, tuple[str, ...]],
    periodic: str = "",
) -> Path:
    """Write an interval, rectangle or box whose sides (x_min, ...) carry the given wall names."""
    dim = len(lengths)
    named = {f"extent in {axis}": length for axis, length in zip("xyz", lengths, strict=False)}
    check_lengths(shape, size=size, **named)
    check_axes(shape, periodic, dim)
    check_size(shape, size, **named)
    check_count(shape, float(np.prod(lengths)), size, dim=dim)
    extents = [length / NANOMETRE for length in lengths]

    def build(gmsh: ModuleType) -> None:
        occ = gmsh.model.occ
        if dim == 1:
            body = occ.addLine(occ.addPoint(0, 0, 0), occ.addPoint(extents[0], 0, 0))
        elif dim == 2:
            body = occ.addRectangle(0, 0, 0, *extents)
        else:
            body = occ.addBox(0, 0, 0, *extents)
        occ.synchronize()
        gmsh.model.addPhysicalGroup(dim, [body], 1, "body")
        sides = sides_of(gmsh, extents)
        for name, members in walls.items():
            faces = [face for side in members for face in sides[side]]
            gmsh.model.addPhysicalGroup(dim - 1, faces, -1, name)
        make_periodic(gmsh, sides, extents, periodic, dim=dim)
        set_uniform_size(gmsh, size)
        if dim == 1:
            gmsh.model.mesh.setTransfiniteCurve(body, int(np.ceil(lengths[0] / size - 1e-9)) + 1)

    return write_mesh(path, dim=dim, build=build)
