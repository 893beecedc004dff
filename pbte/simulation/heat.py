"""Runs by the heat equation, and its comparison with runs of phonon transport."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case, Fourier, resolved_toml
from pbte.core.errors import InputError, RunError
from pbte.core.shared_memory import shared_on_node
from pbte.core.types import Array
from pbte.core.versions import versions
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.modes import ModeTable
from pbte.observables.bulk import bulk_tensor
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.heat_equation import HeatState
from pbte.observables.interfaces import Interface
from pbte.observables.moments import frequency_bins
from pbte.observables.results import Results
from pbte.observables.transient import TransientResult
from pbte.simulation.bodies import Bodies, geometry_of
from pbte.simulation.conditions import Conditions, conditions_of
from pbte.simulation.heat_problem import Conductor, HeatProblem
from pbte.simulation.heat_transient import integrate_heat_in_time, solve_heat_harmonic
from pbte.simulation.interfaces import interfaces_with_conductances
from pbte.simulation.problem import Problem, read_inputs
from pbte.simulation.sources import heat_sources

LOG = logging.getLogger("pbte.simulation")


def run_fourier(case: Case, comm: MPI.Intracomm, folder: Path | None = None) -> Results:
    """Run a case by the heat equation and return what it reports, complete on every rank.

    The conductivity is that of the endless crystal; modes that a source heats, and what walls do to
    single phonons, do not matter.

    Args:
        case: The case.
        comm: The ranks; they share the work.
        folder: The result folder, if there is one.

    Raises:
        InputError: Something the case names is missing, damaged or does not fit; a conductivity is
            not positive, or heat has nowhere to go.

    Note: Collective over `comm`.
    """
    start = time.perf_counter()
    inputs = read_inputs(case, comm, space_parts=1, folder=folder)
    bodies = inputs.bodies
    tensors = []
    for material in inputs.of_bodies:
        LOG.info("%s: bulk conductivity of %d modes", material.name, material.modes.num_modes)
        tensors.append(shared_on_node(comm, partial(bulk_conductivity, material.kernel)))
    heats = heat_sources(case, inputs.place)
    interfaces = interfaces_with_conductances(case, bodies, inputs.materials, comm)
    ready = time.perf_counter()
    LOG.info("heat equation on %d cells", bodies.whole.num_cells)
    tables = [material.modes for material in inputs.of_bodies]
    given = [heat.sum(axis=0) for heat in heats]
    heat_problem = _problem(
        conditions_of(case), case.fourier, bodies, tables, tensors, given, interfaces, comm
    )
    found = _answers(case, heat_problem)
    end = time.perf_counter()
    highest = np.concatenate([modes.frequencies for modes in tables])
    return Results(
        title=case.title,
        case=resolved_toml(case),
        versions=versions(),
        geometry=heat_problem.geometry,
        frequency_edges=frequency_bins(highest, case.output.frequency_bins),
        reference_temperature=tables[0].temperature,
        num_modes=sum(modes.num_modes for modes in tables),
        num_unknowns=bodies.whole.num_dofs,
        power=heat_problem.power,
        self_scattering=0.0,
        eigenvalues=(),
        orders=(),
        steady=None,
        steady_report=None,
        transient=found.transient,
        harmonic=found.harmonic,
        interfaces=() if found.steady is None else found.steady.interfaces,
        series=None if found.steady is None else found.steady.series,
        model="fourier",
        fourier=found.steady,
        timings={"setup": ready - start, "fourier": end - ready},
    )


@dataclass(frozen=True, kw_only=True)
class HeatAnswers:
    """What the heat equation says of a case, each where the case asks for it.

    Attributes:
        steady: The steady state.
        transient: How the body goes on in time.
        harmonic: What it answers at each frequency.
        notes: Why something is missing.
    """

    steady: HeatState | None = None
    transient: TransientResult | None = None
    harmonic: tuple[HarmonicResult, ...] = ()
    notes: tuple[str, ...] = ()


def compare_with_fourier(case: Case, problem: Problem) -> HeatAnswers:
    """Return what the heat equation says beside a run of phonon transport, and notes on it.

    Nothing where the case does not want it; where the cells are shared by ranks, and where the heat
    equation has no solution, which a note tells.

    Note: Collective over all ranks of the problem.
    """
    if not case.fourier.compare:
        return HeatAnswers()
    if problem.part is not None:
        return HeatAnswers(
            notes=(
                "The heat equation was not solved for comparison: it needs the whole mesh on every "
                "rank (parallel.space_parts = 1).",
            )
        )
    bodies = problem.system.bodies
    try:
        heat_problem = _problem(
            problem.conditions,
            case.fourier,
            problem.bodies,
            [body.modes for body in bodies],
            [bulk_tensor(body) for body in bodies],
            [body.heat_source for body in bodies],
            problem.interfaces,
            bodies[0].comm,
        )
        return _answers(case, heat_problem)
    except (InputError, RunError) as error:
        return HeatAnswers(notes=(f"The heat equation was not solved for comparison: {error}.",))


def _answers(case: Case, heat_problem: HeatProblem) -> HeatAnswers:
    """Return all that a case asks for: the steady state, unless it is switched off for others."""
    field, steady = None, None
    if case.steady.enabled or (case.transient is None and case.harmonic is None):
        field = heat_problem.equation.steady(heat_problem.heat, heat_problem.temperatures)
        steady = heat_problem.state(field)
    return HeatAnswers(
        steady=steady,
        transient=None
        if case.transient is None
        else integrate_heat_in_time(heat_problem, case.transient, field),
        harmonic=() if case.harmonic is None else solve_heat_harmonic(heat_problem, case.harmonic),
    )


def _problem(
    conditions: Conditions,
    fourier: Fourier,
    bodies: Bodies,
    tables: Sequence[ModeTable],
    tensors: Sequence[Array],
    heats: Sequence[Array],
    interfaces: Sequence[Interface],
    comm: MPI.Intracomm,
) -> HeatProblem:
    """Put modes, conductivity and heat of each body, and the interfaces, on the mesh."""
    conductors = [
        Conductor(
            material=body.material,
            mesh=body.mesh,
            modes=modes,
            conductivity=tensor,
            heat_source=heat,
            cells=body.cells,
        )
        for body, modes, tensor, heat in zip(bodies.bodies, tables, tensors, heats, strict=True)
    ]
    return HeatProblem(
        conditions, fourier, conductors, interfaces, bodies.walls, geometry_of(bodies), comm
    )
