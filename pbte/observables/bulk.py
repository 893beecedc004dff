"""Response of the modes of the bulk crystal to a temperature gradient, on all ranks.

They deviate by theta = -F . grad T with (Gamma - M) F = v, the linearised Peierls equation. In the
product sum c Gamma a b the operator 1 - Gamma^-1 M is symmetric, and positive on the odd vectors,
to which velocities belong, so conjugate gradients apply. With relaxation times F = v / Gamma.
"""

from __future__ import annotations

import numpy as np

from pbte.core.mode_partition import all_modes
from pbte.core.types import Array
from pbte.transport.body import Body

TOLERANCE = 1e-12
MAX_ITERATIONS = 500


def bulk_response(body: Body, direction: Array) -> Array:
    """Return F . n of each mode, shape (num_modes,) [m].

    Args:
        body: Any body of the crystal; its mesh and its self-scattering do not matter.
        direction: Unit vector n, shape (3,).

    Returns:
        In the order of the mode table. All nan if conjugate gradients do not converge, as in a
        crystal with hardly any resistive scattering (unbounded conductivity).

    Note: Collective over the ranks that share the modes.
    """
    mode_partition, modes = body.mode_partition, body.modes
    rates = modes.loss_rates[mode_partition.indices]
    weights = modes.heat_capacities[mode_partition.indices] * rates

    def product(left: Array, right: Array) -> float:
        return float(mode_partition.comm.allreduce(float(weights @ (left * right))))

    def returning(vector: Array) -> Array:
        """Gamma^-1 M."""
        out = vector[:, None].copy()
        body.collisions.mix(out, out)
        return np.asarray(out[:, 0] / rates, dtype=np.float64)

    free = modes.velocities[mode_partition.indices] @ direction / rates
    response, residual = free.copy(), returning(free)
    search, size = residual.copy(), product(residual, residual)
    enough = TOLERANCE**2 * product(free, free)
    for _ in range(MAX_ITERATIONS):
        if size <= enough:
            return all_modes(mode_partition, response)
        image = search - returning(search)
        step = size / product(search, image)
        response += step * search
        residual -= step * image
        previous, size = size, product(residual, residual)
        search = residual + size / previous * search
    return np.full(modes.num_modes, np.nan)


def bulk_tensor(body: Body) -> Array:
    """Return the conductivity of the bulk crystal, shape (3, 3) [W/m K].

    Note: Collective over the ranks that share the modes.
    """
    modes = body.modes
    responses = np.stack([bulk_response(body, axis) for axis in np.eye(3)], axis=1)
    weighted = modes.heat_capacities[:, None] * modes.velocities
    return np.asarray(weighted.T @ responses, dtype=np.float64)
