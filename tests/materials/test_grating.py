"""Conductivity for heat like a wave: closed form, dense system, both limits."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.grating import grating_conductivity
from pbte.materials.kernel import full_matrix, rta_kernel
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import line_rule
from pbte.materials.storage import read_material


def wave_of(period: float) -> np.ndarray:
    return np.array([2.0 * np.pi / period, 0.0, 0.0])


@pytest.mark.parametrize("reduced", [0.1, 1.0, 10.0])
def test_a_gray_crystal_has_a_closed_form(reduced):
    """k/k_bulk = 3 (1 - a)/(eta^2 a), a = arctan(eta)/eta, eta = 2 pi l/L."""
    material = gray_crystal(
        speed=1.0,
        relaxation_time=1.0,
        heat_capacity=3.0,
        quadrature=line_rule(48),
    )
    returning = np.arctan(reduced) / reduced
    expected = 3.0 * (1.0 - returning) / (reduced**2 * returning)
    found = grating_conductivity(material.kernel, np.array([reduced, 0.0, 0.0]))
    assert found == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("name", ["Si-5", "Ge-5"])
@pytest.mark.parametrize("kind", ["full", "rta"])
def test_it_is_that_of_the_dense_complex_system(name, kind):
    kernel = read_material(name).kernel
    modes = kernel.modes
    if kind == "rta":
        kernel = rta_kernel(modes)
    wave = np.array([2e7, -1e7, 5e6])
    matrix = np.diag(modes.loss_rates + 1j * modes.velocities @ wave) - full_matrix(kernel)
    theta = np.linalg.solve(matrix, np.full(modes.num_modes, 1.0 / modes.heat_capacity))
    response = modes.heat_capacities @ theta / modes.heat_capacity
    assert abs(response.imag) < 1e-10 * response.real
    assert grating_conductivity(kernel, wave) == pytest.approx(
        1.0 / (wave @ wave * response.real), rel=1e-9
    )


@pytest.mark.parametrize("name", ["Si-5", "Ge-5"])
def test_long_waves_see_the_bulk_and_short_ones_conduct_less(name):
    kernel = read_material(name).kernel
    bulk = bulk_conductivity(kernel)[0, 0]
    values = [grating_conductivity(kernel, wave_of(period)) for period in (1e-8, 1e-7, 1e-6, 1e-3)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(bulk, rel=1e-6)
    assert values[0] < 0.1 * bulk


def test_refusals():
    kernel = read_material("Si-5").kernel
    with pytest.raises(InputError, match="needs one that is not zero"):
        grating_conductivity(kernel, np.zeros(3))
    with pytest.raises(TypeError, match="no grating for a kernel of type object"):
        grating_conductivity(object(), wave_of(1e-7))
