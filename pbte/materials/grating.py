"""Conductivity of a crystal for heat that varies like a wave: from diffusion to free flight.

Heat Q cos(k . r) put into the endless crystal, into each mode by its heat capacity, warms it by
T cos(k . r), and k_eff = Q / k^2 T: the steady thermal grating (A. A. Maznev, J. A. Johnson and
K. A. Nelson, Phys. Rev. B 84, 195206 (2011); with the full matrix C. Hua and L. Lindsay, Phys. Rev.
B 102, 104310 (2020)). The transport equation becomes one for each wave,

    (Gamma + i k . v - M) theta = Q / C,    T = sum c theta / C

solved directly. Long waves see the bulk conductivity. No mesh, no directions but those of the
crystal: what the solver on a mesh has to come to.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.materials.kernel import CollisionKernel, FactoredKernel, FullKernel, to_parity


def grating_conductivity(kernel: CollisionKernel, wave: Array) -> float:
    """Return Q / k^2 T for heat that varies like cos(k . r) in the endless crystal [W/m K].

    Args:
        kernel: Full or factored kernel.
        wave: Wave vector k, shape (3,) [1/m]; 2 pi over the period along the heat flux.

    Raises:
        InputError: The wave vector is zero, or the collision matrix is not positive.
        TypeError: An unknown kind of kernel.
    """
    size = float(np.linalg.norm(wave))
    if not size > 0.0:
        raise InputError("a grating needs a wave vector that is not zero")
    if isinstance(kernel, FullKernel):
        warmth = _full_warmth(kernel, wave)
    elif isinstance(kernel, FactoredKernel):
        warmth = _factored_warmth(kernel, wave)
    else:
        raise TypeError(f"no grating for a kernel of type {type(kernel).__name__}")
    return 1.0 / (size**2 * warmth)


def _full_warmth(kernel: FullKernel, wave: Array) -> float:
    """Return T for Q = 1 [K m^3/W].

    With x = c^1/2 theta in parity, V = k . v leads from the even part to the odd one and back, and
    the odd part can be left out: (Gamma - E + V (Gamma - O)^-1 V) x = c^1/2 / C on the even part.
    Self-partnered modes stand still.
    """
    modes = kernel.modes
    pairs, alone = slice(0, modes.num_pairs), slice(2 * modes.num_pairs, None)
    speeds = modes.velocities[pairs] @ wave
    rates = np.concatenate([modes.loss_rates[pairs], modes.loss_rates[alone]])
    heat, _ = to_parity(np.sqrt(modes.heat_capacities), modes.num_pairs)
    try:
        odd = scipy.linalg.cholesky(
            np.diag(modes.loss_rates[pairs]) - kernel.odd, lower=True, overwrite_a=True
        )
        flight = scipy.linalg.solve_triangular(odd, np.diag(speeds), lower=True)
        even = np.diag(rates) - kernel.even
        even[pairs, pairs] += flight.T @ flight
        factor = scipy.linalg.cho_factor(even, lower=True, overwrite_a=True)
    except np.linalg.LinAlgError:
        raise InputError(
            f"{modes.name}: the collision matrix is not positive definite, so no conductivity is "
            "defined; the material file is damaged or its matrix was cut off"
        ) from None
    return float(heat @ scipy.linalg.cho_solve(factor, heat)) / modes.heat_capacity**2


def _factored_warmth(kernel: FactoredKernel, wave: Array) -> float:
    """Return T for Q = 1 [K m^3/W], from the moments y = w_out theta alone."""
    modes = kernel.modes
    flight = 1.0 / (modes.loss_rates + 1j * (modes.velocities @ wave))
    given = flight / modes.heat_capacity
    coupling = kernel.w_out @ (kernel.w_in * flight[:, None])
    moments = np.linalg.solve(np.eye(kernel.rank) - coupling, kernel.w_out @ given)
    theta = given + (kernel.w_in @ moments) * flight
    return float((modes.heat_capacities @ theta).real) / modes.heat_capacity
