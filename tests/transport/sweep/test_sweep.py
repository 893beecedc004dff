"""The sweep solves the variational form of the drift: every dimension, direction and loss rate."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.transport.drift import UpwindDrift
from pbte.transport.sweep.sweep import plan_sweep, sweep

# The local systems are solved in closed form and the global one cell by cell, so what remains is
# round-off, a few hundred operations deep (1e-14 observed).
ROUND_OFF = 1e-12
SPHERE = {"diameter": 200e-9, "size": 55e-9}


def random_modes(num_modes, seed=1):
    """Return velocities of 0.5 to 9 km/s, and Gamma from ballistic to thick (1e6 to 1e16 1/s)."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(num_modes, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    velocities = directions * random.uniform(500.0, 9000.0, size=(num_modes, 1))
    return velocities, np.logspace(6, 16, num_modes)


def largest_differences(domain, velocities, loss_rates, *, num_pairs=0, wall=2.0, seed=2):
    """Return residual of the sweep in the form and distance to the direct solution, the largest."""
    mesh, drift = sweep_mesh_of(domain), UpwindDrift(domain)
    order = plan_sweep(mesh, velocities, num_pairs)
    random = np.random.default_rng(seed)
    source = random.uniform(-1.0, 1.0, size=(len(velocities), mesh.num_dofs))
    source *= np.maximum(loss_rates, loss_rates.min() * 100.0)[:, None]
    theta = source.copy()
    sweep(mesh, order, velocities, loss_rates, np.full((1, mesh.boundary_dofs.size), wall), theta)
    residual, difference = 0.0, 0.0
    for mode, velocity in enumerate(velocities):
        shape = (mesh.num_cells, mesh.dim + 1)
        walls = dict.fromkeys(domain.walls, wall)
        drift.set_mode(velocity, loss_rates[mode], source[mode].reshape(shape), walls)
        direct = drift.solve()
        residual = max(residual, drift.residual(theta[mode].reshape(shape)))
        distance = np.abs(theta[mode].reshape(shape) - direct).max() / np.abs(direct).max()
        difference = max(difference, distance)
    return residual, difference


def test_the_sweep_solves_the_form_on_an_unstructured_sphere(body):
    velocities, loss_rates = random_modes(16)
    residual, difference = largest_differences(
        body("nanoparticle", **SPHERE), velocities, loss_rates
    )
    assert residual < ROUND_OFF
    assert difference < ROUND_OFF


@pytest.mark.parametrize(("dim", "n"), [(1, 12), (2, 6), (3, 3)])
def test_the_sweep_solves_the_form_on_intervals_triangles_and_tetrahedra(grid, dim, n):
    """Irregular cells of the unit body; Gamma L / v from 1e-6 to 1e6."""
    velocities, _ = random_modes(12)
    domain = grid(dim, n, wobble=0.3)
    residual, difference = largest_differences(
        domain, velocities / 3000.0, np.logspace(-6, 6, len(velocities))
    )
    assert residual < ROUND_OFF
    assert difference < ROUND_OFF


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("loss_rate", [1e-3, 1.0, 1e3])
def test_velocities_along_the_faces_are_drifted_exactly(grid, dim, loss_rate):
    """On Kuhn's cells these directions lie in faces: nothing flows through, v . n is exactly 0."""
    velocities = np.array(
        [[1, 0, 0], [0, 0, -1], [1, 1, 0], [0, -1, -1], [1, 1, 1], [-1, 0, 0], [1, -1, 0]],
        dtype=np.float64,
    )
    velocities = velocities[np.abs(velocities[:, :dim]).sum(axis=1) > 0]
    residual, difference = largest_differences(
        grid(dim, 3), velocities, np.full(len(velocities), loss_rate)
    )
    assert residual < ROUND_OFF
    assert difference < ROUND_OFF


def test_a_mode_that_does_not_move_only_relaxes(grid):
    """v = 0: Gamma theta = Q at every point, whatever the walls send in."""
    mesh = sweep_mesh_of(grid(3, 2, wobble=0.3))
    velocities, loss_rates = np.zeros((2, 3)), np.array([1e-3, 1e9])
    order = plan_sweep(mesh, velocities)
    source = np.random.default_rng(3).normal(size=(2, mesh.num_dofs))
    theta = source.copy()
    sweep(mesh, order, velocities, loss_rates, np.full((1, mesh.boundary_dofs.size), 5.0), theta)
    np.testing.assert_allclose(loss_rates[:, None] * theta, source, rtol=1e-13, atol=1e-14)


def test_inflow_may_differ_from_mode_to_mode_and_from_point_to_point(grid):
    """A linear field is its own solution, so its values on the boundary reproduce it inside."""
    mesh = sweep_mesh_of(grid(3, 3, wobble=0.3))
    random = np.random.default_rng(4)
    velocities, loss_rates = random.normal(size=(5, 3)), np.logspace(-3, 3, 5)
    slopes, offsets = random.normal(size=(5, 3)), random.normal(size=5)
    corners = mesh.points.reshape(-1, 3)
    exact = slopes @ corners.T + offsets[:, None]
    source = (velocities * slopes).sum(axis=1)[:, None] + loss_rates[:, None] * exact
    inflow = np.ascontiguousarray(exact[:, mesh.boundary_dofs.ravel()])
    theta = source.copy()
    order = plan_sweep(mesh, velocities)
    sweep(mesh, order, velocities, loss_rates, inflow, theta)
    np.testing.assert_allclose(theta, exact, atol=ROUND_OFF * np.abs(exact).max())
    some = source[1:3].copy()
    sweep(mesh, order, velocities, loss_rates, inflow[1:3], some, slice(1, 3))
    np.testing.assert_array_equal(some, theta[1:3])


def test_partners_swept_backwards_agree_with_an_order_of_their_own(grid):
    mesh = sweep_mesh_of(grid(3, 3, wobble=0.3))
    random = np.random.default_rng(5)
    half = random.normal(size=(6, 3))
    single = random.normal(size=(1, 3))
    velocities = np.concatenate([half, -half, single])
    loss_rates = np.logspace(-2, 2, 13)
    source = random.normal(size=(13, mesh.num_dofs))
    inflow = random.normal(size=(1, mesh.boundary_dofs.size))
    order = plan_sweep(mesh, velocities, 6)
    assert len(order.cells) == 7
    field = source.copy()
    sweep(mesh, order, velocities, loss_rates, inflow, field)
    # Cells are visited in another sequence, but each one solves the same local system.
    alone = plan_sweep(mesh, -half)
    partners = source[6:12].copy()
    sweep(mesh, alone, -half, loss_rates[6:12], inflow, partners)
    assert not alone.backwards.any() and order.backwards[6:12].all()
    np.testing.assert_allclose(field[6:12], partners, atol=1e-13 * np.abs(partners).max())


def test_every_cell_is_visited_once_and_after_its_upstream_neighbours(body):
    mesh = sweep_mesh_of(body("nanoparticle", **SPHERE))
    velocities, _ = random_modes(8)
    order = plan_sweep(mesh, velocities)
    assert order.num_cyclic_modes == 0
    for mode, velocity in enumerate(velocities):
        np.testing.assert_array_equal(np.sort(order.cells[mode]), np.arange(mesh.num_cells))
        assert not late_neighbours(mesh, order.cells[mode], velocity)


def late_neighbours(mesh, visits, velocity):
    """Return the pairs (cell, upstream neighbour that is visited after it)."""
    when = np.empty(mesh.num_cells, dtype=np.int64)
    when[visits] = np.arange(mesh.num_cells)
    cells, faces = np.nonzero(
        (np.einsum("ckf,k->cf", mesh.face_normals, velocity) < 0.0) & (mesh.neighbours >= 0)
    )
    others = mesh.neighbours[cells, faces]
    late = when[others] > when[cells]
    return list(zip(cells[late], others[late], strict=True))


@pytest.fixture
def twisted(grid):
    """Return cells so twisted that some directions run through them in circles, and those modes.

    Vertices of a cube are moved by up to a box length at random. In two dimensions this could not
    happen: the cells of a triangulation can always be ordered along a direction.
    """
    domain = grid(3, 5, wobble=1.0, seed=1)
    directions = np.random.default_rng(1).normal(size=(200, 3))
    lagged = plan_sweep(sweep_mesh_of(domain), directions).lagged
    velocities = directions[lagged > 0]
    assert len(velocities) >= 5
    return domain, velocities


def test_cyclic_dependencies_are_swept_to_the_solution_of_the_form(twisted):
    """Repeating the sweep converges: each loop passes on only a part of what it gets."""
    domain, half = twisted
    velocities = np.concatenate([half, -half])
    order = plan_sweep(sweep_mesh_of(domain), velocities, len(half))
    assert order.num_cyclic_modes == len(velocities)
    for loss_rate in (1e-6, 1.0, 1e3):
        residual, difference = largest_differences(
            domain, velocities, np.full(len(velocities), loss_rate), num_pairs=len(half)
        )
        assert residual < ROUND_OFF
        assert difference < ROUND_OFF


def test_only_cells_of_a_cycle_are_visited_before_an_upstream_neighbour(twisted):
    """Cells downstream of a cycle wait for it: whatever comes early is upstream of itself."""
    domain, velocities = twisted
    mesh = sweep_mesh_of(domain)
    order = plan_sweep(mesh, velocities)
    for mode, velocity in enumerate(velocities):
        early = {cell for cell, _ in late_neighbours(mesh, order.cells[mode], velocity)}
        assert 0 < len(early) <= order.lagged[mode]
        assert all(is_upstream_of_itself(mesh, cell, velocity) for cell in early)


def is_upstream_of_itself(mesh, start, velocity):
    downstream = (np.einsum("ckf,k->cf", mesh.face_normals, velocity) > 0.0) & (
        mesh.neighbours >= 0
    )
    seen, front = set(), [start]
    while front:
        cell = front.pop()
        for other in mesh.neighbours[cell][downstream[cell]]:
            if other == start:
                return True
            if other not in seen:
                seen.add(other)
                front.append(int(other))
    return False
