"""Joined harmonic strings through the solver: steady state, paradox, and fronts in time."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.interfaces.perfect import PerfectInterface
from pbte.reference.strings import conductance as hs
from pbte.reference.strings.profiles import JoinedStrings, step_profile
from pbte.verification.validation._interval import Film, solve_film
from pbte.verification.validation._pair import Pair, solve_pair
from pbte.verification.validation._strings import T0, string_crystal, temperature
from pbte.verification.validation.string_solver import (
    DENSITIES,
    ENDS,
    SPEEDS,
    follow_strings,
    share_of_the_joint,
    string_pair,
)


@pytest.mark.parametrize("share", [0.05, 0.6, share_of_the_joint(), 1.0])
def test_joined_strings_reach_the_exact_steady_state(comm, share):
    """A4 to A6 at a drop of 12 to 8 K, everywhere on both strings, to 1e-10."""
    state = solve_pair(string_pair(share), comm)
    left, right = hs.steady_temperatures(*ENDS, share)
    here, there = state.temperature[: state.num_left], state.temperature[state.num_left :]
    np.testing.assert_allclose(temperature(here), left, rtol=1e-10)
    np.testing.assert_allclose(temperature(there), right, rtol=1e-10)
    before = [hs.energy_density(end, speed) for end, speed in zip(ENDS, SPEEDS, strict=True)]
    after = hs.steady_densities(*before, share, *SPEEDS)
    for value, speed, expected in zip(state.joint, SPEEDS, after, strict=True):
        ours = hs.energy_density(temperature(value), speed)
        assert ours == pytest.approx(float(expected), rel=1e-10)
    np.testing.assert_allclose(state.flux, hs.current(*ENDS, share), rtol=1e-10)


def test_the_local_resistance_has_no_paradox_and_that_of_emission_has(comm):
    """A7: equation (3) from the temperatures of both sides, Little's from those of the ends."""
    for share in (0.2, 0.9):
        pair = string_pair(share)
        state = solve_pair(pair, comm)
        flux = state.flux.mean()
        local = flux / (state.joint[0] - state.joint[1])
        emission = flux / (pair.walls[0] - pair.walls[1])
        assert local == pytest.approx(float(hs.four_point_conductance(T0, share)), rel=1e-10)
        assert emission == pytest.approx(float(hs.two_point_conductance(T0, share)), rel=1e-10)


def test_a_perfect_joint_of_identical_strings_changes_nothing(comm):
    """To 1e-12 of the drop; the resistance of emission stays that of one channel."""
    crystal, walls = string_crystal(3000.0), (0.7, -0.3)
    halves = (np.linspace(-1e-6, 0.0, 5), np.linspace(0.0, 2e-6, 7))
    pair = Pair(edges=halves, crystals=(crystal, crystal), model=PerfectInterface(), walls=walls)
    state = solve_pair(pair, comm)
    edges = np.concatenate([halves[0], halves[1][1:]])
    whole = solve_film(Film(edges=edges, left=walls[0], right=walls[1]), crystal, comm)
    order = np.argsort(whole.points.mean(axis=1))
    np.testing.assert_allclose(
        state.temperature, whole.temperature.reshape(-1, 2)[order], rtol=0.0, atol=1e-12
    )
    assert abs(state.joint[0] - state.joint[1]) < 1e-12
    quantum = float(hs.conductance_quantum(T0))
    np.testing.assert_allclose(state.flux, quantum, rtol=1e-10)


def test_fronts_travel_with_the_speed_of_sound(comm):
    """A8 after 300 ps: half height within the way of one time step, plateaus beyond the front."""
    share, time, cells = share_of_the_joint(), 3e-10, (120, 90)
    state = follow_strings(share, comm, time, 60, cells)
    joined = JoinedStrings(
        left_density=DENSITIES[0],
        left_speed=SPEEDS[0],
        right_density=DENSITIES[1],
        right_speed=SPEEDS[1],
    )
    sides = (slice(state.num_left), slice(state.num_left, None))
    for chosen, speed, sign in zip(sides, SPEEDS, (-1.0, 1.0), strict=True):
        middles = state.points[chosen].mean(axis=1)
        exact = step_profile(joined, *ENDS, middles, time)
        ours = temperature(state.temperature[chosen].mean(axis=1))
        order = np.argsort(sign * middles)
        place, values = (sign * middles)[order], ours[order]
        half = 0.5 * (exact.temperature.max() + exact.temperature.min())
        crossing = np.interp(-sign * half, -sign * values, place)
        width = np.ptp(state.points[chosen], axis=1).mean()
        assert crossing == pytest.approx(speed * time, abs=speed * time / 60)
        away = np.abs(np.abs(middles) - speed * time) > 16 * width
        assert away.sum() > 0.6 * away.size
        np.testing.assert_allclose(ours[away], exact.temperature[away], atol=0.02)
        flux = state.flux[chosen].mean(axis=1)
        np.testing.assert_allclose(flux[away], exact.current[away], atol=0.01 * exact.current.max())
