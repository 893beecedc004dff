"""The commands ``pbte mesh ...``: make, convert and inspect meshes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from pbte.cli.mesh_report import show_mesh
from pbte.cli.terminal import on_first_rank, parse_length
from pbte.core.errors import InputError

mesh_app = typer.Typer(
    help="Make, convert and inspect meshes. Lengths are in metres (200e-9) or have a unit (200nm).",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def _length(text: str) -> Any:
    return typer.Option(parser=parse_length, metavar="LENGTH", help=text, show_default=False)


CellSize = Annotated[float, _length("Edge length of the cells.")]
FarSize = Annotated[float, _length("Edge length of the cells away from there.")]
NearSize = Annotated[float | None, _length("Edge length at the interfaces (default: --size).")]
Growth = Annotated[
    float | None,
    typer.Option(help="Increase of the edge length per distance (default: 0.3)."),
]
Axes = Annotated[
    str | None,
    typer.Option(help="Axes along which opposite walls have the same mesh, such as x or xy."),
]
OutputFile = Annotated[Path, typer.Argument(help="Mesh file to write (.msh).")]


@mesh_app.command()
def nanoparticle(
    output: OutputFile,
    diameter: Annotated[float, _length("Diameter of the sphere.")],
    size: Annotated[float, _length("Edge length of the cells at the surface.")],
    core_size: Annotated[
        float | None, _length("Edge length in the core (default: --size).")
    ] = None,
    core_radius: Annotated[
        float | None, _length("Radius of the core (default: a quarter of the diameter).")
    ] = None,
) -> None:
    """Make a sphere: region 'body', wall 'surface'."""
    _make(
        "nanoparticle",
        output,
        diameter=diameter,
        size=size,
        core_size=core_size,
        core_radius=core_radius,
    )


@mesh_app.command()
def film(
    output: OutputFile,
    thickness: Annotated[float, _length("Extent in x.")],
    size: CellSize,
    dim: Annotated[int, typer.Option(help="Dimension of the mesh: 1, 2 or 3.")] = 1,
    width: Annotated[float | None, _length("Extent in y (default: the thickness).")] = None,
    height: Annotated[float | None, _length("Extent in z (default: the width).")] = None,
    periodic: Annotated[
        bool | None,
        typer.Option("--periodic", help="Give opposite sides the same mesh: 'y_min', 'y_max', ..."),
    ] = None,
) -> None:
    """Make a film: region 'body', walls 'left', 'right' and, in 2D and 3D, 'sides'."""
    _make(
        "film",
        output,
        thickness=thickness,
        size=size,
        dim=dim,
        width=width,
        height=height,
        periodic=periodic,
    )


@mesh_app.command()
def wire(
    output: OutputFile,
    length: Annotated[float, _length("Extent in x.")],
    diameter: Annotated[float, _length("Diameter of the wire.")],
    size: CellSize,
    periodic: Annotated[
        bool | None, typer.Option("--periodic", help="Give both ends the same mesh.")
    ] = None,
) -> None:
    """Make a round wire: region 'body', walls 'left', 'right', 'side'."""
    _make("wire", output, length=length, diameter=diameter, size=size, periodic=periodic)


@mesh_app.command()
def block(
    output: OutputFile,
    lengths: Annotated[
        str, typer.Option(help="Two or three extents in x, y, z, separated by commas.")
    ],
    size: CellSize,
    periodic: Axes = None,
) -> None:
    """Make a box or a rectangle: region 'body', walls 'x_min', 'x_max', 'y_min', ..."""
    _make("block", output, lengths=_extents(lengths), size=size, periodic=periodic)


def _layers_command(shape: str, described: str, missing: Any) -> None:
    """Add the command of one of the builders of layers.

    Args:
        shape: Name of the builder.
        described: What the command says of itself.
        missing: `...` where layers and size must be given, None where the builder has some.
    """

    @mesh_app.command(shape, help=described)
    def command(
        output: OutputFile,
        layer: Annotated[
            list[str] | None,
            typer.Option(help="Region and thickness, such as si=500nm; once for each layer."),
        ] = missing,
        size: FarSize = missing,
        repeat: Annotated[
            int | None,
            typer.Option(help="How often the layers follow each other (default: once)."),
        ] = None,
        size_at_interface: NearSize = None,
        growth: Growth = None,
        dim: Annotated[int | None, typer.Option(help="Dimension of the mesh: 1, 2 or 3.")] = None,
        width: Annotated[
            float | None, _length("Extent in y (default: thickness of the first layer).")
        ] = None,
        height: Annotated[float | None, _length("Extent in z (default: the width).")] = None,
        amplitude: Annotated[
            float | None, _length("Amplitude of waves of the interfaces along y.")
        ] = None,
        period: Annotated[
            float | None, _length("Period of these waves (default: the width).")
        ] = None,
        periodic: Axes = None,
        numbered: Annotated[
            bool | None,
            typer.Option("--numbered", help="Call the interfaces 'interface-1', ..."),
        ] = None,
    ) -> None:
        pairs = [_region_and_thickness(text) for text in layer or ()]
        _make(
            shape,
            output,
            regions=tuple(name for name, _ in pairs) or None,
            thicknesses=tuple(thickness for _, thickness in pairs) or None,
            repeat=repeat,
            size=size,
            size_at_interface=size_at_interface,
            growth=growth,
            dim=dim,
            width=width,
            height=height,
            amplitude=amplitude,
            period=period,
            periodic=periodic,
            numbered=numbered,
        )


_layers_command(
    "layers",
    """Make layers along x: walls 'left', 'right' and 'sides', interfaces such as 'si-ge'.

    Layers of the same name are one region. With --periodic x, half of the first layer goes to the
    other end, so that the interfaces of a superlattice all lie inside. 1D unless --dim says more.
    """,
    missing=...,
)
_layers_command(
    "heterostructure",
    """Make two cubes, 500 nm of 'si' on 500 nm of 'ge', finer towards their interface 'si-ge'.

    Or other layers, with the options of [bold]layers[/bold]; 3D unless --dim says less. Cells are a
    quarter of the thinnest layer (--size), and 0.4 of that at the interfaces.
    """,
    missing=None,
)


@mesh_app.command("core-shell")
def core_shell(
    output: OutputFile,
    diameter: Annotated[float, _length("Diameter of the whole sphere.")],
    core_diameter: Annotated[float, _length("Diameter of the core.")],
    size: FarSize,
    size_at_interface: NearSize = None,
    growth: Growth = None,
) -> None:
    """Make a sphere in a sphere: regions 'core', 'shell', interface 'core-shell'."""
    _make(
        "core_shell",
        output,
        diameter=diameter,
        core_diameter=core_diameter,
        size=size,
        size_at_interface=size_at_interface,
        growth=growth,
    )


@mesh_app.command()
def inclusion(
    output: OutputFile,
    lengths: Annotated[
        str, typer.Option(help="Two or three extents of the matrix, separated by commas.")
    ],
    size: FarSize,
    diameter: Annotated[float | None, _length("Diameter of a round inclusion.")] = None,
    inclusion_lengths: Annotated[
        str | None, typer.Option(help="Extents of a box-shaped inclusion, separated by commas.")
    ] = None,
    size_at_interface: NearSize = None,
    growth: Growth = None,
    periodic: Axes = None,
) -> None:
    """Make a body in the middle of a box: regions 'matrix', 'inclusion', walls 'x_min', ..."""
    _make(
        "inclusion",
        output,
        lengths=_extents(lengths),
        diameter=diameter,
        inclusion_lengths=None if inclusion_lengths is None else _extents(inclusion_lengths),
        size=size,
        size_at_interface=size_at_interface,
        growth=growth,
        periodic=periodic,
    )


@mesh_app.command("porous-cell")
def porous_cell(
    output: OutputFile,
    lengths: Annotated[
        str, typer.Option(help="Two or three periods in x, y, z, separated by commas.")
    ],
    diameter: Annotated[float, _length("Diameter of the pore.")],
    size: FarSize,
    pore: Annotated[
        str | None, typer.Option(help="In 3D: cylinder (along z, the default) or sphere.")
    ] = None,
    size_at_pore: Annotated[
        float | None, _length("Edge length at the pore (default: --size).")
    ] = None,
    growth: Growth = None,
) -> None:
    """Make a periodic cell with a pore in its middle: walls 'x_min', 'x_max', ..., 'pore'."""
    _make(
        "porous_cell",
        output,
        lengths=_extents(lengths),
        diameter=diameter,
        pore=pore,
        size=size,
        size_at_pore=size_at_pore,
        growth=growth,
    )


@mesh_app.command()
def nanomesh(
    output: OutputFile,
    period: Annotated[float, _length("Distance of neighbouring holes along x and y.")],
    diameter: Annotated[float, _length("Diameter of the holes.")],
    size: FarSize,
    thickness: Annotated[
        float | None, _length("Thickness of the film (a mesh of its plane if left out).")
    ] = None,
    size_at_hole: Annotated[
        float | None, _length("Edge length at the hole (default: --size).")
    ] = None,
    growth: Growth = None,
) -> None:
    """Make a cell of a film with a square array of holes: walls 'x_min', ..., 'z_max', 'hole'."""
    _make(
        "nanomesh",
        output,
        period=period,
        diameter=diameter,
        thickness=thickness,
        size=size,
        size_at_hole=size_at_hole,
        growth=growth,
    )


@mesh_app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="Mesh in any format that meshio reads.")],
    target: Annotated[Path, typer.Argument(help="Mesh file to write (.msh).")],
    scale: Annotated[
        float | None, _length("Length of one unit of the source (default: 1 m).")
    ] = None,
    tags: Annotated[
        str | None, typer.Option(help="Cell array that numbers regions and walls.")
    ] = None,
) -> None:
    """Convert a mesh of another program to a gmsh file with named regions and walls."""
    from pbte.geometry.convert import convert_mesh

    unit = 1.0 if scale is None else scale
    on_first_rank(lambda: convert_mesh(source, target, scale=unit, tags=tags))
    show_mesh(target)


@mesh_app.command()
def info(
    file: Annotated[Path, typer.Argument(help="Mesh file (.msh).")],
    scale: Annotated[
        float | None, _length("Length of one unit of the file (default: 1 m).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Show what a mesh holds: regions, walls, sizes, quality, and what a case can name."""
    show_mesh(file, scale=1.0 if scale is None else scale, json=json)


def _extents(text: str) -> tuple[float, ...]:
    """Return lengths separated by commas."""
    return tuple(parse_length(part) for part in text.split(","))


def _region_and_thickness(text: str) -> tuple[str, float]:
    """Return both parts of ``si=500nm``."""
    name, sign, thickness = text.rpartition("=")
    if not (sign and name.strip()):
        raise typer.BadParameter(
            f"{text!r} is no layer: give its region and its thickness, such as si=500nm",
            param_hint="'--layer'",
        )
    return name.strip(), parse_length(thickness)


def _make(shape: str, output: Path, **parameters: object) -> None:
    """Make a mesh by a named builder and show what it holds."""
    from pydantic import TypeAdapter, ValidationError

    from pbte.case.errors import explain
    from pbte.case.mesh import BUILDERS, build_mesh

    kind = BUILDERS[shape]
    try:
        given = {name: value for name, value in parameters.items() if value is not None}
        builder = TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        raise InputError(f"{shape}: " + explain(error, kind).replace("\n", "; ")) from None
    on_first_rank(lambda: build_mesh(builder, output))
    show_mesh(output)
