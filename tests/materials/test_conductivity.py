"""Bulk conductivity: published figures, closed forms, and the symmetry of the crystal."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
from pbte.materials.kernel import FullKernel, full_matrix, rta_kernel, truncated_kernel
from pbte.materials.storage import read_material

NAMES = ["Si-5", "Ge-5"]


def mean(tensor: np.ndarray) -> float:
    return float(np.trace(tensor)) / 3.0


@pytest.mark.parametrize(("name", "full"), [("Si-5", 43.91), ("Ge-5", 20.88)])
def test_conductivity_of_the_coarse_grids(name, full):
    """Reference construction from the same force constants; given to 0.01, held to 0.1 %."""
    material = read_material(name)
    tensor = bulk_conductivity(material.kernel)
    assert mean(tensor) == pytest.approx(full, rel=1e-3)
    np.testing.assert_allclose(tensor, material.stored_conductivity, rtol=0.0, atol=1e-9 * full)


@pytest.mark.parametrize(
    ("name", "full", "relaxation"), [("Si-9", 91.28, 89.48), ("Ge-9", 40.77, 37.85)]
)
def test_conductivity_of_the_fine_grids_in_little_memory(name, full, relaxation):
    """Reading 4371 modes stays below 1 GB, for the dense matrix is never copied."""
    tracemalloc.start()
    material = read_material(name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e9
    assert mean(bulk_conductivity(material.kernel)) == pytest.approx(full, rel=1e-3)
    assert mean(rta_conductivity(material.modes)) == pytest.approx(relaxation, rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_cubic_crystal_conducts_equally_in_all_directions(name):
    kernel = read_material(name).kernel
    for tensor in (bulk_conductivity(kernel), rta_conductivity(kernel.modes)):
        np.testing.assert_allclose(tensor, mean(tensor) * np.eye(3), atol=1e-12 * mean(tensor))


@pytest.mark.parametrize("name", NAMES)
def test_conductivity_is_that_of_the_dense_linear_system(name):
    """Least squares on all modes, even ones included, against Cholesky on the odd block."""
    kernel = read_material(name).kernel
    modes = kernel.modes
    collisions = np.diag(modes.loss_rates) - full_matrix(kernel)
    response = np.linalg.lstsq(collisions, modes.velocities, rcond=1e-12)[0]
    dense = (modes.heat_capacities[:, None] * modes.velocities).T @ response
    tensor = bulk_conductivity(kernel)
    np.testing.assert_allclose(tensor, dense, atol=1e-9 * mean(tensor))


@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_of_rank_one_gives_the_relaxation_time_conductivity(name):
    modes = read_material(name).modes
    np.testing.assert_allclose(
        bulk_conductivity(rta_kernel(modes)), rta_conductivity(modes), atol=1e-12
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_factored_kernel_of_full_rank_gives_the_full_conductivity(name):
    kernel = read_material(name).kernel
    exact = bulk_conductivity(kernel)
    factored = truncated_kernel(kernel, kernel.modes.num_modes)
    np.testing.assert_allclose(bulk_conductivity(factored), exact, atol=1e-9 * mean(exact))


def test_few_eigenvectors_already_give_the_conductivity():
    """Largest modulus first: 0.5 % at rank 100, 0.1 % at rank 400 of 747 modes."""
    kernel = read_material("Si-5").kernel
    exact = mean(bulk_conductivity(kernel))
    errors = [
        abs(mean(bulk_conductivity(truncated_kernel(kernel, rank))) / exact - 1.0)
        for rank in (1, 100, 400)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[1] < 0.006
    assert errors[2] < 0.002


def test_an_indefinite_matrix_has_no_conductivity():
    kernel = read_material("Si-5").kernel
    broken = dataclasses.replace(kernel, odd=kernel.odd * 10.0)
    assert isinstance(broken, FullKernel)
    with pytest.raises(InputError, match="not positive definite"):
        bulk_conductivity(broken)


def test_an_unknown_kind_of_kernel_is_refused():
    with pytest.raises(TypeError, match="no conductivity for a kernel of type object"):
        bulk_conductivity(object())
