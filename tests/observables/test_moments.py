"""Observables of a field of mode temperatures, against fields whose moments are known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pbte.core.mode_partition import partition_modes
from pbte.geometry.sweep_mesh import build_sweep_mesh
from pbte.materials.models import isotropic_crystal
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.observables.snapshot import Balance
from pbte.transport.body import make_body
from pbte.transport.orders import scattering_orders
from pbte.transport.sources import wall_inflow

LENGTHS = np.array([3e-8, 2e-8, 1e-8])
WALLS = {"left": 4, "right": 9, "sides": 2}


def brick():
    """Return a box of six tetrahedra (Kuhn) with walls at both ends of x, and around."""
    points, cells = np.array(list(itertools.product((0, 1), repeat=3))), []
    for path in itertools.permutations(range(3)):
        corner = np.zeros(3, dtype=np.int64)
        cell = [0]
        for axis in path:
            corner[axis] = 1
            cell.append(int(corner @ [4, 2, 1]))
        cells.append(cell)
    cells = np.array(cells)
    faces, tags = [], []
    for cell, face in itertools.product(range(6), range(4)):
        flat = points[np.delete(cells[cell], face)]
        for axis, side in itertools.product(range(3), (0, 1)):
            if (flat[:, axis] == side).all():
                faces.append(4 * cell + face)
                tags.append(WALLS[("left", "right")[side] if axis == 0 else "sides"])
    return build_sweep_mesh((points * LENGTHS)[cells], cells, np.array(faces), np.array(tags))


@pytest.fixture
def crystal():
    return isotropic_crystal(
        name="two bands",
        temperature=300.0,
        speeds=[8000.0, 4000.0],
        relaxation_times=[2e-12, 9e-12],
        heat_capacities=[0.5e6, 1.1e6],
        frequencies=[2e13, 6e13],
        polar=6,
        azimuthal=8,
    )


@pytest.fixture
def tally(crystal, comm):
    mesh, modes = brick(), crystal.modes
    temperatures = {"left": 2.0, "right": -1.0, "sides": 0.5}
    problem = make_body(
        mesh,
        crystal.kernel,
        np.zeros(mesh.num_dofs),
        wall_inflow(mesh, WALLS, temperatures),
        mode_partition=partition_modes(modes.num_pairs, modes.num_modes, comm),
    )
    return FieldTally(
        system=problem, walls=WALLS, frequency_edges=frequency_bins(modes.frequencies, 6)
    )


def observe(tally, theta, *, deposited=0.0, walls_emit=False, scatters=True):
    inflow = tally.system.bodies[0].inflow if walls_emit else None
    return tally.observe(theta, deposited, scatters=scatters, inflow=inflow)


def everywhere(tally, by_mode):
    """Return the local part of a field that is the same at every point."""
    local = np.asarray(by_mode)[tally.system.bodies[0].mode_partition.indices]
    return np.repeat(local[:, None], tally.system.bodies[0].mesh.num_dofs, axis=1)


def test_equilibrium_has_its_temperature_and_no_heat_flux(tally, crystal):
    modes = crystal.modes
    snapshot = observe(tally, everywhere(tally, np.full(modes.num_modes, 3.0)))
    assert snapshot.temperature.shape == (6, 4)
    assert snapshot.heat_flux.shape == (6, 4, 3)
    np.testing.assert_allclose(snapshot.temperature, 3.0, rtol=1e-14)
    speeds = np.linalg.norm(modes.velocities, axis=1)
    np.testing.assert_allclose(snapshot.heat_flux, 0.0, atol=1e-13 * modes.heat_capacities @ speeds)


def test_temperature_and_heat_flux_are_the_moments_of_theta(tally, crystal):
    """theta = a . v gives q = sum c v v . a = sum C v^2 a / 3, and no temperature."""
    modes, slope = crystal.modes, np.array([1e-4, -3e-4, 2e-4])
    snapshot = observe(tally, everywhere(tally, modes.velocities @ slope))
    expected = (0.5e6 * 8000.0**2 + 1.1e6 * 4000.0**2) / 3.0 * slope
    np.testing.assert_allclose(snapshot.temperature, 0.0, atol=1e-13)
    np.testing.assert_allclose(snapshot.heat_flux, np.broadcast_to(expected, (6, 4, 3)), rtol=1e-12)
    theta = everywhere(tally, np.where(modes.bands == 1, 2.0, 0.0))
    np.testing.assert_allclose(observe(tally, theta).temperature, 2.0 * 1.1 / 1.6, rtol=1e-13)


def test_values_stay_on_their_cell_and_vertex(tally, crystal):
    """A temperature that differs from vertex to vertex comes out where it was put in."""
    values = np.arange(24.0)
    theta = everywhere(tally, np.ones(crystal.modes.num_modes)) * values
    np.testing.assert_allclose(observe(tally, theta).temperature, values.reshape(6, 4), atol=1e-12)


def test_arrivals_count_the_carriers_that_move_outward(tally, crystal):
    """theta = 1: each facet receives sum of c v . n over v . n > 0, in the bin of its frequency."""
    modes, mesh = crystal.modes, tally.system.bodies[0].mesh
    snapshot = observe(tally, everywhere(tally, np.ones(modes.num_modes)))
    areas = np.linalg.norm(mesh.boundary_normals, axis=1)
    outward = np.maximum(modes.velocities @ (mesh.boundary_normals / areas[:, None]).T, 0.0)
    np.testing.assert_allclose(
        snapshot.outgoing_current, modes.heat_capacities @ outward, rtol=1e-13
    )
    assert set(snapshot.outgoing_spectrum) == set(WALLS)
    for name, spectrum in snapshot.outgoing_spectrum.items():
        here = mesh.boundary_walls == WALLS[name]
        assert spectrum.sum() == pytest.approx((snapshot.outgoing_current * areas)[here].sum())
        # Bins of 1e13 rad/s: 2e13 lies in the third or second, 6e13 in the last one.
        assert np.count_nonzero(spectrum) == 2
        shares = np.array([0.5e6 * 8000.0, 1.1e6 * 4000.0])
        np.testing.assert_allclose(spectrum[spectrum > 0] / spectrum.sum(), shares / shares.sum())
    areas_by_wall = {"left": 2e-16, "right": 2e-16, "sides": 2 * (3e-16 + 6e-16)}
    for name, area in areas_by_wall.items():
        assert areas[mesh.boundary_walls == WALLS[name]].sum() == pytest.approx(area)


def test_walls_at_the_temperature_of_the_body_exchange_nothing(crystal, comm):
    mesh, modes = brick(), crystal.modes
    inflow = wall_inflow(mesh, WALLS, dict.fromkeys(WALLS, 1.5))
    partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    problem = make_body(
        mesh, crystal.kernel, np.zeros(mesh.num_dofs), inflow, mode_partition=partition
    )
    tally = FieldTally(
        system=problem, walls=WALLS, frequency_edges=frequency_bins(modes.frequencies, 6)
    )
    theta = everywhere(tally, np.full(modes.num_modes, 1.5))
    absorbed = observe(tally, theta, walls_emit=True, scatters=False).balance.absorbed
    arriving = observe(tally, theta, walls_emit=False).balance.absorbed
    for name in WALLS:
        assert abs(absorbed[name]) < 1e-13 * arriving[name]


def test_emission_of_each_wall_is_that_of_its_temperature(tally, crystal):
    """An empty body absorbs what the walls send in: minus sum of c v . n times their theta."""
    modes, mesh = crystal.modes, tally.system.bodies[0].mesh
    snapshot = observe(tally, everywhere(tally, np.zeros(modes.num_modes)), walls_emit=True)
    for name, temperature in {"left": 2.0, "right": -1.0, "sides": 0.5}.items():
        normals = mesh.boundary_normals[mesh.boundary_walls == WALLS[name]]
        inward = modes.heat_capacities @ np.maximum(-modes.velocities @ normals.T, 0.0)
        expected = -temperature * inward.sum()
        assert snapshot.balance.absorbed[name] == pytest.approx(expected, rel=1e-12)
    np.testing.assert_array_equal(snapshot.outgoing_current, 0.0)


def test_what_is_scattered_is_handed_on_by_orders_only(tally, crystal):
    modes, mesh = crystal.modes, tally.system.bodies[0].mesh
    theta = everywhere(tally, np.linspace(-1.0, 2.0, modes.num_modes))
    values = np.linspace(-1.0, 2.0, modes.num_modes)
    expected = mesh.volumes.sum() * modes.heat_capacities @ (modes.loss_rates * values)
    assert observe(tally, theta).balance.scattered_power == pytest.approx(expected, rel=1e-12)
    assert observe(tally, theta, scatters=False).balance.scattered_power == 0.0


def test_the_account_of_walls_of_different_temperature_closes(tally):
    for order in scattering_orders(tally.system.bodies[0], 3, tally):
        snapshot = tally.snapshot(order.deposited, scatters=True)
        assert abs(snapshot.balance.imbalance) < 1e-13


def test_the_imbalance_is_the_share_of_power_not_accounted_for():
    balance = Balance(deposited=2.0, absorbed={"a": 0.5, "b": 0.25}, scattered_power=1.0)
    assert balance.imbalance == pytest.approx(0.25 / 2.75)
    assert Balance(deposited=0.0, absorbed={"a": 0.0}, scattered_power=0.0).imbalance == 0.0


def test_every_mode_falls_into_a_frequency_bin(crystal):
    frequencies = crystal.modes.frequencies
    edges = frequency_bins(frequencies, 7)
    assert len(edges) == 8
    assert edges[0] == 0.0
    assert np.histogram(frequencies, edges)[0].sum() == len(frequencies)
    np.testing.assert_allclose(np.diff(edges), edges[1], rtol=1e-12)
