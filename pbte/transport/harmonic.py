"""Harmonic response: heat sources and wall temperatures proportional to exp(i omega t).

The mode temperatures are the real part of theta(r) exp(i omega t), and

    (i omega + v . grad + Gamma) theta = M theta + g

is a steady problem with the absorption i omega, solved by the same sweeps in complex arithmetic,
one frequency at a time. M, boundary conditions and interface models are unchanged.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from pbte.materials.kernel import FactoredKernel
from pbte.transport.body import with_past
from pbte.transport.steady.steady import SteadyState, solve_steady
from pbte.transport.system import System


def oscillating(system: System, frequency: float) -> System:
    """Return the system of the complex amplitudes at a frequency.

    Args:
        system: The bodies; their sources and wall temperatures are amplitudes of phase zero.
        frequency: Ordinary frequency; zero is the steady state [Hz].
    """
    rate = 2j * np.pi * frequency
    return replace(system, bodies=tuple(with_past(body, rate, None) for body in system.bodies))


def solve_harmonic(
    system: System,
    *kernels: FactoredKernel,
    frequency: float,
    tolerance: float = 1e-8,
    max_iterations: int = 50,
) -> SteadyState:
    """Return the complex amplitudes of the mode temperatures.

    Args:
        system: The bodies, without absorption; see `oscillating`.
        kernels: For each body the leading part of its kernel, as for `solve_steady`.
        frequency: Ordinary frequency [Hz].
        tolerance: Residual relative to the source of the first scattering order [-].
        max_iterations: Largest number of corrections with the full matrix.

    Note: Collective over the ranks.
    """
    return solve_steady(
        oscillating(system, frequency),
        *kernels,
        tolerance=tolerance,
        max_iterations=max_iterations,
        level=logging.DEBUG,
    )
