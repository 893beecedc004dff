"""The commands ``pbte mesh ...``: make, convert and inspect meshes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pbte.errors import InputError
from pbte.terminal import on_first_rank, parse_length, show, show_data, world

if TYPE_CHECKING:
    from rich.table import Table

    from pbte.geometry.report import MeshReport

mesh_app = typer.Typer(
    help="Make, convert and inspect meshes. Lengths are in metres (200e-9) or have a unit (200nm).",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def _length(text: str) -> Any:
    return typer.Option(parser=parse_length, metavar="LENGTH", help=text, show_default=False)


CellSize = Annotated[float, _length("Edge length of the cells.")]
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
) -> None:
    """Make a film: region 'body', walls 'left', 'right' and, in 2D and 3D, 'sides'."""
    _make("film", output, thickness=thickness, size=size, dim=dim, width=width, height=height)


@mesh_app.command()
def wire(
    output: OutputFile,
    length: Annotated[float, _length("Extent in x.")],
    diameter: Annotated[float, _length("Diameter of the wire.")],
    size: CellSize,
) -> None:
    """Make a round wire: region 'body', walls 'left', 'right', 'side'."""
    _make("wire", output, length=length, diameter=diameter, size=size)


@mesh_app.command()
def block(
    output: OutputFile,
    lengths: Annotated[
        str, typer.Option(help="Two or three extents in x, y, z, separated by commas.")
    ],
    size: CellSize,
) -> None:
    """Make a box or a rectangle: region 'body', walls 'x_min', 'x_max', 'y_min', ..."""
    extents = tuple(parse_length(part) for part in lengths.split(","))
    _make("block", output, lengths=extents, size=size)


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
    _inform(target)


@mesh_app.command()
def info(
    file: Annotated[Path, typer.Argument(help="Mesh file (.msh).")],
    scale: Annotated[
        float | None, _length("Length of one unit of the file (default: 1 m).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Show what a mesh holds: regions, walls, sizes, quality, and what a case can name."""
    _inform(file, scale=1.0 if scale is None else scale, json=json)


def _make(shape: str, output: Path, **parameters: object) -> None:
    """Make a mesh by a named builder and show what it holds."""
    from pydantic import TypeAdapter, ValidationError

    from pbte.case_errors import explain
    from pbte.mesh_builders import BUILDERS, build_mesh

    kind = BUILDERS[shape]
    try:
        builder = TypeAdapter(kind).validate_python(parameters)
    except ValidationError as error:
        raise InputError(f"{shape}: " + explain(error, kind).replace("\n", "; ")) from None
    on_first_rank(lambda: build_mesh(builder, output))
    _inform(output)


def _inform(file: Path, *, scale: float = 1.0, json: bool = False) -> None:
    from pbte.geometry.domain import read_domain
    from pbte.geometry.report import mesh_report

    report = mesh_report(read_domain(file, world(), scale=scale))
    if json:
        show_data({"file": str(file), **mesh_data(report)})
    else:
        show(mesh_table(report, title=str(file)))


def mesh_data(report: MeshReport) -> dict[str, Any]:
    """Return a mesh report as plain data."""
    return {
        **asdict(report),
        "lower": report.lower.tolist(),
        "upper": report.upper.tolist(),
        "volume": report.volume,
    }


def mesh_table(report: MeshReport, *, title: str) -> Table:
    """Return a mesh report for the terminal."""
    from pbte.summary import facts_table

    dim = report.dim
    rows = [
        ("Dimension", f"{dim}"),
        ("Cells", f"{report.num_cells:,}"),
        ("Points", f"{report.num_points:,}"),
        ("Extent", " x ".join(nanometres(x) for x in report.upper - report.lower)),
        (
            "Edges",
            f"{nanometres(report.min_edge)} to {nanometres(report.max_edge)}, "
            f"mean {nanometres(report.mean_edge)}",
        ),
        (
            "Quality",
            f"worst {report.min_quality:.2f}, mean {report.mean_quality:.2f} "
            "(radius ratio, 1 = regular)",
        ),
    ]
    for kind, parts, power in (
        ("Region", report.regions, dim),
        ("Wall", report.walls, dim - 1),
        ("Interface", report.interfaces, dim - 1),
    ):
        for part in parts:
            unit = {0: "", 1: "m", 2: "m^2", 3: "m^3"}[power]
            size = f"{part.measure:.4g} {unit}, " if unit else ""
            noun = "cell" if kind == "Region" else "facet"
            plural = "" if part.count == 1 else "s"
            rows.append((f"{kind} '{part.name}'", f"{size}{part.count:,} {noun}{plural}"))
    rows.append(("A case can name", ", ".join(f"[walls.{part.name}]" for part in report.walls)))
    return facts_table(rows, title=title)


def nanometres(value: float) -> str:
    """Return a length for people: nm below a micrometre, um below a millimetre."""
    for unit, factor, limit in (("nm", 1e-9, 1e-6), ("um", 1e-6, 1e-3)):
        if abs(value) < limit * (1.0 - 1e-9) or (unit == "um" and abs(value) < 1e-3):
            return f"{value / factor:.4g} {unit}"
    return f"{value:.4g} m"
