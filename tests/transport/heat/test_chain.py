"""The heat equation against the chain of mediators and against slabs with a jump."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.reference.kapitza import temperature_jump as jump
from pbte.reference.mediator.chain import FourierChain
from pbte.reference.mediator.mediator import Mediator
from pbte.verification.validation._conduction import chain_against_heat_equation, two_slabs

W0 = 1e13
LEVEL = REDUCED_PLANCK * W0 / BOLTZMANN
LENGTH = 32e-9


def chain_of(num_links):
    return FourierChain(
        mediator=Mediator(frequency=W0, damping=0.5 * W0, cutoff=2.0 * W0),
        mode_spacing=1e-3 * W0,
        distance=LENGTH / num_links,
    )


def test_an_unheated_chain_sits_on_the_heat_equation(comm):
    """kappa(T) = K(T) d from warm to cold: both are linear in F(T), apart from the mesh."""
    discrete, continuous = chain_against_heat_equation(
        chain_of(8), (0.8 * LEVEL, 0.15 * LEVEL), 7, np.zeros_like, comm, cells_per_link=24
    )
    np.testing.assert_allclose(continuous, discrete, rtol=2e-4)
    assert np.ptp(np.diff(discrete)) > 0.02 * LEVEL  # not a straight line


def test_a_heated_chain_becomes_the_heat_equation_in_the_continuum(comm):
    """Halving the distance at fixed length divides the difference by four: second order."""
    differences = []
    for num_links in (4, 8):
        this = chain_of(num_links)

        def heat(x, this=this):
            # the same heat equation for every d: kappa = K d, so p goes with d too
            return 1e7 * np.sin(np.pi * x / LENGTH) * this.distance

        discrete, continuous = chain_against_heat_equation(
            this, (LEVEL, 0.5 * LEVEL), num_links - 1, heat, comm, cells_per_link=128 // num_links
        )
        assert discrete.max() > 1.02 * LEVEL
        differences.append(np.abs(continuous - discrete).max() / LEVEL)
    assert differences[0] < 0.1
    assert differences[0] / differences[1] == pytest.approx(4.0, abs=0.4)


@pytest.mark.parametrize("resistance", [0.0, 4e-9, 1e-7])
def test_two_slabs_jump_as_kapitza_says(comm, resistance):
    """D1 by the heat equation: flux and temperature everywhere, both sides of the jump."""
    parts = ((300e-9, 500e-9), (148.0, 60.0))
    x, kelvin, flux = two_slabs(*parts, resistance, (301.0, 300.0), comm)
    exact = jump.slab_heat_flux(301.0, 300.0, *parts, resistance)
    np.testing.assert_allclose(flux, exact, rtol=1e-7)
    middle = x.size // 2
    sides = np.concatenate([x[:middle] - 1e-18, x[middle:]])  # x = 0 on the left belongs there
    expected = jump.slab_temperature(np.maximum(sides, -300e-9), 301.0, 300.0, *parts, resistance)
    np.testing.assert_allclose(kelvin, expected, atol=1e-8)
