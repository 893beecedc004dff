"""Named mesh builders: their parameters, and the files they make.

A builder is a record with the name, unit, default and meaning of each parameter. The functions of
the same names in `pbte.geometry` take these fields, and the options of ``pbte mesh`` are made of
them.

A mesh file made here ends in a comment that names the builder and its parameters, so that a run can
tell whether the file is the one that the case asks for.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field, ValidationError

from pbte.case.record import Count, NonNegative, Positive, Record, Switch, Text
from pbte.core.errors import InputError, RunError
from pbte.core.parallel import on_all_ranks

if TYPE_CHECKING:
    from mpi4py import MPI

_MARK = "made by pbte mesh: "

Extents = Annotated[tuple[Positive, ...], Field(min_length=2, max_length=3)]
_FarSize = Annotated[
    Positive, Field(description="Edge length of the cells away from the interfaces [m]")
]
_NearSize = Annotated[
    Positive | None,
    Field(description="Edge length of the cells at the interfaces, the size by default [m]"),
]
_Growth = Annotated[
    Positive,
    Field(description="Increase of the edge length per distance from the finest cells [-]"),
]
_Axes = Annotated[
    Text | None,
    Field(description="Axes along which opposite walls have the same mesh, such as 'x' or 'xy'"),
]
_Dimension = Annotated[Literal[1, 2, 3], Field(description="Dimension of the mesh: 1, 2 or 3")]
_Height = Annotated[
    Positive | None, Field(description="Extent in z, in 3D, the width by default [m]")
]


class NanoparticleMesh(Record):
    """A sphere around the origin: region 'body', wall 'surface'.

    Cells grow linearly from the core to the surface.
    """

    shape: Literal["nanoparticle"] = "nanoparticle"
    diameter: Positive = Field(description="Diameter of the sphere [m]")
    size: Positive = Field(description="Edge length of the cells at the surface [m]")
    core_size: Positive | None = Field(
        default=None, description="Edge length of the cells in the core, the size by default [m]"
    )
    core_radius: NonNegative | None = Field(
        default=None,
        description="Radius of the finely meshed core, a quarter of the diameter by default [m]",
    )


class FilmMesh(Record):
    """A film normal to x: region 'body', walls 'left', 'right' and, in 2D and 3D, 'sides'.

    If periodic, 'y_min', 'y_max', ... instead of 'sides': the cell of a film without end.
    """

    shape: Literal["film"] = "film"
    thickness: Positive = Field(description="Extent in x [m]")
    size: Positive = Field(description="Edge length of the cells [m]")
    dim: _Dimension = 1
    width: Positive | None = Field(
        default=None, description="Extent in y, in 2D and 3D, the thickness by default [m]"
    )
    height: _Height = None
    periodic: Switch = Field(
        default=False, description="Whether opposite sides have the same mesh and their own names"
    )


class WireMesh(Record):
    """A round wire along x: region 'body', walls 'left', 'right' and 'side'."""

    shape: Literal["wire"] = "wire"
    length: Positive = Field(description="Extent in x [m]")
    diameter: Positive = Field(description="Diameter of the wire [m]")
    size: Positive = Field(description="Edge length of the cells [m]")
    periodic: Switch = Field(default=False, description="Whether both ends have the same mesh")


class BlockMesh(Record):
    """A box or rectangle: region 'body', walls 'x_min', 'x_max', 'y_min', ..."""

    shape: Literal["block"] = "block"
    lengths: Extents = Field(description="Extents in x, y and, in 3D, z [m]")
    size: Positive = Field(description="Edge length of the cells [m]")
    periodic: _Axes = None


class LayeredMesh(Record):
    """What all layers along x have in common, their own sizes aside."""

    repeat: Count = Field(default=1, description="How often the layers follow each other [-]")
    growth: _Growth = 0.3
    width: Positive | None = Field(
        default=None,
        description="Extent in y, in 2D and 3D, the thickness of the first layer by default [m]",
    )
    height: _Height = None
    amplitude: NonNegative = Field(
        default=0.0, description="Amplitude of sine waves of the interfaces along y [m]"
    )
    period: Positive | None = Field(
        default=None, description="Period of these waves, the width by default [m]"
    )
    periodic: _Axes = None
    numbered: Switch = Field(
        default=False, description="Whether interfaces are called 'interface-1', 'interface-2', ..."
    )


_Regions = Annotated[
    tuple[Text, ...],
    Field(min_length=1, description="Name of the region of each layer, from left to right"),
]
_Thicknesses = Annotated[tuple[Positive, ...], Field(description="Thickness of each layer [m]")]


class LayersMesh(LayeredMesh):
    """Layers along x: a region for each name, walls 'left', 'right', 'sides', interfaces 'a-b'.

    Layers of the same name are one region. If periodic in y or z, 'y_min', ... instead of 'sides'.
    If periodic in x, half of the first layer goes to the other end, so that the interfaces of a
    superlattice all lie inside.
    """

    shape: Literal["layers"] = "layers"
    regions: _Regions
    thicknesses: _Thicknesses
    size: _FarSize
    size_at_interface: _NearSize = None
    dim: _Dimension = 1


class HeterostructureMesh(LayeredMesh):
    """Two cubes of 500 nm, 'si' on 'ge', or other layers, finer towards their interfaces.

    Walls 'left', 'right', 'sides', interface 'si-ge', all by default.
    """

    shape: Literal["heterostructure"] = "heterostructure"
    regions: _Regions = ("si", "ge")
    thicknesses: _Thicknesses = (500e-9, 500e-9)
    size: Positive | None = Field(
        default=None,
        description="Edge length away from the interfaces, a quarter of the thinnest layer by "
        "default [m]",
    )
    size_at_interface: Positive | None = Field(
        default=None, description="Edge length at the interfaces, 0.4 of the size by default [m]"
    )
    dim: _Dimension = 3


class CoreShellMesh(Record):
    """A sphere in a sphere: regions 'core', 'shell', interface 'core-shell', wall 'surface'."""

    shape: Literal["core_shell"] = "core_shell"
    diameter: Positive = Field(description="Diameter of the whole sphere [m]")
    core_diameter: Positive = Field(description="Diameter of the core [m]")
    size: _FarSize
    size_at_interface: _NearSize = None
    growth: _Growth = 0.3


class InclusionMesh(Record):
    """A round or box-shaped body in the middle of a box: walls 'x_min', 'x_max', 'y_min', ...

    Regions 'matrix' and 'inclusion', interface 'matrix-inclusion'.
    """

    shape: Literal["inclusion"] = "inclusion"
    lengths: Extents = Field(description="Extents of the matrix in x, y and, in 3D, z [m]")
    diameter: Positive | None = Field(default=None, description="Diameter of a round inclusion [m]")
    inclusion_lengths: Extents | None = Field(
        default=None, description="Extents of a box-shaped inclusion [m]"
    )
    size: _FarSize
    size_at_interface: _NearSize = None
    growth: _Growth = 0.3
    periodic: _Axes = None


class PorousCellMesh(Record):
    """The periodic cell of a porous body: walls 'x_min', 'x_max', 'y_min', ... and 'pore'."""

    shape: Literal["porous_cell"] = "porous_cell"
    lengths: Extents = Field(description="Periods in x, y and, in 3D, z [m]")
    diameter: Positive = Field(description="Diameter of the pore in the middle [m]")
    pore: Literal["cylinder", "sphere"] | None = Field(
        default=None,
        description="Shape of the pore in 3D, a 'cylinder' along z by default, or a 'sphere'",
    )
    size: Positive = Field(description="Edge length of the cells away from the pore [m]")
    size_at_pore: Positive | None = Field(
        default=None, description="Edge length of the cells at the pore, the size by default [m]"
    )
    growth: _Growth = 0.3


class NanomeshMesh(Record):
    """A cell of a film normal to z with a square array of holes.

    Region 'body', walls 'x_min', 'x_max', 'y_min', 'y_max', 'hole' and, in 3D, 'z_min', 'z_max'.
    """

    shape: Literal["nanomesh"] = "nanomesh"
    period: Positive = Field(description="Distance of neighbouring holes along x and y [m]")
    diameter: Positive = Field(description="Diameter of the holes [m]")
    thickness: Positive | None = Field(
        default=None, description="Thickness of the film, a mesh of its plane if left out [m]"
    )
    size: Positive = Field(description="Edge length of the cells away from the hole [m]")
    size_at_hole: Positive | None = Field(
        default=None, description="Edge length of the cells at the hole, the size by default [m]"
    )
    growth: _Growth = 0.3


MeshBuilder = (
    NanoparticleMesh
    | FilmMesh
    | WireMesh
    | BlockMesh
    | LayersMesh
    | HeterostructureMesh
    | CoreShellMesh
    | InclusionMesh
    | PorousCellMesh
    | NanomeshMesh
)

BUILDERS: dict[str, type[MeshBuilder]] = {
    record.model_fields["shape"].default: record for record in get_args(MeshBuilder)
}
"""Builder name -> the record of its parameters."""


def build_mesh(builder: MeshBuilder, path: str | Path) -> Path:
    """Write the mesh of a builder, with the mark of its parameters, and return its path.

    Args:
        builder: Shape and parameters.
        path: The ``.msh`` file; missing folders above it are made.

    Raises:
        InputError: A parameter makes no sense, or the folder cannot be written to.
        RunError: Meshing or writing failed; no file is left under the final name.
    """
    path = Path(path)
    if path.suffix.lower() != ".msh":
        raise InputError(f"{path}: the name of a mesh file must end in .msh")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path.parent}: the folder of the mesh cannot be made ({error.strerror})"
        ) from None
    draft = path.with_name(f".{path.stem}.{os.getpid()}.msh")
    parameters = builder.model_dump(exclude={"shape"}, exclude_none=True)
    try:
        _writer(builder.shape)(draft, **parameters)
        with draft.open("a", encoding="utf-8") as file:
            file.write(f"$Comments\n{_MARK}{_signature(builder)}\n$EndComments\n")
        draft.replace(path)
    except OSError as error:
        raise RunError(f"{path}: the mesh could not be written ({error.strerror})") from None
    except (InputError, RunError) as error:
        raise type(error)(str(error).replace(str(draft), str(path))) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return path


def _writer(shape: str) -> Callable[..., Path]:
    """Return the function that writes the mesh of a named builder."""
    from pbte.geometry import cells, inclusions, layers, shapes

    home = next(room for room in (shapes, layers, inclusions, cells) if hasattr(room, shape))
    writer: Callable[..., Path] = getattr(home, shape)
    return writer


def ensure_mesh(path: Path, builder: MeshBuilder | None, comm: MPI.Comm) -> bool:
    """Make the mesh file unless it is there with these very parameters; return whether it was made.

    Args:
        path: The mesh file.
        builder: How to make it; None leaves everything as it is.
        comm: All ranks; the first one makes the file.

    Raises:
        InputError: The parameters make no sense, or the file is there but no builder made it.
        RunError: Meshing or writing failed.

    Note:
        Collective over ``comm``.
    """
    made = False
    with on_all_ranks(comm):
        if comm.rank == 0 and builder is not None and not _is_current(path, builder):
            build_mesh(builder, path)
            made = True
    return bool(comm.bcast(made))


def _is_current(path: Path, builder: MeshBuilder) -> bool:
    """Return whether the file was made by this builder with these parameters."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            end = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InputError(f"{path}: the mesh file cannot be read ({error.strerror})") from None
    mark = end.rpartition(_MARK)[2].partition("\n")[0] if _MARK in end else None
    if mark is None:
        raise InputError(
            f"{path}: this mesh exists but no builder of pbte made it; drop mesh.builder from the "
            "case to use it, or give another mesh.file to be made"
        )
    try:
        made = type(builder).model_validate_json(mark)
    except ValidationError:  # of another shape
        return False
    return made == builder


def _signature(builder: MeshBuilder) -> str:
    return json.dumps(builder.model_dump(exclude_none=True), sort_keys=True)
