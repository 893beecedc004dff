"""pbte: phonon Boltzmann transport resolved in position, mode and scattering order.

From Python:

    import pbte

    case = pbte.load_case("demos/film-across.toml")   # or pbte.Case(...)
    results = pbte.run(case, folder="results/film")
    results = pbte.load("results/film")

Everything else is imported when it is first used, so that this costs nothing.
"""

from __future__ import annotations

import sys
from types import ModuleType

TYPE_CHECKING = False  # typing alone would be most of the time that importing this takes
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mpi4py import MPI

    from pbte.case.case import Case
    from pbte.materials.storage import Material, Scattering
    from pbte.output.presentation import RunResults as Results
    from pbte.simulation.interface_study import Study

__version__ = "0.1.0"
__all__ = ["Case", "Results", "interface", "load", "load_case", "material", "run"]


def load_case(path: str | Path) -> Case:
    """Return the case in a TOML file.

    Args:
        path: The case file. Relative paths inside it start from its folder.

    Raises:
        InputError: The file is missing, or a key or value in it is wrong.

    Example:
        >>> case = pbte.load_case("demos/film-across.toml")
    """
    from pbte.case.case import read_case

    return read_case(path)


def run(
    case: Case | str | Path,
    comm: MPI.Intracomm | None = None,
    *,
    folder: str | Path | None = None,
    resume: bool = False,
    any_version: bool = False,
) -> Results:
    """Run a case and return everything it reports.

    What the run does is logged to the loggers "pbte.simulation" and others below "pbte".

    Args:
        case: The case, or its file.
        comm: The ranks; all of the job under mpirun or another launcher, this process alone
            otherwise, when left out.
        folder: Where to write results.h5, ParaView files and figures; nowhere when left out. With
            a folder, a long run keeps a checkpoint next to it.
        resume: Restart from the checkpoint next to the folder, if there is one.
        any_version: Restart from a checkpoint of another version of pbte, too.

    Returns:
        The results, complete on the first rank. Where the cells are shared, other ranks have the
        fields of their own cells.

    Raises:
        InputError: Something the case names is missing, damaged or does not fit; another run is
            writing into the folder.
        RunError: The results cannot be written.

    Note: Collective over `comm`.

    Example:
        >>> results = pbte.run("demos/film-across.toml", folder="results/film")
        >>> results.conductivity.value
    """
    import logging
    from contextlib import ExitStack
    from pathlib import Path

    from mpi4py import MPI

    from pbte.case.case import Case
    from pbte.core.parallel import limit_threads, run_together, under_launcher
    from pbte.output.folder import prepare_folder, run_lock, write_results
    from pbte.output.presentation import RunResults
    from pbte.run import run_case
    from pbte.simulation.checkpoints import CheckpointManager

    if comm is None:
        comm = MPI.COMM_WORLD if under_launcher() else MPI.COMM_SELF
    first = comm.rank == 0
    if not isinstance(case, Case):
        path = case
        case = comm.bcast(run_together(comm, lambda: load_case(path) if first else None))
        assert isinstance(case, Case)
    limit_threads(comm)
    if folder is None:
        return RunResults(**vars(run_case(case, comm)))
    target, choice = Path(folder), case.output
    checkpoints = CheckpointManager(target, resume=resume, any_version=any_version)

    def write(results: Results) -> None:
        logging.getLogger("pbte.output").info("writing %s", target)
        write_results(results, target, paraview=choice.paraview, plots=choice.plots)
        checkpoints.done()

    with ExitStack() as until_written:

        def lock() -> None:
            prepare_folder(target)
            until_written.enter_context(run_lock(target))

        run_together(comm, lambda: lock() if first else None)
        found = run_case(case, comm, folder=target, checkpoints=checkpoints)
        results = RunResults(**vars(found))
        run_together(comm, lambda: write(results) if first else None)
    return results


def load(folder: str | Path) -> Results:
    """Return the results of a finished run.

    Args:
        folder: The result folder, or the results.h5 in it.

    Raises:
        InputError: There are none, or they are damaged.

    Example:
        >>> pbte.load("results/film-across").plot.temperature()
    """
    from pbte.output.hdf5.results import read_results
    from pbte.output.presentation import RunResults

    return RunResults(**vars(read_results(folder)))


def material(name: str | Path, *, scattering: Scattering = "full") -> Material:
    """Return a material: its modes and its scattering matrix.

    Args:
        name: Name of a shipped material, such as "Si-9", or a material file.
        scattering: "full" for the whole matrix, "rta" for relaxation times, or a rank.

    Raises:
        InputError: Unknown name, or a file that is missing or damaged.

    Example:
        >>> pbte.material("Si-9").modes.frequencies.max()
    """
    from pbte.materials.storage import read_material

    return read_material(name, scattering=scattering)


def interface(
    first: str | Path,
    second: str | Path,
    *,
    models: Sequence[str] = ("dmm",),
    temperatures: Sequence[float] = (),
    normal: Sequence[float] = (1.0, 0.0, 0.0),
    bins: int | str = "auto",
    convergence: bool = False,
) -> Study:
    """Return conductance and spectrum of an interface by itself, without a mesh.

    Args:
        first: Shipped name or file of the first material.
        second: Of the second.
        models: Each "kind" or "kind:key=value,key=value", such as "dmm:bins=20".
        temperatures: [K]; that of the first material if empty.
        normal: Direction from the first to the second crystal, of any length.
        bins: Energy bins of all models and of the spectrum: "auto" or a number.
        convergence: Whether to vary the number of bins, or the width.

    Raises:
        InputError: An argument is wrong, or a model does not fit the crystals.

    Example:
        >>> found = pbte.interface("Si-9", "Ge-9", models=("dmm", "amm"))
        >>> [reports[0].conductance.conductance for reports in found.reports]
    """
    from pbte.simulation.interface_study import study

    return study(
        str(first),
        str(second),
        models=models,
        temperatures=temperatures,
        normal=normal,
        bins=str(bins),
        convergence=convergence,
    )


def __getattr__(name: str) -> object:
    """Import a class when it is first asked for."""
    if name == "Case":
        from pbte.case.case import Case

        return Case
    if name == "Results":
        from pbte.output.presentation import RunResults

        return RunResults
    raise AttributeError(f"module 'pbte' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """This module, whose `run` stays the function.

    Python sets a submodule as an attribute of its package when it is imported: without this,
    `pbte.run` would be the file run.py from then on.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name == "run" and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
