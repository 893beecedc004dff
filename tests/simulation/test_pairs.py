"""Time and frequency of two crystals in a whole run, and of full matrices, on any ranks."""

from __future__ import annotations

import numpy as np
import pytest
from cases import gray, isothermal, layers
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.run import run_case

LIGHT = gray("light", speed=5000.0, life=4e-12, heat=1e6)
HEAVY = gray("heavy", speed=2000.0, life=8e-12, heat=3e6)
PAIR = {"a": LIGHT, "b": HEAVY}
FULL = {"a": {"file": "Si-5"}, "b": {"file": "Ge-5"}}
CLOSED = {name: {"kind": "diffuse"} for name in ("left", "right")}
HEAT = {"kind": "uniform", "density": 1e17, "regions": ["a"]}


@pytest.fixture(scope="module")
def follow(folder):
    """Return a function that follows two layers in time or frequency, without orders."""

    def run(materials=PAIR, comm=MPI.COMM_WORLD, **more):
        defaults = {
            "orders": {"max_order": 0, "self_scattering": 0.0},
            "steady": {"enabled": False},
            "fourier": {"compare": False},
        }
        return run_case(layers(folder, materials, **(defaults | more)), comm)

    return run


def mean_temperatures(results, snapshot):
    """Return the mean temperature of each layer [K]."""
    geometry = results.geometry
    means = snapshot.temperature.mean(axis=1)
    own = [geometry.components == component for component in range(2)]
    return [geometry.volumes[o] @ means[o] / geometry.volumes[o].sum() for o in own]


def test_heat_passes_from_one_crystal_into_the_other_until_they_are_alike(follow):
    """Nothing leaves: T = E / sum C V in both, E to round-off in every step."""
    hot = {"kind": "gaussian", "centre": (0.0, 0.0, 0.0), "sigma": 10e-9, "peak": 1.0}
    time = {"end": 5e-9, "tolerance": 0.1, "solver_tolerance": 1e-11, "times": [1e-12, 2e-11]}
    results = follow(temperatures=None, walls=CLOSED, transient=time | {"initial": hot})
    transient = results.transient
    # Nothing leaves, and phonons scatter a thousand times in the last steps: round-off adds up.
    assert np.abs(transient.imbalances).max() < 1e-12
    # Walls and interface hold what reaches them within a step only as far as the solver is off.
    np.testing.assert_allclose(transient.energies, transient.energies[0], rtol=1e-8)
    start, later, end = (mean_temperatures(results, s) for s in transient.snapshots[1:])
    assert start[1] < 1e-3 * start[0]
    assert 0.0 < later[1] < later[0] < start[0]
    alike = transient.energies[0] / (1e6 * 40e-9 + 3e6 * 60e-9)
    assert end == pytest.approx([alike, alike], rel=1e-5)
    np.testing.assert_allclose(transient.snapshots[-1].temperature, alike, rtol=1e-4)


def test_two_crystals_reach_their_steady_state(follow):
    """From T0, a source in one and a warm wall; what is stored came in and did not leave."""
    time = {"end": 5e-9, "tolerance": 0.1, "num_times": 1, "solver_tolerance": 1e-10}
    results = follow(steady={"tolerance": 1e-10}, source=HEAT, transient=time)
    transient = results.transient
    assert transient.energies[0] == 0.0 and np.abs(transient.imbalances).max() < 1e-13
    last = transient.snapshots[-1]
    for name in ("temperature", "heat_flux", "outgoing_current"):
        found, steady = getattr(last, name), getattr(results.steady, name)
        np.testing.assert_allclose(found, steady, rtol=0.0, atol=1e-5 * np.abs(steady).max())
    for wall, power in results.steady.balance.absorbed.items():
        assert transient.absorbed[wall][-1] == pytest.approx(
            power, rel=1e-4, abs=1e-4 * 1e17 * 40e-9
        )
    assert transient.energies[-1] == pytest.approx(
        1e6 * 40e-9 * mean_temperatures(results, last)[0]
        + 3e6 * 60e-9 * mean_temperatures(results, last)[1]
    )


def test_a_slow_oscillation_of_two_crystals_is_their_steady_state(follow):
    harmonic = {"frequencies": [0.0, 1e9], "tolerance": 1e-11}
    results = follow(steady={"tolerance": 1e-11}, source=HEAT, harmonic=harmonic)
    still, fast = results.harmonic
    for name in ("temperature", "heat_flux", "outgoing_current"):
        steady = getattr(results.steady, name)
        for part, expected in ((still.real, steady), (still.imaginary, 0.0 * steady)):
            found = getattr(part, name)
            np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-8 * np.abs(steady).max())
    assert fast.converged and fast.imbalance < 1e-10
    means = fast.mean_temperatures(results.geometry)
    assert set(means) == {"a", "b"}
    stored = 1e6 * 40e-9 * means["a"] + 3e6 * 60e-9 * means["b"]
    assert fast.energy == pytest.approx(stored, rel=1e-9)


def test_an_interface_lets_oscillations_through_alike_both_ways(follow):
    """Reciprocity at every frequency: in amplitude and phase; fast ones hardly get across."""
    ways = []
    for wall, other in (("left", "right"), ("right", "left")):
        walls = isothermal(left=300.0, right=300.0) | isothermal(**{wall: 301.0})
        harmonic = {"frequencies": [1e8, 1e10, 1e12], "tolerance": 1e-11}
        results = follow(walls=walls, harmonic=harmonic)
        ways.append([response.absorbed[other] for response in results.harmonic])
    np.testing.assert_allclose(*ways, rtol=1e-8)
    slow, middle, fast = np.abs(ways[0])
    assert slow > 2.0 * middle > 10.0 * fast > 0.0
    assert -1.0 < np.angle(ways[0][0]) < -0.01  # it comes later


def test_full_matrices_stay_in_their_steady_state(follow):
    """Si-5 | Ge-5: begun in it with walls and source on, nothing changes, nor at 0 Hz."""
    time = {"end": 4e-12, "step": 2e-12, "num_times": 1, "initial": {"kind": "steady"}}
    results = follow(
        FULL,
        steady={"tolerance": 1e-11, "rank": 60},
        source=HEAT,
        transient=time | {"source": {"kind": "on"}},
        harmonic={"frequencies": [0.0], "tolerance": 1e-11},
        mesh={"size": 20e-9},
    )
    transient, steady = results.transient, results.steady
    assert results.steady_report.converged and transient.unconverged == 0
    assert np.abs(transient.imbalances).max() < 1e-13
    np.testing.assert_allclose(transient.energies, transient.energies[0], rtol=1e-8)
    (still,) = results.harmonic
    for found in (transient.snapshots[-1], still.real):
        for name in ("temperature", "heat_flux"):
            expected = getattr(steady, name)
            atol = 1e-7 * np.abs(expected).max()
            np.testing.assert_allclose(getattr(found, name), expected, rtol=0.0, atol=atol)
    assert np.abs(still.imaginary.temperature).max() < 1e-8 * np.abs(steady.temperature).max()


def test_full_matrices_account_for_heat_in_time_and_frequency(follow):
    time = {"end": 6e-12, "step": 3e-12, "num_times": 2}
    harmonic = {"frequencies": [1e10], "tolerance": 1e-10}
    results = follow(FULL, transient=time, harmonic=harmonic, mesh={"size": 20e-9})
    transient, (response,) = results.transient, results.harmonic
    assert transient.unconverged == 0 and np.abs(transient.imbalances).max() < 1e-13
    left = sum(float(transient.sizes @ power) for power in transient.absorbed.values())
    assert transient.energies[-1] == pytest.approx(-left, rel=1e-12)
    first, last = (mean_temperatures(results, s) for s in transient.snapshots[1:])
    assert 0.0 < first[1] < first[0] and first[1] < last[1]
    assert response.converged and response.imbalance < 1e-9


@pytest.mark.parametrize("shared", ["modes", "cells"])
def test_ranks_follow_a_full_matrix_like_one(follow, comm, shared):
    """Si-5 alone; where the ranks share the cells the first one has the whole."""
    more = {
        "mesh": {"regions": ("a",), "thicknesses": (80e-9,), "size": 10e-9},
        "transient": {"end": 4e-12, "step": 2e-12, "num_times": 1, "solver_tolerance": 1e-11},
        "harmonic": {"frequencies": [1e10], "tolerance": 1e-11},
    }
    crystal = {"": {"file": "Si-5"}}
    parts = comm.size if shared == "cells" else 1
    together = follow(crystal, comm, parallel={"space_parts": parts}, **more)
    alone = follow(crystal, MPI.COMM_SELF, **more)
    if parts > 1 and comm.rank > 0:
        return
    assert np.abs(together.transient.imbalances).max() < 1e-13
    np.testing.assert_allclose(together.transient.energies, alone.transient.energies, rtol=1e-9)
    pairs = [
        (together.transient.snapshots[-1].temperature, alone.transient.snapshots[-1].temperature),
        (together.harmonic[0].temperature, alone.harmonic[0].temperature),
        (together.harmonic[0].imaginary.heat_flux, alone.harmonic[0].imaginary.heat_flux),
    ]
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=0.0, atol=1e-9 * np.abs(other).max())


def test_two_crystals_in_time_are_refused_a_mesh_of_parts(follow, comm):
    if comm.size == 1:
        pytest.skip("one rank cannot hold two parts")
    time = {"end": 1e-12, "step": 1e-12}
    with pytest.raises(InputError, match="several materials need the whole mesh on every rank"):
        follow(comm=comm, parallel={"space_parts": comm.size}, transient=time)
