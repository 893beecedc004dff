"""The chain of subsystems joined by mediators, and the uses of the mediator."""

import numpy as np
import pytest
from scipy.integrate import trapezoid

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.reference.mediator.applications import (
    ELEMENTARY_CHARGE,
    MINIMUM_PREFACTOR,
    WAVE_NUMBER_KELVIN,
    block_conductivity,
    damping_of_minimum_conductivity,
    glass_minimum_conductivity,
    josephson_mediator,
    minimum_conductivity,
    stewart_mccumber,
    tip_coupling,
    tip_currents,
)
from pbte.reference.mediator.chain import (
    FourierChain,
    entropy_production,
    fourier_coefficients,
    ladder_energy,
    ladder_heat_capacity,
    ladder_temperature,
    link_currents,
    relax,
    steady_profile,
)
from pbte.reference.mediator.currents import (
    classical_conductance,
    conductance,
    current_quantum,
    heat_current,
)
from pbte.reference.mediator.mediator import Mediator

W0 = 1e13
LEVEL = REDUCED_PLANCK * W0 / BOLTZMANN


def near(value, rel=1e-6):
    """Return what equals the value to so many digits, however small it is in SI units."""
    return pytest.approx(value, rel=rel, abs=0.0)


def mediator(damping=0.7, cutoff=3.0):
    return Mediator(frequency=W0, damping=damping * W0, cutoff=cutoff * W0)


def chain(**changes):
    fields = {"mediator": mediator(), "mode_spacing": 1e-4 * W0, "distance": 1e-8}
    return FourierChain(**(fields | changes))


def test_a_ladder_of_modes_has_the_energy_of_its_integral():
    """Sum of hbar k Delta n(k Delta) over k, kB T = 200 hbar Delta: half a quantum short of it."""
    spacing, kelvin = W0 / 200, LEVEL
    x = np.arange(1, 20000) / 200
    exact = REDUCED_PLANCK * W0 * np.sum(x / np.expm1(x))
    assert ladder_energy(kelvin, spacing) == near(exact, rel=2e-3)
    assert ladder_temperature(ladder_energy(kelvin, spacing), spacing) == near(kelvin)
    step = 1e-4 * kelvin
    slope = (ladder_energy(kelvin + step, spacing) - ladder_energy(kelvin - step, spacing)) / (
        2 * step
    )
    assert ladder_heat_capacity(kelvin, spacing) == near(slope, rel=1e-9)


@pytest.mark.parametrize(("left", "right"), [(2.0, 0.5), (0.0, 3.0), (1e-3, 2e-3), (1.0, 1.0)])
def test_every_link_of_a_steady_chain_carries_the_same(left, right):
    kelvin, current = steady_profile(mediator(), left * LEVEL, right * LEVEL, 9)
    assert kelvin.shape == (11,)
    scale = heat_current(mediator(), max(left, right) * LEVEL, 0.0)
    assert np.allclose(link_currents(mediator(), kelvin), current, rtol=1e-9, atol=1e-14 * scale)
    assert np.all(np.diff(kelvin) * np.sign(right - left) >= 0)


def test_steady_profile_is_linear_when_hot_and_of_fourth_powers_when_cold():
    share = np.linspace(0, 1, 8)
    hot, _ = steady_profile(mediator(), 3e4 * LEVEL, 1e4 * LEVEL, 6)
    assert np.allclose(hot / LEVEL, 3e4 - 2e4 * share, rtol=1e-4, atol=0)
    cold, _ = steady_profile(mediator(), 2e-4 * LEVEL, 1e-4 * LEVEL, 6)
    assert np.allclose((cold / LEVEL * 1e4) ** 4, 16 - 15 * share, rtol=1e-4, atol=0)


@pytest.mark.parametrize("scale", [0.3, -0.02])
def test_heat_put_into_a_chain_leaves_it_through_the_links(scale):
    """Each subsystem hands on what it gets, warmer or colder than both ends."""
    this = mediator(0.8, 3.0)
    powers = scale * np.array([0.1, 0.5, 0.2, 0.3, 0.0]) * float(conductance(this, LEVEL)) * LEVEL
    kelvin, first = steady_profile(this, LEVEL, 0.9 * LEVEL, 5, powers=powers)
    currents = link_currents(this, kelvin)
    assert currents[0] == near(first, rel=1e-9)
    np.testing.assert_allclose(np.diff(currents), powers, atol=1e-10 * np.abs(currents).max())
    assert (kelvin.max() > LEVEL) == (scale > 0)


def test_steady_entropy_production_is_that_of_the_ends():
    kelvin, current = steady_profile(mediator(), 2 * LEVEL, 0.5 * LEVEL, 9)
    expected = current * (1 / kelvin[-1] - 1 / kelvin[0])
    assert entropy_production(mediator(), kelvin) == near(expected, rel=1e-9)


def test_entropy_is_never_destroyed():
    rng = np.random.default_rng(5)
    kelvin = 10 ** rng.uniform(-2, 2, (500, 6)) * LEVEL
    assert np.all(entropy_production(mediator(), kelvin) > 0)
    assert entropy_production(mediator(), np.full(6, LEVEL)) == 0.0


def test_an_isolated_chain_keeps_its_energy_and_ends_flat():
    this = chain()
    start = np.array([3.0, 0.2, 1.0, 0.5, 2.0]) * LEVEL
    time = float(ladder_heat_capacity(LEVEL, this.mode_spacing) / conductance(mediator(), LEVEL))
    run = relax(this, start, np.array([0.0, 0.1, 1.0, 100.0]) * time)
    energies = ladder_energy(run.temperatures, this.mode_spacing).sum(axis=1)
    assert np.allclose(run.temperatures[0], start, rtol=1e-12, atol=0)
    assert np.allclose(energies, energies[0], rtol=1e-10, atol=0)
    assert np.allclose(run.temperatures[-1], np.sqrt(np.mean(start**2)), rtol=1e-6, atol=0)
    assert np.all(np.diff(run.entropy_rates) < 0) and run.entropy_rates[-1] >= 0


def test_entropy_of_the_subsystems_grows_by_what_the_links_produce():
    """S = C for a capacity proportional to T; the rate integrated over a short time."""
    this = chain()
    start = np.array([2.0, 1.0, 1.5]) * LEVEL
    time = float(ladder_heat_capacity(LEVEL, this.mode_spacing) / conductance(mediator(), LEVEL))
    times = np.linspace(0.0, 0.02, 21) * time
    run = relax(this, start, times, tolerance=1e-10)
    entropy = ladder_heat_capacity(run.temperatures, this.mode_spacing).sum(axis=1)
    produced = trapezoid(run.entropy_rates, times)
    assert entropy[-1] - entropy[0] == near(produced, rel=1e-4)


def test_ripples_decay_as_the_heat_equation_says():
    """Eq. (81): cos(pi k (n - 1/2)/N) decays with 4 (K/C) sin^2(pi k/2N), D (pi k/L)^2 for long."""
    this, num, order = chain(), 20, 2
    n = np.arange(num)
    ripple = np.cos(np.pi * order * (n + 0.5) / num)
    kappa, capacity, diffusivity = fourier_coefficients(this, LEVEL)
    rate = float(conductance(mediator(), LEVEL) / ladder_heat_capacity(LEVEL, this.mode_spacing))
    decay = 4 * rate * np.sin(np.pi * order / (2 * num)) ** 2
    assert kappa / capacity == near(float(diffusivity))
    continuum = float(diffusivity) * (np.pi * order / (num * this.distance)) ** 2
    assert decay == near(continuum, rel=0.01)
    small = 1e-5
    run = relax(this, LEVEL * (1 + small * ripple), [0.0, 1 / decay], tolerance=1e-10)
    left = (run.temperatures[1] / LEVEL - 1) @ ripple / (ripple @ ripple) / small
    assert left == near(np.exp(-1), rel=1e-3)


def test_a_chain_with_held_ends_relaxes_to_its_steady_profile():
    this = chain()
    steady, _ = steady_profile(mediator(), 2 * LEVEL, 0.5 * LEVEL, 6)
    start = np.full(8, LEVEL)
    start[[0, -1]] = steady[[0, -1]]
    time = float(ladder_heat_capacity(LEVEL, this.mode_spacing) / conductance(mediator(), LEVEL))
    run = relax(this, start, [300 * time], held_ends=True)
    assert np.allclose(run.temperatures[-1], steady, rtol=1e-7, atol=0)


def test_the_tip_between_approximations_and_the_quantum_bound():
    """CO on a tip: 480 cm^-1 are 690.6 K; the exact current lies below both upper estimates."""
    level = 480 * WAVE_NUMBER_KELVIN
    assert level == pytest.approx(690.6, abs=0.05)
    frequency = level * BOLTZMANN / REDUCED_PLANCK
    ratio = tip_coupling(frequency, 240.0)
    assert ratio == near(np.pi / np.sqrt(2) * level / 240)
    tip = tip_currents(frequency, 240.0, 300.0, 90.0)
    assert 0 < tip.exact < tip.quantum == near(float(current_quantum(300.0, 90.0)))
    assert tip.exact < tip.classical
    assert tip.overdamped == near(tip.exact, rel=0.1)
    assert any(line.startswith("wide: ") for line in tip.warnings)


def test_each_approximation_of_the_tip_is_right_where_it_does_not_warn():
    def named(tip):
        return {name.strip() for line in tip.warnings for name in line.split(":")[0].split(",")}

    cases = [(1e-3, 0.8, 0.4), (1e-3, 50.0, 30.0), (300.0, 1.0, 0.5), (0.5, 0.03, 0.01)]
    for ratio, warm, cold in cases:
        tip = tip_currents(W0, 200.0, warm * LEVEL, cold * LEVEL, coupling_ratio=ratio)
        for name in {"overdamped", "wide", "classical", "resonant", "cold"} - named(tip):
            assert getattr(tip, name) == near(tip.exact, rel=0.15), (name, ratio)
    assert "resonant" not in named(tip_currents(W0, 200.0, LEVEL, 0.0, coupling_ratio=1e-3))


def test_the_wide_limit_of_the_tip_is_of_second_order_in_the_slow_root():
    """Half of hbar mu/kT leaves an eighth of the error, logarithm apart a quarter: from (61)."""
    errors = []
    for ratio in (2e3, 4e3):
        tip = tip_currents(W0, 200.0, 0.01 * LEVEL, 0.005 * LEVEL, coupling_ratio=ratio)
        errors.append(tip.relative_errors["wide"])
        assert tip.relative_errors["overdamped"] < 1e-4
        slow = LEVEL / ratio
        linear = tip.quantum - 0.25 * BOLTZMANN * 0.005 * LEVEL * W0 / ratio
        assert abs(linear / tip.exact - 1) > 5 * errors[-1], slow
    assert errors[1] < errors[0] / 5
    still = tip_currents(W0, 200.0, 300.0, 300.0)
    assert still.exact == 0.0 and still.relative_errors == {}


def test_no_tip_beats_the_single_channel_quantum():
    """From weak coupling to overdamped, cold and hot: the exact current stays below the bound."""
    for ratio in (1e-3, 0.3, 1.0, 6.4, 100.0):
        for warm, cold in ((0.01, 0.0), (0.5, 0.1), (3.0, 1.0)):
            tip = tip_currents(W0, 200.0, warm * LEVEL, cold * LEVEL, coupling_ratio=ratio)
            assert 0 < tip.exact < tip.quantum
            assert tip.overdamped <= tip.quantum


def test_minimum_conductivity_and_the_damping_behind_it():
    assert abs(MINIMUM_PREFACTOR - 0.402998) < 1e-6
    size, speeds = 3e-10, [2000.0, 1000.0, 1000.0]
    damping = 4 * MINIMUM_PREFACTOR * sum(speeds) / size
    kappa = minimum_conductivity(damping, size)
    assert kappa == near(glass_minimum_conductivity(size**-3, speeds))
    assert damping_of_minimum_conductivity(kappa, size) == near(damping)
    free = Mediator(frequency=W0, damping=damping)
    cube = block_conductivity(classical_conductance(free), [size, size, size])
    assert cube == near(float(kappa))
    assert block_conductivity(2.0, [1.0, 2.0, 4.0]) == near(0.25)


def test_josephson_junction_is_a_mediator():
    parts = {"critical_current": 1e-6, "capacitance": 1e-13, "resistance_1": 30.0}
    this = josephson_mediator(**parts, resistance_2=90.0)
    assert this.first_share == near(0.75)
    resistance = 22.5
    assert this.damping == near(1 / (resistance * 1e-13))
    mccumber = 2 * ELEMENTARY_CHARGE * 1e-6 * resistance**2 * 1e-13 / REDUCED_PLANCK
    assert stewart_mccumber(this) == near(mccumber)


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="one mediator"):
        chain(mediator=Mediator(frequency=np.ones(2), damping=1.0))
    with pytest.raises(InputError, match="distance = -1 m"):
        chain(distance=-1.0)
    with pytest.raises(InputError, match="at least 2"):
        link_currents(mediator(), [1.0])
    with pytest.raises(InputError, match="temperatures = 0 K"):
        entropy_production(mediator(), [0.0, 1.0])
    with pytest.raises(InputError, match="num_inner = -1"):
        steady_profile(mediator(), 1.0, 2.0, -1)
    with pytest.raises(InputError, match="powers have shape"):
        steady_profile(mediator(), 1.0, 2.0, 3, powers=[1.0])
    with pytest.raises(InputError, match="more heat is taken out"):
        steady_profile(mediator(), 1.0, 2.0, 1, powers=[-1.0])
    with pytest.raises(InputError, match="must ascend"):
        relax(chain(), [1.0, 2.0], [1.0, 0.5])
    with pytest.raises(InputError, match="row of 2"):
        relax(chain(), [1.0], [1.0])
    silent = Mediator(frequency=W0, damping=W0, first_share=1.0)
    with pytest.raises(InputError, match="carries no heat"):
        relax(chain(mediator=silent), [1.0, 2.0], [1.0])
    with pytest.raises(InputError, match="debye_temperature = 0 K"):
        tip_coupling(W0, 0.0)
    with pytest.raises(InputError, match="capacitance = -1 F"):
        josephson_mediator(
            critical_current=1.0, capacitance=-1.0, resistance_1=1.0, resistance_2=1.0
        )
