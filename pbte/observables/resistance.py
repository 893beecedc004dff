"""Resistance of interfaces, by four definitions that differ, and of stacks of films.

    local         jump of the temperature of all modes at the interface, over the heat flux
    extrapolated  jump of the profiles of the bulk, extended to the interface
    emission      difference of the temperatures of the two streams that arrive at the interface
    Landauer      1 / sum F, of the interface model alone: emission between equilibrium reservoirs

A perfect interface of one crystal with itself has none of the first two and a finite value of the
last two: the Kapitza paradox. Half of the modes at an interface have just left it, so the local
jump is smaller than that between the streams. The extrapolated jump includes the layers next to the
interface in which the modes are not in equilibrium with each other; an experiment on thick layers
measures it, and it has no meaning in layers thinner than these (E. T. Swartz and R. O. Pohl, Rev.
Mod. Phys. 61, 605 (1989), section II; G. Chen, Phys. Rev. B 57, 14958 (1998)).

Over an interface on which the flux is not uniform, R is the least-squares fit of dT = R q:
sum q dT / sum q^2 over its area.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array

if TYPE_CHECKING:
    from pbte.observables.interfaces import Interface, InterfaceFields
    from pbte.observables.snapshot import MeshGeometry

# An interface carries heat if the net flux is more than this share of what arrives [-].
CARRIES = 1e-7
# A layer is bulk if its gradient in the middle third is q / k up to this share [-].
BULK = 0.05
# Normals of a flat interface agree up to this [-].
_FLAT = 1e-6


@record
class InterfaceSpectrum:
    """Spectra at an interface, on side 1 and side 2."""

    outgoing: Array = quantity(
        "K",
        "temperature of the modes that arrive at the interface; nan in empty bins",
        axes=("side", "bin"),
    )
    incoming: Array = quantity(
        "K",
        "temperature of the modes that come out of it; nan in empty bins",
        axes=("side", "bin"),
    )
    heat_flux: Array = quantity("W/m^2", "net heat flux out of the crystal", axes=("side", "bin"))


@record
class InterfaceResult:
    """An interface in one state; temperatures are deviations from T0, of side 1 and side 2."""

    name: str = quantity(
        "", "name in the mesh, with a number where it joins several pairs of components"
    )
    model: str = quantity("", "kind of its interface model")
    materials: tuple[str, str] = quantity("", "materials of both sides", axes=("side",))
    area: float = quantity("m^2", "area", per_extent=True)
    temperatures: tuple[float, float] = quantity("K", "mean of all modes", axes=("side",))
    streams: tuple[float, float] = quantity(
        "K", "mean of the streams that arrive at the interface", axes=("side",)
    )
    heat_flux: float = quantity("W/m^2", "mean heat flux from side 1 to side 2")
    mismatch: float = quantity(
        "W/m^2", "largest difference of the fluxes on the two sides at one node"
    )
    local: float = quantity(
        "m^2 K/W", "resistance by the jump of the temperature of all modes; nan where no heat flows"
    )
    extrapolated: float = quantity(
        "m^2 K/W", "resistance by profiles of the bulk; nan where the layers are not bulk"
    )
    emission: float = quantity("m^2 K/W", "resistance by the temperatures of the streams")
    landauer: float = quantity("m^2 K/W", "resistance of the interface model alone, 1 / sum F")
    entropy: float = quantity("W/m^2 K", "mean entropy production; nan of a sum of orders")
    least_entropy: float = quantity("W/m^2 K", "smallest entropy production at any node")
    spectrum: InterfaceSpectrum = quantity("", "the same by frequency")

    @property
    @derived("K")
    def jump(self) -> float:
        """How much warmer side 1 is than side 2."""
        return self.temperatures[0] - self.temperatures[1]


def interface_result(
    fields: InterfaceFields,
    geometry: MeshGeometry,
    temperature: Array,
    conductivities: Mapping[str, Array],
    *,
    whole: bool,
) -> InterfaceResult:
    """Return the result at an interface.

    Args:
        fields: Fields measured there.
        geometry: The whole mesh.
        temperature: The temperature field, shape (num_cells, dim + 1) [K].
        conductivities: Bulk conductivity of each material, (3, 3) [W/m K].
        whole: Whether the fields are those of a complete state, not of a sum of orders.
    """
    interface, (first, second) = fields.interface, fields.sides
    areas = interface.facets.areas
    dim = interface.facets.corners.shape[2]
    weights = np.repeat(areas[:, None] / dim, dim, axis=1)
    area = float(areas.sum())
    flux = 0.5 * (first.heat_flux - second.heat_flux)

    def mean(values: Array) -> float:
        return float((weights * values).sum() / area)

    arriving = np.sqrt(mean(first.arriving**2) + mean(second.arriving**2))
    carries = np.sqrt(mean(flux**2)) > CARRIES * arriving

    def best(difference: Array) -> float:
        return mean(flux * difference) / mean(flux**2) if carries else nan

    sides = fields.sides
    conductance = float(areas @ interface.conductances) / area
    return InterfaceResult(
        name=interface.name,
        model=interface.model,
        materials=interface.materials,
        area=area,
        temperatures=(mean(first.temperature), mean(second.temperature)),
        streams=(mean(first.outgoing), mean(second.outgoing)),
        heat_flux=mean(flux),
        mismatch=float(np.abs(first.heat_flux + second.heat_flux).max()),
        local=best(first.temperature - second.temperature),
        extrapolated=_extrapolated(interface, geometry, temperature, conductivities, mean(flux))
        if carries
        else nan,
        emission=best(first.outgoing - second.outgoing),
        landauer=1.0 / conductance if conductance > 0.0 else np.inf,
        entropy=mean(fields.entropy) if whole else nan,
        least_entropy=float(fields.entropy.min()) if whole else nan,
        spectrum=InterfaceSpectrum(
            outgoing=np.stack([_ratio(s.out_spectrum, s.weights) for s in sides]),
            incoming=np.stack([_ratio(s.in_spectrum, s.weights) for s in sides]),
            heat_flux=np.stack([s.out_spectrum - s.in_spectrum for s in sides]),
        ),
    )


def _ratio(values: Array, weights: Array) -> Array:
    """Return values over weights, nan where there are none."""
    filled = weights > 0.0
    return np.divide(values, weights, out=np.full_like(values, nan), where=filled)


def _extrapolated(
    interface: Interface,
    geometry: MeshGeometry,
    temperature: Array,
    conductivities: Mapping[str, Array],
    flux: float,
) -> float:
    """Return the jump of the bulk profiles over the flux; nan if there is no bulk."""
    normal = flat_normal(interface)
    if normal is None:
        return nan
    place = float(interface.facets.corners[0, 0] @ normal)
    ends = [
        bulk_end(geometry, temperature, component, normal, place, slope)
        for component, slope in zip(
            interface.components,
            (_slope(conductivities[material], normal, flux) for material in interface.materials),
            strict=True,
        )
    ]
    return (ends[0] - ends[1]) / flux


def _slope(conductivity: Array, normal: Array, flux: float) -> float:
    """Return the gradient along a normal that a flux along it has in the bulk [K/m]."""
    dim = normal.size
    return float(-flux / (normal @ conductivity[:dim, :dim] @ normal))


def flat_normal(interface: Interface) -> Array | None:
    """Return the normal of a flat interface, shape (dim,), None of a curved one."""
    normals = interface.facets.normals
    return None if np.abs(normals - normals[0]).max() > _FLAT else np.asarray(normals[0])


def bulk_end(
    geometry: MeshGeometry,
    temperature: Array,
    component: int,
    normal: Array,
    position: float,
    slope: float,
) -> float:
    """Return the bulk temperature of a layer, extrapolated to one of its ends [K].

    The mean temperature of the middle third, extended with the gradient of the bulk.

    Args:
        geometry: The whole mesh.
        temperature: Shape (num_cells, dim + 1) [K].
        component: Number of the layer.
        normal: Unit normal of the layer, shape (dim,).
        position: Where its end is along the normal [m].
        slope: Gradient along it in the bulk [K/m].

    Returns:
        nan if the middle third holds less than two cells, or its gradient is off by more than BULK.
    """
    cells = geometry.components == component
    along = geometry.points[cells] @ normal
    low, high = float(along.min()), float(along.max())
    centres = along.mean(axis=1)
    third = (high - low) / 3.0
    middle = (centres > low + third) & (centres < high - third)
    if np.unique(np.round(centres[middle] / (1e-9 * (high - low)))).size < 2:
        return nan
    weights = np.repeat(geometry.volumes[cells][middle], along.shape[1])
    where, values = along[middle].ravel() - position, temperature[cells][middle].ravel()
    centre, mean = (float(np.average(x, weights=weights)) for x in (where, values))
    apart = where - centre
    gradient = (weights @ (apart * values)) / (weights @ apart**2)
    return mean - slope * centre if abs(gradient - slope) <= BULK * abs(slope) else nan


@record
class SeriesPart:
    """One of the resistances in series that a stack of films between two walls is made of."""

    kind: str = quantity("", '"boundary", "film" or "interface"')
    name: str = quantity("", "wall, material of the film, or interface")
    thickness: float = quantity("m", "thickness of a film, else 0")
    drop: float = quantity("K", "how much the temperature falls")
    resistance: float = quantity("m^2 K/W", "drop over heat flux")
    bulk: float = quantity(
        "m^2 K/W", "resistance of a film of bulk, thickness over conductivity; else 0"
    )


@record
class SeriesResistance:
    """Films as resistances in series, from the hot end on: between walls, or of one period.

    The drops are those of the temperature of all modes and add up to that between the ends. Parts:
    boundary, film, interface, film, ..., boundary between two isothermal walls; film, interface,
    film, ..., interface in a period, whose first film continues at its other end.
    """

    parts: tuple[SeriesPart, ...] = quantity("", "parts from hot to cold", axes=("part",))
    heat_flux: float = quantity("W/m^2", "mean heat flux from the hot end to the cold one")

    @property
    @derived("1")
    def is_period(self) -> bool:
        """Whether it is the period of a superlattice, not a stack between two walls."""
        return all(part.kind != "boundary" for part in self.parts)

    @property
    @derived("m^2 K/W")
    def total(self) -> float:
        """Resistance between the ends."""
        return sum(part.resistance for part in self.parts)

    @property
    @derived("W/m K")
    def conductivity(self) -> float:
        """Thickness over resistance of the whole."""
        return sum(part.thickness for part in self.parts) / self.total

    @property
    @derived("m^2 K/W")
    def bulk(self) -> float:
        """Resistance that the films would have as bulk."""
        return sum(part.bulk for part in self.parts)

    @property
    @derived("m^2 K/W")
    def interfaces(self) -> float:
        """Resistance of the interfaces, by the jumps there."""
        return sum(part.resistance for part in self.parts if part.kind == "interface")

    @property
    @derived("m^2 K/W")
    def boundaries(self) -> float:
        """The rest: slip at the walls, and films that conduct less than bulk.

        It may be negative in thin periods: heat that passes several interfaces ballistically meets
        less than a film of bulk and a jump at each.
        """
        return self.total - self.bulk - self.interfaces


@dataclass(frozen=True, kw_only=True)
class Reservoirs:
    """The two ends of a stack, the hot one first.

    Attributes:
        walls: Their names.
        held: Deviation of isothermal walls from T0; the drop and 0 of periodic ones [K].
        beside: Mean deviation of the body next to isothermal walls [K]; None of periodic ones.
        direction: From the hot to the cold one, shape (3,).
        heat_flux: Mean flux between them [W/m^2].
    """

    walls: tuple[str, str]
    held: tuple[float, float]
    beside: tuple[float, float] | None
    direction: Array
    heat_flux: float


def series_resistance_of(
    geometry: MeshGeometry,
    ends: Reservoirs,
    interfaces: Sequence[Interface],
    results: Sequence[InterfaceResult],
    conductivities: Mapping[str, Array],
) -> SeriesResistance | None:
    """Return the resistances in series between two ends, None if the body is no stack of films.

    Args:
        geometry: The whole mesh.
        ends: Isothermal walls, or periodic ones with a drop between them.
        interfaces: All interfaces.
        results: Result at each of them.
        conductivities: Bulk conductivity of each material, (3, 3) [W/m K].
    """
    chain = _chain(geometry, ends, interfaces)
    if chain is None:
        return None
    components, crossed = chain
    direction = ends.direction[: geometry.points.shape[2]]
    # Temperatures on both sides of everything that the heat passes, from hot to cold.
    levels = [
        level
        for number, turned in crossed
        for level in results[number].temperatures[:: -1 if turned else 1]
    ]
    films = []
    for component in components:
        material = geometry.materials[component]
        along = geometry.points[geometry.components == component] @ direction
        thickness = float(np.ptp(along))
        bulk = -thickness * _slope(conductivities[material], direction, 1.0)
        films.append(("film", material, thickness, bulk))
    kinds = [films[0]]
    for (number, _), film in zip(crossed, films[1:], strict=True):
        kinds += [("interface", results[number].name, 0.0, 0.0), film]
    if ends.beside is None:  # the last film is the first one, continued a period later
        _, material, thickness, bulk = kinds.pop()
        kinds[0] = ("film", material, kinds[0][2] + thickness, kinds[0][3] + bulk)
        levels.insert(0, levels[-1] + ends.held[0] - ends.held[1])
    else:
        walls = [("boundary", wall, 0.0, 0.0) for wall in ends.walls]
        kinds = [walls[0], *kinds, walls[1]]
        levels = [ends.held[0], ends.beside[0], *levels, ends.beside[1], ends.held[1]]
    parts = tuple(
        SeriesPart(
            kind=kind,
            name=name,
            thickness=thickness,
            drop=above - below,
            resistance=(above - below) / ends.heat_flux,
            bulk=bulk,
        )
        for (kind, name, thickness, bulk), above, below in zip(
            kinds, levels, levels[1:], strict=False
        )
    )
    return SeriesResistance(parts=parts, heat_flux=ends.heat_flux)


def _chain(
    geometry: MeshGeometry, ends: Reservoirs, interfaces: Sequence[Interface]
) -> tuple[list[int], list[tuple[int, bool]]] | None:
    """Return the components from wall to wall, and the interfaces between them, turned or not."""
    start, goal = (_component_at(geometry, wall) for wall in ends.walls)
    if start is None or goal is None:
        return None
    direction = ends.direction[: geometry.points.shape[2]]
    components, crossed = [start], list[tuple[int, bool]]()
    while True:
        here = components[-1]
        onward = [
            number
            for number, interface in enumerate(interfaces)
            if here in interface.components and number not in [done for done, _ in crossed]
        ]
        if not onward:
            complete = here == goal and len(crossed) == len(interfaces)
            return (components, crossed) if complete else None
        if len(onward) > 1:
            return None
        interface, normal = interfaces[onward[0]], flat_normal(interfaces[onward[0]])
        turned = interface.components[0] != here
        sign = -1.0 if turned else 1.0
        if normal is None or sign * float(normal @ direction) < 1.0 - _FLAT:
            return None
        crossed.append((onward[0], turned))
        components.append(interface.components[0] if turned else interface.components[1])


def _component_at(geometry: MeshGeometry, wall: str) -> int | None:
    """Return the only component that a wall belongs to, None if there are several."""
    on_wall = geometry.facet_walls == geometry.walls[wall]
    found = np.unique(geometry.facet_components[on_wall])
    return int(found[0]) if found.size == 1 else None
