"""The mediator between two baths: record, roots, transmission, integrals."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import digamma

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.reference.mediator.integrals import (
    thermal_integral,
    thermal_integral_slope,
)
from pbte.reference.mediator.mediator import (
    Mediator,
    mediator_coefficients,
    mediator_from_springs,
    mediator_roots,
    memory_kernel,
    response,
    transmission,
)

W0 = 1e13
LEVEL = REDUCED_PLANCK * W0 / BOLTZMANN  # the temperature of one quantum [K]
COUPLINGS = [(0.01, 0.3), (0.3, 2.0), (1.0, 1.0), (3.0, 30.0), (20.0, 0.1), (5.0, 1e3)]


def near(value, rel=1e-6):
    """Return what equals the value to so many digits, however small it is in SI units."""
    return pytest.approx(value, rel=rel, abs=0.0)


def mediator(damping, cutoff=np.inf, share=0.5):
    return Mediator(frequency=W0, damping=damping * W0, cutoff=cutoff * W0, first_share=share)


@pytest.mark.parametrize(("damping", "cutoff"), COUPLINGS)
def test_roots_solve_the_cubic_and_decay(damping, cutoff):
    roots = mediator_roots(mediator(damping, cutoff)) / W0
    residual = (roots - cutoff) * (roots**2 + 1) + damping * cutoff * roots
    size = (np.abs(roots) + cutoff) * (np.abs(roots) ** 2 + 1)
    assert np.max(np.abs(residual) / size) < 1e-14
    assert np.all(roots.real > 0)
    assert roots.sum().real == near(cutoff, rel=1e-13)


def test_roots_of_weak_coupling_keep_the_digits_of_their_small_real_part():
    """Re mu = gam_D/2 with gam_D = gam D^2/(D^2 + w0^2) to first order in gam."""
    roots = mediator_roots(mediator(1e-9, 2.0)) / W0
    assert roots[0].real == near(0.5e-9 * 4 / 5, rel=1e-8)


@pytest.mark.parametrize(("damping", "cutoff"), COUPLINGS)
def test_coefficients_obey_the_sum_rules(damping, cutoff):
    """Sum g_n mu_n^k = 0, -1, 0, w0^2 + gam D and sum g_n/mu_n^2 = gam/w0^4 (B2)."""
    this = mediator(damping, cutoff)
    roots, weights = mediator_roots(this) / W0, mediator_coefficients(this) * W0
    for power, value in ((0, 0.0), (1, -1.0), (2, 0.0), (3, 1 + damping * cutoff), (-2, damping)):
        terms = weights * roots**power
        assert abs(terms.sum() - value) < 1e-11 * np.abs(terms).max()


def test_partial_fractions_are_the_response():
    this = mediator(0.7, 3.0)
    z = np.array([0.1, 1.0, 2.5j]) * W0
    parts = mediator_coefficients(this) / (z[:, None] + mediator_roots(this))
    assert np.allclose(parts.sum(axis=1), response(this, z), rtol=1e-13, atol=0)


def test_without_a_cutoff_the_two_roots_are_those_of_a_damped_oscillator():
    for damping in (0.3, 5.0):
        this = mediator(damping)
        roots, weights = mediator_roots(this)[:2] / W0, mediator_coefficients(this) * W0
        assert np.allclose(roots.sum(), damping, atol=0) and np.allclose(roots.prod(), 1.0, atol=0)
        assert weights[0] == -weights[1]
        wide = mediator_coefficients(mediator(damping, 1e9)) * W0
        assert np.allclose(wide[:2], weights[:2], rtol=1e-7, atol=0)


def test_transmission_is_a_probability_and_that_of_the_poles():
    """Formula B4 with moduli and the product over the roots of eq. (42) are the same."""
    w = np.geomspace(1e-3, 1e3, 400) * W0
    for damping, cutoff in COUPLINGS:
        this = mediator(damping, cutoff, share=0.3)
        passed = transmission(this, w)
        assert np.all((passed >= 0) & (passed <= 4 * 0.3 * 0.7 * (1 + 1e-15)))
        roots, x = mediator_roots(this) / W0, w / W0
        poles = np.prod(x[:, None] ** 2 + roots**2, axis=1).real * (cutoff**2 + x**2)
        assert np.allclose(passed, 0.84 * damping**2 * x**2 * cutoff**4 / poles, rtol=1e-11, atol=0)
        kernel = 1j * x * damping * cutoff / (cutoff - 1j * x)
        drude = (cutoff**2 / (cutoff**2 + x**2)) ** 2
        direct = 0.84 * damping**2 * x**2 * drude / np.abs(1 - x**2 - kernel) ** 2
        assert np.allclose(passed, direct, rtol=1e-11, atol=0)


def test_transmission_without_a_cutoff_is_complete_on_resonance():
    assert transmission(mediator(0.02), W0) == pytest.approx(1.0, abs=1e-15)
    assert np.all(transmission(mediator(0.02), [0.0, 1e200]) == 0.0)
    assert np.all(transmission(mediator(0.02, share=1.0), W0) == 0.0)


def test_thermal_integral_is_the_integral_and_the_digamma_form():
    kelvin = 0.7 * LEVEL
    for rate in (0.05, 1.0, 9.0):
        value, _ = quad(lambda w, a=rate: w / np.expm1(w / 0.7) / (w**2 + a**2), 0, 60, limit=400)
        assert thermal_integral(rate * W0, kelvin).real == near(value, rel=1e-9)
    rates = np.array([0.01, 0.3 + 2j, 4.0, 5 - 9j, 30.0])
    y = rates / (2 * np.pi * 0.7)
    expected = 0.5 * (np.log(y) - 0.5 / y - digamma(y))
    assert np.allclose(thermal_integral(rates * W0, kelvin), expected, rtol=1e-12, atol=1e-15)


def test_slope_of_the_thermal_integral_is_its_derivative():
    rates = np.array([0.01, 0.3 + 2j, 1e-9 + 1j, 4.0, 5 - 9j, 200.0]) * W0
    kelvin, step = 0.7 * LEVEL, 1e-3 * LEVEL
    h = np.array([-2, -1, 1, 2])[:, None] * step
    values = thermal_integral(rates, kelvin + h)
    slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
    assert np.allclose(thermal_integral_slope(rates, kelvin), slope, rtol=1e-8, atol=0)
    assert np.all(thermal_integral(rates, 0.0) == 0.0)
    assert np.all(thermal_integral_slope(rates, 0.0) == 0.0)


def test_springs_and_frictions_give_the_rates():
    this = mediator_from_springs(
        mass=2e-26, stiffness=8.0, friction_1=1e-13, friction_2=3e-13, cutoff=1e14
    )
    assert this.frequency == near(2e13)
    assert this.damping == near(2e13)
    assert this.first_share == near(0.25)
    assert this.symmetry == near(0.75)


def test_the_memory_of_the_friction_decays_and_integrates_to_the_damping():
    this = mediator(0.4, 2.0)
    area, _ = quad(lambda x: float(memory_kernel(this, x / W0)) / W0**2, 0, 40)
    assert area == near(0.4, rel=1e-9)
    with pytest.raises(InputError, match="finite"):
        memory_kernel(mediator(0.4), 0.0)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("frequency", -1.0, "frequency = -1 rad/s; it must be positive"),
        ("damping", 0.0, "damping = 0 1/s"),
        ("cutoff", 0.0, "cutoff = 0 rad/s"),
        ("cutoff", np.nan, "cutoff = nan"),
        ("first_share", 1.5, "first_share = 1.5; it must be between 0 and 1"),
        ("damping", np.ones((2, 3)), "do not fit together"),
    ],
)
def test_nonsense_is_refused(field, value, words):
    fields = {"frequency": np.ones(4), "damping": 1.0, "cutoff": 2.0, "first_share": 0.5}
    with pytest.raises(InputError, match=words):
        Mediator(**(fields | {field: value}))


def test_negative_masses_and_frictions_are_refused():
    good = {"mass": 1.0, "stiffness": 1.0, "friction_1": 1.0, "friction_2": 0.0}
    for name, value in (("mass", -1.0), ("stiffness", 0.0), ("friction_1", -2.0)):
        with pytest.raises(InputError, match=name):
            mediator_from_springs(**(good | {name: value}))
    with pytest.raises(InputError, match="real part"):
        thermal_integral(1j, 300.0)
    with pytest.raises(InputError, match=r"temperature = -1 K"):
        thermal_integral(1.0, -1.0)
