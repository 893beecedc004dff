"""The transient grating: published numbers, two inversions, limits."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.reference.closed_forms.grating import (
    grating_amplitude,
    grating_decay_rate,
    gray_grating,
    invert_laplace,
)
from pbte.reference.closed_forms.slab import IsotropicBands, gray_bands

UNIT = gray_bands(1.0, 1.0, 1.0)
ETAS = [0.1, 0.5, 1.0, 1.0999, 1.3, 1.5, 0.5 * np.pi, 1.7, 1.9001, 2.5, np.pi, 4.0, 7.0]


def test_the_grating_decays_as_published():
    """2 pi Kn = 1, at t/tau = 1, 2.5, 5, 10, to the digits printed."""
    found = gray_grating([1.0, 2.5, 5.0, 10.0], 1.0)
    np.testing.assert_allclose(found, [0.88250, 0.57219, 0.23620, 0.039405], rtol=2e-5)


@pytest.mark.parametrize("eta", ETAS)
def test_pole_and_cut_agree_with_talbots_inversion(eta):
    times = np.linspace(0.0, min(15.0 / eta, 20.0), 8)
    talbot = grating_amplitude(UNIT, times, 2.0 * np.pi / eta)
    np.testing.assert_allclose(gray_grating(times, eta), talbot, atol=2e-9)


@pytest.mark.parametrize("eta", ETAS)
def test_the_amplitude_obeys_the_equation_of_its_scattering_events(eta):
    """A(t) = e^-t j0(eta t) + int_0^t e^-u j0(eta u) A(t - u) du, u = t - t', by Gauss."""
    nodes, weights = np.polynomial.legendre.leggauss(60)
    for end in (1.0, 3.0):
        u = 0.5 * end * (nodes + 1.0)
        flight = np.exp(-u) * np.sinc(eta * u / np.pi)
        scattered = 0.5 * end * weights @ (flight * gray_grating(end - u, eta))
        expected = np.exp(-end) * np.sinc(eta * end / np.pi) + scattered
        assert gray_grating(end, eta) == pytest.approx(expected, abs=1e-9)


def test_long_periods_diffuse_and_short_ones_fly():
    eta = 0.02
    times = np.array([1e3, 1e4])
    np.testing.assert_allclose(gray_grating(times, eta), np.exp(-(eta**2) / 3.0 * times), rtol=1e-3)
    assert grating_decay_rate(eta) == pytest.approx(eta**2 / 3.0, rel=1e-4)
    times = np.array([0.01, 0.03, 0.1])
    flown = np.sinc(1e3 * times / np.pi)
    np.testing.assert_allclose(gray_grating(times, 1e3), flown, atol=5e-3)


def test_late_times_decay_at_the_rate_of_the_pole():
    eta = 1.2
    late = gray_grating([20.0, 21.0], eta)
    assert -np.log(late[1] / late[0]) == pytest.approx(grating_decay_rate(eta), rel=1e-4)


def test_bands_of_equal_path_and_speed_are_one_band():
    split = IsotropicBands(
        speeds=np.ones(3), relaxation_times=np.ones(3), heat_capacities=np.array([1.0, 2.0, 3.0])
    )
    times = np.array([0.5, 2.0])
    np.testing.assert_allclose(
        grating_amplitude(split, times, 5.0), grating_amplitude(UNIT, times, 5.0), rtol=1e-10
    )


def test_many_bands_diffuse_with_their_bulk_conductivity():
    bands = IsotropicBands(
        speeds=np.array([1.0, 2.0]),
        relaxation_times=np.array([1.0, 0.2]),
        heat_capacities=np.array([2.0, 1.0]),
    )
    period = 400.0
    rate = bands.conductivity / bands.heat_capacity * (2.0 * np.pi / period) ** 2
    time = 400.0
    assert grating_amplitude(bands, time, period) == pytest.approx(np.exp(-rate * time), rel=1e-3)


def test_known_transforms_are_inverted():
    times = np.array([0.1, 1.0, 3.0])
    np.testing.assert_allclose(invert_laplace(lambda s: 1.0 / (s + 1.0), times), np.exp(-times))
    np.testing.assert_allclose(
        invert_laplace(lambda s: 2.0 / (s**2 + 4.0), times), np.sin(2.0 * times), atol=1e-8
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gray_grating(-1.0, 1.0), "time = -1"),
        (lambda: gray_grating(1.0, 0.0), "reduced wave number = 0"),
        (lambda: grating_amplitude(UNIT, 100.0, 1.0), "the inversion holds until"),
        (lambda: grating_decay_rate(1.6), "must be below pi/2"),
        (lambda: invert_laplace(lambda s: 1.0 / s, [0.0]), "time = 0 s"),
    ],
)
def test_nonsense_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
