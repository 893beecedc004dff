"""The command ``pbte validate``: cases with known answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbte.cli.logs import show_only
from pbte.cli.terminal import on_first_rank, show, show_data, world

if TYPE_CHECKING:
    from rich.table import Table

    from pbte.verification.validate import ValidationResult
    from pbte.verification.validation._case import ValidationCase


def validate(
    only: Annotated[
        str | None,
        typer.Option(
            help="Cases to run: names or beginnings of names, with commas and wildcards "
            "('film', 'mediator/*bath*')."
        ),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the table as a web page (.html).")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Run the slow cases too.")] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="Show the cases without running them.")
    ] = False,
) -> None:
    """Compare the solver with known answers: case, source, expected, obtained, error, time.

    Takes about three minutes. The exit status is 1 if a case fails.
    """
    from pbte.core.parallel import limit_threads
    from pbte.verification.report import write_report
    from pbte.verification.validate import all_cases, choose_cases, run_cases

    cases = choose_cases(all_cases(), only, slow=every or listed)
    if listed:
        if json:
            show_data([{"name": c.name, "source": c.source, "slow": c.slow} for c in cases])
        else:
            show(_case_table(cases))
        return
    comm = world()
    limit_threads(comm)
    show_only("pbte.verification")
    results = run_cases(cases, comm)
    if report is not None:
        target = report
        on_first_rank(lambda: write_report(target, results))
    if json:
        show_data([result.as_dict() for result in results])
    else:
        show(_result_table(results), *_failures(results), _verdict(results))
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def _case_table(cases: Sequence[ValidationCase]) -> Table:
    table = _empty_table("Validation cases")
    for head in ("Case", "Source", "Quantity", "Default"):
        table.add_column(head, overflow="fold")
    for case in cases:
        table.add_row(case.name, case.source, case.quantity, "no, slow" if case.slow else "yes")
    return table


def _result_table(results: Sequence[ValidationResult]) -> Table:
    """Return the results with cells of several lines, which fit a terminal of 80 columns."""
    from rich.text import Text

    from pbte.verification.report import cells_of

    table = _empty_table("Validation")
    table.add_column("Case, quantity, source", overflow="fold")
    for head in ("Expected\nObtained", "Error\nTolerance", "Time\nVerdict"):
        table.add_column(head, justify="right", no_wrap=True)
    for result in results:
        name, source, quantity, expected, obtained, error, tolerance, *end = cells_of(result)
        table.add_row(
            Text.assemble((f"{name}\n", "bold"), f"{quantity}\n", (source, "dim")),
            f"{expected}\n{obtained}",
            f"{error}\n{tolerance}",
            "\n".join(end),
            style=None if result.passed else "bold red",
            end_section=True,
        )
    return table


def _failures(results: Sequence[ValidationResult]) -> list[str]:
    return [f"{result.name}: {result.failure}" for result in results if result.failure]


def _verdict(results: Sequence[ValidationResult]) -> str:
    from pbte.verification.report import verdict

    return verdict(results)


def _empty_table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
