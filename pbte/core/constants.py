"""Constants of nature in SI units (exact values of the 2019 SI)."""

from __future__ import annotations

import math

BOLTZMANN = 1.380649e-23
"""k_B [J/K]."""

PLANCK = 6.62607015e-34
"""h [J s]."""

REDUCED_PLANCK = PLANCK / (2.0 * math.pi)
"""hbar [J s]."""

ATOMIC_MASS = 1.66053906892e-27
"""u [kg], CODATA 2022."""

TERAHERTZ = 1e12
"""1 THz of ordinary frequency [Hz]; times 2 pi for angular frequency."""
