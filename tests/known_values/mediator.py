"""Two baths and a mediator: closed forms, quadratures and finite baths against each other."""

from __future__ import annotations

from functools import cache

import numpy as np
from known_values.record import KnownValue
from scipy.integrate import quad

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.reference.mediator import chain as chains
from pbte.reference.mediator import currents as currents
from pbte.reference.mediator.baths import BathRun, run_finite_baths
from pbte.reference.mediator.mediator import Mediator, transmission
from pbte.reference.mediator.temperatures import momentum_temperature, position_temperature

PAPER = "Panasyuk, Levin & Yerkes, Phys. Rev. E 86, 021116 (2012)"
W0 = 1e13
LEVEL = REDUCED_PLANCK * W0 / BOLTZMANN


def known_values() -> list[KnownValue]:
    """Return the numbers."""
    here = _mediator(0.8, 3.0)
    warm, cold = LEVEL, 0.3 * LEVEL
    return [
        KnownValue(
            name="mediator/current, digamma against quadrature",
            source=f"{PAPER}, (42) in digamma functions; adaptive quadrature",
            quantity="heat current, T_1 = 1, T_2 = 0.3 quanta",
            unit="W",
            expected=lambda: float(currents.heat_current(here, warm, cold, "closed")),
            tolerance=1e-10,
            found=lambda: float(currents.heat_current(here, warm, cold, "quadrature")),
        ),
        KnownValue(
            name="mediator/current as Landauer's integral",
            source=f"{PAPER}, (42); (61) with the cutoff, the integral of the transmission",
            quantity="heat current, T_1 = 1, T_2 = 0.3 quanta",
            unit="W",
            expected=lambda: float(currents.heat_current(here, warm, cold)),
            tolerance=1e-9,
            found=lambda: _landauer(here, warm, cold),
        ),
        KnownValue(
            name="mediator/conductance, digamma against quadrature",
            source=f"{PAPER}, (43) in digamma functions; adaptive quadrature",
            quantity="conductance at half a quantum",
            unit="W/K",
            expected=lambda: float(currents.conductance(here, 0.5 * LEVEL, "closed")),
            tolerance=1e-10,
            found=lambda: float(currents.conductance(here, 0.5 * LEVEL, "quadrature")),
        ),
        KnownValue(
            name="mediator/classical limit",
            source=f"{PAPER}, (47)",
            quantity="conductance at a million quanta",
            unit="W/K",
            expected=lambda: float(currents.classical_conductance(here)),
            tolerance=1e-5,
            found=lambda: float(currents.conductance(here, 1e6 * LEVEL)),
        ),
        KnownValue(
            name="mediator/cold limit",
            source=f"{PAPER}, (51): 2 pi^3 k_B^4 T^3 gam^2/(15 hbar^3 w0^4)",
            quantity="conductance at 1e-4 quanta",
            unit="W/K",
            expected=lambda: float(currents.cold_conductance(here, 1e-4 * LEVEL)),
            tolerance=1e-4,
            found=lambda: float(currents.conductance(here, 1e-4 * LEVEL)),
        ),
        KnownValue(
            name="mediator/plateau",
            source=f"{PAPER}, (77): (k_B gam/4) gam D^3/(2 w0^4)",
            quantity="conductance at 0.03 quanta, D = 1e-5 w0, gam = 0.1 w0",
            unit="W/K",
            expected=lambda: float(currents.plateau_conductance(_mediator(0.1, 1e-5))),
            tolerance=1e-3,
            found=lambda: float(currents.conductance(_mediator(0.1, 1e-5), 0.03 * LEVEL)),
        ),
        KnownValue(
            name="mediator/finite baths, current",
            source=f"{PAPER}, (42); normal modes of 801 oscillators",
            quantity="power lost by the warm bath on the plateau",
            unit="W",
            expected=lambda: float(currents.heat_current(_mediator(1.0, 2.0), warm, cold)),
            tolerance=2e-4,
            found=lambda: float(_finite_baths().powers[0, 0]),
        ),
        KnownValue(
            name="mediator/finite baths, T_x",
            source=f"{PAPER}, (64); normal modes of 801 oscillators",
            quantity="temperature of the position",
            unit="K",
            expected=lambda: float(position_temperature(_mediator(1.0, 2.0), warm, cold)),
            tolerance=2e-4,
            found=lambda: float(_finite_baths().position_temperature[0]),
        ),
        KnownValue(
            name="mediator/finite baths, T_p",
            source=f"{PAPER}, (65); normal modes of 801 oscillators",
            quantity="temperature of the momentum",
            unit="K",
            expected=lambda: float(momentum_temperature(_mediator(1.0, 2.0), warm, cold)),
            tolerance=5e-3,
            found=lambda: float(_finite_baths().momentum_temperature[0]),
        ),
        KnownValue(
            name="mediator/decay of a ripple in the chain",
            source=f"{PAPER}, (80), integrated in time; (81): the heat equation of the chain",
            quantity="ripple left after the time of its decay",
            unit="",
            expected=float(np.exp(-1.0)),
            tolerance=1e-3,
            found=lambda: _ripple(20, 2),
        ),
        KnownValue(
            name="mediator/entropy of a steady chain",
            source=f"{PAPER}, (80): J (1/T_right - 1/T_left); the sum over the links",
            quantity="entropy production of 8 subsystems",
            unit="W/K",
            expected=_entropy_of_the_ends,
            tolerance=1e-9,
            found=lambda: float(
                chains.entropy_production(here, chains.steady_profile(here, warm, cold, 6)[0])
            ),
        ),
    ]


def _mediator(damping: float, cutoff: float) -> Mediator:
    return Mediator(frequency=W0, damping=damping * W0, cutoff=cutoff * W0)


def _landauer(mediator: Mediator, warm: float, cold: float) -> float:
    """Return int hbar w tau(w) (n_1 - n_2) dw / 2 pi."""

    def occupation(x: float, kelvin: float) -> float:
        return float(1.0 / np.expm1(x * LEVEL / kelvin))

    def density(x: float) -> float:
        share = float(transmission(mediator, x * W0))
        return float(x * share * (occupation(x, warm) - occupation(x, cold)))

    parts = [(1e-12, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 10.0), (10.0, 60.0)]
    total = sum(quad(density, a, b, epsabs=0.0, epsrel=1e-11, limit=200)[0] for a, b in parts)
    return float(REDUCED_PLANCK * W0**2 * total / (2.0 * np.pi))


@cache
def _finite_baths() -> BathRun:
    return run_finite_baths(
        _mediator(1.0, 2.0),
        LEVEL,
        0.3 * LEVEL,
        spacing=0.05 * W0,
        num_modes=400,
        times=[65.0 / W0],
        midpoint=True,
    )


def _ripple(num: int, order: int) -> float:
    chain = chains.FourierChain(mediator=_mediator(1.0, 2.0), mode_spacing=1e-3 * W0, distance=1e-9)
    ripple = np.cos(np.pi * order * (np.arange(num) + 0.5) / num)
    _, _, diffusivity = chains.fourier_coefficients(chain, LEVEL)
    step = 2.0 * np.sin(np.pi * order / (2 * num)) / chain.distance
    decay = float(diffusivity) * step**2
    run = chains.relax(chain, LEVEL * (1.0 + 1e-5 * ripple), [0.0, 1.0 / decay], tolerance=1e-10)
    left = (run.temperatures[1] / LEVEL - 1.0) @ ripple / (ripple @ ripple)
    return float(left) / 1e-5


def _entropy_of_the_ends() -> float:
    warm, cold = LEVEL, 0.3 * LEVEL
    _, current = chains.steady_profile(_mediator(0.8, 3.0), warm, cold, 6)
    return float(current * (1.0 / cold - 1.0 / warm))
