"""Effective conductivity of a driven body, and which phonons carry it.

A body is driven by a temperature drop over a length: walls at two temperatures, or periodic walls
with a drop between them. The mean heat flux against the mean gradient is its conductivity,

    k = (1/A drop) sum_mu c_mu v_mu . n int theta_mu dV,

with A the cross-section of the body, pores included: in the steady state the current through
every cross-section is the same, and its integral along the length is that of the heat flux over
the volume. Each mode's term is its share of k; sorted by mean free path or frequency they add up
to the accumulation functions (Dames & Chen, in Thermoelectrics Handbook (2005); Minnich, J. Phys.:
Condens. Matter 27, 053202 (2015), for the suppression function).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.materials.modes import ModeTable
from pbte.types import Array


@dataclass(frozen=True, kw_only=True)
class Drive:
    """What drives heat through a body.

    Attributes:
        direction: Unit vector from hot to cold, shape (3,).
        length: Distance over which the temperature falls [m].
        drop: How much it falls [K].
        area: Cross-section of the body, pores included [m^2] ([m] in 2D, 1 in 1D).
    """

    direction: Array
    length: float
    drop: float
    area: float


@dataclass(frozen=True, kw_only=True)
class Conductivity:
    """Effective conductivity, mode by mode.

    Attributes:
        drive: What drives the heat.
        value: k [W/m K].
        bulk: Conductivity of the endless crystal by its relaxation times along the same
            direction [W/m K].
        contributions: Share of each mode in k, shape (num_modes,) [W/m K].
        bulk_contributions: The same in the endless crystal, c (v . n)^2 / Gamma [W/m K].
        mean_free_paths: |v| / Gamma, shape (num_modes,) [m].
        frequencies: Angular frequency, shape (num_modes,) [rad/s].
    """

    drive: Drive
    value: float
    bulk: float
    contributions: Array
    bulk_contributions: Array
    mean_free_paths: Array
    frequencies: Array


def effective_conductivity(
    drive: Drive, modes: ModeTable, mode_temperatures: Array, volume: float
) -> Conductivity:
    """Return the effective conductivity of a steady state.

    Args:
        drive: What drives the heat.
        modes: Modes of the crystal.
        mode_temperatures: Mean of each mode's temperature over the body, shape (num_modes,) [K].
        volume: Volume of the body without its pores [m^3].
    """
    along = modes.velocities @ drive.direction
    integral = modes.heat_capacities * along * mode_temperatures * volume
    contributions = np.asarray(integral / (drive.area * drive.drop), dtype=np.float64)
    bulk = modes.heat_capacities * along**2 / modes.loss_rates
    return Conductivity(
        drive=drive,
        value=float(contributions.sum()),
        bulk=float(bulk.sum()),
        contributions=contributions,
        bulk_contributions=bulk,
        mean_free_paths=modes.mean_free_paths,
        frequencies=modes.frequencies,
    )


def accumulation(labels: Array, contributions: Array) -> tuple[Array, Array]:
    """Return distinct labels, ascending, and the sum of all contributions up to each of them.

    Args:
        labels: Mean free path or frequency of each mode, shape (num_modes,).
        contributions: Shape (num_modes,) [W/m K].

    Returns:
        Labels, shape (n,), and accumulated conductivity, shape (n,) [W/m K].
    """
    order = np.argsort(labels, kind="stable")
    total = np.cumsum(contributions[order])
    last = np.append(np.diff(labels[order]) > 0.0, True)
    return labels[order][last], total[last]


def suppression(conductivity: Conductivity, edges: Array) -> Array:
    """Return k over bulk for the modes in each bin of mean free path [-]; nan where there are none.

    Args:
        conductivity: Effective conductivity.
        edges: Edges of the bins, ascending, shape (num_bins + 1,) [m].
    """
    paths = conductivity.mean_free_paths
    carried, bulk = (
        np.histogram(paths, edges, weights=weights)[0]
        for weights in (conductivity.contributions, conductivity.bulk_contributions)
    )
    ratio: Array = np.divide(carried, bulk, out=np.full_like(bulk, np.nan), where=bulk > 0.0)
    return ratio
