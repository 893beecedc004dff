"""What a problem makes sure of before anything is solved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pbte.materials.kernel import rta_kernel


def test_the_two_modes_of_a_pair_fly_in_exactly_opposite_directions(body, heat, silicon):
    """A table may break time reversal by round-off; the shared sweep order does not stand it."""
    modes = silicon.kernel.modes
    velocities = modes.velocities.copy()
    velocities[: modes.num_pairs] *= 1.0 + 1e-13
    kernel = rta_kernel(replace(modes, velocities=velocities))
    problem = heat(body("nanoparticle", diameter=50e-9, size=25e-9), kernel, sigma=5e-9)
    pairs = problem.mode_partition.num_pairs
    assert pairs == modes.num_pairs
    np.testing.assert_array_equal(
        problem.velocities[pairs : 2 * pairs], -problem.velocities[:pairs]
    )
