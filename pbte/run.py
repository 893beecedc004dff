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
from dataclasses import replace

from mpi4py import MPI

from pbte.case import Case, resolved_toml
from pbte.conduction import conduction_of
from pbte.interface_account import account, interface_observer
from pbte.notes import run_notes
from pbte.observables.evolution import Evolution
from pbte.observables.gathering import whole_geometry, whole_snapshot
from pbte.observables.interfaces import MeetingFields
from pbte.observables.moments import Observer
from pbte.observables.response import Response
from pbte.observables.results import Results, Snapshot
from pbte.run_checkpoints import Keeping
from pbte.run_fourier import compare_with_fourier, run_fourier
from pbte.run_frequencies import follow_frequencies
from pbte.run_times import follow_time
from pbte.setup import Say, Setup, prepare
from pbte.setup_bodies import geometry_of
from pbte.setup_sources import undershoot
from pbte.transport.growth import GrowthEstimate, fades
from pbte.transport.orders import scattering_orders
from pbte.transport.reports import EigenvalueEstimate, SteadyReport
from pbte.transport.steady import solve_steady
from pbte.transport.system import split_system
from pbte.types import Array
from pbte.versions import versions

# The self-scattering that "auto" tries, in this order. The first with which the orders fade is
# taken (the plain series diverges in silicon bodies above 70 to 100 nm).
SELF_SCATTERING = (0.0, 0.1, 0.2, 0.3)
# Orders needed before the estimate is believed.
ORDERS_TO_ESTIMATE = 10


def run_case(
    case: Case,
    comm: MPI.Intracomm,
    progress: Say = lambda text: None,
    *,
    keeping: Keeping | None = None,
) -> Results:
    """Run a case and return everything it reports.

    The fields are complete on every rank; where ranks share the cells, on the first rank, and the
    others hold those of their own cells.

    Args:
        case: The case.
        comm: The ranks; they share the phonon modes, and the cells if the case says so.
        progress: Called with a line of text now and then.
        keeping: Where checkpoints of a transient are kept; nowhere by default.

    Raises:
        InputError: Something the case names is missing, damaged or does not fit.

    Note: Collective over `comm`.
    """
    if case.model == "fourier":
        return run_fourier(case, comm, progress)
    timings: dict[str, float] = {}
    with _timed(timings, "setup"):
        setup = prepare(case, comm, progress)
    with _timed(timings, "orders"):
        orders, estimates, fields = follow_orders(case, setup, progress)
    steady: Snapshot | None = None
    report: SteadyReport | None = None
    kept: tuple[Array, ...] | None = None
    if case.steady.enabled:
        gc.collect()  # a cycle of references would keep the field of the last order alive
        with _timed(timings, "steady"):
            steady, report, fields, kept = reach_steady_state(case, setup, progress)
    transient: Evolution | None = None
    if case.transient is not None:
        gc.collect()
        with _timed(timings, "transient"):
            transient = follow_time(case, setup, progress, kept, keeping)
    harmonic: tuple[Response, ...] = ()
    if case.harmonic is not None:
        kept = None
        gc.collect()
        with _timed(timings, "harmonic"):
            harmonic = follow_frequencies(case, setup, progress)
    bodies = setup.system.bodies
    geometry = whole_geometry(geometry_of(setup.bodies), setup.part)
    conductivity, slips = conduction_of(case, setup.system, geometry, steady, report)
    interfaces, stack = account(
        case,
        setup,
        geometry,
        fields if report is None or report.converged else (),
        orders if steady is None else (steady,),
        whole=steady is not None,
    )
    with _timed(timings, "fourier"):
        fourier, remarks = compare_with_fourier(case, setup)
    return Results(
        title=case.title,
        case=resolved_toml(case),
        versions=versions(),
        geometry=geometry,
        frequency_edges=setup.observer.frequency_edges,
        reference_temperature=bodies[0].modes.temperature,
        num_modes=sum(body.modes.num_modes for body in bodies),
        num_unknowns=setup.system.num_unknowns,
        power=setup.system.heat_power,
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
        stack=stack,
        fourier=fourier,
        notes=run_notes(
            estimates,
            orders,
            steady,
            report,
            undershoot=undershoot(case, bodies),
            num_cyclic_modes=setup.system.num_cyclic_modes,
            unmatched={joint.contact.interface: joint.unmatched for joint in setup.joints},
            transient=transient,
            harmonic=harmonic,
        )
        + remarks,
        timings=timings,
    )


def follow_orders(
    case: Case, setup: Setup, progress: Say
) -> tuple[tuple[Snapshot, ...], tuple[EigenvalueEstimate, ...], tuple[MeetingFields, ...]]:
    """Follow the scattering orders, with the least self-scattering that lets them fade.

    Returns:
        The snapshot of each order; one estimate of the growth for each self-scattering that was
        tried, the last one is that of the orders; and the sum of the orders at the interfaces.
    """
    wanted = case.orders.self_scattering
    trials = SELF_SCATTERING if wanted == "auto" else (float(wanted),)
    estimates: list[EigenvalueEstimate] = []
    for trial in trials:
        found, estimate = _try_orders(case, setup, trial, progress, give_up=trial != trials[-1])
        estimates.append(estimate)
        if found is not None:
            orders, fields = found
            return orders, tuple(estimates), fields
    raise AssertionError("the last self-scattering is never given up")


def _try_orders(
    case: Case, setup: Setup, self_scattering: float, progress: Say, *, give_up: bool
) -> tuple[tuple[tuple[Snapshot, ...], tuple[MeetingFields, ...]] | None, EigenvalueEstimate]:
    """Return the orders and their sum at the interfaces, or None once they turn out not to fade."""
    system = split_system(setup.system, self_scattering)
    observer = Observer(
        problem=system,
        walls=setup.observer.walls,
        frequency_edges=setup.observer.frequency_edges,
    )
    growth = GrowthEstimate(system, *setup.leading)
    snapshots: list[Snapshot] = []
    last = case.orders.max_order
    interfaces, fields = interface_observer(setup), tuple[MeetingFields, ...]()
    many = max(last, ORDERS_TO_ESTIMATE)
    for order in scattering_orders(system, many, growth, observer, interfaces):
        growth.next_order()
        snapshot = observer.snapshot(order.deposited, hands_on=True)
        if order.number <= last:
            snapshots.append(whole_snapshot(snapshot, setup.part))
            progress(f"order {order.number} of {last}, self-scattering {self_scattering:g}")
        if order.number == last:
            fields = interfaces.take()
        if order.number == ORDERS_TO_ESTIMATE and give_up and not fades(growth.estimate()):
            progress(f"self-scattering {self_scattering:g}: the orders do not fade, trying more")
            return None, growth.estimate()
    return (tuple(snapshots), fields), growth.estimate()


def reach_steady_state(
    case: Case, setup: Setup, progress: Say
) -> tuple[Snapshot, SteadyReport, tuple[MeetingFields, ...], tuple[Array, ...] | None]:
    """Return the observables of the steady state, how it was reached, and the state itself.

    The observables come in two parts, the second of interfaces. The state, the mode temperatures of
    each body, is kept only where a transient begins with it.
    """
    solution = solve_steady(
        setup.system,
        *setup.leading,
        tolerance=case.steady.tolerance,
        max_iterations=case.steady.max_iterations,
        progress=progress,
    )
    interfaces = interface_observer(setup)
    observer, bodies = setup.observer, setup.system.bodies
    begins = case.transient is not None and case.transient.initial.kind == "steady"
    kept = tuple(body.new_field() for body in bodies) if begins else None
    for drift in solution.drifts():
        observer.watch(drift)
        interfaces.watch(drift)
        if kept is not None:
            kept[drift.body][drift.modes] = drift.theta
    snapshot = observer.snapshot(setup.system.heat_power, hands_on=False)
    whole = whole_snapshot(snapshot, setup.part)
    report = replace(solution.report, distance=solution.distance())
    return whole, report, interfaces.take(), kept


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = time.perf_counter() - start
