"""Builders of standard bodies: each writes one gmsh file, in metres, with every part named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from pbte.errors import InputError, RunError
from pbte.geometry.files import write_atomically
from pbte.geometry.session import gmsh_session
from pbte.types import Array

# Gmsh compares lengths with absolute tolerances, so bodies are built in nanometres.
_NANOMETRE = 1e-9
_LARGEST_COUNT = 5_000_000


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

    Args:
        path: The ``.msh`` file to write.
        diameter: Diameter of the sphere [m].
        size: Element size at the surface [m].
        core_size: Element size in the core [m]; ``size`` if left out.
        core_radius: Radius of the core [m]; a quarter of the diameter if left out.

    Raises:
        InputError: A length is not positive, a size is larger than the body, or the core does
            not lie in the sphere.
        RunError: The file cannot be written.
    """
    core_size = size if core_size is None else core_size
    core_radius = diameter / 4 if core_radius is None else core_radius
    _check_lengths("nanoparticle", diameter=diameter, size=size, core_size=core_size)
    _check_size("nanoparticle", size, diameter=diameter)
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
    radius = 0.5 * diameter / _NANOMETRE
    _check_count("nanoparticle", np.pi / 6 * diameter**3, core_size, dim=3, share=1 / 8)

    def build(gmsh: ModuleType) -> None:
        ball = gmsh.model.occ.addSphere(0, 0, 0, radius)
        gmsh.model.occ.synchronize()
        gmsh.model.addPhysicalGroup(3, [ball], 1, "body")
        surfaces = [tag for _, tag in gmsh.model.getEntities(2)]
        gmsh.model.addPhysicalGroup(2, surfaces, 2, "surface")
        core = core_radius / _NANOMETRE
        _grade(gmsh, "Ball", core_size, size, {"Radius": core, "Thickness": radius - core})

    return _write_mesh(path, dim=3, build=build)


def film(
    path: str | Path,
    *,
    thickness: float,
    size: float,
    dim: int = 1,
    width: float | None = None,
    height: float | None = None,
) -> Path:
    """Write the mesh of a film between x = 0 and x = ``thickness``, and return its path.

    In one dimension an interval of equal cells; in two a rectangle, in three a slab of finite
    lateral size, from y = 0 (and z = 0) on. Region "body"; walls "left" (x = 0) and "right", and
    in two and three dimensions "sides".

    Args:
        path: The ``.msh`` file to write.
        thickness: Thickness of the film [m].
        size: Element size [m].
        dim: Dimension of the mesh, 1, 2 or 3.
        width: Extent in y [m]; the thickness if left out.
        height: Extent in z [m]; the width if left out.

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
    if dim > 1:
        sides["sides"] = ("y_min", "y_max", "z_min", "z_max")[: 2 * dim - 2]
    return _box(path, "film", lengths, size, sides)


def block(path: str | Path, *, lengths: Sequence[float], size: float) -> Path:
    """Write the mesh of a box or rectangle with one corner at the origin, and return its path.

    Region "body"; walls "x_min", "x_max", "y_min", "y_max" and, for a box, "z_min", "z_max".

    Args:
        path: The ``.msh`` file to write.
        lengths: Extents in x, y and z (box) or x and y (rectangle) [m].
        size: Element size [m].

    Raises:
        InputError: A length is not positive, the size is larger than the body, or there are not
            two or three lengths.
        RunError: The file cannot be written.
    """
    if len(lengths) not in (2, 3):
        raise InputError(f"block: {len(lengths)} lengths given; 2 or 3 were expected")
    names = ("x_min", "x_max", "y_min", "y_max", "z_min", "z_max")[: 2 * len(lengths)]
    return _box(path, "block", lengths, size, {name: (name,) for name in names})


def wire(path: str | Path, *, length: float, diameter: float, size: float) -> Path:
    """Write the mesh of a cylinder along x from x = 0 to x = ``length``, and return its path.

    Region "body"; walls "left" (x = 0), "right" and "side".

    Args:
        path: The ``.msh`` file to write.
        length: Length of the wire [m].
        diameter: Its diameter [m].
        size: Element size [m].

    Raises:
        InputError: A length is not positive or the size is larger than the body.
        RunError: The file cannot be written.
    """
    _check_lengths("wire", length=length, diameter=diameter, size=size)
    _check_size("wire", size, length=length, diameter=diameter)
    _check_count("wire", np.pi / 4 * diameter**2 * length, size, dim=3)
    far, radius = length / _NANOMETRE, 0.5 * diameter / _NANOMETRE

    def build(gmsh: ModuleType) -> None:
        body = gmsh.model.occ.addCylinder(0, 0, 0, far, 0, 0, radius)
        gmsh.model.occ.synchronize()
        gmsh.model.addPhysicalGroup(3, [body], 1, "body")
        centre = {
            tag: gmsh.model.occ.getCenterOfMass(2, tag)[0] for _, tag in gmsh.model.getEntities(2)
        }
        for name, x in (("left", 0.0), ("right", far), ("side", 0.5 * far)):
            faces = [tag for tag in centre if abs(centre[tag] - x) < 0.1 * far]
            gmsh.model.addPhysicalGroup(2, faces, -1, name)
        _uniform(gmsh, size)

    return _write_mesh(path, dim=3, build=build)


def _box(
    path: str | Path,
    shape: str,
    lengths: Sequence[float],
    size: float,
    walls: dict[str, tuple[str, ...]],
) -> Path:
    """Write an interval, rectangle or box whose sides (x_min, ...) carry the given wall names."""
    dim = len(lengths)
    named = {f"extent in {axis}": length for axis, length in zip("xyz", lengths, strict=False)}
    _check_lengths(shape, size=size, **named)
    _check_size(shape, size, **named)
    _check_count(shape, float(np.prod(lengths)), size, dim=dim)
    extents = [length / _NANOMETRE for length in lengths]

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
        sides: dict[str, int] = {}
        for _, tag in gmsh.model.getEntities(dim - 1):
            bounds = np.array(gmsh.model.getBoundingBox(dim - 1, tag)).reshape(2, 3)
            sides[_side_of(bounds[:, :dim], extents)] = tag
        for name, members in walls.items():
            gmsh.model.addPhysicalGroup(dim - 1, [sides[s] for s in members], -1, name)
        _uniform(gmsh, size)
        if dim == 1:
            gmsh.model.mesh.setTransfiniteCurve(body, int(np.ceil(lengths[0] / size - 1e-9)) + 1)

    return _write_mesh(path, dim=dim, build=build)


def _side_of(bounds: Array, extents: Sequence[float]) -> str:
    """Return which side of the box an entity with these bounds is."""
    relative = bounds / np.asarray(extents)
    axis = int(np.argmin(relative[1] - relative[0]))
    return "xyz"[axis] + ("_min" if relative[:, axis].mean() < 0.5 else "_max")


def _uniform(gmsh: ModuleType, size: float) -> None:
    """Ask for one element size everywhere."""
    gmsh.option.setNumber("Mesh.MeshSizeMin", size / _NANOMETRE)
    gmsh.option.setNumber("Mesh.MeshSizeMax", size / _NANOMETRE)


def _grade(gmsh: ModuleType, kind: str, core: float, outer: float, shape: dict[str, float]) -> None:
    """Ask for element sizes given by a field alone: ``core`` inside it, ``outer`` outside."""
    field = gmsh.model.mesh.field.add(kind)
    for name, value in {
        "VIn": core / _NANOMETRE,
        "VOut": outer / _NANOMETRE,
        **shape,
    }.items():
        gmsh.model.mesh.field.setNumber(field, name, value)
    gmsh.model.mesh.field.setAsBackgroundMesh(field)
    gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 0)
    gmsh.option.setNumber("Mesh.MeshSizeFromPoints", 0)


def _write_mesh(path: str | Path, *, dim: int, build: Callable[[ModuleType], None]) -> Path:
    """Mesh the body that ``build`` adds to a gmsh model and write it under its final name."""
    path = Path(path)
    if path.suffix.lower() != ".msh":
        raise InputError(f"{path}: the name of a mesh file must end in .msh")
    with gmsh_session() as gmsh:
        build(gmsh)
        try:
            gmsh.model.mesh.generate(dim)
            if dim == 3:
                gmsh.model.mesh.optimize("Relocate3D")
        except Exception as error:  # gmsh raises bare Exceptions
            raise RunError(f"{path}: gmsh could not mesh the body ({error})") from error
        gmsh.option.setNumber("Mesh.ScalingFactor", _NANOMETRE)
        write_atomically(path, lambda temporary: gmsh.write(str(temporary)))
    return path


def _check_lengths(shape: str, **lengths: float) -> None:
    for name, value in lengths.items():
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{shape}: {name} = {value:g} m; it must be positive")
        if value > 1e-1:
            raise InputError(
                f"{shape}: {name} = {value:g} m; lengths are in metres (20 nm is 20e-9)"
            )


def _check_size(shape: str, size: float, **lengths: float) -> None:
    for name, value in lengths.items():
        if size > value * (1 + 1e-9):
            raise InputError(
                f"{shape}: size = {size:g} m is larger than {name} = {value:g} m; give a smaller"
                " element size"
            )


def _check_count(shape: str, volume: float, size: float, *, dim: int, share: float = 1.0) -> None:
    """Refuse a mesh far beyond what fits in memory: a size in the wrong unit, most likely."""
    count = share * {1: 1.0, 2: 2.3, 3: 8.5}[dim] * volume / size**dim
    if count > _LARGEST_COUNT:
        raise InputError(
            f"{shape}: elements of {size:g} m would make about {count:.1e} cells (at most"
            f" {_LARGEST_COUNT:.0e}); give a larger element size"
        )
