"""Report on a mesh in the terminal, of the commands ``pbte mesh ...``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbte.cli.terminal import show, show_data, world

if TYPE_CHECKING:
    from rich.table import Table

    from pbte.geometry.report import MeshReport, PartReport


# Connected parts that a table lists.
MOST_PARTS = 10


def show_mesh(file: Path, *, scale: float = 1.0, json: bool = False) -> None:
    """Show what a mesh holds, for people or as JSON."""
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
        "matches": [
            {"walls": list(match.walls), "translation": match.translation.tolist()}
            for match in report.matches
        ],
    }


def mesh_table(report: MeshReport, *, title: str) -> Table:
    """Return a mesh report for the terminal."""
    from pbte.output.summary.overview import facts_table

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
    rows += [(f"Region '{part.name}'", _extent(part, dim, "cell")) for part in report.regions]
    rows += [(f"Wall '{part.name}'", _extent(part, dim - 1, "facet")) for part in report.walls]
    for face in report.interfaces:
        sides = "; ".join(
            f"from '{one}' to '{other}'" if one != other else f"within '{one}'"
            for one, other in face.between
        )
        origin = "" if face.named else " (not named in the file)"
        extent = _extent(face, dim - 1, "facet")
        rows.append((f"Interface '{face.name}'", f"{extent}, {sides}{origin}"))
    rows += _part_rows(report)
    for match in report.matches:
        shift = ", ".join(nanometres(x) for x in match.translation)
        one, other = match.walls
        rows.append(("Can be periodic", f"'{one}' and '{other}', moved by ({shift})"))
    rows.append(("A case can name", ", ".join(f"[walls.{part.name}]" for part in report.walls)))
    return facts_table(rows, title=title)


def _part_rows(report: MeshReport) -> list[tuple[str, str]]:
    """Return the connected parts of a mesh in several, and where they are not joined."""
    from pbte.geometry.connected_parts import REMEDY

    count = len(report.parts)
    if count == 1:
        return []
    rows = []
    for number, part in enumerate(report.parts[:MOST_PARTS], start=1):
        walls = ", ".join(f"'{name}'" for name in part.walls)
        text = f"{part.num_cells:,} cells around {part.text}, walls {walls}"
        rows.append((f"Connected part {number} of {count}", text))
    for each in report.unjoined[:MOST_PARTS]:
        numbers = " and ".join(str(number + 1) for number in each.parts)
        rows.append((f"NOT JOINED: {numbers}", f"{each.text}; {REMEDY}"))
    if max(count, len(report.unjoined)) > MOST_PARTS:
        rows.append(("...", "the rest is in --json"))
    return rows


def _extent(part: PartReport, power: int, noun: str) -> str:
    """Return length, area or volume of a part and the number of its cells or facets."""
    unit = {0: "", 1: "m", 2: "m^2", 3: "m^3"}[power]
    size = f"{part.measure:.4g} {unit}, " if unit else ""
    return f"{size}{part.count:,} {noun}{'' if part.count == 1 else 's'}"


def nanometres(value: float) -> str:
    """Return a length for people: nm below a micrometre, um below a millimetre."""
    for unit, factor, limit in (("nm", 1e-9, 1e-6), ("um", 1e-6, 1e-3)):
        if abs(value) < limit * (1.0 - 1e-9) or (unit == "um" and abs(value) < 1e-3):
            return f"{value / factor:.4g} {unit}"
    return f"{value:.4g} m"
