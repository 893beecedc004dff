"""Where the answer is known: ballistic and diffusive limits, a film between, symmetry."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import erf

from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.models import gray_crystal
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.transport.body import make_body, with_self_scattering
from pbte.transport.orders import scattering_orders
from pbte.transport.sources import wall_inflow
from pbte.transport.steady.steady import solve_steady

SPEED, HEAT_CAPACITY = 5000.0, 1.6e6
RADIUS, SIGMA, POWER = 100e-9, 30e-9, 1e-6


def gray(mean_free_path, **directions):
    return gray_crystal(
        speed=SPEED,
        relaxation_time=mean_free_path / SPEED,
        heat_capacity=HEAT_CAPACITY,
        **directions,
    ).kernel


def observe_steady(domain, problem, kernel, tolerance=1e-8):
    steady = solve_steady(problem, kernel, tolerance=tolerance)
    assert steady.report.converged
    return observer_of(domain, problem).observe(
        steady.theta, problem.heat_power, scatters=False, inflow=problem.inflow
    )


def observer_of(domain, problem):
    edges = frequency_bins(problem.modes.frequencies, 5)
    return FieldTally(system=problem, walls=domain.walls, frequency_edges=edges)


def film_between(body, kernel, hot, cold, cells=20):
    """Return domain and problem of a film of 100 nm with walls at T0 + hot and T0 + cold."""
    domain = body("film", thickness=100e-9, size=100e-9 / cells)
    mesh = sweep_mesh_of(domain)
    inflow = wall_inflow(mesh, domain.walls, {"left": hot, "right": cold})
    return domain, make_body(mesh, kernel, np.zeros(mesh.num_dofs), inflow)


def test_a_film_without_collisions_sits_at_the_mean_of_its_walls(body):
    """q = (T_hot - T_cold) sum over v_x > 0 of c v_x: half of the phonons come from either wall.

    It is C v dT / 4 up to the quadrature of half a sphere. The mean free path is 1e6 thicknesses,
    so a millionth of the phonons is scattered.
    """
    kernel = gray(0.1, polar=16, azimuthal=16)
    domain, problem = film_between(body, kernel, hot=1.0, cold=-0.5)
    tally = observer_of(domain, problem)
    order = next(scattering_orders(problem, 0, tally))
    snapshot = tally.snapshot(order.deposited, scatters=True)
    np.testing.assert_allclose(snapshot.temperature, 0.25, atol=1e-5)
    rightward = kernel.modes.heat_capacities @ np.maximum(kernel.modes.velocities[:, 0], 0.0)
    np.testing.assert_allclose(snapshot.heat_flux[..., 0], 1.5 * rightward, rtol=1e-5)
    np.testing.assert_allclose(snapshot.heat_flux[..., 1:], 0.0, atol=1e-9 * rightward)
    assert rightward == pytest.approx(HEAT_CAPACITY * SPEED / 4.0, rel=0.01)
    assert snapshot.balance.absorbed["right"] == pytest.approx(1.5 * rightward, rel=1e-5)
    assert snapshot.balance.absorbed["left"] == pytest.approx(-1.5 * rightward, rel=1e-5)


@pytest.mark.parametrize(("optical_thickness", "published"), [(0.1, 0.9157), (1.0, 0.5532)])
def test_a_gray_film_conducts_like_the_equivalent_slab_of_radiation(
    body, optical_thickness, published
):
    """Heat flux over C v dT/4: Heaslet & Warming, Int. J. Heat Mass Transf. 8, 979 (1965).

    The directions carry half a flux to 0.3 %, and few of them are nearly parallel to the film.
    """
    kernel = gray(100e-9 / optical_thickness, polar=24, azimuthal=24)
    domain, problem = film_between(body, kernel, hot=1.0, cold=0.0, cells=40)
    snapshot = observe_steady(domain, problem, kernel)
    leaving = snapshot.balance.absorbed["right"]
    assert leaving / (HEAT_CAPACITY * SPEED / 4.0) == pytest.approx(published, rel=0.01)
    # The flux through faces is the same everywhere; inside the cells it is second order in size.
    assert leaving == pytest.approx(-snapshot.balance.absorbed["left"], rel=1e-7)
    np.testing.assert_allclose(snapshot.heat_flux[..., 0], leaving, rtol=1e-3)


def heat_equation(radius, conductivity, edge):
    """Return temperature [K] at a radius for the Gaussian source, `edge` the radius where it is 0.

    -k div grad T = Q0 exp(-r^2 / 2 sigma^2):  T = P [erf(r/s)/r - erf(R/s)/R] / (4 pi k), with
    s = sqrt(2) sigma and P the power of the source in unbounded space.
    """
    scale = np.sqrt(2.0) * SIGMA
    inside = (2.0 * np.pi) ** 1.5 * SIGMA**3
    at_edge = erf(edge / scale) / edge
    return inside * (erf(radius / scale) / radius - at_edge) / (4.0 * np.pi * conductivity)


def diffusive_error(body, heat, knudsen, size):
    """Return the relative L2 distance of the temperature to the heat equation's."""
    kernel = gray(knudsen * RADIUS, polar=4, azimuthal=8)
    domain = body("nanoparticle", diameter=2 * RADIUS, size=size)
    problem = heat(domain, kernel, sigma=SIGMA, power=POWER)
    snapshot = observe_steady(domain, problem, kernel, tolerance=1e-6)
    assert snapshot.balance.absorbed["surface"] == pytest.approx(POWER, rel=1e-4)
    mesh = problem.mesh
    radii = np.linalg.norm(mesh.points.mean(axis=1), axis=1)
    conductivity = HEAT_CAPACITY * SPEED * knudsen * RADIUS / 3.0
    # Milne: the temperature vanishes 0.7104 mean free paths beyond a black wall. The sphere whose
    # volume is that of the body stands for the polyhedron.
    edge = (3.0 * mesh.volumes.sum() / (4.0 * np.pi)) ** (1.0 / 3.0) + 0.7104 * knudsen * RADIUS
    expected = POWER / gaussian_integral(mesh) * heat_equation(radii, conductivity, edge)
    found = snapshot.temperature.mean(axis=1)
    return np.sqrt(
        (mesh.volumes @ np.square(found - expected)) / (mesh.volumes @ np.square(expected))
    )


def gaussian_integral(mesh):
    """Return the integral of exp(-r^2 / 2 sigma^2) over a sphere of the volume of the mesh."""
    radius = (3.0 * mesh.volumes.sum() / (4.0 * np.pi)) ** (1.0 / 3.0)
    scale = np.sqrt(2.0) * SIGMA
    whole = (2.0 * np.pi) ** 1.5 * SIGMA**3
    return whole * erf(radius / scale) - 4.0 * np.pi * SIGMA**2 * radius * np.exp(
        -((radius / scale) ** 2)
    )


def test_a_sphere_of_many_mean_free_paths_obeys_the_heat_equation(body, heat):
    """k = C v^2 tau / 3, the better the shorter the mean free path."""
    errors = [diffusive_error(body, heat, knudsen, 20e-9) for knudsen in (0.5, 0.2, 0.05)]
    assert errors[0] > 3.0 * errors[1] > 9.0 * errors[2]
    assert errors[2] < 0.02


def test_the_diffusive_error_falls_with_the_cell_size(body, heat):
    """Cells of 6, 4 and 3 mean free paths: the limit is reached without resolving those."""
    errors = [diffusive_error(body, heat, 0.05, size) for size in (30e-9, 20e-9, 14e-9)]
    assert errors[0] > (30 / 20) ** 2 * errors[1]
    assert errors[1] > (20 / 14) ** 2 * errors[2]
    assert errors[2] < 0.005


def test_heat_of_a_gray_sphere_arrives_alike_in_all_octants(body, heat):
    """Directions and sphere are isotropic; the mesh is not, to the size of its cells."""
    kernel = gray(50e-9, polar=8, azimuthal=8)
    domain = body("nanoparticle", diameter=2 * RADIUS, size=30e-9)
    problem = heat(domain, kernel, sigma=SIGMA, power=POWER)
    snapshot = observe_steady(domain, problem, kernel)
    mesh = problem.mesh
    areas = np.linalg.norm(mesh.boundary_normals, axis=1)
    centres = mesh.points.reshape(-1, 3)[mesh.boundary_dofs].mean(axis=1)
    octant = (centres > 0.0) @ np.array([1, 2, 4])
    arrived = np.bincount(octant, snapshot.outgoing_current * areas, minlength=8)
    arrived /= np.bincount(octant, areas, minlength=8)
    assert np.ptp(arrived) < 0.05 * arrived.mean()
    assert arrived.sum() > 0.0


@pytest.fixture
def cubic_ball(cells):
    """Return a body with the full symmetry of the cube: eight mirrored octants of Kuhn's cells.

    Kuhn's subdivision is its own image when axes are exchanged. The cube is blown up to a ball.
    """
    n = 2
    points, index = {}, []
    number = points.setdefault
    for signs in itertools.product((1, -1), repeat=3):
        for box in itertools.product(range(n), repeat=3):
            for path in itertools.permutations(range(3)):
                corner, tetrahedron = list(box), []
                for axis in (None, *path):
                    if axis is not None:
                        corner[axis] += 1
                    key = tuple(s * c for s, c in zip(signs, corner, strict=True))
                    tetrahedron.append(number(key, len(points)))
                index.append(tetrahedron)
    where = np.array(list(points), dtype=np.float64) / n
    reach, length = np.abs(where).max(axis=1), np.linalg.norm(where, axis=1)
    where *= np.divide(reach, length, out=np.ones_like(reach), where=length > 0.0)[:, None]
    return cells(where * RADIUS, np.array(index))


def test_arrivals_of_a_cubic_crystal_have_the_symmetry_of_the_cube(cubic_ball, heat, silicon):
    """Crystal, body and source are left alone by 48 rotations, so is every order.

    The tolerance is that of the matrix: its rows are stored in single precision.
    """
    problem = with_self_scattering(heat(cubic_ball, silicon.kernel, sigma=SIGMA), 0.1)
    tally = observer_of(cubic_ball, problem)
    mesh = problem.mesh
    centres = mesh.points.reshape(-1, 3)[mesh.boundary_dofs].mean(axis=1) / RADIUS
    rotations = silicon.modes.crystal.rotations
    assert len(rotations) == 48
    for order in scattering_orders(problem, 2, tally):
        arrivals = tally.snapshot(order.deposited, scatters=True).outgoing_current
        for rotation in rotations:
            turned = centres @ rotation.T
            distance = np.linalg.norm(turned[:, None] - centres[None], axis=2)
            image = distance.argmin(axis=1)
            assert distance[np.arange(len(image)), image].max() < 1e-9
            difference = np.abs(arrivals[image] - arrivals).max()
            assert difference < 1e-6 * np.abs(arrivals).max()
        # A crystal, unlike a gray one, does send its phonons in preferred directions.
        assert np.ptp(arrivals) > 0.05 * np.abs(arrivals).max()
