"""Collision kernels: the laws that first-principles matrices and their truncations keep."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.materials.expansion import expand_table
from pbte.materials.kernel import (
    FactoredKernel,
    FullKernel,
    check_kernel,
    from_parity,
    full_matrix,
    project_energy,
    rta_kernel,
    to_parity,
    truncated_kernel,
)
from pbte.materials.material_file import read_file
from pbte.materials.storage import read_material, shipped_materials

NAMES = ["Si-5", "Ge-5"]


@pytest.fixture(scope="module", params=NAMES)
def material(request):
    return read_material(request.param)


@pytest.fixture
def kernel(material) -> FullKernel:
    return material.kernel


@pytest.fixture(scope="module")
def silicon() -> FullKernel:
    return read_material("Si-5").kernel


def symmetric_matrix(kernel) -> np.ndarray:
    """Return B = c^1/2 M c^-1/2 in the basis of modes."""
    scale = np.sqrt(kernel.modes.heat_capacities)
    return scale[:, None] * full_matrix(kernel) / scale


def test_equilibrium_is_kept_and_energy_conserved_mode_by_mode(kernel):
    """M 1 = Gamma and c M = c Gamma to round-off of a sum over all modes."""
    modes = kernel.modes
    matrix = full_matrix(kernel)
    np.testing.assert_allclose(matrix.sum(axis=1), modes.loss_rates, rtol=1e-13)
    received = modes.heat_capacities @ matrix
    np.testing.assert_allclose(received, modes.heat_capacities * modes.loss_rates, rtol=1e-13)


def test_energy_residual_is_round_off(kernel):
    """|A e| / |diag(A) e|; 1e-12 is asked for, the sum over 747 modes leaves 1e-15."""
    assert check_kernel(kernel).energy_residual < 1e-14


def test_detailed_balance_holds(kernel):
    weighted = kernel.modes.heat_capacities[:, None] * full_matrix(kernel)
    np.testing.assert_allclose(weighted, weighted.T, atol=1e-14 * np.abs(weighted).max())


def test_the_second_law_holds_with_energy_as_the_only_invariant(kernel):
    """Gamma - B is semidefinite: one eigenvalue is zero, the next is not."""
    values = np.linalg.eigvalsh(np.diag(kernel.modes.loss_rates) - symmetric_matrix(kernel))
    assert abs(values[0]) < 1e-13 * values[-1]
    assert values[1] > 1e-3 * values[-1]


def test_no_mode_scatters_into_itself(kernel):
    matrix = symmetric_matrix(kernel)
    assert np.abs(np.diag(matrix)).max() < 1e-15 * np.abs(matrix).max()


def test_inversion_leaves_the_matrix_unchanged(kernel):
    """A(-l, -l') = A(l, l')."""
    matrix = symmetric_matrix(kernel)
    partners = kernel.modes.partners
    np.testing.assert_allclose(
        matrix[partners][:, partners], matrix, atol=1e-14 * np.abs(matrix).max()
    )


def test_the_matrix_has_the_point_group_of_the_crystal(kernel, material):
    """A(R q s, R q' s') = A(q s, q' s') for all operations, and v(R q) = R v(q)."""
    table = read_file(material.path).table
    modes = kernel.modes
    num_bands = table.frequencies.shape[1]
    matrix = symmetric_matrix(kernel)
    position = np.full(table.frequencies.size, -1)
    position[modes.grid_points * num_bands + modes.bands] = np.arange(modes.num_modes)
    for permutation, rotation in zip(table.permutations, table.crystal.rotations, strict=True):
        image = position[permutation[modes.grid_points] * num_bands + modes.bands]
        rotated = matrix[np.ix_(image, image)]
        assert np.abs(rotated - matrix).max() < 1e-13 * np.abs(matrix).max()
        difference = modes.velocities[image] - modes.velocities @ rotation.T
        assert np.abs(difference).max() < 1e-12 * np.abs(modes.velocities).max()


def test_the_matrix_is_that_of_the_file(kernel, material):
    """Row by row for the irreducible wave vectors, up to its single precision (6e-8)."""
    table = read_file(material.path).table
    modes = kernel.modes
    num_bands = table.frequencies.shape[1]
    expanded = np.diag(modes.loss_rates) - symmetric_matrix(kernel)
    column = modes.grid_points * num_bands + modes.bands
    for block, origin in enumerate(table.irreducible):
        rows = np.flatnonzero(modes.grid_points == origin)
        stored = table.matrix_rows[block * num_bands + modes.bands[rows]][:, column]
        assert np.abs(expanded[rows] - stored).max() < 2e-7 * modes.loss_rates.max()


def test_extreme_eigenvalues_explain_why_plain_orders_grow(kernel):
    """Exactly one eigenvalue of Khat below -1, a collective even mode, and 1 once."""
    report = check_kernel(kernel)
    assert -1.22 < report.khat_min < -1.15
    assert report.khat_max == pytest.approx(1.0, abs=1e-13)
    assert 0.5 < report.khat_second < 0.8
    assert report.is_sound
    assert report.as_dict()["is_sound"] is True


@pytest.mark.parametrize(("name", "smallest"), [("Si-9", -1.215), ("Ge-9", -1.185)])
def test_extreme_eigenvalues_of_the_fine_grid(name, smallest):
    """Values of the reference construction on the 9^3 grid, given to three decimals."""
    report = check_kernel(read_material(name).kernel)
    assert report.khat_min == pytest.approx(smallest, abs=2e-3)
    assert report.energy_residual < 1e-13
    assert report.smallest_eigenvalue > -1e-12
    assert report.is_sound


def test_parity_is_an_orthogonal_change_of_basis(silicon):
    values = np.random.default_rng(1).standard_normal((silicon.modes.num_modes, 4))
    even, odd = to_parity(values, silicon.modes.num_pairs)
    np.testing.assert_allclose(from_parity(even, odd), values, rtol=1e-14, atol=1e-15)
    assert (even**2).sum() + (odd**2).sum() == pytest.approx((values**2).sum(), rel=1e-14)


def test_in_scattering_acts_on_one_field_or_many(silicon):
    fields = np.random.default_rng(2).standard_normal((silicon.modes.num_modes, 3))
    matrix = full_matrix(silicon)
    for candidate in (silicon, truncated_kernel(silicon, 20)):
        matrix = full_matrix(candidate)
        many = candidate.in_scattering(fields)
        scale = np.abs(many).max()
        np.testing.assert_allclose(many, matrix @ fields, atol=1e-12 * scale)
        np.testing.assert_allclose(candidate.in_scattering(fields[:, 0]), many[:, 0], rtol=1e-10)


def test_relaxation_times_have_the_same_equilibrium_and_the_same_loss_rates(kernel):
    relaxation = rta_kernel(kernel.modes)
    report = check_kernel(relaxation)
    assert report.rank == 1
    assert report.is_sound
    assert report.energy_residual < 1e-14
    temperatures = np.full(kernel.modes.num_modes, 0.7)
    assert relaxation.w_out @ temperatures == pytest.approx([0.7], rel=1e-14)


@pytest.mark.parametrize("rank", [1, 2, 7, 30, 120, 747])
def test_a_truncated_kernel_keeps_the_laws_at_any_rank(kernel, rank):
    """Column law, row law and symmetry to round-off: the energy pair is put in exactly."""
    truncated = truncated_kernel(kernel, rank)
    assert rank - 8 <= truncated.rank <= rank
    capacities, rates = kernel.modes.heat_capacities, kernel.modes.loss_rates
    received = (capacities @ truncated.w_in) @ truncated.w_out
    np.testing.assert_allclose(received, capacities * rates, rtol=1e-13)
    np.testing.assert_allclose(truncated.w_in @ truncated.w_out.sum(axis=1), rates, rtol=1e-13)
    report = check_kernel(truncated)
    assert report.asymmetry < 1e-14
    assert report.smallest_eigenvalue > -1e-13


def test_a_truncated_kernel_of_rank_one_is_the_relaxation_time_approximation(silicon):
    np.testing.assert_array_equal(
        full_matrix(truncated_kernel(silicon, 1)), full_matrix(rta_kernel(silicon.modes))
    )


def test_truncated_kernels_approach_the_full_matrix(silicon):
    """In the normalised form the error is the first eigenvalue left out; at full rank none is."""
    scale = np.sqrt(silicon.modes.heat_capacities / silicon.modes.loss_rates)
    exact = full_matrix(silicon)
    errors = []
    for rank in (2, 20, 200, silicon.modes.num_modes):
        difference = full_matrix(truncated_kernel(silicon, rank)) - exact
        normalised = scale[:, None] * difference / (scale * silicon.modes.loss_rates)
        errors.append(np.linalg.norm(normalised, 2))
    assert errors[0] > errors[1] > errors[2] > 0.01
    assert errors[3] < 1e-12


def test_a_truncated_kernel_never_splits_a_degenerate_set(silicon):
    """A cubic crystal keeps isotropic second moments of what each rank scatters in."""
    modes = silicon.modes
    ranks = {truncated_kernel(silicon, rank).rank for rank in range(2, 40)}
    assert len(ranks) < 38  # some ranks would cut a doublet or triplet
    for rank in ranks:
        kernel = truncated_kernel(silicon, rank)
        drive = modes.velocities / modes.loss_rates[:, None]
        flux = (modes.heat_capacities[:, None] * modes.velocities).T @ kernel.in_scattering(drive)
        scale = np.einsum("m,mi,mi->", modes.heat_capacities, modes.velocities, modes.velocities)
        assert np.abs(flux - np.eye(3) * np.trace(flux) / 3.0).max() < 1e-12 * scale


@pytest.mark.parametrize("rank", [0, -1, 748])
def test_a_rank_outside_the_number_of_modes_is_refused(silicon, rank):
    with pytest.raises(InputError, match=f"rank = {rank}; it must be between 1 and 747"):
        truncated_kernel(silicon, rank)


def test_energy_projection_restores_the_null_vector_and_nothing_else():
    """Random symmetric A: A e = 0 after it, x A y unchanged for x, y orthogonal to e."""
    generator = np.random.default_rng(3)
    matrix = generator.standard_normal((40, 40))
    matrix = matrix + matrix.T
    null = generator.random(40) + 0.1
    projected = project_energy(matrix, null)
    assert np.abs(projected @ null).max() < 1e-14
    np.testing.assert_allclose(projected, projected.T, atol=1e-14)
    vectors = generator.standard_normal((40, 2))
    vectors -= np.outer(null, null @ vectors) / (null @ null)
    np.testing.assert_allclose(
        vectors.T @ projected @ vectors, vectors.T @ matrix @ vectors, atol=1e-12
    )


def test_the_report_finds_an_asymmetric_kernel_and_one_that_leaks(silicon):
    even = silicon.even.copy()
    even[0, 1] *= 1.0 + 1e-6
    broken = FullKernel(modes=silicon.modes, even=even, odd=silicon.odd)
    assert check_kernel(broken).asymmetry > 1e-12
    leaking = FullKernel(modes=silicon.modes, even=silicon.even * 0.999, odd=silicon.odd)
    report = check_kernel(leaking)
    assert report.energy_residual == pytest.approx(1e-3, rel=1e-6)
    assert not report.is_sound
    relaxation = rta_kernel(silicon.modes)
    skewed = FactoredKernel(
        modes=silicon.modes, w_in=relaxation.w_in, w_out=relaxation.w_out[:, ::-1].copy()
    )
    assert not check_kernel(skewed).is_sound


def test_a_block_of_the_wrong_size_is_refused(silicon):
    with pytest.raises(
        InputError, match=r"odd block has shape \(371, 371\), expected \(372, 372\)"
    ):
        FullKernel(modes=silicon.modes, even=silicon.even, odd=silicon.odd[1:, 1:])


@pytest.mark.parametrize("name", NAMES)
def test_a_matrix_that_does_not_conserve_energy_is_refused(name):
    """A relaxation matrix without its gain: the projection would hide, not repair, the mistake."""
    table = read_file(shipped_materials()[name]).table
    rows = table.matrix_rows.copy().reshape(len(table.irreducible), 6, -1, 6)
    rows *= 0.0
    for block, origin in enumerate(table.irreducible):
        rows[block, :, origin, :] = np.eye(6) * 1e11
    table = dataclasses.replace(table, matrix_rows=rows.reshape(table.matrix_rows.shape))
    with pytest.raises(InputError, match="does not conserve energy"):
        expand_table(table)


# The scattering orders of a uniform crystal that loses the share `loss` of each mode's collisions.


def orders_rate_and_sum(kernel, self_scattering, loss, num_orders):
    """Return the growth per order at the end (two-step ratio), and the sum of all orders."""
    rates = kernel.modes.loss_rates
    total = (1.0 + self_scattering + loss) * rates
    order = np.linspace(1.0, 2.0, rates.size) / (1.0 + self_scattering + loss)
    cumulated, sizes = order.copy(), []
    for _ in range(num_orders):
        order = (kernel.in_scattering(order) + self_scattering * rates * order) / total
        cumulated += order
        sizes.append(np.linalg.norm(order))
    return np.sqrt(sizes[-1] / sizes[-3]), cumulated


def test_the_plain_series_of_orders_diverges(kernel):
    """In a body without walls the orders grow by |smallest eigenvalue of Khat|, about 1.2."""
    loss = 0.01
    rate, _ = orders_rate_and_sum(kernel, 0.0, loss, num_orders=300)
    expected = abs(check_kernel(kernel).khat_min) / (1.0 + loss)
    assert expected > 1.15
    assert rate == pytest.approx(expected, rel=1e-6)


def test_with_self_scattering_the_series_reaches_the_direct_solution(kernel):
    """Fictitious collisions change neither the operator nor the sum: 0.2 tames the growth.

    Energy, the slowest mode, converges as 1.2 / 1.25 per order: 700 orders leave 1e-12.
    """
    loss = 0.05
    rate, cumulated = orders_rate_and_sum(kernel, 0.2, loss, num_orders=800)
    assert rate < 1.0
    rates = kernel.modes.loss_rates
    source = np.linspace(1.0, 2.0, rates.size) * rates
    direct = np.linalg.solve(np.diag((1.0 + loss) * rates) - full_matrix(kernel), source)
    np.testing.assert_allclose(cumulated, direct, rtol=1e-9)
