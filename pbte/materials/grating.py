"""Effective conductivity of a bulk crystal for sinusoidal heating: diffusive to ballistic.

Heat Q cos(k . r) deposited in the bulk, into each mode in proportion to its heat capacity, raises
the temperature by T cos(k . r), and k_eff = Q / k^2 T: the steady thermal grating (A. A. Maznev, J.
A. Johnson and K. A. Nelson, Phys. Rev. B 84, 195206 (2011); with the full matrix C. Hua and L.
Lindsay, Phys. Rev. B 102, 104310 (2020)). For each wave vector the transport equation is algebraic,

    (Gamma + i k . v - M) theta = Q / C,    T = sum c theta / C

solved directly. The limit k -> 0 is the bulk conductivity. There is neither a mesh nor an angular
quadrature besides the modes, so this is the reference for solutions on a mesh.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.materials.kernel import CollisionKernel, FactoredKernel, FullKernel, to_parity


def grating_conductivity(kernel: CollisionKernel, wave: Array) -> float:
    """Return the effective conductivity Q / k^2 T for heating Q cos(k . r) of the bulk [W/m K].

    Args:
        kernel: Full or factored kernel.
        wave: Wave vector k, shape (3,) [1/m]; 2 pi over the period along the heat flux.

    Raises:
        InputError: The wave vector is zero, or the collision matrix is not positive definite.
        TypeError: The kernel is of an unknown kind.
    """
    size = float(np.linalg.norm(wave))
    if not size > 0.0:
        raise InputError("wave vector = 0; a grating needs one that is not zero")
    if isinstance(kernel, FullKernel):
        response = _full_response(kernel, wave)
    elif isinstance(kernel, FactoredKernel):
        response = _factored_response(kernel, wave)
    else:
        raise TypeError(f"no grating for a kernel of type {type(kernel).__name__}")
    return 1.0 / (size**2 * response)


def _full_response(kernel: FullKernel, wave: Array) -> float:
    """Return T for Q = 1 [K m^3/W].

    With x = c^1/2 theta in parity, V = k . v couples the even part to the odd one, and elimination
    of the odd part gives (Gamma - E + V (Gamma - O)^-1 V) x = c^1/2 / C on the even part.
    Self-partnered modes have no velocity.
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
        streaming = scipy.linalg.solve_triangular(odd, np.diag(speeds), lower=True)
        even = np.diag(rates) - kernel.even
        even[pairs, pairs] += streaming.T @ streaming
        factor = scipy.linalg.cho_factor(even, lower=True, overwrite_a=True)
    except np.linalg.LinAlgError:
        raise InputError(
            f"{modes.name}: the collision matrix is not positive definite, so no conductivity is "
            "defined; the material file is damaged or its matrix was cut off"
        ) from None
    return float(heat @ scipy.linalg.cho_solve(factor, heat)) / modes.heat_capacity**2


def _factored_response(kernel: FactoredKernel, wave: Array) -> float:
    """Return T for Q = 1 [K m^3/W], from the moments y = w_out theta alone."""
    modes = kernel.modes
    flight = 1.0 / (modes.loss_rates + 1j * (modes.velocities @ wave))
    given = flight / modes.heat_capacity
    coupling = kernel.w_out @ (kernel.w_in * flight[:, None])
    moments = np.linalg.solve(np.eye(kernel.rank) - coupling, kernel.w_out @ given)
    theta = given + (kernel.w_in @ moments) * flight
    return float((modes.heat_capacities @ theta).real) / modes.heat_capacity
