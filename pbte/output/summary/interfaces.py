"""The interfaces of a run, as tables for the terminal and as data."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from pbte.observables.results import Results


def interface_tables(results: Results) -> Iterator[Table | str]:
    """Yield the results at the interfaces of a run: tables, and sentences."""
    if not results.interfaces:
        return
    state = "" if results.steady is not None else " (sum of the orders)"
    if results.model == "fourier":
        state = ", by the heat equation"
    table = _table(f"Resistance of the interfaces [m^2 K/W]{state}")
    for name in ("interface", "model", "local", "extrapolated", "emission", "Landauer"):
        table.add_column(name, justify="left" if name in ("interface", "model") else "right")
    for each in results.interfaces:
        values = (each.local, each.extrapolated, each.emission, each.landauer)
        table.add_row(
            f"{each.name} ({' | '.join(each.materials)})", each.model, *map(_number, values)
        )
    yield table
    for each in results.interfaces:
        sentence = (
            f"Interface {each.name}: {each.jump:.4g} K between {each.materials[0]} and "
            f"{each.materials[1]}, {each.heat_flux:.4g} W/m^2 from one to the other"
        )
        if each.heat_flux != 0.0:
            sentence += f" (the sides differ by {abs(each.mismatch / each.heat_flux):.0e})"
        if math.isfinite(each.entropy):
            sentence += f", entropy production {each.entropy:.3g} W/m^2 K"
        yield f"{sentence}."
    if results.series is not None:
        yield from _stack(results)


def _stack(results: Results) -> Iterator[Table | str]:
    series = results.series
    assert series is not None
    where = "of one period" if series.is_period else "from the hot wall to the cold one"
    table = _table(f"Resistances in series {where} [m^2 K/W]")
    for name in ("part", "name", "temperature drop", "resistance", "as bulk"):
        table.add_column(name, justify="left" if name in ("part", "name") else "right")
    for part in series.parts:
        bulk = _number(part.bulk) if part.kind == "film" else ""
        table.add_row(part.kind, part.name, f"{part.drop:.4g} K", _number(part.resistance), bulk)
    yield table
    rest = (
        "films in excess of bulk" if series.is_period else "boundaries and films in excess of bulk"
    )
    yield (
        f"Total {series.total:.4g} m^2 K/W: bulk {series.bulk:.4g}, interfaces "
        f"{series.interfaces:.4g}, {rest} {series.boundaries:.4g}; conductivity of the "
        f"{'superlattice' if series.is_period else 'series'} {series.conductivity:.4g} W/m K."
    )


def _table(title: str) -> Table:
    return Table(
        title=Text(title),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )


def _number(value: float) -> str:
    return f"{value:.3e}" if math.isfinite(value) else "-"
