"""Results of a run, put together from the problem and the records of its stages."""

from __future__ import annotations

from collections.abc import Mapping

from pbte.core.versions import versions
from pbte.observables.bulk import bulk_tensor
from pbte.observables.electrons import ElectronResult
from pbte.observables.gathering import whole_geometry
from pbte.observables.heat_equation import HeatState
from pbte.observables.interfaces import InterfaceFields
from pbte.observables.resistance import InterfaceResult, SeriesResistance
from pbte.observables.results import Results
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.observables.transient import TransientResult
from pbte.simulation.bodies import geometry_of
from pbte.simulation.condition_notes import linearity_notes
from pbte.simulation.conductivity import conduction_of
from pbte.simulation.heat_problem import HeatProblem
from pbte.simulation.interface_results import interface_results
from pbte.simulation.notes import run_notes
from pbte.simulation.problem import Problem
from pbte.simulation.records import HeatResult, StageRecords


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
    metal = None if electrons is None else electrons.material
    meshes = [body.mesh for body in problem.bodies.bodies if body.material == metal]
    return Results(
        title=settings.title,
        case=settings.case,
        versions=versions(),
        geometry=geometry,
        frequency_edges=problem.frequency_edges,
        reference_temperature=system.bodies[0].modes.temperature,
        num_modes=sum(body.modes.num_modes for body in system.bodies),
        num_unknowns=system.num_unknowns + sum(mesh.num_dofs for mesh in meshes),
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
        + linearity_notes(
            problem.conditions,
            _extremes(
                snapshot if report is not None and report.converged else None,
                found.transient,
                electrons,
            ),
        )
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


def _extremes(
    steady: Snapshot | HeatState | None,
    transient: TransientResult | None,
    electrons: ElectronResult | None = None,
) -> dict[str, float]:
    """Return the largest deviation from T0 of each solution, by its name [K]."""
    found: dict[str, list[float]] = {
        "the steady temperature": [] if steady is None else [steady.extreme_temperature],
        "the temperature in time": []
        if transient is None
        else [snapshot.extreme_temperature for snapshot in transient.snapshots],
    }
    if electrons is not None:
        states = [*electrons.states, *([electrons.steady] if electrons.steady else [])]
        found["the temperature of the electrons"] = [each.extreme_temperature for each in states]
    return {name: max(values, key=abs) for name, values in found.items() if values}


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
        notes=linearity_notes(problem.conditions, _extremes(found.steady, found.transient)),
        timings=timings,
    )
