"""Currents and conductances of the mediator: closed forms, quadrature, limits, brute force."""

import numpy as np
import pytest
from scipy.integrate import quad

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.reference.mediator.baths import run_finite_baths
from pbte.reference.mediator.currents import (
    classical_conductance,
    cold_conductance,
    cold_current,
    conductance,
    conductance_quantum,
    coupling_maximum,
    current_quantum,
    heat_current,
    heat_potential,
    mean_conductance,
    plateau_conductance,
    strong_coupling_conductance,
    strong_coupling_current,
)
from pbte.reference.mediator.mediator import Mediator, transmission
from pbte.reference.mediator.temperatures import (
    momentum_temperature,
    position_temperature,
    temperature_split,
    zero_point_integral,
)

W0 = 1e13
LEVEL = REDUCED_PLANCK * W0 / BOLTZMANN


def near(value, rel=1e-6):
    """Return what equals the value to so many digits, however small it is in SI units."""
    return pytest.approx(value, rel=rel, abs=0.0)


def mediator(damping, cutoff=np.inf, share=0.5):
    return Mediator(
        frequency=W0,
        damping=np.asarray(damping) * W0,
        cutoff=np.asarray(cutoff) * W0,
        first_share=share,
    )


def many(count, seed=7):
    """Return mediators over ten decades of coupling, and temperatures over six."""
    rng = np.random.default_rng(seed)
    cutoff = 10 ** rng.uniform(-3, 4, count)
    cutoff[::5] = np.inf
    this = mediator(10 ** rng.uniform(-6, 4, count), cutoff, rng.uniform(0, 1, count))
    return this, 10 ** rng.uniform(-3, 3, count) * LEVEL, rng


@pytest.mark.parametrize("damping", [0.05, 0.7, 2.0, 9.0])
@pytest.mark.parametrize("cutoff", [0.4, 2.0, 50.0, np.inf])
def test_digamma_form_and_quadrature_agree(damping, cutoff):
    """To 1e-10 from a twentieth of a quantum to a hundred."""
    this = mediator(damping, cutoff, 0.35)
    warm = np.geomspace(0.05, 100, 30) * LEVEL
    for cold in (0.5 * warm, 0.0 * warm):
        closed = heat_current(this, warm, cold, method="closed")
        assert np.allclose(
            closed, heat_current(this, warm, cold, method="quadrature"), rtol=1e-10, atol=0
        )
    closed = conductance(this, warm, method="closed")
    assert np.allclose(closed, conductance(this, warm, method="quadrature"), rtol=1e-10, atol=0)


def test_quadrature_is_the_landauer_integral_of_the_transmission():
    for damping, cutoff, heat in ((1.0, 2.0, 1.0), (0.1, 0.5, 0.3), (5.0, 1.0, 10.0)):
        this = mediator(damping, cutoff)

        def integrand(x, this=this, heat=heat):
            half = x / (2 * heat)
            return float(transmission(this, x * W0)) * (half / np.sinh(half)) ** 2 / (2 * np.pi)

        pieces = ((0, 1), (1, 6 + 20 * heat), (6 + 20 * heat, 6 + 80 * heat))
        value = sum(quad(integrand, a, b, epsrel=1e-12, limit=500)[0] for a, b in pieces)
        found = conductance(this, heat * LEVEL, method="quadrature") / (BOLTZMANN * W0)
        assert found == near(value, rel=1e-10)


def test_automatic_choice_is_right_for_any_coupling_and_temperature():
    """Where the closed form cancels (1e-6 off and worse) the quadrature takes over."""
    this, warm, rng = many(1500)
    cold = warm * 10 ** rng.uniform(-2, 0.1, warm.size)
    exact = heat_current(this, warm, cold, method="quadrature")
    assert np.max(np.abs(heat_current(this, warm, cold, method="closed") / exact - 1)) > 1e-8
    assert np.max(np.abs(heat_current(this, warm, cold) / exact - 1)) < 1e-10
    exact = conductance(this, warm, method="quadrature")
    assert np.max(np.abs(conductance(this, warm) / exact - 1)) < 1e-10


@pytest.mark.parametrize(("damping", "cutoff"), [(2.0, np.inf), (8 / 27**0.5, 27**0.5)])
@pytest.mark.parametrize("away", [0.0, 1e-13, 1e-9, 1e-6, 1e-3, 0.03])
def test_coinciding_roots_are_no_exception(damping, cutoff, away):
    """Double root at critical damping, triple root at D = sqrt(27) w0, gam = 8 w0/sqrt(27)."""
    this = mediator(damping * (1 + away), cutoff)
    kelvin = np.array([0.1, 1.0, 10.0]) * LEVEL
    closed = conductance(this, kelvin, method="closed")
    assert np.allclose(closed, conductance(this, kelvin, method="quadrature"), rtol=1e-11, atol=0)
    beside = position_temperature(mediator(damping * (1 + away) * 1.001, cutoff), kelvin, 0.0)
    assert np.allclose(position_temperature(this, kelvin, 0.0), beside, rtol=2e-3, atol=0)


def test_no_coupling_beats_the_single_channel_quantum():
    this, warm, _ = many(2000, seed=11)
    ratio = conductance(this, warm) / conductance_quantum(warm)
    assert np.all(ratio > 0) and np.all(ratio < 1)
    assert np.all(heat_current(this, warm, 0.2 * warm) < current_quantum(warm, 0.2 * warm))


def test_heat_flows_from_hot_to_cold_and_exchange_of_baths_reverses_it():
    this, warm, _ = many(300, seed=3)
    current = heat_current(this, warm, 0.9 * warm)
    assert np.all(current > 0)
    assert np.allclose(heat_current(this, 0.9 * warm, warm), -current, rtol=1e-9, atol=0)
    assert np.all(heat_current(this, warm, warm) == 0.0)
    swapped = Mediator(
        frequency=this.frequency,
        damping=this.damping,
        cutoff=this.cutoff,
        first_share=1 - this.first_share,
    )
    assert np.allclose(heat_current(swapped, warm, 0.9 * warm), current, rtol=1e-9, atol=0)


def test_current_is_a_difference_of_potentials_with_the_conductance_as_slope():
    this, warm, cold = mediator(0.8, 3.0), 1.3 * LEVEL, 0.4 * LEVEL
    gap = heat_potential(this, warm) - heat_potential(this, cold)
    assert gap == near(float(heat_current(this, warm, cold)), rel=1e-12)
    area, _ = quad(lambda t: float(conductance(this, t)), cold, warm, epsabs=0.0, epsrel=1e-11)
    assert area == near(float(gap), rel=1e-10)
    assert mean_conductance(this, warm, cold) == near(float(gap) / (warm - cold))
    assert mean_conductance(this, warm, warm) == near(float(conductance(this, warm)))


def test_zero_temperatures_carry_nothing():
    for this in (mediator(0.8, 3.0), mediator(3.0)):
        assert heat_current(this, 0.0, 0.0) == 0.0
        assert conductance(this, 0.0) == 0.0
        assert heat_current(this, LEVEL, 0.0) > 0.0


def test_fields_and_temperatures_broadcast():
    this = mediator(np.geomspace(0.1, 10, 4)[:, None], 2.0)
    kelvin = np.geomspace(0.1, 10, 5) * LEVEL
    table = conductance(this, kelvin)
    assert table.shape == (4, 5)
    assert table[2, 3] == near(float(conductance(mediator(10 ** (1 / 3), 2.0), kelvin[3])))
    for limit in (cold_conductance, strong_coupling_conductance):
        assert limit(this, kelvin).shape == (4, 5)
    assert classical_conductance(this).shape == plateau_conductance(this).shape == (4, 1)
    with pytest.raises(InputError, match="do not fit"):
        conductance(mediator(np.ones(3)), kelvin)


@pytest.mark.parametrize(
    ("damping", "cutoff"), [(0.1, 0.5), (1.0, 1.0), (6.0, 20.0), (0.3, np.inf)]
)
def test_hot_baths_give_the_classical_conductance(damping, cutoff):
    """Eq. (47), without a cutoff (48); corrections fall as T^-2, as 1/T without a cutoff."""
    this = mediator(damping, cutoff, 0.3)
    hot = 1e6 * LEVEL
    assert conductance(this, hot) == near(float(classical_conductance(this)), rel=1e-5)
    quarter = BOLTZMANN * damping * W0 / 4
    assert classical_conductance(mediator(damping)) == near(quarter, rel=1e-14)


def test_first_quantum_correction_of_weak_coupling_is_a_twelfth():
    this = mediator(1e-7, 30.0)
    heat = np.array([5.0, 10.0])
    missing = 1 - conductance(this, heat * LEVEL) / classical_conductance(this)
    assert np.allclose(missing * 12 * heat**2, 1.0, rtol=0.01, atol=0)


@pytest.mark.parametrize(
    ("damping", "cutoff"), [(0.1, 0.5), (1.0, 1.0), (6.0, 20.0), (9.0, np.inf)]
)
def test_cold_baths_give_the_cube_law(damping, cutoff):
    """Eq. (51): K = 2 pi^3 kB^4 T^3 gam^2/(15 hbar^3 w0^4)."""
    this = mediator(damping, cutoff, 0.3)
    cold = 1e-4 * LEVEL / max(damping, 1.0)
    assert conductance(this, cold) == near(float(cold_conductance(this, cold)), rel=1e-4)
    fourth = cold_current(this, cold, 0.5 * cold)
    assert heat_current(this, cold, 0.5 * cold) == near(float(fourth), rel=1e-4)


def test_overdamped_cube_law_ends_at_the_slow_root():
    """With hbar w0^2/gam = 0.1 quanta, a tenth of a quantum is not cold any more."""
    this = mediator(10.0)
    assert conductance(this, 0.1 * LEVEL) < 0.1 * cold_conductance(this, 0.1 * LEVEL)


def test_strong_coupling_limits_do_not_commute():
    """B9: K_inf; and kB D/2 when the classical limit is taken first, twice the other order."""
    kelvin = np.array([0.1, 1.0, 30.0]) * LEVEL
    strong = mediator(1e11, 2.0)
    assert np.allclose(
        conductance(strong, kelvin), strong_coupling_conductance(strong, kelvin), atol=0
    )
    currents = heat_current(strong, kelvin, 0.3 * kelvin)
    assert np.allclose(currents, strong_coupling_current(strong, kelvin, 0.3 * kelvin), atol=0)
    quantum_first = strong_coupling_conductance(strong, 1e6 * LEVEL)
    assert quantum_first == near(BOLTZMANN * 2 * W0 / 4, rel=1e-5)
    assert classical_conductance(strong) == near(2 * float(quantum_first), rel=1e-5)
    wide = mediator(1e11)
    assert np.allclose(conductance(wide, kelvin), strong_coupling_conductance(wide, kelvin), atol=0)


@pytest.mark.parametrize("damping", [0.03, 1.0])
def test_plateau_lies_between_the_cutoff_and_the_resonance(damping):
    """Eq. (77) with 8, not 8 pi: K = kB gam^2 D^3/(8 w0^4)."""
    this = mediator(damping, 1e-4, 0.3)
    plateau = 0.84 * BOLTZMANN * W0 * damping**2 * 1e-12 / 8
    assert plateau_conductance(this) == near(plateau, rel=1e-12)
    assert conductance(this, 0.02 * LEVEL) == near(plateau, rel=0.01)


def test_conductance_has_a_maximum_in_the_coupling_only_when_hot():
    """Fig. 3, D = w0: a maximum for small hbar w0/kB T, none for large."""
    for ratio in (0.1, 1.0):
        best, largest, drop = coupling_maximum(W0, W0, LEVEL / ratio)
        around = conductance(mediator(best / W0 * np.array([0.8, 1.0, 1.25]), 1.0), LEVEL / ratio)
        assert around[1] == near(largest) and around.argmax() == 1
        limit = strong_coupling_conductance(mediator(1.0, 1.0), LEVEL / ratio)
        assert drop == near(1 - float(limit) / largest)
    # Very hot, the maximum nears the classical limit kB D/2: twice the limit for strong coupling.
    assert coupling_maximum(W0, W0, 1e3 * LEVEL)[2] == pytest.approx(0.5, abs=1e-3)
    assert coupling_maximum(W0, W0, LEVEL / 3) is None


@pytest.mark.parametrize(
    ("damping", "cutoff", "share", "warm", "cold"),
    [(1.0, 2.0, 0.5, 1.0, 0.3), (0.6, 1.5, 0.2, 2.0, 0.0), (3.0, 2.0, 0.5, 0.5, 0.1)],
)
def test_finite_baths_carry_the_current_of_the_formula(damping, cutoff, share, warm, cold):
    """Normal modes of 801 oscillators know nothing of eqs. (42), (64), (65)."""
    this = mediator(damping, cutoff, share)
    temperatures = warm * LEVEL, cold * LEVEL
    times = np.array([45.0, 65.0, 85.0]) / W0
    run = run_finite_baths(
        this, *temperatures, spacing=0.05 * W0, num_modes=400, times=times, midpoint=True
    )
    assert np.all(times < run.recurrence)
    current = heat_current(this, *temperatures)
    # The highest frequency of the baths, 20 w0, leaves 1e-4; T_p converges as its square.
    assert np.allclose(run.powers, current * np.array([1, -1]), rtol=1.5e-4, atol=0)
    expected = position_temperature(this, *temperatures)
    assert np.allclose(run.position_temperature, expected, rtol=1.5e-4, atol=0)
    assert np.allclose(
        run.momentum_temperature, momentum_temperature(this, *temperatures), rtol=5e-3, atol=0
    )


def test_the_ladder_of_the_paper_converges_with_its_spacing():
    """w_i = i Delta misses half a step at zero: first order in Delta."""
    this = mediator(1.0, 2.0)
    exact = float(heat_current(this, LEVEL, 0.3 * LEVEL))
    errors = []
    for spacing, num_modes in ((0.1, 200), (0.05, 400)):
        run = run_finite_baths(
            this, LEVEL, 0.3 * LEVEL, spacing=spacing * W0, num_modes=num_modes, times=45 / W0
        )
        errors.append(run.powers[0, 0] / exact - 1)
    assert abs(errors[1]) < 0.01
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.15)


def test_a_classical_mediator_has_the_mean_temperature_of_its_baths():
    this = mediator(0.5, 3.0, 0.25)
    hot, cold = 2e4 * LEVEL, 1e4 * LEVEL
    for temperature in (position_temperature, momentum_temperature):
        assert temperature(this, hot, cold) == near(0.25 * hot + 0.75 * cold, rel=1e-4)
    assert abs(temperature_split(this, hot, cold)) < 1e-4


def test_weak_coupling_leaves_the_zero_point_motion():
    this = mediator(1e-8, 3.0)
    for heat in (0.0, 0.4):
        half = 0.5 if heat == 0 else 0.5 / np.tanh(0.5 / heat)
        for temperature in (position_temperature, momentum_temperature):
            found = temperature(this, heat * LEVEL, heat * LEVEL)
            assert found == near(half * LEVEL, rel=1e-6)


def test_strong_coupling_narrows_the_position_and_widens_the_momentum():
    """T_p > T_x, and T_p grows by hbar gam/pi kB for each e-fold of the cutoff (B10)."""
    gammas = np.geomspace(0.01, 100, 30)
    split = temperature_split(mediator(gammas, 10.0), LEVEL, LEVEL)
    assert np.all(np.diff(split) > 0) and split[0] > 0 and split[-1] < 1
    hot, cold = LEVEL, 0.2 * LEVEL
    growth = momentum_temperature(mediator(0.1, 1e6), hot, cold) - momentum_temperature(
        mediator(0.1, 1e5), hot, cold
    )
    assert growth == near(0.1 / np.pi * np.log(10) * LEVEL, rel=1e-3)
    assert np.isinf(momentum_temperature(mediator(0.1), hot, cold))
    assert temperature_split(mediator(0.1), hot, cold) == 1.0
    bounded = position_temperature(mediator(0.1), hot, cold)
    assert position_temperature(mediator(0.1, 1e6), hot, cold) == near(float(bounded))


def test_zero_point_integral_is_smooth_where_its_printed_form_is_not():
    for ratio in (0.3, 0.9995, 1.0, 1.0005, 1.002, 4.0):
        value, _ = quad(lambda w, r=ratio: w / ((1 + w**2) * (w**2 + r**2)), 0, np.inf)
        assert zero_point_integral(ratio).real == near(value, rel=1e-9)


def test_nonsense_is_refused():
    this = mediator(1.0, 2.0)
    with pytest.raises(InputError, match=r"temperature_2 = -3 K"):
        heat_current(this, 1.0, -3.0)
    with pytest.raises(InputError, match="temperature = nan"):
        conductance(this, np.nan)
    with pytest.raises(InputError, match="method = 'exact'"):
        conductance(this, 1.0, method="exact")
    with pytest.raises(InputError, match="cutoff"):
        coupling_maximum(W0, np.inf, 300.0)
    with pytest.raises(InputError, match="mediator cutoff = inf"):
        run_finite_baths(mediator(1.0), 1.0, 1.0, spacing=1e11, num_modes=10, times=0.0)
    with pytest.raises(InputError, match="num_modes = 0"):
        run_finite_baths(this, 1.0, 1.0, spacing=1e11, num_modes=0, times=0.0)
    with pytest.raises(InputError, match="one mediator"):
        run_finite_baths(mediator(np.ones(2), 1.0), 1.0, 1.0, spacing=1e11, num_modes=3, times=0.0)
