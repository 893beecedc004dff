"""The terminal as the commands see it: one rank talks, whatever the number of ranks."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pbte.core.errors import InputError
from pbte.core.parallel import on_all_ranks, under_launcher

if TYPE_CHECKING:
    from mpi4py import MPI
    from rich.console import Console, RenderableType

    from pbte.case.case import Case

_UNITS = {
    "m": 1.0, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "nm": 1e-9, "pm": 1e-12, "A": 1e-10
}  # fmt: skip


@cache
def world() -> MPI.Intracomm:
    """Return the world communicator; MPI starts with the first call.

    Note:
        Collective over all ranks on the first call.
    """
    from mpi4py import MPI

    return MPI.COMM_WORLD


@cache
def failure_channel() -> MPI.Intracomm:
    """Return a copy of the world communicator on which only failures are told.

    Note:
        Collective over all ranks on the first call.
    """
    return world().Dup()


def is_talking() -> bool:
    """Return whether this rank writes to the terminal."""
    return not under_launcher() or world().rank == 0


def show(*parts: RenderableType) -> None:
    """Write to standard output, on the talking rank only."""
    if is_talking():
        from rich.console import Console

        _before_output()
        console = Console()
        for part in parts:
            console.print(part, markup=False, highlight=False, soft_wrap=isinstance(part, str))


def show_data(data: Any) -> None:
    """Write JSON to standard output, on the talking rank only."""
    if is_talking():
        _before_output()
        sys.stdout.write(json.dumps(data, indent=2, allow_nan=False) + "\n")


def complain(message: str) -> None:
    """Write a message to the error output, on any rank."""
    _before_output()
    error_console().print(message, markup=False, highlight=False, soft_wrap=True)


def load_case(
    path: Path, comm: MPI.Intracomm, *, output: Path | None = None, model: str | None = None
) -> Case:
    """Return the case in a file, the same on all ranks.

    Args:
        path: The case file.
        comm: All ranks; the first one reads.
        output: A result folder that replaces the one of the case.
        model: A model that replaces the one of the case.

    Raises:
        InputError: The case is wrong, or there is no such model.

    Note:
        Collective over ``comm``.
    """
    from pbte.case.case import Case, read_case

    case: Case | None = None
    with on_all_ranks(comm):
        if comm.rank == 0:
            case = read_case(path)
    case = comm.bcast(case)
    assert isinstance(case, Case)
    if model is not None:
        models = ("transport", "fourier")
        if model not in models:
            raise InputError(f"--model {model}: must be {' or '.join(models)}")
        case = case.model_copy(update={"model": model})
    if output is None:
        return case
    return case.model_copy(
        update={"output": case.output.model_copy(update={"folder": str(output)})}
    )


def length(text: str) -> float:
    """Return a length [m] given in metres ("200e-9") or with a unit ("200nm", "0.2 um").

    Raises:
        InputError: Not a number, or an unknown unit.
    """
    number = text.strip().rstrip("abcdfghijklmnopqrstuvwxyzA\u00b5\u03bc").strip()
    unit = text.strip()[len(number) :].strip() or "m"
    try:
        return float(number) * _UNITS[unit]
    except (ValueError, KeyError):
        units = ", ".join(name for name in _UNITS if name.isascii())
        raise InputError(
            f"'{text}' is not a length; give metres (200e-9) or a number with one of {units} "
            "(200nm)"
        ) from None


def parse_length(text: str) -> float:
    """Return a length from the command line [m], refused as wrong use when it is none."""
    import typer

    try:
        return length(text)
    except InputError as error:
        raise typer.BadParameter(str(error)) from None


def on_first_rank(work: Callable[[], object]) -> None:
    """Let the first rank work alone; a failure is raised on all ranks.

    Note:
        Collective over all ranks, when there are several.
    """
    if not under_launcher():
        work()
        return
    with on_all_ranks(world()):
        if world().rank == 0:
            work()


def wants_traceback() -> bool:
    """Return whether the environment asks for tracebacks."""
    return os.environ.get("PBTE_TRACEBACK", "") not in ("", "0")


@cache
def error_console() -> Console:
    """Return the one console on the error output, so that lines and a live line do not mix."""
    from rich.console import Console

    return Console(stderr=True)


def _before_output() -> None:
    """Let a live line of the log, if there is one, make room."""
    for handler in logging.getLogger("pbte").handlers:
        handler.flush()
