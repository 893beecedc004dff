"""Effective conductivity of films: its value, which phonons carry it, and its limits."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.mode_partition import partition_modes
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.band_table import band_crystal, read_band_table
from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
from pbte.materials.models import gray_crystal, isotropic_crystal
from pbte.materials.quadrature import line_rule
from pbte.materials.storage import read_material
from pbte.observables.bulk import bulk_response, bulk_tensor
from pbte.observables.conductivity import (
    TemperatureGradient,
    accumulation,
    effective_conductivity,
    path_bins,
    reached_at,
    suppression,
    suppression_curve,
)
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.reference.closed_forms.film import cross_plane_conductivity
from pbte.transport.body import make_body
from pbte.transport.sources import wall_inflow
from pbte.transport.steady.steady import solve_steady
from pbte.verification.validation._crystals import silicon_bands
from pbte.verification.validation._interval import interval
from pbte.verification.validation.film import film_cells

X = np.array([1.0, 0.0, 0.0])


def film(crystal, thickness, shortest, comm, *, num_cells=60, offset=0.0):
    """Return the effective conductivity of a film between walls 1 K apart."""
    domain = interval(film_cells(thickness, shortest, num_cells))
    mesh, modes = sweep_mesh_of(domain), crystal.modes
    held = {"left": 0.5 + offset, "right": -0.5 + offset}
    problem = make_body(
        mesh,
        crystal.kernel,
        np.zeros(mesh.num_dofs),
        wall_inflow(mesh, domain.walls, held),
        mode_partition=partition_modes(modes.num_pairs, modes.num_modes, comm),
    )
    steady = solve_steady(problem, crystal.kernel, tolerance=1e-9)
    assert steady.report.converged
    tally = FieldTally(
        system=problem, walls=domain.walls, frequency_edges=frequency_bins(modes.frequencies, 1)
    )
    snapshot = tally.observe(steady.theta, 0.0, scatters=False, inflow=problem.inflow)
    gradient = TemperatureGradient(direction=X, length=thickness, drop=1.0, area=1.0)
    conductivity = effective_conductivity(gradient, modes, snapshot.mode_temperatures[0], thickness)
    flux = 0.5 * (snapshot.balance.absorbed["right"] - snapshot.balance.absorbed["left"])
    return conductivity, flux


@pytest.fixture(scope="module")
def silicon():
    return band_crystal(read_band_table("Si-bands"), quadrature=line_rule(32))


@pytest.mark.parametrize(("nanometres", "expected"), [(20, 14.573), (100, 42.228), (500, 81.36)])
def test_films_of_silicon_bands_have_their_published_conductivity(
    silicon, comm, nanometres, expected
):
    """Hua & Minnich (2015); the cells and cosines of the validation are good to 1e-4."""
    thickness = nanometres * 1e-9
    conductivity, flux = film(silicon, thickness, 1e-8, comm, num_cells=80)
    assert conductivity.value == pytest.approx(expected, rel=2e-4)
    exact = float(cross_plane_conductivity(silicon_bands(), thickness))
    assert conductivity.value == pytest.approx(exact, rel=1e-4)
    # The volume integral of the heat flux is what leaves through the walls, times the thickness.
    assert conductivity.value == pytest.approx(flux * thickness, rel=1e-7)
    assert conductivity.bulk == pytest.approx(151.796, rel=1e-5)


def test_long_mean_free_paths_are_suppressed_and_the_accumulation_ends_at_k(silicon, comm):
    conductivity, _ = film(silicon, 100e-9, 1e-8, comm)
    paths, total = accumulation(conductivity.mean_free_paths, conductivity.contributions)
    assert paths.size == 15 and np.all(np.diff(total) > 0.0)
    assert total[-1] == pytest.approx(conductivity.value, rel=1e-12)
    _, bulk = accumulation(conductivity.mean_free_paths, conductivity.bulk_contributions)
    assert bulk[-1] == pytest.approx(conductivity.bulk, rel=1e-12)
    # The film stops long paths, so short ones carry more of its heat.
    assert np.all(total[:-1] / total[-1] > bulk[:-1] / bulk[-1])
    points, values = suppression_curve(conductivity, per_decade=40)
    assert np.all((values > 0.0) & (values < 1.05))
    assert np.all(np.diff(values) < 0.0) and np.all(np.diff(points) > 0.0)
    assert values[-1] < 0.02  # 12.8 um in a film of 100 nm
    assert reached_at(paths, total, 0.5) < reached_at(paths, bulk, 0.5)


def test_a_thick_film_conducts_like_bulk_and_suppresses_nothing(comm):
    """L = 1e4 mean free paths: the walls take 4/3 of a path, twice 0.7104."""
    crystal = gray_crystal(
        speed=1.0, relaxation_time=1.0, heat_capacity=3.0, quadrature=line_rule(16)
    )
    conductivity, _ = film(crystal, 1e4, 1.0, comm)
    assert conductivity.bulk == pytest.approx(1.0, rel=1e-12)
    assert conductivity.value == pytest.approx(1.0 / (1.0 + 2.0 * 0.7104 / 1e4), rel=1e-5)
    (path,), (value,) = suppression_curve(conductivity)
    assert (path, value) == pytest.approx((1.0, conductivity.value), rel=1e-12)


def test_a_thin_film_has_the_conductivity_of_casimir(comm):
    """Nothing scatters: q = C v dT/4, so k = C v L/4 whatever the bulk conducts."""
    crystal = gray_crystal(
        speed=2.0, relaxation_time=1.0, heat_capacity=3.0, quadrature=line_rule(16)
    )
    thickness = 1e-6 * 2.0
    conductivity, _ = film(crystal, thickness, 1.0, comm, num_cells=8)
    assert conductivity.value == pytest.approx(3.0 * 2.0 * thickness / 4.0, rel=1e-5)


def test_the_shares_do_not_depend_on_the_reference_temperature(silicon, comm):
    """A temperature common to both walls carries no heat, neither in all nor mode by mode."""
    here, _ = film(silicon, 100e-9, 1e-8, comm, num_cells=20)
    there, _ = film(silicon, 100e-9, 1e-8, comm, num_cells=20, offset=3.0)
    atol = 1e-7 * here.contributions.max()
    np.testing.assert_allclose(there.contributions, here.contributions, rtol=1e-6, atol=atol)
    assert here.contributions.min() > -atol


def test_two_bands_of_one_path_accumulate_together():
    labels = np.array([2.0, 1.0, 2.0 * (1.0 + 1e-12), 3.0])
    paths, total = accumulation(labels, np.array([1.0, 4.0, 2.0, 1.0]))
    np.testing.assert_allclose(paths, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(total, [4.0, 7.0, 8.0])
    assert reached_at(paths, total, 0.5) == 1.0
    assert reached_at(paths, total, 0.8) == pytest.approx(2.0)


def test_every_path_lies_in_a_bin_and_round_off_splits_none():
    paths = np.array([0.0, 1e-9 * (1.0 - 1e-15), 1e-9, 3e-8, 1e-6 * (1.0 - 1e-15), 1e-6])
    edges = path_bins(paths, per_decade=4)
    counts = np.histogram(paths, edges)[0]
    assert (counts[0], counts[-1], counts.sum()) == (2, 2, 5)
    np.testing.assert_allclose(np.diff(np.log10(edges)), 0.25, rtol=1e-9)


def test_bins_without_modes_have_no_suppression(comm):
    crystal = isotropic_crystal(
        name="two bands",
        temperature=300.0,
        speeds=[1.0, 100.0],
        relaxation_times=[1.0, 1.0],
        heat_capacities=[1.0, 1.0],
    )
    modes = crystal.modes
    gradient = TemperatureGradient(direction=X, length=1.0, drop=1.0, area=1.0)
    theta = modes.velocities[:, 0] / modes.loss_rates  # the bulk's own, for a gradient of -1
    conductivity = effective_conductivity(gradient, modes, theta, 1.0)
    np.testing.assert_allclose(conductivity.contributions, conductivity.bulk_contributions)
    values = suppression(conductivity, np.array([0.5, 5.0, 50.0, 500.0]))
    np.testing.assert_allclose(values, [1.0, np.nan, 1.0], rtol=1e-12)


# --- the endless crystal


def bulk_problem(kernel, comm):
    domain = interval(np.array([0.0, 1e-8]))
    mesh, modes = sweep_mesh_of(domain), kernel.modes
    return make_body(
        mesh,
        kernel,
        np.zeros(mesh.num_dofs),
        wall_inflow(mesh, domain.walls, {"left": 0.0, "right": 0.0}),
        mode_partition=partition_modes(modes.num_pairs, modes.num_modes, comm),
    )


def test_the_full_matrix_answers_to_a_gradient_as_its_direct_solution(comm):
    kernel = read_material("Si-5").kernel
    tensor = bulk_tensor(bulk_problem(kernel, comm))
    exact = bulk_conductivity(kernel)
    np.testing.assert_allclose(tensor, exact, atol=1e-10 * exact.max())
    assert abs(tensor[0, 0] / rta_conductivity(kernel.modes)[0, 0] - 1.0) > 1e-3


def test_relaxation_times_answer_with_the_mean_free_path(silicon, comm):
    response = bulk_response(bulk_problem(silicon.kernel, comm), X)
    expected = silicon.modes.velocities[:, 0] / silicon.modes.loss_rates
    np.testing.assert_allclose(response, expected, rtol=1e-10)
