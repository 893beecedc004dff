"""The estimate of how the orders grow, against an eigenvalue solver on the whole field."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse.linalg

from pbte.materials.kernel import rta_kernel, truncated_kernel
from pbte.transport.body import collide, stream, with_self_scattering
from pbte.transport.orders import scattering_orders
from pbte.transport.steady.eigenvalues import SpectralEstimator

# The estimate is made from 8 moments of a dozen orders; a user decides with two digits of it.
ACCURACY = 0.01
ORDERS = 12


def estimate_of(problem, leading, num_orders=ORDERS):
    estimator = SpectralEstimator(problem, leading)
    for _ in scattering_orders(problem, num_orders - 1, estimator):
        estimator.next_order()
    return estimator.estimate()


def leading_eigenvalues(problem, count=2):
    """Return the eigenvalues of L^-1 M of largest modulus, by ARPACK on all unknowns."""
    shape = (problem.mode_partition.num_modes, problem.mesh.num_dofs)
    size = shape[0] * shape[1]

    def apply(vector):
        field = vector.reshape(shape).copy()
        collide(problem, field)
        stream(problem, field, walls=False)
        return field.ravel()

    operator = scipy.sparse.linalg.LinearOperator((size, size), matvec=apply, dtype=np.float64)
    start = np.random.default_rng(1).normal(size=size)
    return scipy.sparse.linalg.eigs(
        operator, k=count, tol=1e-3, v0=start, return_eigenvectors=False
    )


@pytest.mark.parametrize(
    ("diameter", "size", "published"), [(50e-9, 15e-9, -0.96), (200e-9, 60e-9, -1.12)]
)
def test_the_orders_of_a_silicon_sphere_grow_as_the_eigenvalue_says(
    body, heat, silicon, diameter, size, published
):
    """Dominant eigenvalue of L^-1 M: -0.96 and -1.12 by a mesh-free method on this grid.

    These coarse bodies are inscribed in the spheres, a little smaller.
    """
    domain = body("nanoparticle", diameter=diameter, size=size)
    problem = heat(domain, silicon.kernel, sigma=diameter / 10)
    estimate = estimate_of(problem, truncated_kernel(silicon.kernel, 40))
    exact = leading_eigenvalues(problem)
    dominant = exact[np.argmax(np.abs(exact))]
    assert abs(dominant.imag) < 1e-6
    assert estimate.dominant == pytest.approx(dominant.real, abs=ACCURACY)
    assert estimate.most_negative == estimate.dominant
    assert dominant.real == pytest.approx(published, abs=0.015)
    assert estimate.num_orders == ORDERS
    assert estimate.self_scattering == 0.0


def test_self_scattering_brings_the_alternating_mode_back(body, heat, silicon):
    """s = 0.1 at 200 nm: from -1.11 to inside (-0.95, 1); the energy mode is the slow one."""
    domain = body("nanoparticle", diameter=200e-9, size=60e-9)
    problem = with_self_scattering(heat(domain, silicon.kernel, sigma=20e-9), 0.1)
    estimate = estimate_of(problem, truncated_kernel(silicon.kernel, 40))
    exact = leading_eigenvalues(problem)
    assert estimate.dominant == pytest.approx(exact[np.argmax(np.abs(exact))].real, abs=ACCURACY)
    assert estimate.self_scattering == 0.1
    assert -0.95 < estimate.most_negative < -0.9
    assert 0.95 < estimate.dominant < 1.0


def test_the_estimate_does_not_depend_on_the_source(body, heat, silicon):
    domain = body("nanoparticle", diameter=200e-9, size=60e-9)
    leading = truncated_kernel(silicon.kernel, 40)
    centre = estimate_of(heat(domain, silicon.kernel, sigma=20e-9), leading)
    walls = estimate_of(heat(domain, silicon.kernel, wall=-2.0), leading)
    assert centre.dominant == pytest.approx(walls.dominant, abs=ACCURACY)


def test_one_moment_is_enough_for_a_kernel_of_rank_one(body, heat, silicon):
    """Relaxation times: all eigenvalues lie between 0 and 1, the orders fade."""
    domain = body("nanoparticle", diameter=50e-9, size=15e-9)
    kernel = rta_kernel(silicon.modes)
    problem = heat(domain, kernel, sigma=5e-9)
    estimate = estimate_of(problem, kernel)
    exact = leading_eigenvalues(problem)
    assert estimate.dominant == pytest.approx(exact.real.max(), abs=ACCURACY)
    assert 0.0 < estimate.dominant < 1.0


@pytest.mark.parametrize("num_orders", [0, 1, 2, 3])
def test_few_orders_give_an_estimate_without_failing(body, heat, silicon, num_orders):
    problem = heat(body("nanoparticle", diameter=50e-9, size=15e-9), silicon.kernel, sigma=5e-9)
    estimator = SpectralEstimator(problem, truncated_kernel(silicon.kernel, 10))
    for _ in scattering_orders(problem, num_orders - 1, estimator) if num_orders else ():
        estimator.next_order()
    estimate = estimator.estimate()
    assert estimate.num_orders == num_orders
    assert np.isfinite(estimate.dominant)
    assert len(estimate.eigenvalues) == (0 if num_orders < 2 else len(estimate.eigenvalues))


def test_orders_of_nothing_have_no_growth(body, heat, silicon):
    """No source and walls at T0: every order is zero."""
    problem = heat(body("nanoparticle", diameter=50e-9, size=15e-9), silicon.kernel)
    estimate = estimate_of(problem, truncated_kernel(silicon.kernel, 10))
    assert estimate.eigenvalues == ()
    assert (estimate.dominant, estimate.most_negative) == (0.0, 0.0)
