"""Runs by the heat equation, and its comparison with runs of phonon transport."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import numpy as np
from mpi4py import MPI

from pbte.case import Case, resolved_toml
from pbte.errors import InputError
from pbte.heat_equation import Conductor, Passage, solve_fourier
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.modes import ModeTable
from pbte.node_memory import shared_on_node
from pbte.observables.bulk import bulk_tensor
from pbte.observables.heat_equation import HeatState
from pbte.observables.moments import frequency_bins
from pbte.observables.results import Results
from pbte.setup import Say, Setup, read_inputs
from pbte.setup_bodies import Bodies, geometry_of
from pbte.setup_interfaces import landauer_conductances
from pbte.setup_sources import heat_sources
from pbte.types import Array
from pbte.versions import versions


def run_fourier(case: Case, comm: MPI.Intracomm, progress: Say) -> Results:
    """Run a case by the heat equation and return what it reports, complete on every rank.

    The conductivity is that of the endless crystal; modes that a source heats, and what walls do to
    single phonons, do not matter.

    Args:
        case: The case.
        comm: The ranks; they share the work.
        progress: Called with a line of text now and then.

    Raises:
        InputError: Something the case names is missing, damaged or does not fit; a conductivity is
            not positive, or heat has nowhere to go.

    Note: Collective over `comm`.
    """
    start = time.perf_counter()
    inputs = read_inputs(case, comm, space_parts=1)
    bodies = inputs.bodies
    tensors = []
    for material in inputs.of_bodies:
        progress(f"{material.name}: bulk conductivity of {material.modes.num_modes} modes")
        tensors.append(shared_on_node(comm, partial(bulk_conductivity, material.kernel)))
    heats = heat_sources(case, inputs.place)
    conductances = landauer_conductances(case, bodies, inputs.materials, comm)
    ready = time.perf_counter()
    progress(f"heat equation on {bodies.whole.num_cells} cells")
    tables = [material.modes for material in inputs.of_bodies]
    state = _solve(
        case, bodies, tables, tensors, [h.sum(axis=0) for h in heats], conductances, comm
    )
    end = time.perf_counter()
    highest = np.concatenate([modes.frequencies for modes in tables])
    return Results(
        title=case.title,
        case=resolved_toml(case),
        versions=versions(),
        geometry=geometry_of(bodies),
        frequency_edges=frequency_bins(highest, case.output.frequency_bins),
        reference_temperature=tables[0].temperature,
        num_modes=sum(modes.num_modes for modes in tables),
        num_unknowns=bodies.whole.num_dofs,
        power=state.balance.deposited,
        self_scattering=0.0,
        eigenvalues=(),
        orders=(),
        steady=None,
        steady_report=None,
        model="fourier",
        fourier=state,
        notes=()
        if case.transient is None
        else ("The heat equation was solved for the steady state only, without [transient].",),
        timings={"setup": ready - start, "fourier": end - ready},
    )


def compare_with_fourier(case: Case, setup: Setup) -> tuple[HeatState | None, tuple[str, ...]]:
    """Return the heat equation's steady state beside a run of phonon transport, and notes on it.

    None where the case does not want it, or follows the body in time only; where the cells are
    shared by ranks, and where the heat equation has no solution, which a note tells.

    Note: Collective over all ranks of the problem.
    """
    in_time_only = case.transient is not None and not case.steady.enabled
    if not case.fourier.compare or in_time_only:
        return None, ()
    if setup.part is not None:
        return None, (
            "The heat equation was not solved for comparison: it needs the whole mesh on every "
            "rank (parallel.space_parts = 1).",
        )
    system = setup.system
    try:
        state = _solve(
            case,
            setup.bodies,
            [body.modes for body in system.bodies],
            [bulk_tensor(body) for body in system.bodies],
            [body.heat_source for body in system.bodies],
            [joint.conductances for joint in setup.joints],
            system.bodies[0].comm,
        )
    except InputError as error:
        return None, (f"The heat equation was not solved for comparison: {error}.",)
    return state, ()


def _solve(
    case: Case,
    bodies: Bodies,
    tables: Sequence[ModeTable],
    tensors: Sequence[Array],
    heats: Sequence[Array],
    conductances: Sequence[Array],
    comm: MPI.Intracomm,
) -> HeatState:
    """Return the steady state: modes, conductivity and heat of each body, and each contact's h."""
    conductors = [
        Conductor(
            material=modes.name if case.material is not None else body.material,
            mesh=body.mesh,
            modes=modes,
            conductivity=tensor,
            heat_source=heat,
            cells=body.cells,
        )
        for body, modes, tensor, heat in zip(bodies.bodies, tables, tensors, heats, strict=True)
    ]
    passages = [
        Passage(bodies=contact.bodies, facets=contact.facets, conductances=values)
        for contact, values in zip(bodies.contacts, conductances, strict=True)
    ]
    return solve_fourier(case, conductors, passages, bodies.walls, geometry_of(bodies), comm)
