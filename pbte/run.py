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

from pbte.case.case import Case, resolved_toml
from pbte.core.types import Array
from pbte.core.versions import versions
from pbte.observables.gathering import whole_geometry
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.results import Results
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult
from pbte.simulation.bodies import geometry_of
from pbte.simulation.checkpoints import CheckpointManager
from pbte.simulation.conductivity import conduction_of
from pbte.simulation.electrons import run_two_temperatures
from pbte.simulation.harmonic import compute_harmonic_response
from pbte.simulation.heat import compare_with_fourier, run_fourier
from pbte.simulation.interface_results import interface_results
from pbte.simulation.notes import run_notes
from pbte.simulation.orders import compute_scattering_orders
from pbte.simulation.problem import build_problem
from pbte.simulation.steady import compute_steady_state
from pbte.simulation.transient import integrate_in_time
from pbte.transport.reports import SteadyReport


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
        KeyboardInterrupt: The run was told to stop; a checkpoint is written.

    Note: Collective over `comm`.
    """
    if case.model == "fourier":
        return run_fourier(case, comm, folder)
    if case.electrons is not None:
        return run_two_temperatures(case, comm, folder)
    timings: dict[str, float] = {}
    with _timed(timings, "setup"):
        problem = build_problem(case, comm, folder)
    checkpoints = CheckpointManager() if checkpoints is None else checkpoints
    checkpoints.begin(problem, case.output.checkpoint_interval)
    steady: Snapshot | None = None
    report: SteadyReport | None = None
    kept: tuple[Array, ...] | None = None
    transient: TransientResult | None = None
    harmonic: tuple[HarmonicResult, ...] = ()
    with checkpoints.stop_signals():
        with _timed(timings, "orders"):
            orders, estimates, fields = compute_scattering_orders(problem, case.orders, checkpoints)
        if case.steady.enabled:
            gc.collect()  # a cycle of references would keep the field of the last order alive
            with _timed(timings, "steady"):
                steady, report, fields, kept = compute_steady_state(
                    problem,
                    case.steady,
                    checkpoints,
                    with_fields=case.transient is not None
                    and case.transient.initial.kind == "steady",
                )
        if case.transient is not None:
            gc.collect()
            with _timed(timings, "transient"):
                transient = integrate_in_time(problem, case.transient, checkpoints, kept)
        kept = None
        if case.harmonic is not None:
            gc.collect()
            with _timed(timings, "harmonic"):
                harmonic = compute_harmonic_response(problem, case.harmonic, checkpoints)
    bodies = problem.system.bodies
    geometry = whole_geometry(geometry_of(problem.bodies), problem.part)
    conductivity, slips = conduction_of(
        problem.conditions, problem.system, geometry, steady, report
    )
    interfaces, series = interface_results(
        problem,
        geometry,
        fields if report is None or report.converged else (),
        orders if steady is None else (steady,),
        whole=steady is not None,
    )
    with _timed(timings, "fourier"):
        fourier = compare_with_fourier(case, problem)
    return Results(
        title=case.title,
        case=resolved_toml(case),
        versions=versions(),
        geometry=geometry,
        frequency_edges=problem.tally.frequency_edges,
        reference_temperature=bodies[0].modes.temperature,
        num_modes=sum(body.modes.num_modes for body in bodies),
        num_unknowns=problem.system.num_unknowns,
        power=problem.system.heat_power,
        self_scattering=estimates[-1].self_scattering,
        eigenvalues=estimates,
        orders=orders,
        steady=steady,
        steady_report=report,
        conductivity=conductivity,
        slips=slips,
        transient=transient,
        harmonic=harmonic,
        interfaces=interfaces,
        series=series,
        fourier=fourier.steady,
        fourier_transient=fourier.transient,
        fourier_harmonic=fourier.harmonic,
        notes=run_notes(
            estimates,
            orders,
            steady,
            report,
            undershoot=problem.undershoot,
            num_cyclic_modes=problem.system.num_cyclic_modes,
            unmatched={each.name: each.unmatched for each in problem.interfaces},
            transient=transient,
            harmonic=harmonic,
        )
        + fourier.notes
        + checkpoints.notes,
        timings=timings,
    )


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = time.perf_counter() - start
