"""Results of a run, put together from the problem and the records of its stages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pbte.core.versions import versions
from pbte.observables.bulk import bulk_tensor
from pbte.observables.gathering import whole_geometry
from pbte.observables.interfaces import InterfaceFields
from pbte.observables.resistance import InterfaceResult, SeriesResistance
from pbte.observables.results import Results
from pbte.observables.snapshot import MeshGeometry, extreme
from pbte.simulation.bodies import geometry_of
from pbte.simulation.condition_notes import linearity_notes
from pbte.simulation.conductivity import conduction_of
from pbte.simulation.heat_problem import HeatProblem
from pbte.simulation.interface_results import interface_results
from pbte.simulation.notes import run_notes
from pbte.simulation.problem import Problem
from pbte.simulation.records import HeatResult, StageRecords

_STEADY = "the steady temperature"


def results_of(
    problem: Problem,
    found: StageRecords,
    timings: Mapping[str, float],
    notes: tuple[str, ...] = (),
) -> Results:
    """Return the results of a run of phonon transport.

    Args:
        problem: The problem.
        found: Records of all stages.
        timings: Wall time of each of them [s].
        notes: Further notes for the reader.

    Note: Collective over all ranks of the problem.
    """
    settings, system = problem.settings, problem.system
    orders, steady, electrons = found.orders, found.steady, found.electrons
    snapshot = None if steady is None else steady.snapshot
    report = None if steady is None else steady.report
    geometry = whole_geometry(geometry_of(problem.bodies), problem.part)
    # The heat that electrons carry past the phonons is not in these.
    conductivity, slips = (
        conduction_of(problem.conditions, system, geometry, snapshot, report)
        if electrons is None
        else (None, ())
    )
    interfaces, series = _interfaces(problem, found, geometry)
    metal = [
        body.mesh.num_dofs
        for body in problem.bodies.bodies
        if electrons is not None and body.material == electrons.material
    ]
    return Results(
        title=settings.title,
        case=settings.case,
        versions=versions(),
        geometry=geometry,
        frequency_edges=problem.frequency_edges,
        reference_temperature=system.bodies[0].modes.temperature,
        num_modes=sum(body.modes.num_modes for body in system.bodies),
        num_unknowns=system.num_unknowns + sum(metal),
        power=system.heat_power + (0.0 if electrons is None else electrons.power),
        self_scattering=orders.estimates[-1].self_scattering if orders.estimates else 0.0,
        eigenvalues=orders.estimates,
        orders=orders.snapshots,
        steady=snapshot,
        steady_report=report,
        conductivity=conductivity,
        slips=slips,
        transient=found.transient,
        harmonic=found.harmonic,
        interfaces=interfaces,
        series=series,
        fourier=found.heat.steady,
        fourier_transient=found.heat.transient,
        fourier_harmonic=found.heat.harmonic,
        electrons=electrons,
        notes=run_notes(
            orders.estimates,
            orders.snapshots,
            snapshot,
            report,
            undershoot=problem.undershoot,
            num_cyclic_modes=system.num_cyclic_modes,
            num_parts=problem.num_parts,
            unmatched={each.name: each.unmatched for each in problem.interfaces},
            transient=found.transient,
            harmonic=found.harmonic,
        )
        + _linearity_notes(problem, found)
        + found.heat.notes
        + notes,
        timings=timings,
    )


def _interfaces(
    problem: Problem, found: StageRecords, geometry: MeshGeometry
) -> tuple[tuple[InterfaceResult, ...], SeriesResistance | None]:
    """Return the results at interfaces, of the steady state or else of the sum of the orders."""
    fields: tuple[InterfaceFields, ...] = ()
    steady, tally = found.steady, problem.interface_tally
    if steady is None:
        if found.orders.snapshots:
            fields = tally.fields(found.orders.interface_sums)
    elif steady.report.converged:
        fields = tally.fields(steady.interface_sums)
    if not fields:
        return (), None
    bodies = zip(problem.bodies.bodies, problem.system.bodies, strict=True)
    return interface_results(
        problem.conditions,
        geometry,
        fields,
        found.orders.snapshots if steady is None else (steady.snapshot,),
        {mesh.material: bulk_tensor(body) for mesh, body in bodies},
        whole=steady is not None,
    )


def _linearity_notes(problem: Problem, found: StageRecords) -> tuple[str, ...]:
    """Return a note where the steady state, a transient or the walls are far from T0."""
    solved = {}
    if found.steady is not None and found.steady.report.converged:
        solved[_STEADY] = found.steady.snapshot.extreme_temperature
    if found.transient is not None:
        deviations = [snapshot.extreme_temperature for snapshot in found.transient.snapshots]
        solved["the temperature in time"] = max(deviations, key=abs, default=0.0)
    for state in () if found.electrons is None else found.electrons.states:
        name, warm = "the temperature of the electrons", extreme(np.nan_to_num(state.temperature))
        solved[name] = max(warm, solved.get(name, 0.0), key=abs)
    conditions = problem.conditions
    walls = {f"wall '{name}'": value for name, value in conditions.deviations.items()}
    return linearity_notes(conditions.temperature, {**walls, **solved})


def heat_results_of(
    problem: HeatProblem, found: HeatResult, timings: Mapping[str, float]
) -> Results:
    """Return the results of a run by the heat equation.

    Args:
        problem: The problem.
        found: Its solution.
        timings: Wall time of its parts [s].
    """
    tables = [body.modes for body in problem.bodies]
    return Results(
        title=problem.settings.title,
        case=problem.settings.case,
        versions=versions(),
        geometry=problem.geometry,
        frequency_edges=problem.frequency_edges,
        reference_temperature=tables[0].temperature,
        num_modes=sum(modes.num_modes for modes in tables),
        num_unknowns=problem.mesh.num_dofs,
        power=problem.power,
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
        notes=linearity_notes(
            problem.conditions.temperature,
            {f"wall '{name}'": value for name, value in problem.conditions.deviations.items()}
            | ({} if found.steady is None else {_STEADY: found.steady.extreme_temperature}),
        ),
        timings=timings,
    )
