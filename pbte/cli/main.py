"""The command ``pbte``.

Exit status: 0 when all went well, 2 for wrong input, 1 for a failure, 130 when interrupted. A
failure is one sentence on the error output; ``--traceback`` (anywhere on the command line) or
PBTE_TRACEBACK=1 shows where it happened. What takes long to import is imported by the commands.
"""

from __future__ import annotations

import itertools
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import typer

from pbte.cli.bench import bench
from pbte.cli.check import check
from pbte.cli.interface import interface
from pbte.cli.logs import configure_logging, stop_logging
from pbte.cli.material import material_app
from pbte.cli.mesh import mesh_app
from pbte.cli.terminal import (
    complain,
    failure_channel,
    is_talking,
    load_case,
    show,
    show_data,
    wants_traceback,
    world,
)
from pbte.cli.validate import validate
from pbte.core.errors import InputError, RunError
from pbte.core.parallel import (
    describe,
    peak_memory,
    stop_all,
    under_launcher,
)

LOG = logging.getLogger("pbte.cli")

app = typer.Typer(
    name="pbte",
    help="Phonon Boltzmann transport resolved in position, mode and scattering order.",
    epilog="--traceback, anywhere on the command line, shows where a failure happened.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(check)
app.command()(bench)
app.command()(interface)
app.command()(validate)
app.add_typer(mesh_app, name="mesh")
app.add_typer(material_app, name="material")


def _show_versions(wanted: bool) -> None:
    if wanted:
        from pbte.core.versions import versions

        show(*(f"{name} {version}" for name, version in versions().items()))
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_show_versions,
            is_eager=True,
            help="Show the versions of pbte and of what it builds on.",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show warnings and the summary only.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show details of what is done.")
    ] = False,
    log_file: Annotated[
        Path | None,
        typer.Option(help="Add everything that is done, with time and rank, to this file."),
    ] = None,
) -> None:
    """Take the options that all commands have; they may also stand after the command."""
    configure_logging(quiet=quiet, verbose=verbose, file=log_file)


@app.command()
def run(
    case: Annotated[Path, typer.Argument(help="Case file (TOML).")],
    output: Annotated[
        Path | None, typer.Option(help="Result folder instead of the one in the case.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="'transport' or 'fourier' (the heat equation) instead of the case's."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Restart from the checkpoint of an interrupted run."),
    ] = False,
    any_version: Annotated[
        bool,
        typer.Option("--any-version", help="Resume a checkpoint of another version of pbte, too."),
    ] = False,
) -> None:
    """Run a case and write its result folder: results.h5, ParaView files, plots."""
    comm = world()
    wanted = load_case(
        case, comm, output=output, model=model
    )  # a wrong case is told before anything is loaded

    import pbte
    from pbte.output.summary.overview import result_files, summary

    folder = Path(wanted.output.folder)
    results = pbte.run(wanted, comm, folder=folder, resume=resume, any_version=any_version)
    files = result_files(folder) if comm.rank == 0 else []
    show(summary(results, files=files, peak_memory=peak_memory(comm)))
    if not results.converged:
        raise typer.Exit(1)  # the summary says why


@app.command("show")
def show_results(
    results: Annotated[Path, typer.Argument(help="Result folder or its results.h5.")],
    json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Show the summary of a finished run."""
    from pbte.output.hdf5.results import read_results
    from pbte.output.summary.data import as_data
    from pbte.output.summary.overview import result_files, summary

    record = read_results(results)
    if json:
        show_data(as_data(record))
    else:
        show(summary(record, files=result_files(results)))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    detailed = "--traceback" in given or wants_traceback()
    given = _common_first([argument for argument in given if argument != "--traceback"])
    if under_launcher():
        failure_channel()
    try:
        with _one_voice(), warnings.catch_warnings():
            warnings.showwarning = _show_warning
            outcome: Any = typer.main.get_command(app).main(
                given, prog_name="pbte", standalone_mode=False
            )
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        if detailed:
            traceback.print_exc()
        _fail(error)
    finally:
        stop_logging()
    # Click returns the status of Exit and of Ctrl-C instead of raising here.
    if outcome == 130:
        _fail(KeyboardInterrupt())
    sys.exit(outcome if isinstance(outcome, int) else 0)


def _common_first(arguments: Sequence[str]) -> list[str]:
    """Return the arguments with the options of all commands before the command."""
    common: list[str] = []
    others: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if argument in ("-q", "--quiet", "-v", "--verbose") or argument.startswith("--log-file="):
            common.append(argument)
        elif argument == "--log-file":
            common += [argument, *itertools.islice(rest, 1)]
        else:
            others.append(argument)
    return common + others


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    """Log a warning of Python's own kind, as one sentence."""
    LOG.warning("%s", message)


@contextmanager
def _one_voice() -> Iterator[None]:
    """Keep what other ranks write to standard output, such as the help, from the terminal."""
    if is_talking():
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _fail(error: BaseException) -> None:
    """Tell the failure, on one rank, and exit with its status."""
    status, message = _judge(error)
    if under_launcher() and world().size > 1:
        stop_all(failure_channel(), status, message, complain)
    complain(message)
    sys.exit(status)


def _judge(error: BaseException) -> tuple[int, str]:
    """Return exit status and message of a failure."""
    if isinstance(error, InputError):
        return 2, f"Error: {error}"
    if isinstance(error, RunError):
        return 1, f"Error: {error}"
    if hasattr(error, "format_message"):  # wrong use of the command line, found by Click
        context = getattr(error, "ctx", None)
        hint = f" (see '{context.command_path} --help')" if context is not None else ""
        return 2, f"Error: {str(error.format_message()).rstrip('.')}{hint}"
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return 130, "Stopped."
    if isinstance(error, ModuleNotFoundError) and not str(error.name).startswith("pbte"):
        return 1, (
            f"Error: the Python module '{error.name}' is not installed; run the command in the "
            "environment of pbte, 'docker/run pbte ...'"
        )
    if isinstance(error, MemoryError):
        return 1, "Error: not enough memory; 'pbte check' tells how much a case needs"
    if isinstance(error, OSError) and error.filename is not None:
        return 1, f"Error: {error.filename}: {error.strerror}"
    return 1, (
        f"Error: unexpected error: {describe(error)}; run again with --traceback and report it"
    )
