"""Callaway's collision kernel: normal processes conserve crystal momentum, resistive ones do not.

J. Callaway, Phys. Rev. 113, 1046 (1959); for vectors of any band structure P. B. Allen, Phys. Rev.
B 88, 144302 (2013). A mode relaxes at the rate R_mu towards equilibrium at a common temperature T
and at the rate N_mu towards equilibrium at that temperature drifting with a common velocity U. In
mode temperatures the drift term is p_mu . U, p_mu = q_mu / omega_mu:

    (M theta)_mu = (R_mu + N_mu) T + N_mu p_mu . U

with T such that energy, and U such that the momentum of the normal processes, sum c N p theta, is
conserved. The kernel has rank four and is symmetric. T is even and p odd under q -> -q, so the two
parts do not couple, and the collision matrix c Gamma - c M is positive semidefinite.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.materials.kernel import FactoredKernel, rta_kernel
from pbte.materials.modes import ModeTable


def callaway_kernel(
    modes: ModeTable, *, normal_rates: Array, resistive_rates: Array
) -> FactoredKernel:
    """Return the kernel of rank four with normal and resistive processes.

    Args:
        modes: Mode table; its loss rates are replaced by the sum of the two rates.
        normal_rates: N = 1/tau_N of each mode, zero or more, shape (num_modes,) [1/s].
        resistive_rates: R = 1/tau_R of each mode, zero or more, shape (num_modes,) [1/s].

    Returns:
        Kernel over modes with the loss rates N + R; its first moment is the temperature of
        scattering, the others the drift times the mean speed of the modes [K]. Without normal
        processes that is the relaxation-time approximation.

    Raises:
        InputError: A rate is negative, both are zero, or one differs between the modes of a pair.
    """
    modes = _with_rates(modes, normal_rates, resistive_rates)
    energy = rta_kernel(modes)
    weights = modes.heat_capacities * normal_rates
    # U in units of a speed, so that moments are temperatures.
    drift = phase_slowness(modes) * _mean_speed(modes)
    gram = drift.T @ (weights[:, None] * drift)
    values, axes = np.linalg.eigh(gram)
    kept = values > 1e-12 * max(values[-1], np.finfo(float).tiny)
    if not kept.any():
        return energy
    drift = drift @ axes[:, kept]
    w_out = (drift * (weights[:, None] / values[kept])).T
    return FactoredKernel(
        modes=modes,
        w_in=np.ascontiguousarray(np.hstack([energy.w_in, normal_rates[:, None] * drift])),
        w_out=np.ascontiguousarray(np.vstack([energy.w_out, w_out])),
    )


def callaway_conductivity(
    modes: ModeTable, *, normal_rates: Array, resistive_rates: Array
) -> tuple[Array, Array]:
    """Return the two parts of Callaway's conductivity, kappa_1 + kappa_2.

    kappa_1 = sum c v v tau with 1/tau = N + R treats normal processes as resistive; kappa_2 = S^T
    D^-1 S with S = sum c N tau p v and D = sum c N R tau p p restores the momentum that they
    conserve (Callaway for bands without dispersion, Allen for any).

    Args:
        modes: Mode table; its loss rates are not used.
        normal_rates: N of each mode, shape (num_modes,) [1/s].
        resistive_rates: R of each mode, shape (num_modes,) [1/s].

    Returns:
        kappa_1 and kappa_2, each of shape (3, 3) [W/m K]; kappa_2 is infinite along the axes of the
        drift that nothing resists.

    Raises:
        InputError: As `callaway_kernel`.
    """
    modes = _with_rates(modes, normal_rates, resistive_rates)
    slowness, velocities = phase_slowness(modes), modes.velocities
    free = modes.heat_capacities / modes.loss_rates
    first = velocities.T @ (free[:, None] * velocities)
    drive = slowness.T @ ((free * normal_rates)[:, None] * velocities)
    resisted = slowness.T @ ((free * normal_rates * resistive_rates)[:, None] * slowness)
    if not np.any(drive):
        return np.asarray(first), np.zeros((3, 3))
    if not np.any(resistive_rates):
        return np.asarray(first), np.where(np.abs(drive) > 1e-12 * drive.max(), np.inf, 0.0)
    second = drive.T @ np.linalg.pinv(resisted, rcond=1e-12, hermitian=True) @ drive
    return np.asarray(first), np.asarray(second)


def phase_slowness(modes: ModeTable) -> Array:
    """Return the phase slowness p = q / omega, crystal momentum over energy.

    In a crystal without wave vectors the bands are taken to be without dispersion: p = v / v^2. A
    self-partnered mode (q = -q) has none.

    Args:
        modes: Mode table.

    Returns:
        Shape (num_modes, 3) [s/m], opposite for the two modes of a pair.
    """
    if np.any(modes.wave_vectors):
        slowness = modes.wave_vectors / modes.frequencies[:, None]
    else:
        squares = np.square(modes.velocities).sum(axis=1, keepdims=True)
        slowness = np.divide(
            modes.velocities, squares, out=np.zeros_like(modes.velocities), where=squares > 0.0
        )
    return np.asarray(0.5 * (slowness - slowness[modes.partners]))


def _mean_speed(modes: ModeTable) -> float:
    speeds = np.linalg.norm(modes.velocities, axis=1)
    return float(modes.heat_capacities @ speeds / modes.heat_capacity)


def _with_rates(modes: ModeTable, normal_rates: Array, resistive_rates: Array) -> ModeTable:
    for what, rates in (("normal", normal_rates), ("resistive", resistive_rates)):
        if rates.shape != (modes.num_modes,):
            raise InputError(
                f"{modes.name}: {what} rates have shape {rates.shape}, expected one for each of "
                f"{modes.num_modes} modes"
            )
        bad = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0.0)))
        if bad.size:
            raise InputError(
                f"{modes.name}: {what} rate of mode {bad[0]} is {rates[bad[0]]:g} 1/s; it must be "
                "zero or more"
            )
        uneven = np.abs(rates - rates[modes.partners])
        if uneven.max() > 1e-12 * rates.max(initial=0.0):
            raise InputError(
                f"{modes.name}: {what} rate of mode {int(uneven.argmax())} and of its partner at "
                "-q differ; time reversal requires equal rates"
            )
    return replace(modes, loss_rates=normal_rates + resistive_rates)
