"""Modes at another temperature: Bose-Einstein, there and back, and what is too cold."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.materials.models import gray_crystal
from pbte.materials.storage import read_material
from pbte.materials.temperature import at_temperature


@pytest.fixture(scope="module")
def silicon():
    return read_material("Si-5", scattering="rta").modes


@pytest.mark.parametrize("temperature", [5.0, 77.0, 300.0, 1000.0])
def test_heat_capacities_are_those_of_bose_and_einstein(silicon, temperature):
    """c = (k_B/V) (x/2)^2 / sinh(x/2)^2 in a crystal of 125 cells."""
    modes = at_temperature(silicon, temperature)
    half = REDUCED_PLANCK * silicon.frequencies / (2.0 * BOLTZMANN * temperature)
    expected = BOLTZMANN * (half / np.sinh(half)) ** 2 / (125 * silicon.crystal.cell_volume)
    assert modes.temperature == temperature
    np.testing.assert_allclose(modes.heat_capacities, expected, rtol=1e-9)
    for unchanged in ("frequencies", "velocities", "loss_rates", "partners", "bands"):
        assert np.array_equal(getattr(modes, unchanged), getattr(silicon, unchanged))


def test_a_hot_crystal_has_the_heat_capacity_of_dulong_and_petit(silicon):
    """6 k_B per cell, but for the three modes at rest that a table leaves out."""
    expected = BOLTZMANN * silicon.num_modes / (125 * silicon.crystal.cell_volume)
    found = at_temperature(silicon, 1e5).heat_capacity
    assert found == pytest.approx(expected, rel=1e-5, abs=0.0)


def test_there_and_back_is_where_it_started(silicon):
    back = at_temperature(at_temperature(silicon, 40.0), 300.0)
    np.testing.assert_allclose(back.heat_capacities, silicon.heat_capacities, rtol=1e-13)
    assert at_temperature(silicon, 300.0) is silicon


def test_a_model_keeps_its_partners_in_step():
    modes = gray_crystal(
        name="gray", temperature=300.0, speed=5e3, relaxation_time=1e-11, heat_capacity=1.6e6
    ).modes
    cold = at_temperature(modes, 20.0)
    assert 0.0 < cold.heat_capacity < modes.heat_capacity
    assert np.array_equal(cold.heat_capacities, cold.heat_capacities[cold.partners])


@pytest.mark.parametrize("temperature", [-1.0, 0.0, float("nan"), float("inf")])
def test_what_is_no_temperature_is_refused(silicon, temperature):
    with pytest.raises(InputError, match="must be positive and finite"):
        at_temperature(silicon, temperature)


def test_what_is_too_cold_is_refused_with_the_lowest_that_works(silicon):
    with pytest.raises(
        InputError, match=r"1 K: too cold for Si, .* choose .* K or more"
    ) as refusal:
        at_temperature(silicon, 1.0)
    lowest = float(str(refusal.value).split("choose ")[1].split()[0])
    assert at_temperature(silicon, 1.05 * lowest).heat_capacities.min() > 0.0
