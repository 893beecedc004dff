"""Bulk thermal conductivity, by direct solution of the linearised Peierls-Boltzmann equation."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.materials.kernel import CollisionKernel, FactoredKernel, FullKernel
from pbte.materials.modes import ModeTable


def bulk_conductivity(kernel: CollisionKernel) -> Array:
    """Return the bulk thermal conductivity.

    In a uniform gradient the modes deviate by theta = -F . grad T, where (Gamma - M) F = v, the
    linearised Peierls-Boltzmann equation. Velocities are odd in q, so for a full kernel only its
    odd block enters. kappa = sum c v F.

    Args:
        kernel: Full or factored kernel.

    Returns:
        Tensor, shape (3, 3) [W/m K].

    Raises:
        InputError: The collision matrix is not positive definite on odd vectors.
        TypeError: The kernel is of an unknown kind.
    """
    if isinstance(kernel, FullKernel):
        return _full_conductivity(kernel)
    if isinstance(kernel, FactoredKernel):
        return _factored_conductivity(kernel)
    raise TypeError(f"no conductivity for a kernel of type {type(kernel).__name__}")


def rta_conductivity(modes: ModeTable) -> Array:
    """Return sum c v v / Gamma, the conductivity in the relaxation-time approximation.

    Args:
        modes: Mode table.

    Returns:
        Tensor, shape (3, 3) [W/m K].
    """
    weights = modes.heat_capacities / modes.loss_rates
    return np.asarray(modes.velocities.T @ (weights[:, None] * modes.velocities), dtype=np.float64)


def one_sided_conductance(modes: ModeTable, normals: Array) -> Array:
    """Return G = sum of c v.n over the modes with v.n > 0: ballistic flux per kelvin.

    The flux of an equilibrium distribution through a plane in one direction; C v / 4 in a gray
    crystal.

    Args:
        modes: Mode table.
        normals: Unit vectors, shape (n, 3).

    Returns:
        Shape (n,) [W/m^2 K].
    """
    found = np.empty(len(normals))
    step = max(1, 2**22 // modes.num_modes)
    for start in range(0, len(normals), step):
        through = np.maximum(normals[start : start + step] @ modes.velocities.T, 0.0)
        found[start : start + step] = through @ modes.heat_capacities
    return found


def _full_conductivity(kernel: FullKernel) -> Array:
    modes = kernel.modes
    pairs = slice(0, modes.num_pairs)
    # sqrt 2: the odd part of (x, -x) in the normalised pair basis
    drive = np.sqrt(2.0 * modes.heat_capacities[pairs])[:, None] * modes.velocities[pairs]
    collisions = -kernel.odd
    collisions[np.diag_indices_from(collisions)] += modes.loss_rates[pairs]
    try:
        factor = scipy.linalg.cho_factor(collisions, lower=True, overwrite_a=True)
    except np.linalg.LinAlgError:
        raise InputError(
            f"{modes.name}: the collision matrix is not positive definite, so no conductivity is "
            "defined; the material file is damaged or its matrix was cut off"
        ) from None
    return np.asarray(drive.T @ scipy.linalg.cho_solve(factor, drive), dtype=np.float64)


def _factored_conductivity(kernel: FactoredKernel) -> Array:
    # F = (v + w_in y)/Gamma with y = w_out F: a system of the size of the rank. It is singular for
    # the energy, to which velocities are orthogonal, hence least squares.
    modes = kernel.modes
    free = modes.velocities / modes.loss_rates[:, None]
    coupling = kernel.w_out @ (kernel.w_in / modes.loss_rates[:, None])
    moments = np.linalg.lstsq(np.eye(kernel.rank) - coupling, kernel.w_out @ free, rcond=1e-10)[0]
    response = free + (kernel.w_in @ moments) / modes.loss_rates[:, None]
    weighted = modes.heat_capacities[:, None] * modes.velocities
    return np.asarray(weighted.T @ response, dtype=np.float64)
