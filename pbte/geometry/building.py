"""What all builders of bodies share: checks of lengths, element sizes, and the file."""

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
NANOMETRE = 1e-9
_LARGEST_COUNT = 5_000_000


def side_of(bounds: Array, extents: Sequence[float]) -> str:
    """Return which side of the box an entity with these bounds is."""
    relative = bounds / np.asarray(extents)
    axis = int(np.argmin(relative[1] - relative[0]))
    return "xyz"[axis] + ("_min" if relative[:, axis].mean() < 0.5 else "_max")


def set_uniform_size(gmsh: ModuleType, size: float) -> None:
    """Ask for one element size everywhere."""
    gmsh.option.setNumber("Mesh.MeshSizeMin", size / NANOMETRE)
    gmsh.option.setNumber("Mesh.MeshSizeMax", size / NANOMETRE)


def grade(gmsh: ModuleType, kind: str, core: float, outer: float, shape: dict[str, float]) -> None:
    """Ask for element sizes given by a field alone: ``core`` inside it, ``outer`` outside."""
    field = gmsh.model.mesh.field.add(kind)
    for name, value in {
        "VIn": core / NANOMETRE,
        "VOut": outer / NANOMETRE,
        **shape,
    }.items():
        gmsh.model.mesh.field.setNumber(field, name, value)
    gmsh.model.mesh.field.setAsBackgroundMesh(field)
    gmsh.option.setNumber("Mesh.MeshSizeExtendFromBoundary", 0)
    gmsh.option.setNumber("Mesh.MeshSizeFromPoints", 0)


def write_mesh(path: str | Path, *, dim: int, build: Callable[[ModuleType], None]) -> Path:
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
        gmsh.option.setNumber("Mesh.ScalingFactor", NANOMETRE)
        write_atomically(path, lambda temporary: gmsh.write(str(temporary)))
    return path


def check_lengths(shape: str, **lengths: float) -> None:
    """Refuse lengths that are not positive or not given in metres."""
    for name, value in lengths.items():
        if not (np.isfinite(value) and value > 0):
            raise InputError(f"{shape}: {name} = {value:g} m; it must be positive")
        if value > 1e-1:
            raise InputError(
                f"{shape}: {name} = {value:g} m; lengths are in metres (20 nm is 20e-9)"
            )


def check_size(shape: str, size: float, **lengths: float) -> None:
    """Refuse an element size larger than one of the lengths."""
    for name, value in lengths.items():
        if size > value * (1 + 1e-9):
            raise InputError(
                f"{shape}: size = {size:g} m is larger than {name} = {value:g} m; give a smaller"
                " element size"
            )


def check_count(shape: str, volume: float, size: float, *, dim: int, share: float = 1.0) -> None:
    """Refuse a mesh far beyond what fits in memory: a size in the wrong unit, most likely."""
    count = share * {1: 1.0, 2: 2.3, 3: 8.5}[dim] * volume / size**dim
    if count > _LARGEST_COUNT:
        raise InputError(
            f"{shape}: elements of {size:g} m would make about {count:.1e} cells (at most"
            f" {_LARGEST_COUNT:.0e}); give a larger element size"
        )
