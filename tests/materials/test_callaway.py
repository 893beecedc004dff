"""Callaway's collisions: energy and momentum, and the conductivity in two parts."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.materials.callaway import callaway_conductivity, callaway_kernel, phase_slowness
from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
from pbte.materials.kernel import check_kernel, full_matrix, rta_kernel
from pbte.materials.models import gray_crystal, isotropic_crystal
from pbte.materials.quadrature import lebedev_rule, line_rule, product_rule
from pbte.materials.storage import read_material

SPEEDS = np.array([8400.0, 5800.0, 2500.0])
CAPACITIES = np.array([0.4e6, 0.5e6, 0.6e6])


def bands(**more):
    return isotropic_crystal(
        name="bands",
        temperature=300.0,
        speeds=SPEEDS,
        relaxation_times=np.ones(3),
        heat_capacities=CAPACITIES,
        quadrature=lebedev_rule(5),
        **more,
    ).modes


def dispersive():
    return bands(frequencies=[2e13, 3e13, 6e13], wave_numbers=[4e9, 7e9, 1.6e10])


def silicon():
    return read_material("Si-5").modes


CRYSTALS = {"bands": bands, "dispersive bands": dispersive, "silicon": silicon}


def rates_of(modes, seed=0):
    """Normal and resistive rates that differ from band to band, equal within a pair."""
    random = np.random.default_rng(seed)
    normal, resistive = random.uniform(0.2, 2.0, size=(2, modes.bands.max() + 1)) * 1e11
    return {"normal_rates": normal[modes.bands], "resistive_rates": resistive[modes.bands]}


@pytest.mark.parametrize("name", CRYSTALS)
def test_the_kernel_keeps_the_three_laws_of_collisions(name):
    modes = CRYSTALS[name]()
    kernel = callaway_kernel(modes, **rates_of(modes))
    report = check_kernel(kernel)
    assert report.is_sound
    assert report.rank == 4
    assert report.khat_max == pytest.approx(1.0, abs=1e-12)
    assert 0.0 < report.khat_second < 1.0


@pytest.mark.parametrize("name", CRYSTALS)
def test_normal_processes_keep_the_crystal_momentum(name):
    """sum c p (Gamma - M) theta = 0 for every theta when nothing resists; else it is lost."""
    modes = CRYSTALS[name]()
    rates = rates_of(modes)
    momentum = modes.heat_capacities[:, None] * phase_slowness(modes)

    def change(**rates):
        kernel = callaway_kernel(modes, **rates)
        collisions = np.diag(kernel.modes.loss_rates) - full_matrix(kernel)
        size = np.abs(momentum).T @ kernel.modes.loss_rates
        return np.abs(momentum.T @ collisions).max(axis=1) / size

    assert change(**{**rates, "resistive_rates": np.zeros(modes.num_modes)}).max() < 1e-14
    assert change(**rates).min() > 1e-4


@pytest.mark.parametrize("name", CRYSTALS)
def test_a_drifting_equilibrium_is_left_alone_by_normal_processes(name):
    modes = CRYSTALS[name]()
    rates = {**rates_of(modes), "resistive_rates": np.zeros(modes.num_modes)}
    kernel = callaway_kernel(modes, **rates)
    drifting = 2.0 + phase_slowness(modes) @ np.array([300.0, -1000.0, 2000.0])
    np.testing.assert_allclose(
        kernel.in_scattering(drifting),
        kernel.modes.loss_rates * drifting,
        rtol=1e-10,
        atol=1e-12 * kernel.modes.loss_rates.max() * np.abs(drifting).max(),
    )


@pytest.mark.parametrize("name", CRYSTALS)
def test_the_conductivity_is_that_of_callaway(name):
    """Direct solution of the rank-four equation against kappa_1 + kappa_2."""
    modes = CRYSTALS[name]()
    rates = rates_of(modes)
    first, second = callaway_conductivity(modes, **rates)
    kernel = callaway_kernel(modes, **rates)
    np.testing.assert_allclose(
        bulk_conductivity(kernel), first + second, rtol=1e-10, atol=1e-10 * first.max()
    )
    np.testing.assert_allclose(first, rta_conductivity(kernel.modes), rtol=1e-12)
    assert np.trace(second) > 0.01 * np.trace(first)


def test_momentum_of_a_gray_crystal_is_lost_by_resistance_alone():
    """One band without dispersion: kappa = C v^2 tau_R / 3, however many normal processes."""
    modes = gray_crystal(
        speed=5000.0, relaxation_time=1.0, heat_capacity=1.6e6, quadrature=product_rule(4, 4)
    ).modes
    ones = np.ones(modes.num_modes)
    for normal in (0.0, 1e9, 1e11, 1e14):
        kernel = callaway_kernel(modes, normal_rates=normal * ones, resistive_rates=1e11 * ones)
        np.testing.assert_allclose(
            bulk_conductivity(kernel), 1.6e6 * 5000.0**2 * 1e-11 / 3.0 * np.eye(3), atol=1e-9
        )


def test_two_bands_conduct_as_callaways_scalar_formula_says():
    """kappa_2 = (1/3) (sum C N tau)^2 / sum C N R tau / v^2, band by band, no directions.

    One speed for each band: v . p = 1.
    """
    normal, resistive = np.array([3e10, 1e11, 5e10]), np.array([1e10, 4e10, 2e11])
    tau = 1.0 / (normal + resistive)
    first = (CAPACITIES * SPEEDS**2 * tau).sum() / 3.0
    second = (CAPACITIES * normal * tau).sum() ** 2 / 3.0
    second /= (CAPACITIES * normal * resistive * tau / SPEEDS**2).sum()
    modes = bands()
    found = callaway_conductivity(
        modes, normal_rates=normal[modes.bands], resistive_rates=resistive[modes.bands]
    )
    for part, expected in zip(found, (first, second), strict=True):
        np.testing.assert_allclose(part, expected * np.eye(3), atol=1e-12 * expected)


def test_without_normal_processes_it_is_the_relaxation_time_kernel():
    modes = bands()
    rates = {"normal_rates": np.zeros(modes.num_modes), "resistive_rates": modes.loss_rates}
    kernel = callaway_kernel(modes, **rates)
    np.testing.assert_array_equal(full_matrix(kernel), full_matrix(rta_kernel(modes)))
    first, second = callaway_conductivity(modes, **rates)
    assert not second.any()
    np.testing.assert_allclose(first, bulk_conductivity(kernel), atol=1e-12 * first.max())


def test_without_resistance_the_conductivity_is_infinite():
    modes = bands()
    _, second = callaway_conductivity(
        modes, normal_rates=modes.loss_rates, resistive_rates=np.zeros(modes.num_modes)
    )
    assert np.isinf(np.diag(second)).all()


def test_a_line_of_directions_carries_the_momentum_too():
    modes = gray_crystal(
        speed=5000.0, relaxation_time=1e-11, heat_capacity=1.6e6, quadrature=line_rule(16)
    ).modes
    report = check_kernel(callaway_kernel(modes, **rates_of(modes)))
    assert report.is_sound
    assert report.rank == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normal_rates": np.ones(3)}, r"normal rates have shape \(3,\)"),
        ({"resistive_rates": -np.ones(42)}, "resistive rate of mode 0 is -1 1/s"),
        ({"normal_rates": np.arange(42.0)}, "of its partner at -q differ"),
        (
            {"normal_rates": np.zeros(42), "resistive_rates": np.zeros(42)},
            "loss rates are not positive",
        ),
    ],
)
def test_rates_that_make_no_sense_are_refused(change, message):
    modes = bands()
    assert modes.num_modes == 42
    rates = {"normal_rates": np.ones(42), "resistive_rates": np.ones(42), **change}
    with pytest.raises(InputError, match=message):
        callaway_kernel(modes, **rates)
