"""The command ``pbte interface``: transmission and conductance of interfaces, without a mesh."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbte.cli.terminal import on_first_rank, show, show_data
from pbte.core.errors import InputError, RunError
from pbte.simulation.interface_study import study

if TYPE_CHECKING:
    pass


def interface(
    first: Annotated[str, typer.Argument(help="Shipped name or material file.")],
    second: Annotated[str, typer.Argument(help="The material on the other side.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Interface model: perfect, dmm, smooth-dmm, amm, mixed, smm, table or "
            "mediator; its options follow a colon (dmm:bins=20). Repeat to compare several "
            "(default: dmm).",
            show_default=False,
        ),
    ] = None,
    temperature: Annotated[
        list[str] | None,
        typer.Option(
            help="Temperatures [K], separated by commas or repeated (default: that of the first "
            "crystal's file).",
            show_default=False,
        ),
    ] = None,
    normal: Annotated[
        tuple[float, float, float],
        typer.Option(help="Direction from the first to the second crystal, of any length."),
    ] = (1.0, 0.0, 0.0),
    bins: Annotated[
        str, typer.Option(help="Energy bins of all models and of the spectrum: auto or a number.")
    ] = "auto",
    convergence: Annotated[
        bool, typer.Option("--convergence", help="Vary the number of bins, or the width.")
    ] = False,
    plots: Annotated[
        Path | None, typer.Option(help="Folder for figures (PNG).", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Show Landauer conductance, resistance and spectrum of an interface, without a mesh.

    Example: pbte interface Si-9 Ge-9 --model dmm --model amm --temperature 100,200,300
    """

    def work() -> None:
        from pbte.cli.interface_tables import study_data, study_tables
        from pbte.output.plots.interfaces import write_interface_plots

        found = study(
            first,
            second,
            models=model or ["dmm"],
            temperatures=parse_temperatures(temperature or []),
            normal=normal,
            bins=bins,
            convergence=convergence,
        )
        files = (
            []
            if plots is None
            else write_interface_plots(
                found.reports, found.names, plots, refinements=found.refinements
            )
        )
        if json:
            show_data(study_data(found, files))
        else:
            show(*study_tables(found, files))
        for report in (report for reports in found.reports for report in reports):
            if not report.laws.is_sound:
                raise RunError(
                    f"{report.label}: the model violates energy conservation, detailed balance or "
                    "reciprocity (see above)"
                )

    on_first_rank(work)


def parse_temperatures(texts: Sequence[str]) -> list[float]:
    """Return temperatures [K] from "50,100" and the like, each once, in the given order.

    Raises:
        InputError: One of them is no positive number.
    """
    found: list[float] = []
    for text in texts:
        for part in text.split(","):
            try:
                value = float(part.strip().removesuffix("K"))
            except ValueError:
                value = float("nan")
            if not 0.0 < value < float("inf"):
                raise InputError(
                    f"--temperature {text}: '{part.strip()}' is no temperature; give positive "
                    "numbers of kelvin, such as 50,100,300"
                )
            found.append(value)
    return list(dict.fromkeys(found))
