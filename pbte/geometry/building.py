"""Helpers of the mesh builders: checks of lengths, element sizes, and the mesh file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

import numpy as np

from pbte.core.errors import InputError, RunError
from pbte.geometry.files import write_atomically
from pbte.geometry.session import gmsh_session
from pbte.geometry.sides import check_copies, forget_copies

# Gmsh compares lengths with absolute tolerances, so geometries are built in nanometres.
NANOMETRE = 1e-9
_LARGEST_COUNT = 5_000_000


def set_uniform_size(gmsh: ModuleType, size: float) -> None:
    """Set one element size [m] everywhere."""
    gmsh.option.setNumber("Mesh.MeshSizeMin", size / NANOMETRE)
    gmsh.option.setNumber("Mesh.MeshSizeMax", size / NANOMETRE)


def grade(gmsh: ModuleType, kind: str, core: float, outer: float, shape: dict[str, float]) -> None:
    """Set element sizes [m] by a gmsh field alone: ``core`` inside it, ``outer`` outside."""
    field = gmsh.model.mesh.field.add(kind)
    for name, value in {
        "VIn": core / NANOMETRE,
        "VOut": outer / NANOMETRE,
        **shape,
    }.items():
        gmsh.model.mesh.field.setNumber(field, name, value)
    _use_field_alone(gmsh, field)


def set_size_by_distance(
    gmsh: ModuleType, size: float, near: float | None, growth: float, distances: Iterable[str]
) -> None:
    """Set element sizes that grow from `near` at some surfaces to `size` with the distance.

    Args:
        gmsh: The session with the geometry.
        size: Element size far away [m].
        near: Element size at the surfaces [m]; None: `size` everywhere.
        growth: Increase of the size per distance [-].
        distances: Distance from each surface as a formula of x, y, z in nanometres.
    """
    if near is None:
        set_uniform_size(gmsh, size)
        return
    field = gmsh.model.mesh.field
    formulas = [f"{near / NANOMETRE:.12g}+{growth:.12g}*({distance})" for distance in distances]
    fields = []
    for formula in [f"{size / NANOMETRE:.12g}", *formulas]:
        fields.append(field.add("MathEval"))
        field.setString(fields[-1], "F", formula)
    smallest = field.add("Min")
    field.setNumbers(smallest, "FieldsList", fields)
    _use_field_alone(gmsh, smallest)


def _use_field_alone(gmsh: ModuleType, field: int) -> None:
    gmsh.model.mesh.field.setAsBackgroundMesh(field)
    gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 0)
    gmsh.option.setNumber("Mesh.MeshSizeFromPoints", 0)


def write_mesh(path: str | Path, *, dim: int, build: Callable[[ModuleType], None]) -> Path:
    """Mesh the geometry that ``build`` adds to a gmsh model, write the file, return its path.

    Raises:
        InputError: The name does not end in .msh, or the folder cannot be written to.
        RunError: Gmsh failed, or the file could not be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".msh":
        raise InputError(f"{path}: the name of a mesh file must end in .msh")
    with gmsh_session() as gmsh:
        build(gmsh)
        try:
            gmsh.model.mesh.generate(dim)
            if dim == 3:
                gmsh.model.mesh.optimize("Relocate3D")
            check_copies(gmsh, dim - 1)
            forget_copies(gmsh, dim - 1)
        except Exception as error:  # gmsh raises bare Exceptions
            raise RunError(
                f"{path}: gmsh could not mesh the geometry ({error}); try other element sizes"
            ) from error
        gmsh.option.setNumber("Mesh.ScalingFactor", NANOMETRE)
        write_atomically(path, lambda temporary: gmsh.write(str(temporary)))
    return path


def check_lengths(shape: str, **lengths: float) -> None:
    """Raise InputError for lengths that are not positive or not in metres."""
    for name, value in lengths.items():
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{shape}: {name} = {value:g} m; it must be positive")
        if value > 1e-1:
            raise InputError(
                f"{shape}: {name} = {value:g} m; lengths are in metres (20 nm is 20e-9)"
            )


def check_size(shape: str, size: float, **lengths: float) -> None:
    """Raise InputError for an element size larger than one of the lengths."""
    for name, value in lengths.items():
        if size > value * (1 + 1e-9):
            raise InputError(
                f"{shape}: size = {size:g} m is larger than {name} = {value:g} m; give a smaller"
                " element size"
            )


def check_count(shape: str, volume: float, size: float, *, dim: int, share: float = 1.0) -> None:
    """Raise InputError for a mesh far beyond the memory: most likely a size in the wrong unit."""
    count = share * {1: 1.0, 2: 2.3, 3: 8.5}[dim] * volume / size**dim
    if count > _LARGEST_COUNT:
        raise InputError(
            f"{shape}: elements of {size:g} m would make about {count:.1e} cells (at most"
            f" {_LARGEST_COUNT:.0e}); give a larger element size"
        )


def check_graded(
    shape: str,
    where: str,
    size: float,
    near: float | None,
    growth: float,
    *,
    volume: float,
    area: float,
    dim: int,
) -> None:
    """Raise InputError for sizes that do not grow, or that make a mesh far beyond the memory.

    Args:
        shape: Name of the builder, for messages.
        where: Surface at which `near` is the size, "interface" or "pore".
        size: Element size far away [m].
        near: Element size at the surfaces [m]; None: `size` everywhere.
        growth: Increase of the size per distance [-].
        volume: Volume of the geometry [m^dim].
        area: Area of the surfaces, both sides counted [m^(dim-1)].
        dim: Dimension of the geometry.
    """
    check_count(shape, volume, size, dim=dim)
    if near is None:
        return
    check_lengths(shape, **{f"size_at_{where}": near})
    if near > size:
        raise InputError(
            f"{shape}: size_at_{where} = {near:g} m is larger than size = {size:g} m; the mesh is"
            f" finer at the {where}"
        )
    if not 0.01 <= growth <= 1:
        raise InputError(
            f"{shape}: growth = {growth:g}; the size must grow by 0.01 to 1 per distance from the"
            f" {where}"
        )
    # Integral of 1 / h^dim over the distance d, h = near + growth d.
    depth = np.log(size / near) / growth if dim == 1 else near ** (1 - dim) / growth / (dim - 1)
    check_count(shape, area * depth * near**dim, near, dim=dim)
