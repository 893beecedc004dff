"""Oscillations: the answer of all bodies to heat and wall temperatures that go as exp(i omega t).

The mode temperatures are the real part of theta(r) exp(i omega t), and

    (i omega + v . grad + Gamma) theta = M theta + g

is a steady problem with the absorption i omega. It is solved by the same sweeps with complex
numbers, one frequency at a time. M, the walls and the interfaces stay what they are.
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
    """Return the same system for amplitudes of oscillations.

    Args:
        system: The bodies; their sources and given temperatures are amplitudes of phase zero.
        frequency: Oscillations per second, not radians; zero is the steady state [Hz].
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
    """Return the complex mode temperatures that a system answers with.

    Args:
        system: The bodies, without absorption; see `oscillating`.
        kernels: For each body the leading part of its kernel, as for `solve_steady`.
        frequency: Oscillations per second [Hz].
        tolerance: Residual relative to the emission of the first scattering order.
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
