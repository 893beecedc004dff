"""Named mesh builders: the parameters of each.

A builder is a record with the name, unit, default and meaning of each parameter. The functions of
the same names in `pbte.geometry` take these fields, and the options of ``pbte mesh`` are made of
them.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from pbte.case.record import Count, NonNegative, Positive, Record, Switch, Text

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
    """Common keys of all meshes of layers along x, their own sizes aside."""

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
