"""Scattering orders: nothing is lost, nothing depends on the split, and they add up."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pbte.materials.kernel import rta_kernel, truncated_kernel
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.transport.body import collide, make_body, stream, with_self_scattering
from pbte.transport.orders import scattering_orders
from pbte.transport.steady.eigenvalues import SpectralEstimator
from pbte.transport.steady.steady import solve_steady

LARGE = {"diameter": 200e-9, "size": 60e-9}  # the plain series diverges
SMALL = {"diameter": 50e-9, "size": 15e-9}  # it converges


def observer_of(domain, problem):
    edges = frequency_bins(problem.modes.frequencies, 12)
    return FieldTally(system=problem, walls=domain.walls, frequency_edges=edges)


def snapshots(domain, problem, max_order):
    tally = observer_of(domain, problem)
    return [
        tally.snapshot(order.deposited, scatters=True)
        for order in scattering_orders(problem, max_order, tally)
    ]


def inner(mesh, first, second):
    """Return the integral of a product of two fields of one value per degree of freedom."""
    dim = mesh.dim
    a, b = first.reshape(-1, dim + 1), second.reshape(-1, dim + 1)
    weights = mesh.volumes / ((dim + 1) * (dim + 2))
    return float(weights @ (a.sum(axis=1) * b.sum(axis=1) + (a * b).sum(axis=1)))


@pytest.mark.parametrize("self_scattering", [0.0, 0.2])
@pytest.mark.parametrize("scattering", ["full", "rta", "rank 20"])
def test_energy_of_each_order_leaves_through_the_walls_or_goes_to_the_next(
    body, heat, silicon, scattering, self_scattering
):
    """Deposited = absorbed + handed on, and that is what the next order starts from.

    Both are exact in the discretisation and M conserves energy to round-off, so only the round-off
    of sums over half a million values is left.
    """
    kernel = {
        "full": lambda: silicon.kernel,
        "rta": lambda: rta_kernel(silicon.modes),
        "rank 20": lambda: truncated_kernel(silicon.kernel, 20),
    }[scattering]()
    domain = body("nanoparticle", **LARGE)
    problem = with_self_scattering(heat(domain, kernel, sigma=20e-9), self_scattering)
    balances = [s.balance for s in snapshots(domain, problem, 8)]
    assert balances[0].deposited == pytest.approx(1e-6, rel=1e-12)
    for balance in balances:
        assert abs(balance.imbalance) < 1e-12
    for balance, following in itertools.pairwise(balances):
        assert following.deposited == pytest.approx(balance.scattered_power, rel=1e-12)


def test_walls_warm_the_body_and_the_account_still_closes(body, heat, silicon):
    domain = body("nanoparticle", **SMALL)
    problem = heat(domain, silicon.kernel, wall=1.0)
    first, second = (s.balance for s in snapshots(domain, problem, 1))
    assert first.deposited == 0.0
    assert first.absorbed["surface"] < 0.0  # the walls give heat
    assert abs(first.imbalance) < 1e-12
    assert second.deposited == pytest.approx(first.scattered_power, rel=1e-12)
    assert abs(second.imbalance) < 1e-12


def test_a_body_in_equilibrium_stays_in_equilibrium(body, heat, silicon):
    """theta = 1 everywhere is a fixed point: M 1 = Gamma, and the walls send in 1."""
    domain = body("nanoparticle", **LARGE)
    problem = heat(domain, silicon.kernel, wall=1.0)
    field = np.ones_like(problem.new_field())
    collide(problem, field)
    # Energy conservation of the kernel is exact to 1e-12 of its largest rates.
    rates = problem.loss_rates[:, None]
    np.testing.assert_allclose(field / rates, 1.0, atol=1e-10)
    stream(problem, field)
    np.testing.assert_allclose(field, 1.0, atol=1e-10)


@pytest.mark.parametrize("scattering", ["full", "rta"])
def test_walls_of_one_temperature_bring_the_body_to_it(body, heat, silicon, scattering):
    """No source, walls at T0 + 1: theta = 1, no heat flows."""
    domain = body("nanoparticle", **LARGE)
    kernel = silicon.kernel if scattering == "full" else rta_kernel(silicon.modes)
    leading = truncated_kernel(silicon.kernel, 40) if scattering == "full" else kernel
    problem = heat(domain, kernel, wall=1.0)
    # What is left of the residual is amplified by the slowest mode: 1 / (1 - 0.97).
    steady = solve_steady(problem, leading, tolerance=1e-12)
    assert steady.report.converged
    np.testing.assert_allclose(steady.theta, 1.0, atol=1e-9)
    snapshot = observer_of(domain, problem).observe(
        steady.theta, 0.0, scatters=False, inflow=problem.inflow
    )
    speeds = np.linalg.norm(problem.velocities, axis=1)
    emitted = 0.25 * problem.heat_capacities @ speeds  # W/m^2 per kelvin, and its order of size
    assert np.abs(snapshot.heat_flux).max() < 1e-9 * emitted
    area = np.linalg.norm(problem.mesh.boundary_normals, axis=1).sum()
    assert abs(snapshot.balance.absorbed["surface"]) < 1e-9 * emitted * area
    np.testing.assert_allclose(snapshot.temperature, 1.0, atol=1e-9)


@pytest.mark.parametrize("self_scattering", [0.1, 0.3])
def test_orders_add_up_to_the_steady_state_for_every_self_scattering(
    body, heat, silicon, order_fields, self_scattering
):
    """The split changes single orders, not their sum; what is missing converges like the orders."""
    domain = body("nanoparticle", **SMALL)
    problem = heat(domain, silicon.kernel, sigma=5e-9)
    leading = truncated_kernel(silicon.kernel, 40)
    steady = solve_steady(problem, leading, tolerance=1e-10).theta
    split = with_self_scattering(problem, self_scattering)
    estimator, total = SpectralEstimator(split, leading), problem.new_field()
    distances = []
    for order in order_fields(split, 60, estimator):
        total += order.theta
        distances.append(np.abs(total - steady).max() / np.abs(steady).max())
        if order.number <= 12:
            estimator.next_order()
    fading = estimator.estimate().dominant
    assert 0.85 < fading < 0.91
    assert distances[-1] < 5e-4
    # Behind sixty orders only the slowest mode is left; the second one converges ten times sooner.
    assert distances[60] / distances[50] == pytest.approx(fading**10, rel=0.05)


def test_single_orders_depend_on_the_self_scattering(body, heat, silicon, order_fields):
    problem = heat(body("nanoparticle", **SMALL), silicon.kernel, sigma=5e-9)
    plain, split = (
        next(order_fields(with_self_scattering(problem, s), 0)).theta for s in (0.0, 0.3)
    )
    assert np.abs(plain - split).max() > 0.01 * np.abs(plain).max()


def test_orders_are_linear_in_source_and_wall_temperature(body, heat, silicon, order_fields):
    domain = body("nanoparticle", **SMALL)
    kernel = silicon.kernel
    source = heat(domain, kernel, sigma=5e-9, power=2e-6)
    walls = heat(domain, kernel, wall=-0.3)
    both = heat(domain, kernel, sigma=5e-9, power=2e-6, wall=-0.3)
    runs = zip(*(order_fields(p, 3) for p in (source, walls, both)), strict=True)
    for a, b, c in runs:
        np.testing.assert_allclose(a.theta + b.theta, c.theta, atol=1e-12 * np.abs(c.theta).max())
        assert a.deposited + b.deposited == pytest.approx(c.deposited, rel=1e-12, abs=1e-18)


@pytest.mark.parametrize("scattering", ["full", "rta"])
def test_heat_put_in_here_and_felt_there_may_be_exchanged(
    body, heat, silicon, order_fields, scattering
):
    """Reciprocity: int f_B T[f_A] dV = int f_A T[f_B] dV for every order.

    Time reversal turns v into -v; the upwind form of -v is the adjoint of that of v, K is
    symmetric and the same for the reversed modes. So it holds in the discretisation, to round-off.
    """
    domain = body("nanoparticle", **LARGE)
    kernel = silicon.kernel if scattering == "full" else rta_kernel(silicon.modes)
    problem = heat(domain, kernel)
    mesh, mode_partition = problem.mesh, problem.heat_capacities / problem.modes.heat_capacity
    sources = np.random.default_rng(1).normal(size=(2, mesh.num_dofs)) * 1e18
    felt = []
    for source in sources:
        problem.heat_sources[0] = source
        felt.append([mode_partition @ order.theta for order in order_fields(problem, 4)])
    for here, there in zip(*felt, strict=True):
        forth, back = inner(mesh, sources[1], here), inner(mesh, sources[0], there)
        scale = np.sqrt(inner(mesh, here, here) * inner(mesh, sources[1], sources[1]))
        assert abs(forth - back) < 1e-12 * scale
        assert abs(forth) > 1e-5 * scale  # it is not the comparison of two zeros


def test_only_the_heated_modes_are_warmed(body, silicon, heat, order_fields):
    """The power is that of the source whichever modes take it up."""
    reference = heat(body("nanoparticle", **SMALL), silicon.kernel, sigma=5e-9)
    heated = silicon.modes.bands == 2
    problem = make_body(
        reference.mesh, silicon.kernel, reference.heat_source, reference.inflow[0], heated=heated
    )
    order = next(order_fields(problem, 0))
    assert problem.heat_power == pytest.approx(1e-6, rel=1e-12)
    assert order.deposited == pytest.approx(1e-6, rel=1e-12)
    assert np.abs(order.theta[~heated]).max() == 0.0
    assert np.abs(order.theta[heated]).min(axis=1).max() > 0.0
