"""The sum over scattering processes, with made-up rates and without phono3py."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.materials.phono3py.processes import (
    GridModes,
    ProcessSum,
    degenerate_average,
    gaussian,
    grid_modes,
    isotope_processes,
    opposite_sum,
    triple_processes,
)
from pbte.materials.symmetry import (
    GridSymmetry,
    average_scalars,
    grid_symmetry,
    irreducible_rows,
    spread_vectors,
)

MESH = (3, 3, 3)
NUM_BANDS = 3
TERAHERTZ = 2.0 * np.pi * 1e12


def cubic_group() -> np.ndarray:
    """The 48 signed permutation matrices."""
    return np.array(
        [
            np.diag(signs)[list(order)]
            for order in itertools.permutations(range(3))
            for signs in itertools.product((1, -1), repeat=3)
        ]
    )


def cubic_grid(mesh: tuple[int, int, int] = MESH) -> GridSymmetry:
    steps = itertools.product(*(range(n) for n in reversed(mesh)))
    addresses = np.array([point[::-1] for point in steps])
    group = cubic_group()
    return grid_symmetry(addresses, mesh, group, group.astype(float))


@pytest.fixture
def modes() -> GridModes:
    """Random frequencies of cubic symmetry; the lowest three bands at q = 0 are translations."""
    symmetry = cubic_grid()
    random = np.random.default_rng(1)
    values = np.sort(random.uniform(2.0, 15.0, (symmetry.num_q, NUM_BANDS)), axis=1) * TERAHERTZ
    active = np.ones(values.shape, dtype=bool)
    active[0, :2] = False
    frequencies = average_scalars(values, symmetry)
    return grid_modes(symmetry, frequencies, active, 300.0, tolerance=1e-4 * TERAHERTZ)


def random_sum(modes: GridModes, *, conserve_energy: bool = True) -> ProcessSum:
    """A sum over random three-phonon and isotope processes of every irreducible wave vector."""
    random = np.random.default_rng(2)
    total = ProcessSum(modes, conserve_energy=conserve_energy)
    shape = (modes.symmetry.num_q, NUM_BANDS, NUM_BANDS, NUM_BANDS)
    vectors = random.normal(size=(shape[0], 3, NUM_BANDS)) + 0j
    stars = zip(modes.symmetry.irreducible, modes.symmetry.weights, strict=True)
    for q0, weight in stars:
        strengths = random.uniform(size=shape) * 1e-45
        deltas = tuple(random.uniform(size=shape) * 1e-13 for _ in range(3))
        for processes in triple_processes(modes, int(q0), strengths, deltas):
            total.add(processes, weight / 3.0)
        pairs = isotope_processes(modes, int(q0), vectors, np.array([2e-4]), TERAHERTZ)
        total.add(pairs, weight / 2.0)
    return total


def expand(rows: np.ndarray, symmetry: GridSymmetry) -> np.ndarray:
    """The whole matrix from its irreducible rows, shape (num_q, bands, num_q, bands)."""
    whole = np.empty((symmetry.num_q, rows.shape[1], *rows.shape[2:]))
    for k, q in enumerate(symmetry.irreducible):
        for permutation in symmetry.permutations:
            whole[permutation[q]][:, permutation, :] = rows[k]
    return whole


def test_stars_fill_the_grid_and_contain_the_opposite_wave_vector():
    symmetry = cubic_grid()
    assert symmetry.weights.sum() == symmetry.num_q
    # q = 0, (1,0,0), (1,1,0), (1,1,1) and their stars
    assert symmetry.weights.tolist() == [1, 6, 12, 8]
    np.testing.assert_array_equal(
        symmetry.representatives[symmetry.opposite], symmetry.representatives
    )


def test_a_grid_without_the_symmetry_of_the_crystal_is_refused():
    with pytest.raises(ValueError, match="do not map the 3x3x4 grid onto itself"):
        cubic_grid((3, 3, 4))


def test_spread_vectors_turn_with_the_group_and_change_sign_with_q():
    symmetry = cubic_grid((4, 4, 4))
    random = np.random.default_rng(3)
    vectors = spread_vectors(random.normal(size=(len(symmetry.irreducible), 2, 3)), symmetry)
    np.testing.assert_array_equal(vectors[symmetry.opposite], -vectors)
    assert np.abs(vectors).max() > 0.5
    for permutation, rotation in zip(symmetry.permutations, symmetry.rotations, strict=True):
        np.testing.assert_allclose(vectors[permutation], vectors @ rotation.T, atol=1e-14)


def test_irreducible_rows_are_those_of_the_group_average():
    symmetry = cubic_grid()
    shape = (symmetry.num_q, 2, symmetry.num_q, 2)
    matrix = np.random.default_rng(4).normal(size=shape)
    average = sum(matrix[p][:, :, p] for p in symmetry.permutations) / len(symmetry.permutations)
    rows = irreducible_rows(matrix, symmetry)
    np.testing.assert_allclose(rows, average[symmetry.irreducible], atol=1e-14)
    np.testing.assert_allclose(expand(rows, symmetry), average, atol=1e-14)


def test_three_wave_vectors_add_up_to_a_reciprocal_lattice_vector():
    symmetry = cubic_grid()
    for q0 in (0, 5, 26):
        total = (
            symmetry.addresses[q0]
            + symmetry.addresses
            + symmetry.addresses[opposite_sum(symmetry, q0)]
        )
        assert not np.any(total % 3)


def test_degenerate_bands_share_their_mean():
    average = degenerate_average(np.array([[1.0, 1.00005, 1.0001, 2.0, 3.0, 3.00005]]), 1e-4)
    np.testing.assert_allclose(
        average[0] @ np.arange(6.0), [1.0, 1.0, 1.0, 3.0, 4.5, 4.5], rtol=1e-15
    )


def test_the_gaussian_is_normalised():
    x = np.linspace(-8.0, 8.0, 4001)
    assert np.sum(gaussian(x, 0.7)) * (x[1] - x[0]) == pytest.approx(1.0, rel=1e-12)


def test_the_rate_on_shell_is_that_of_the_golden_rule(modes):
    """One decay 0 -> 1 + 2: rate 36 pi/hbar^2 |V3|^2 delta n0 (n1 + 1) (n2 + 1), by hand."""
    q0, q1 = int(modes.symmetry.irreducible[1]), 7
    shape = (modes.symmetry.num_q, NUM_BANDS, NUM_BANDS, NUM_BANDS)
    strengths, delta = np.zeros(shape), np.full(shape, 3e-13)
    strengths[q1, 2, 0, 1] = 2e-45
    q2 = opposite_sum(modes.symmetry, q0)[q1]
    on_shell = modes.frequencies.copy()
    assert q0 not in (q1, q2)
    on_shell[q0, 2] = on_shell[q1, 0] + on_shell[q2, 1]
    single = grid_modes(modes.symmetry, on_shell, modes.active, 300.0, tolerance=0.0)
    decays, _, _ = triple_processes(single, q0, strengths, (delta, delta, delta))
    x = REDUCED_PLANCK * on_shell / (BOLTZMANN * 300.0)
    n0, n1, n2 = (1.0 / np.expm1(value) for value in (x[q0, 2], x[q1, 0], x[q2, 1]))
    expected = 36.0 * np.pi / REDUCED_PLANCK**2 * 2e-45 * 3e-13 * n0 * (n1 + 1.0) * (n2 + 1.0)
    assert decays.rates[q1, 2, 0, 1] == pytest.approx(expected, rel=1e-12)
    assert np.count_nonzero(decays.rates) == 1


def test_the_matrix_is_symmetric_and_commutes_with_the_point_group(modes):
    rows = random_sum(modes).symmetric_rows()
    matrix = expand(rows, modes.symmetry)
    size = np.abs(matrix).max()
    flat = matrix.reshape(rows[0].size // NUM_BANDS, -1)
    assert np.abs(flat - flat.T).max() < 1e-14 * size
    for permutation in modes.symmetry.permutations:
        assert np.abs(matrix[permutation][:, :, permutation] - matrix).max() < 1e-14 * size


def test_energy_is_conserved_by_the_projection_and_only_by_it(modes):
    """A sqrt(c) = 0 for any rates; without the projection it is as large as the diagonal part."""
    energy = (modes.fluctuations * modes.frequencies).ravel()
    residuals = []
    for conserve in (True, False):
        rows = random_sum(modes, conserve_energy=conserve).symmetric_rows()
        matrix = expand(rows, modes.symmetry).reshape(energy.size, energy.size)
        scale = np.linalg.norm(np.diag(matrix) * energy)
        residuals.append(np.linalg.norm(matrix @ energy) / scale)
    assert residuals[0] < 1e-14
    assert residuals[1] > 1e-2


def test_the_matrix_is_positive_semidefinite_with_one_null_vector(modes):
    rows = random_sum(modes).symmetric_rows()
    active = modes.active.ravel()
    matrix = expand(rows, modes.symmetry).reshape(active.size, active.size)
    assert not matrix[~active].any()
    eigenvalues = np.linalg.eigvalsh(matrix[np.ix_(active, active)])
    assert abs(eigenvalues[0]) < 1e-13 * eigenvalues[-1]
    assert eigenvalues[1] > 1e-6 * eigenvalues[-1]


def test_isotope_scattering_matches_tamuras_sum(modes):
    """Loss rate of one mode: pi/(2 N) w^2 g sum |e.e'|^2 delta, where w = w' dominates."""
    num_q = modes.symmetry.num_q
    flat = np.full((num_q, NUM_BANDS), 10.0 * TERAHERTZ) + np.arange(NUM_BANDS) * TERAHERTZ
    active = np.ones(flat.shape, dtype=bool)
    equal = grid_modes(modes.symmetry, flat, active, 300.0, tolerance=0.0)
    vectors = np.broadcast_to(np.eye(3, dtype=complex), (num_q, 3, 3))
    total = ProcessSum(equal)
    for q0, weight in zip(modes.symmetry.irreducible, modes.symmetry.weights, strict=True):
        pairs = isotope_processes(equal, int(q0), vectors, np.array([2e-4]), 0.1 * TERAHERTZ)
        total.add(pairs, weight / 2.0)
    rows = total.symmetric_rows()
    # Every other wave vector has one mode of the same polarisation and frequency; a mode does not
    # lose to itself.
    peak = 1.0 / (0.1 * TERAHERTZ * np.sqrt(2.0 * np.pi))
    expected = np.pi / (2.0 * num_q) * flat[1] ** 2 * 2e-4 * (num_q - 1) * peak
    np.testing.assert_allclose(rows[1, range(3), modes.symmetry.irreducible[1], range(3)], expected)
