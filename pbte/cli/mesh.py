"""The commands ``pbte mesh ...``: make, convert and inspect meshes."""

from __future__ import annotations

import inspect
from inspect import Parameter, Signature
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from pbte.case.errors import explain
from pbte.case.mesh import BUILDERS, LayeredMesh, MeshBuilder
from pbte.cli.mesh_report import show_mesh
from pbte.cli.terminal import on_first_rank, parse_length
from pbte.core.errors import InputError
from pbte.simulation.mesh_making import build_mesh

mesh_app = typer.Typer(
    help="Make, convert and inspect meshes. Lengths are in metres (200e-9) or have a unit (200nm).",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def _length(text: str) -> Any:
    return typer.Option(parser=parse_length, metavar="LENGTH", help=text, show_default=False)


def _add_command(record: type[MeshBuilder]) -> None:
    """Add the command of a builder, with an option for each field of its record."""
    fields = {name: field for name, field in record.model_fields.items() if name != "shape"}
    shape = record.model_fields["shape"].default
    options = []
    if issubclass(record, LayeredMesh):
        fields.pop("thicknesses")
        options = [_layer_option(required=fields.pop("regions").is_required())]
    options += [_option(name, field) for name, field in fields.items()]

    def command(output: Path, layer: list[str] | None = None, **given: object) -> None:
        if layer:
            regions, thicknesses = zip(*map(_region_and_thickness, layer), strict=True)
            given |= {"regions": regions, "thicknesses": thicknesses}
        _make(record, output, {name: value for name, value in given.items() if value is not None})

    output = typer.Argument(help="Mesh file to write (.msh).", show_default=False)
    parameters = [
        Parameter("output", Parameter.KEYWORD_ONLY, annotation=Annotated[Path, output]),
        *sorted(options, key=lambda option: option.default is not ...),
    ]
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    described = inspect.getdoc(record) or ""
    described = f"Make {described[0].lower()}{described[1:]}"
    mesh_app.command(shape.replace("_", "-"), help=described)(command)


def _option(name: str, field: FieldInfo) -> Parameter:
    """Return the parameter of a command that stands for a field of a record."""
    meaning, _, unit = str(field.description).rstrip("]").partition(" [")
    default = ... if field.is_required() else field.default
    kind, parser = _kind_of(field.annotation), dict[str, Any]()
    if kind is tuple:
        meaning += ", separated by commas"
    if unit == "m":
        parse, metavar = (_extents, "LENGTHS") if kind is tuple else (parse_length, "LENGTH")
        kind, parser = Any, {"parser": parse, "metavar": metavar}
        default = ... if field.is_required() else None  # the record's own
    flag, shown = f"--{name.replace('_', '-')}", default is not ... and bool(default)
    option = typer.Option(flag, help=meaning, show_default=shown, **parser)
    annotation = Annotated[kind, option]  # type: ignore[valid-type]
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _layer_option(*, required: bool) -> Parameter:
    """Return the parameter that stands for both regions and thicknesses."""
    option = typer.Option(
        help="Region and thickness, such as si=500nm; once for each layer.", show_default=False
    )
    return Parameter(
        "layer",
        Parameter.KEYWORD_ONLY,
        annotation=Annotated[list[str] | None, option],
        default=... if required else None,
    )


def _kind_of(annotation: Any) -> Any:
    """Return the type of an annotation without None, bounds and choices."""
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) is Literal:
        return type(parts[0])
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return _kind_of(parts[0])
    return get_origin(annotation) or annotation


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


def _make(record: type[MeshBuilder], output: Path, given: dict[str, object]) -> None:
    """Make a mesh with the given parameters and show what it holds."""
    try:
        builder = record.model_validate(given)
    except ValidationError as error:
        shape = record.model_fields["shape"].default
        raise InputError(f"{shape}: " + explain(error, record).replace("\n", "; ")) from None
    on_first_rank(lambda: build_mesh(builder, output))
    show_mesh(output)


for _record in BUILDERS.values():
    _add_command(_record)


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
    merge: Annotated[
        float | None, _length("Merge points at most this far apart (default: none).")
    ] = None,
) -> None:
    """Convert a mesh of another program to a gmsh file with named regions and walls."""
    from pbte.geometry.convert import convert_mesh

    unit = 1.0 if scale is None else scale
    on_first_rank(lambda: convert_mesh(source, target, scale=unit, tags=tags, merge=merge))
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
