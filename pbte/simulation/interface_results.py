"""Results at the interfaces of a run, one for each pair of connected components that meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pbte.core.types import Array
from pbte.observables.conductivity import TemperatureGradient
from pbte.observables.interfaces import InterfaceFields
from pbte.observables.resistance import (
    InterfaceResult,
    Reservoirs,
    SeriesResistance,
    interface_result,
    series_resistance_of,
)
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.simulation.conditions import Conditions
from pbte.simulation.temperature_gradient import temperature_gradient_of


def interface_results(
    conditions: Conditions,
    geometry: MeshGeometry,
    fields: Sequence[InterfaceFields],
    snapshots: Sequence[Snapshot],
    conductivities: Mapping[str, Array],
    *,
    whole: bool,
) -> tuple[tuple[InterfaceResult, ...], SeriesResistance | None]:
    """Return the result at each interface, and the resistances in series of a stack of films.

    Args:
        conditions: Conditions that drive heat.
        geometry: The whole mesh.
        fields: Fields at the interfaces.
        snapshots: Observables of the steady state, or of all orders, which are added up.
        conductivities: Bulk conductivity of each material, shape (3, 3) [W/m K].
        whole: Whether it is the steady state.
    """
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
    """Return the two walls between which heat is driven, None if there are no such two."""
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
