"""Crystals that several cases share."""

from __future__ import annotations

from functools import cache

from pbte.materials.band_table import read_band_table
from pbte.reference.closed_forms.slab import IsotropicBands, gray_bands

GRAY_SILICON = gray_bands(2677.0, 3.99e-11, 1.627e6)


@cache
def silicon_bands() -> IsotropicBands:
    """Return the shipped table of 15 bands, as the closed forms take it."""
    table = read_band_table("Si-bands")
    return IsotropicBands(
        speeds=table.speeds,
        relaxation_times=table.relaxation_times,
        heat_capacities=table.heat_capacities,
    )
