"""Modes of one direction, eight at a time: the same temperatures as one by one."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.models import isotropic_crystal
from pbte.transport.sweep.kernels import LANES, flow_through, vector_of
from pbte.transport.sweep.sweep import lane_groups, lines_of_flight, plan_sweep, sweep

# The same formulas at the same numbers; only products may be fused in another way, and the
# direction of a mode differs from that of the fastest one by the round-off of a multiplication.
SAME = 1e-14


def bands(num_bands, directions):
    """Return velocities of bands of 1 to 9 along and against some directions, and Gamma."""
    random = np.random.default_rng(7)
    both = np.concatenate([directions, -directions])
    speeds = random.uniform(1.0, 9.0, size=num_bands)
    velocities = (both[:, None, :] * speeds[:, None]).reshape(-1, 3)
    return velocities, np.tile(np.logspace(-3, 3, num_bands), len(both))


def random_directions(number, seed=8):
    directions = np.random.default_rng(seed).normal(size=(number, 3))
    return directions / np.linalg.norm(directions, axis=1)[:, None]


def random_numbers(shape, dtype, seed=9):
    random = np.random.default_rng(seed)
    real = random.uniform(-1.0, 1.0, size=shape)
    return real + 1j * random.uniform(-1.0, 1.0, size=shape) if dtype is complex else real


def one_by_one(mesh, velocities, loss_rates, inflow, source):
    """Return the temperatures of modes that know nothing of each other."""
    theta = source.copy()
    for mode in range(len(velocities)):
        here = slice(mode, mode + 1)
        order = plan_sweep(mesh, velocities[here])
        entering = inflow[here] if len(inflow) > 1 else inflow
        sweep(mesh, order, velocities[here], loss_rates[here], entering, theta[here])
    return theta


def largest_difference(theta, expected):
    """Return the largest difference, relative to the largest temperature of each mode."""
    sizes = np.abs(expected).max(axis=1)
    return (np.abs(theta - expected).max(axis=1) / sizes).max()


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize(("dim", "n"), [(1, 11), (2, 6), (3, 3)])
@pytest.mark.parametrize("num_bands", [3, 9, 19])
def test_bands_are_swept_together_as_one_by_one(grid, dim, n, num_bands, dtype):
    mesh = sweep_mesh_of(grid(dim, n, wobble=0.3))
    velocities, loss_rates = bands(num_bands, random_directions(4))
    if dtype is complex:
        loss_rates = loss_rates + 1j * np.linspace(-5.0, 5.0, len(loss_rates))
    source = random_numbers((len(velocities), mesh.num_dofs), dtype)
    order = plan_sweep(mesh, velocities)
    for num_rows in (1, len(velocities)):
        inflow = random_numbers((num_rows, mesh.boundary_dofs.size), dtype)
        theta = source.copy()
        sweep(mesh, order, velocities, loss_rates, inflow, theta)
        expected = one_by_one(mesh, velocities, loss_rates, inflow, source)
        assert largest_difference(theta, expected) < SAME


def test_bands_with_cyclic_cells_are_swept_together_as_one_by_one(grid):
    """Each mode repeats until it has settled, so the round-off of some rounds is left."""
    mesh = sweep_mesh_of(grid(3, 5, wobble=1.0, seed=1))
    directions = random_directions(200, seed=1)
    cyclic = directions[plan_sweep(mesh, directions).lagged > 0][:3]
    velocities, loss_rates = bands(11, cyclic)
    order = plan_sweep(mesh, velocities)
    assert len(order.cells) == len(cyclic) == 3
    assert order.num_cyclic_modes == len(velocities)
    for dtype in (float, complex):
        source = random_numbers((len(velocities), mesh.num_dofs), dtype)
        inflow = random_numbers((1, mesh.boundary_dofs.size), dtype)
        theta = source.copy()
        sweep(mesh, order, velocities, loss_rates, inflow, theta)
        expected = one_by_one(mesh, velocities, loss_rates, inflow, source)
        assert largest_difference(theta, expected) < 10.0 * SAME


def test_modes_are_swept_in_any_sequence_with_an_inflow_of_their_own(grid):
    mesh = sweep_mesh_of(grid(3, 3, wobble=0.3))
    velocities, loss_rates = bands(10, random_directions(3))
    source = random_numbers((len(velocities), mesh.num_dofs), float)
    inflow = random_numbers((len(velocities), mesh.boundary_dofs.size), float, seed=10)
    order = plan_sweep(mesh, velocities)
    theta = source.copy()
    sweep(mesh, order, velocities, loss_rates, inflow, theta)
    shuffled = np.random.default_rng(11).permutation(len(velocities))
    for modes in (shuffled, shuffled[:7], slice(3, 40, 2), np.array([], dtype=np.int64)):
        some = source[modes].copy()
        sweep(mesh, order, velocities, loss_rates, inflow[modes], some, modes)
        if len(some) > 0:
            assert largest_difference(some, theta[modes]) < SAME


def test_a_field_that_is_part_of_another_array_is_swept_in_place(grid):
    mesh = sweep_mesh_of(grid(2, 4, wobble=0.3))
    velocities, loss_rates = bands(9, random_directions(2))
    source = random_numbers((len(velocities), mesh.num_dofs), float)
    inflow = np.ones((1, mesh.boundary_dofs.size))
    order = plan_sweep(mesh, velocities)
    theta = source.copy()
    sweep(mesh, order, velocities, loss_rates, inflow, theta)
    around = np.zeros((2 * len(source), mesh.num_dofs + 3))
    around[::2, 1:-2] = source
    sweep(mesh, order, velocities, loss_rates, inflow, around[::2, 1:-2])
    np.testing.assert_array_equal(around[::2, 1:-2], theta)
    assert not around[1::2].any() and not around[:, 0].any() and not around[:, -2:].any()


def test_modes_at_rest_relax_together(grid):
    """v = 0: Gamma theta = Q at every point, whatever the walls send in."""
    mesh = sweep_mesh_of(grid(3, 2, wobble=0.3))
    loss_rates = np.logspace(-3, 9, 12)
    source = random_numbers((12, mesh.num_dofs), float)
    theta = source.copy()
    inflow = np.full((1, mesh.boundary_dofs.size), 5.0)
    sweep(mesh, plan_sweep(mesh, np.zeros((12, 3))), np.zeros((12, 3)), loss_rates, inflow, theta)
    np.testing.assert_allclose(loss_rates[:, None] * theta, source, rtol=1e-13, atol=1e-14)


def test_complex_loss_rates_add_to_the_matrix_of_the_drift(grid):
    """Of v . grad + Gamma, built column by column, one gets v . grad + Gamma + i omega."""
    mesh = sweep_mesh_of(grid(3, 2, wobble=0.3))
    velocity, loss_rate = np.array([[0.3, -0.8, 0.5]]), 0.7
    walls = np.zeros((1, mesh.boundary_dofs.size))
    inverse = np.eye(mesh.num_dofs)
    velocities = np.repeat(velocity, mesh.num_dofs, axis=0)
    order = plan_sweep(mesh, velocities)
    sweep(mesh, order, velocities, np.full(mesh.num_dofs, loss_rate), walls, inverse)
    matrix = np.linalg.inv(inverse.T)
    omegas = np.array([-3.0, 0.0, 0.1, 10.0, 1e3])
    source = random_numbers((omegas.size, mesh.num_dofs), complex)
    theta = source.copy()
    velocities = np.repeat(velocity, omegas.size, axis=0)
    sweep(mesh, plan_sweep(mesh, velocities), velocities, loss_rate + 1j * omegas, walls, theta)
    for omega, q, found in zip(omegas, source, theta, strict=True):
        expected = np.linalg.solve(matrix + 1j * omega * np.eye(mesh.num_dofs), q)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_a_thermal_wave_is_delayed_and_damped_along_its_flight(grid):
    """exp(-(Gamma + i omega) x / v) in one dimension; the outflow of P1 is of third order."""
    loss_rates = np.array([0.5 + 4.0j, 0.5 - 4.0j, 2.0 + 0.0j, 0.0 + 7.0j])
    velocities = np.array([[2.0, 0.3, 0.0]] * 4)
    errors = []
    for n in (20, 40):
        mesh = sweep_mesh_of(grid(1, n))
        theta = np.zeros((4, mesh.num_dofs), dtype=np.complex128)
        inflow = np.ones((1, mesh.boundary_dofs.size))
        sweep(mesh, plan_sweep(mesh, velocities), velocities, loss_rates, inflow, theta)
        end = mesh.boundary_dofs[mesh.boundary_normals[:, 0] > 0.0, 0]
        errors.append(np.abs(theta[:, end[0]] - np.exp(-loss_rates / 2.0)).max())
    assert errors[1] < 5e-5
    assert errors[0] / errors[1] > 7.5


def test_complex_numbers_need_a_complex_field(grid):
    mesh = sweep_mesh_of(grid(1, 3))
    velocities, inflow = np.ones((2, 3)), np.zeros((1, mesh.boundary_dofs.size))
    order, field = plan_sweep(mesh, velocities), np.zeros((2, mesh.num_dofs))
    with pytest.raises(TypeError, match="loss rates are complex, the field is not"):
        sweep(mesh, order, velocities, np.array([1.0, 1j]), inflow, field)
    with pytest.raises(TypeError, match="inflow is complex"):
        sweep(mesh, order, velocities, np.ones(2), 1j * inflow, field)
    with pytest.raises(TypeError, match="float32"):
        sweep(mesh, order, velocities, np.ones(2), inflow, field.astype(np.float32))


def test_orders_serve_the_velocities_they_were_found_for(grid):
    mesh = sweep_mesh_of(grid(3, 2))
    velocities, loss_rates = bands(3, random_directions(2))
    order = plan_sweep(mesh, velocities)
    field, inflow = np.zeros((12, mesh.num_dofs)), np.zeros((1, mesh.boundary_dofs.size))
    sweep(mesh, order, 2.0 * velocities, loss_rates, inflow, field)
    for other in (-velocities, velocities[::-1], np.zeros((12, 3))):
        with pytest.raises(ValueError, match="other velocities"):
            sweep(mesh, order, other, loss_rates, inflow, field)
    with pytest.raises(ValueError, match="2 rows of inflow"):
        sweep(mesh, order, velocities, loss_rates, np.repeat(inflow, 2, axis=0), field)


def test_a_table_of_bands_keeps_one_order_for_two_opposite_directions(grid):
    mesh = sweep_mesh_of(grid(3, 2))
    modes = isotropic_crystal(
        name="bands", temperature=300.0, speeds=1e3 + 3e2 * np.arange(15),
        relaxation_times=[1e-12] * 15, heat_capacities=[1e5] * 15, polar=4, azimuthal=8,
    ).modes  # fmt: skip
    for num_pairs in (modes.num_pairs, 0):
        order = plan_sweep(mesh, modes.velocities, num_pairs)
        assert order.cells.shape == (16, mesh.num_cells)
        assert order.bytes_per_mode == 4 * mesh.num_cells / 30


def test_lines_of_flight_do_not_depend_on_round_off():
    """Any scaling and sign of a direction is its line; a turn by 1e-12 is another one."""
    directions = np.concatenate([random_directions(50), np.eye(3), [[1, 1, 0], [1, -1, 0]]])
    random = np.random.default_rng(12)
    factors = random.uniform(0.1, 10.0, size=(40, 1, 1)) * random.choice([-1, 1], size=(40, 1, 1))
    velocities = (factors * directions).reshape(-1, 3)
    lines, fastest = lines_of_flight(velocities)
    np.testing.assert_array_equal(lines, np.tile(np.arange(len(directions)), 40))
    speeds = np.linalg.norm(velocities, axis=1)
    for line, mode in enumerate(fastest):
        assert lines[mode] == line and speeds[mode] == speeds[lines == line].max()
    turned = directions + 1e-12 * random_directions(len(directions), seed=13)
    lines, fastest = lines_of_flight(np.concatenate([directions, turned]))
    assert len(fastest) == 2 * len(directions)


def test_partners_share_a_line_even_if_they_are_not_quite_opposite():
    half = random_directions(20)
    velocities = np.concatenate([half, -half * (1.0 + 1e-11 * random_directions(20, seed=14))])
    lines, fastest = lines_of_flight(velocities, 20)
    np.testing.assert_array_equal(lines, np.tile(np.arange(20), 2))
    assert len(lines_of_flight(velocities)[1]) > 20 == len(fastest)


def test_groups_hold_modes_of_one_direction_and_every_mode_once():
    directions = np.random.default_rng(15).permutation(np.repeat(np.arange(6), [1, 2, 3, 8, 9, 20]))
    groups, alone = lane_groups(directions)
    assert groups.shape == (1 + 1 + 1 + 3, LANES)
    assert (directions[groups] == directions[groups[:, :1]]).all()
    # One of the first direction, two of the second, and the ninth of the fifth.
    assert sorted(directions[alone]) == [0, 1, 1, 4]
    everyone = np.concatenate([np.unique(groups), alone])
    np.testing.assert_array_equal(np.sort(everyone), np.arange(directions.size))
    nobody, nothing = lane_groups(np.empty(0, dtype=np.int64))
    assert nobody.size == nothing.size == 0


def test_what_is_upstream_is_the_same_to_the_last_bit(grid):
    """Whatever the compiler may do elsewhere; opposite directions differ by the sign alone."""
    normals = sweep_mesh_of(grid(3, 3, wobble=0.3)).face_normals

    def flows(velocity, origin):
        found = np.empty((normals.shape[0], 4))
        for cell in range(normals.shape[0]):
            for face in range(4):
                found[cell, face] = flow_through(vector_of(velocity, origin), normals, cell, face)
        return found

    relaxed, strict = numba.njit(flows, fastmath=True), numba.njit(flows)
    for velocity in random_directions(5):
        expected = strict(velocity, (0.0, 0.0, 0.0))
        np.testing.assert_array_equal(relaxed(velocity, (0.0, 0.0, 0.0)), expected)
        np.testing.assert_array_equal(relaxed(-velocity, (0.0, 0.0, 0.0)), -expected)
        product = np.einsum("k,ckf->cf", velocity, normals)
        np.testing.assert_allclose(expected, product, rtol=0, atol=1e-15 * np.abs(product).max())


def test_bands_almost_along_faces_agree_on_what_is_upstream(grid):
    """On Kuhn's cells v . n is round-off here, of a sign that depends on the speed."""
    mesh = sweep_mesh_of(grid(3, 4, stretch=(1.0, 0.7, 1.3)))
    along = np.array([[1.0, 0.7, 0.0], [0.0, 0.7, 1.3], [1.0, 0.7, 1.3], [1.0, 0.0, 0.0]])
    velocities, loss_rates = bands(13, along)
    normals = mesh.face_normals
    flows = np.einsum("mk,ckf->mcf", velocities, normals)
    flows = np.sign(flows[: 4 * 13].reshape(4, 13, -1))
    assert (flows != flows[:, :1]).any()
    source = random_numbers((len(velocities), mesh.num_dofs), float)
    inflow = random_numbers((1, mesh.boundary_dofs.size), float)
    theta = source.copy()
    order = plan_sweep(mesh, velocities)
    assert order.num_cyclic_modes == 0
    sweep(mesh, order, velocities, loss_rates, inflow, theta)
    expected = one_by_one(mesh, velocities, loss_rates, inflow, source)
    assert largest_difference(theta, expected) < 10.0 * SAME
