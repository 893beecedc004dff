"""Limits of the mediator, and what it is used for."""

from __future__ import annotations

import numpy as np
from known_values.record import KnownValue
from scipy.integrate import quad

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.reference.mediator import applications as uses
from pbte.reference.mediator import currents as currents
from pbte.reference.mediator.mediator import (
    Mediator,
    mediator_coefficients,
    mediator_roots,
    transmission,
)
from pbte.reference.mediator.temperatures import (
    momentum_temperature,
    position_temperature,
    zero_point_integral,
)

PAPER = "Panasyuk, Levin & Yerkes, Phys. Rev. E 86, 021116 (2012)"
W0 = 1e13
LEVEL = REDUCED_PLANCK * W0 / BOLTZMANN


def known_values() -> list[KnownValue]:
    """Return the numbers."""
    return [*_of_conductance(), *_of_the_oscillator(), *_of_uses()]


def _of_conductance() -> list[KnownValue]:
    free = Mediator(frequency=W0, damping=0.3 * W0)
    return [
        KnownValue(
            name="mediator/classical limit without a cutoff",
            source=f"{PAPER}, (48): k_B gam/4",
            quantity="conductance at a million quanta",
            unit="W/K",
            expected=0.25 * BOLTZMANN * 0.3 * W0,
            tolerance=1e-5,
            found=lambda: float(currents.conductance(free, 1e6 * LEVEL)),
        ),
        KnownValue(
            name="mediator/thermal bath without a cutoff",
            source=f"{PAPER}, (62), adaptive quadrature of (61); (42) with D = 1e6 w0",
            quantity="conductance at one quantum",
            unit="W/K",
            expected=lambda: _free_conductance(free, LEVEL),
            tolerance=1e-5,
            found=lambda: float(currents.conductance(_mediator(0.3, 1e6), LEVEL)),
        ),
        KnownValue(
            name="mediator/unequal couplings",
            source=f"{PAPER}, (42): 4 gamma_1 gamma_2/gamma^2 times the current of equal ones",
            quantity="current over that of equal couplings, gamma_1 = 0.2 gamma",
            unit="",
            expected=0.64,
            tolerance=1e-12,
            found=lambda: _unequal(0.2),
        ),
        KnownValue(
            name="mediator/strong coupling",
            source=f"{PAPER}, (43) for gam to infinity: int (x/sinh x)^2 D^2/(D^2 + w^2) dw/2 pi",
            quantity="conductance at two quanta, gam = 1e8 w0, D = w0",
            unit="W/K",
            expected=lambda: _strong(2.0 * LEVEL),
            tolerance=1e-6,
            found=lambda: float(currents.conductance(_mediator(1e8, 1.0), 2.0 * LEVEL)),
        ),
        KnownValue(
            name="mediator/maximum in the coupling",
            source=f"{PAPER}, figure 3; a search over 4000 couplings",
            quantity="largest conductance over k_B w0 at ten quanta, D = w0",
            unit="",
            expected=lambda: _largest(10.0 * LEVEL),
            tolerance=1e-6,
            found=lambda: _found_maximum(10.0 * LEVEL),
        ),
        KnownValue(
            name="mediator/no channel beats the quantum",
            source="pi k_B^2 T/(6 hbar); couplings and temperatures over eight decades",
            quantity="largest conductance over the quantum, less 1 where it is above",
            unit="",
            expected=0.0,
            tolerance=1e-12,
            absolute=True,
            found=lambda: _above_the_quantum(),
        ),
    ]


def _of_the_oscillator() -> list[KnownValue]:
    here = _mediator(2.0, 5.0)
    return [
        KnownValue(
            name="mediator/sum rule",
            source=f"{PAPER}, after (21): sum g_n mu_n^3 = w0^2 + gam D",
            quantity="sum over the roots in units of w0^2",
            unit="",
            expected=11.0,
            tolerance=1e-10,
            found=lambda: float(
                np.sum(mediator_coefficients(here) * mediator_roots(here) ** 3).real / W0**2
            ),
        ),
        KnownValue(
            name="mediator/zero-point integral",
            source=f"{PAPER}, (66) corrected: -ln r/(1 - r^2); adaptive quadrature",
            quantity="int w/((1 + w^2)(w^2 + r^2)) dw at r = 0.3",
            unit="",
            expected=lambda: quad(
                lambda w: w / ((1.0 + w**2) * (w**2 + 0.09)), 0.0, np.inf, epsabs=0.0
            )[0],
            tolerance=1e-8,
            found=lambda: float(zero_point_integral(0.3).real),
        ),
        *(
            KnownValue(
                name=f"mediator/{name} of a hot oscillator",
                source=f"{PAPER}, {equation}: mean of the baths, (gamma_1 T_1 + gamma_2 T_2)/gamma",
                quantity="temperature between baths of 4e4 and 1e4 quanta",
                unit="quanta",
                expected=2.5e4,
                tolerance=1e-6,
                found=lambda of=of: float(  # type: ignore[misc]
                    of(_mediator(0.5, 3.0), 4e4 * LEVEL, 1e4 * LEVEL) / LEVEL
                ),
            )
            for name, equation, of in (
                ("position", "(64)", position_temperature),
                ("momentum", "(65)", momentum_temperature),
            )
        ),
    ]


def _of_uses() -> list[KnownValue]:
    tip = uses.tip_currents(W0, 200.0, 0.01 * LEVEL, 0.005 * LEVEL, coupling_ratio=4e3)
    junction = uses.josephson_mediator(
        critical_current=1e-6, capacitance=1e-13, resistance_1=30.0, resistance_2=90.0
    )
    return [
        KnownValue(
            name="mediator/STM tip, overdamped",
            source=f"{PAPER}, (61) without inertia, in digamma functions; (61) itself",
            quantity="current at gam = 4000 w0, 0.01 and 0.005 quanta",
            unit="W",
            expected=tip.overdamped,
            tolerance=1e-4,
            found=lambda: tip.exact,
        ),
        KnownValue(
            name="mediator/STM tip, cold",
            source=f"{PAPER}, (51) integrated over the temperature; (61)",
            quantity="current at gam = w0/2, 1e-3 and 5e-4 quanta",
            unit="W",
            expected=lambda: _cold_tip().cold,
            tolerance=1e-3,
            found=lambda: _cold_tip().exact,
        ),
        KnownValue(
            name="mediator/minimum conductivity",
            source=f"{PAPER}, (95) against (96) of Cahill & Pohl, gam = 4 0.403 sum(v)/l0",
            quantity="conductivity of cubes of 0.3 nm, speeds 2, 1 and 1 km/s",
            unit="W/m K",
            expected=lambda: uses.glass_minimum_conductivity(
                (3e-10) ** -3.0, [2000.0, 1000.0, 1000.0]
            ),
            tolerance=1e-10,
            found=lambda: float(
                uses.minimum_conductivity(4.0 * uses.MINIMUM_PREFACTOR * 4000.0 / 3e-10, 3e-10)
            ),
        ),
        KnownValue(
            name="mediator/Josephson junction",
            source=f"{PAPER}, the phase as coordinate: 2 e I_c R^2 C/hbar, R = 22.5 ohm",
            quantity="Stewart-McCumber parameter",
            unit="",
            expected=2.0 * uses.ELEMENTARY_CHARGE * 1e-6 * 22.5**2 * 1e-13 / REDUCED_PLANCK,
            tolerance=1e-10,
            found=lambda: float(uses.stewart_mccumber(junction)),
        ),
    ]


def _mediator(damping: float, cutoff: float, share: float = 0.5) -> Mediator:
    return Mediator(frequency=W0, damping=damping * W0, cutoff=cutoff * W0, first_share=share)


def _free_conductance(mediator: Mediator, kelvin: float) -> float:
    """Return int dw/2 pi k_B (x/sinh x)^2 tau(w), x = hbar w/2 k_B T."""

    def density(w: float) -> float:
        half = 0.5 * w * LEVEL / kelvin
        return float(transmission(mediator, w * W0) * (half / np.sinh(half)) ** 2)

    parts = [(1e-9, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 10.0), (10.0, 60.0)]
    total = sum(quad(density, a, b, epsabs=0.0, epsrel=1e-10)[0] for a, b in parts)
    return float(BOLTZMANN * W0 * total / (2.0 * np.pi))


def _unequal(share: float) -> float:
    warm, cold = LEVEL, 0.3 * LEVEL
    equal = float(currents.heat_current(_mediator(0.8, 3.0), warm, cold))
    return float(currents.heat_current(_mediator(0.8, 3.0, share), warm, cold)) / equal


def _strong(kelvin: float) -> float:
    def density(w: float) -> float:
        half = 0.5 * w * LEVEL / kelvin
        return float((half / np.sinh(half)) ** 2 / (1.0 + w**2))

    total = quad(density, 1e-12, 200.0, epsabs=0.0, epsrel=1e-10, limit=400)[0]
    return float(BOLTZMANN * W0 * total / (2.0 * np.pi))


def _largest(kelvin: float) -> float:
    ratios = np.geomspace(10.0, 1e3, 4000)
    every = Mediator(frequency=W0, damping=ratios * W0, cutoff=W0)
    return float(currents.conductance(every, kelvin).max()) / (BOLTZMANN * W0)


def _found_maximum(kelvin: float) -> float:
    found = currents.coupling_maximum(W0, W0, kelvin)
    assert found is not None, "there is one at ten quanta"
    return found[1] / (BOLTZMANN * W0)


def _above_the_quantum() -> float:
    every = Mediator(frequency=W0, damping=np.geomspace(1e-4, 1e4, 81)[:, None] * W0)
    kelvin = np.geomspace(1e-3, 1e3, 25) * LEVEL
    ratio = currents.conductance(every, kelvin) / currents.conductance_quantum(kelvin)
    return max(0.0, float(ratio.max()) - 1.0)


def _cold_tip() -> uses.TipCurrents:
    return uses.tip_currents(W0, 200.0, 1e-3 * LEVEL, 5e-4 * LEVEL, coupling_ratio=0.5)
