"""Observables of one field of mode temperatures, on the plain arrays of its mesh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.types import Array, IntArray

if TYPE_CHECKING:
    pass


def _no_components() -> IntArray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Balance:
    """The energy account of one scattering order, or of the steady state.

    Attributes:
        deposited: Power that entered: the heat source for order 0, the in-scattered power of the
            previous order otherwise [W].
        absorbed: Net power that left through each wall, by wall name [W].
        scattered_power: Power scattered out of this order and into the next one [W]; zero for the
            steady state, which scatters into itself.
    """

    deposited: float
    absorbed: Mapping[str, float]
    scattered_power: float

    @property
    def imbalance(self) -> float:
        """Unaccounted power relative to the deposited power [-]."""
        lost = self.deposited - sum(self.absorbed.values()) - self.scattered_power
        scale = abs(self.deposited) + sum(abs(p) for p in self.absorbed.values())
        return lost / scale if scale > 0.0 else 0.0


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The observables of one field of mode temperatures: a scattering order or the steady state.

    Attributes:
        temperature: Deviation from T0, shape (num_cells, dim + 1) [K].
        heat_flux: Shape (num_cells, dim + 1, 3) [W/m^2].
        outgoing_spectrum: For each wall, power of the carriers arriving in each frequency bin,
            shape (num_bins,) [W].
        outgoing_current: Power arriving on each boundary facet (all carriers moving outward, before
            any boundary condition), shape (num_boundary_facets,) [W/m^2].
        balance: The energy account.
        mode_temperatures: Mean of each mode's temperature over its body, for every body an array
            of shape (num_modes,) [K].
        wall_temperatures: For each wall, mean over it of the body's deviation from T0 beside it
            (at an interface, of both bodies) [K].
    """

    temperature: Array
    heat_flux: Array
    outgoing_spectrum: Mapping[str, Array]
    outgoing_current: Array
    balance: Balance
    mode_temperatures: tuple[Array, ...] = ()
    wall_temperatures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class MeshGeometry:
    """The mesh that the observables live on, as plain arrays.

    Attributes:
        points: Vertex coordinates of the discontinuous space: each cell owns its vertices,
            shape (num_cells, dim + 1, dim) [m].
        volumes: Cell volumes, shape (num_cells,) [m^3] (areas in 2D, lengths in 1D).
        facets: Vertices of the boundary facets, shape (num_boundary_facets, dim, dim) [m].
        facet_areas: Shape (num_boundary_facets,) [m^2] (lengths in 2D, 1 in 1D).
        facet_normals: Outward unit normals, shape (num_boundary_facets, dim).
        facet_walls: Wall tag of each boundary facet, shape (num_boundary_facets,).
        walls: Wall name -> tag.
        components: Connected component that each cell belongs to, numbered from left to right: the
            parts that interfaces leave connected, shape (num_cells,); empty without interfaces.
        materials: Name of the material of each component.
        facet_components: Component that each boundary facet belongs to, shape
            (num_boundary_facets,).
        cell_regions: Tag of the region of each cell, shape (num_cells,).
        regions: Region name -> tag.
    """

    points: Array
    volumes: Array
    facets: Array
    facet_areas: Array
    facet_normals: Array
    facet_walls: IntArray
    walls: Mapping[str, int]
    components: IntArray = field(default_factory=_no_components)
    materials: tuple[str, ...] = ()
    facet_components: IntArray = field(default_factory=_no_components)
    cell_regions: IntArray = field(default_factory=_no_components)
    regions: Mapping[str, int] = field(default_factory=dict)
