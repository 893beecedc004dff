"""Observables of one field of mode temperatures, on the plain arrays of its mesh."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array, IntArray


def _no_components() -> IntArray:
    return np.empty(0, dtype=np.int64)


def extreme(temperature: Array) -> float:
    """Return the deviation of largest size, with its sign [K]; 0 of an empty field."""
    if temperature.size == 0:
        return 0.0
    return float(temperature.flat[np.argmax(np.abs(temperature))])


@record
class Balance:
    """Energy balance of one scattering order, or of the steady state."""

    deposited: float = quantity(
        "W",
        "power that entered: of the sources, or scattered in from the order before",
        per_extent=True,
    )
    absorbed: Mapping[str, float] = quantity(
        "W", "net power that left through each wall", axes=("wall",), per_extent=True
    )
    scattered_power: float = quantity(
        "W",
        "power scattered into the next order; none in a steady state, which scatters into itself",
        per_extent=True,
    )

    @property
    @derived("1")
    def imbalance(self) -> float:
        """Power not accounted for, relative to all that passes."""
        lost = self.deposited - sum(self.absorbed.values()) - self.scattered_power
        scale = abs(self.deposited) + sum(abs(p) for p in self.absorbed.values())
        return lost / scale if scale > 0.0 else 0.0


@record
class Snapshot:
    """Observables of one field of mode temperatures: a scattering order or the steady state."""

    temperature: Array = quantity("K", "deviation from T0", axes=("cell", "vertex"))
    heat_flux: Array = quantity("W/m^2", "heat flux", axes=("cell", "vertex", "component"))
    outgoing_spectrum: Mapping[str, Array] = quantity(
        "W",
        "power of the carriers arriving at each wall in each frequency bin",
        axes=("wall", "bin"),
        per_extent=True,
    )
    outgoing_current: Array = quantity(
        "W/m^2",
        "power of all carriers arriving at each boundary facet, before any boundary condition",
        axes=("facet",),
    )
    balance: Balance = quantity("", "energy account")
    mode_temperatures: tuple[Array, ...] = quantity(
        "K", "mean of each mode's temperature over each body", axes=("body", "mode"), default=()
    )
    wall_temperatures: Mapping[str, float] = quantity(
        "K",
        "mean deviation of the body next to each wall from T0; at an interface, of both bodies",
        axes=("wall",),
        default_factory=dict,
    )

    @property
    @derived("K")
    def extreme_temperature(self) -> float:
        """Deviation from T0 of largest size, with its sign."""
        return extreme(self.temperature)


@record
class MeshGeometry:
    """Mesh on which the observables are defined, as plain arrays."""

    points: Array = quantity(
        "m", "vertices of each cell; cells share none", axes=("cell", "vertex", "coordinate")
    )
    volumes: Array = quantity("m^3", "volume of each cell", axes=("cell",), per_extent=True)
    facets: Array = quantity(
        "m", "vertices of each boundary facet", axes=("facet", "vertex", "coordinate")
    )
    facet_areas: Array = quantity(
        "m^2", "area of each boundary facet", axes=("facet",), per_extent=True
    )
    facet_normals: Array = quantity(
        "1", "outward unit normal of each boundary facet", axes=("facet", "coordinate")
    )
    facet_walls: IntArray = quantity("1", "wall tag of each boundary facet", axes=("facet",))
    walls: Mapping[str, int] = quantity("1", "tag of each wall", axes=("wall",))
    components: IntArray = quantity(
        "1",
        "connected component of each cell, what interfaces leave connected, numbered from "
        "left to right; empty without interfaces",
        axes=("cell",),
        default_factory=_no_components,
    )
    materials: tuple[str, ...] = quantity(
        "", "material of each connected component", axes=("connected component",), default=()
    )
    facet_components: IntArray = quantity(
        "1",
        "connected component of each boundary facet",
        axes=("facet",),
        default_factory=_no_components,
    )

    cell_regions: IntArray = quantity(
        "1", "tag of the region of each cell", axes=("cell",), default_factory=_no_components
    )
    regions: Mapping[str, int] = quantity(
        "1", "tag of each region", axes=("region",), default_factory=dict
    )

    @property
    @derived("1")
    def num_cells(self) -> int:
        """Number of cells."""
        return len(self.volumes)

    @property
    @derived("m^3", per_extent=True)
    def volume(self) -> float:
        """Volume of the body."""
        return float(np.sum(self.volumes))

    @property
    @derived("1")
    def dim(self) -> int:
        """Dimension of the mesh."""
        return int(self.points.shape[2])
