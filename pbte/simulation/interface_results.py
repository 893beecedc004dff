"""Results at the interfaces of a run, one for each pair of connected components that meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pbte.core.types import Array
from pbte.observables.bulk import bulk_tensor
from pbte.observables.conductivity import TemperatureGradient
from pbte.observables.interfaces import Interface, InterfaceFields, InterfaceTally
from pbte.observables.resistance import (
    InterfaceResult,
    Reservoirs,
    SeriesResistance,
    interface_result,
    series_resistance_of,
)
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.simulation.conditions import Conditions
from pbte.simulation.problem import Problem
from pbte.simulation.temperature_gradient import temperature_gradient_of


def interface_tally(problem: Problem) -> InterfaceTally:
    """Return the tally of all interfaces of a problem."""
    return InterfaceTally(
        problem.system, reported_interfaces(problem.interfaces), problem.tally.frequency_edges
    )


def reported_interfaces(interfaces: Iterable[Interface]) -> tuple[Interface, ...]:
    """Return one interface for each pair of components, by name and from left to right.

    Layers of a superlattice meet under one name; each of their interfaces is reported by itself,
    with a number.
    """
    found = [each for interface in interfaces for each in interface.by_components()]
    found.sort(key=lambda each: (each.name, float(each.facets.corners[..., 0].mean())))
    counts, seen = Counter(each.name for each in found), Counter[str]()
    named = []
    for each in found:
        seen[each.name] += 1
        several = counts[each.name] > 1
        named.append(replace(each, name=f"{each.name} {seen[each.name]}") if several else each)
    return tuple(named)


def interface_results(
    problem: Problem,
    geometry: MeshGeometry,
    fields: Sequence[InterfaceFields],
    snapshots: Sequence[Snapshot],
    *,
    whole: bool,
) -> tuple[tuple[InterfaceResult, ...], SeriesResistance | None]:
    """Return what is reported of each interface, and the resistances in series of a stack of films.

    Args:
        problem: The problem of the case.
        geometry: The whole mesh.
        fields: What was measured at the interfaces.
        snapshots: What else was measured: the steady state, or all orders, which are added up.
        whole: Whether it is the steady state.

    Note: Collective over all ranks.
    """
    if not fields:
        return (), None
    bodies = zip(problem.bodies.bodies, problem.system.bodies, strict=True)
    conductivities = {mesh.material: bulk_tensor(body) for mesh, body in bodies}
    return interface_results_of(
        problem.conditions, geometry, fields, snapshots, conductivities, whole=whole
    )


def interface_results_of(
    conditions: Conditions,
    geometry: MeshGeometry,
    fields: Sequence[InterfaceFields],
    snapshots: Sequence[Snapshot],
    conductivities: Mapping[str, Array],
    *,
    whole: bool,
) -> tuple[tuple[InterfaceResult, ...], SeriesResistance | None]:
    """Return the same from the bulk conductivity of each material, shape (3, 3) [W/m K]."""
    if not fields:
        return (), None
    temperature = np.sum([snapshot.temperature for snapshot in snapshots], axis=0)
    results = tuple(
        interface_result(each, geometry, temperature, conductivities, whole=whole)
        for each in fields
    )
    ends = _ends(conditions, geometry, snapshots, results)
    if ends is None or not whole:
        return results, None
    interfaces = [each.interface for each in fields]
    return results, series_resistance_of(geometry, ends, interfaces, results, conductivities)


def _ends(
    conditions: Conditions,
    geometry: MeshGeometry,
    snapshots: Sequence[Snapshot],
    results: Sequence[InterfaceResult],
) -> Reservoirs | None:
    """Return the two walls between which heat flows, None where it is not driven like that."""
    gradient = temperature_gradient_of(conditions, geometry)
    if gradient is None:
        return None
    held = conditions.deviations
    if not held:
        return _periodic_ends(conditions, gradient, results)
    cold, hot = sorted(held, key=lambda name: held[name])
    beside, power = ({name: 0.0 for name in held} for _ in range(2))
    for snapshot in snapshots:
        for name in held:
            beside[name] += snapshot.wall_temperatures[name]
            power[name] += snapshot.balance.absorbed[name]
    return Reservoirs(
        walls=(hot, cold),
        held=(held[hot], held[cold]),
        beside=(beside[hot], beside[cold]),
        direction=gradient.direction,
        heat_flux=0.5 * (power[cold] - power[hot]) / gradient.area,
    )


def _periodic_ends(
    conditions: Conditions, gradient: TemperatureGradient, results: Sequence[InterfaceResult]
) -> Reservoirs:
    """Return the two ends of a period with a drop between them."""
    (pair,) = (pair for pair in conditions.periods if pair.drop != 0.0)
    walls = (pair.name, pair.partner)
    return Reservoirs(
        walls=walls if pair.drop > 0.0 else walls[::-1],
        held=(gradient.drop, 0.0),
        beside=None,
        direction=gradient.direction,
        heat_flux=float(np.mean([abs(each.heat_flux) for each in results])),
    )
