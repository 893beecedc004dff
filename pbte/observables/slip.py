"""Temperature slip at isothermal walls.

A black wall emits phonons of its own temperature, but those that arrive come from a mean free path
away: the body next to the wall does not have the temperature of the wall. The jump

    dT = T_wall - T_body

with the energy temperature of the body at the wall, dT = sum c theta / sum c, over the heat flux q
from the wall into the body is a resistance, R = dT / q, and k R is the thickness of bulk crystal
that resists as much, the slip length. In a thick gray body it is 1/sqrt(3) mean free paths (the
Hopf function at the surface; Chandrasekhar, Radiative Transfer (1950)). The profile of the bulk,
extended to the wall, jumps by more, 0.7104 mean free paths, because it bends near the wall.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array

if TYPE_CHECKING:
    from pbte.observables.snapshot import MeshGeometry, Snapshot

# A wall carries heat if the net power is more than this share of what arrives [-].
CARRIES = 1e-7


@record
class WallSlip:
    """The temperature slip at one isothermal wall."""

    wall: str = quantity("", "name of the wall")
    wall_temperature: float = quantity("K", "deviation of the wall from T0")
    body_temperature: float = quantity("K", "mean deviation of the body next to the wall from T0")
    heat_flux: float = quantity("W/m^2", "mean heat flux from the wall into the body")
    resistance: float = quantity("m^2 K/W", "slip over heat flux; nan where no heat flows")
    length: float = quantity("m", "slip length, resistance times bulk conductivity across the wall")

    @property
    @derived("K")
    def slip(self) -> float:
        """How much warmer the wall is than the body next to it."""
        return self.wall_temperature - self.body_temperature


@dataclass(frozen=True, kw_only=True)
class WallShape:
    """Shape of a wall, as far as its slip depends on it.

    Attributes:
        area: Its area [m^2] ([m] in 2D, 1 in 1D).
        normals: Mean over the wall of n n, shape (3, 3) [-].
    """

    area: float
    normals: Array


def wall_shape(geometry: MeshGeometry, wall: str) -> WallShape:
    """Return area and mean of n n of a wall of the whole mesh."""
    own = geometry.facet_walls == geometry.walls[wall]
    areas, normals = geometry.facet_areas[own], geometry.facet_normals[own]
    dim = normals.shape[1]
    mean = np.zeros((3, 3))
    mean[:dim, :dim] = np.einsum("f,fi,fj->ij", areas, normals, normals) / areas.sum()
    return WallShape(area=float(areas.sum()), normals=mean)


def wall_slips(
    steady: Snapshot,
    held: Mapping[str, float],
    shapes: Mapping[str, WallShape],
    conductivities: Mapping[str, Array],
) -> tuple[WallSlip, ...]:
    """Return the slip at every isothermal wall.

    Args:
        steady: The steady state.
        held: Deviation of each isothermal wall from T0, by name [K].
        shapes: Area and normals of these walls.
        conductivities: Bulk conductivity of the body behind these walls, each (3, 3) [W/m K].
    """
    slips = []
    for name, temperature in held.items():
        body, shape = steady.wall_temperatures[name], shapes[name]
        net = steady.balance.absorbed[name]
        arriving = float(np.abs(steady.outgoing_spectrum[name]).sum())
        flux = -net / shape.area
        carries = abs(net) > CARRIES * arriving
        resistance = (temperature - body) / flux if carries else nan
        across = float(np.sum(conductivities[name] * shape.normals))
        slips.append(
            WallSlip(
                wall=name,
                wall_temperature=float(temperature),
                body_temperature=float(body),
                heat_flux=float(flux),
                resistance=float(resistance),
                length=float(across * resistance),
            )
        )
    return tuple(slips)
