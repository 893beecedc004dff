"""Start here: a run from the case to the results.

    mesh, material, source and walls      -> a Body on every rank
    scattering orders, one by one         -> how far phonons get between events
    steady state                          -> what the orders add up to
    transient                             -> how the body goes on in time, if the case says so
    oscillations                          -> what it answers at each frequency, likewise
    heat equation                         -> what Fourier's law says instead

The two verbs underneath are `stream` and `collide` (pbte.transport.body).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mpi4py import MPI

from pbte.case.case import Case
from pbte.core.types import Array
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.results import Results
from pbte.observables.transient import TransientResult
from pbte.simulation.checkpoints import CheckpointManager
from pbte.simulation.electrons import run_two_temperatures
from pbte.simulation.harmonic import compute_harmonic_response
from pbte.simulation.heat import compare_with_fourier, solve_heat_equation
from pbte.simulation.heat_problem import build_heat_problem
from pbte.simulation.orders import compute_scattering_orders
from pbte.simulation.problem import build_problem
from pbte.simulation.records import StageRecords, SteadyRecord
from pbte.simulation.results import heat_results_of, results_of
from pbte.simulation.steady import compute_steady_state
from pbte.simulation.transient import integrate_in_time


def run_case(
    case: Case,
    comm: MPI.Intracomm,
    *,
    folder: Path | None = None,
    checkpoints: CheckpointManager | None = None,
) -> Results:
    """Run a case and return everything it reports.

    The fields are complete on every rank; where ranks share the cells, on the first rank, and the
    others hold those of their own cells.

    Args:
        case: The case.
        comm: The ranks; they share the phonon modes, and the cells if the case says so.
        folder: Where the results will be written, if they are; a full disk is refused.
        checkpoints: Writes checkpoints and finds the one to restart from; none by default.

    Raises:
        InputError: Something the case names, or a checkpoint, is missing, damaged or does not fit.
        RunError: A time step has become too small, or the heat equation did not converge.
        KeyboardInterrupt: A signal requested a stop; a checkpoint is written.

    Note: Collective over `comm`.
    """
    if case.model == "fourier":
        return _run_fourier(case, comm, folder)
    timings: dict[str, float] = {}
    with _timed(timings, "setup"):
        problem = build_problem(case, comm, folder)
    settings = problem.settings
    if settings.electrons is not None:
        return run_two_temperatures(problem, timings)
    checkpoints = CheckpointManager() if checkpoints is None else checkpoints
    checkpoints.begin(problem)
    steady: SteadyRecord | None = None
    fields: tuple[Array, ...] | None = None
    transient: TransientResult | None = None
    harmonic: tuple[HarmonicResult, ...] = ()
    with checkpoints.stop_signals():
        with _timed(timings, "orders"):
            orders = compute_scattering_orders(problem, checkpoints)
        if settings.steady.enabled:
            with _stage(timings, "steady"):
                steady, fields = compute_steady_state(problem, checkpoints)
        if settings.transient is not None:
            with _stage(timings, "transient"):
                transient = integrate_in_time(problem, checkpoints, fields)
        fields = None
        if settings.harmonic is not None:
            with _stage(timings, "harmonic"):
                harmonic = compute_harmonic_response(problem, checkpoints)
    with _timed(timings, "fourier"):
        heat = compare_with_fourier(problem)
    found = StageRecords(
        orders=orders, steady=steady, transient=transient, harmonic=harmonic, heat=heat
    )
    return results_of(problem, found, timings, checkpoints.notes)


def _run_fourier(case: Case, comm: MPI.Intracomm, folder: Path | None) -> Results:
    """Run a case by the heat equation and return what it reports, complete on every rank."""
    timings: dict[str, float] = {}
    with _timed(timings, "setup"):
        problem = build_heat_problem(case, comm, folder)
    with _timed(timings, "fourier"):
        found = solve_heat_equation(problem)
    return heat_results_of(problem, found, timings)


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    """Measure the wall time of something [s]."""
    start = time.perf_counter()
    yield
    timings[name] = time.perf_counter() - start


@contextmanager
def _stage(timings: dict[str, float], name: str) -> Iterator[None]:
    """Measure the wall time of a stage [s], with the fields of the stage before it freed."""
    gc.collect()  # a cycle of references would keep them alive
    with _timed(timings, name):
        yield
