"""Diffuse walls: the arriving flux leaves in proportion to the flux weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.core.types import Array, IntArray
from pbte.interfaces.base import FluxMatrix, assemble, wall_modes
from pbte.interfaces.bins import BinChoice, check_bin_choice, energy_bins
from pbte.materials.modes import ModeTable


@dataclass(frozen=True, kw_only=True)
class DiffuseWall:
    """A wall that forgets the direction of a phonon, and if it thermalises its energy too.

    F = f f^T / sum f over the modes of one energy bin (Casimir's boundary, elastic), or over all
    modes (thermalising: the wall takes the temperature at which its net heat flux is zero).

    Attributes:
        elastic: Whether the energy of each bin is conserved; else only the total is conserved.
        bins: Energy bins of the elastic wall: number, edges [rad/s] or "auto".
    """

    elastic: bool = True
    bins: BinChoice = "auto"

    def __post_init__(self) -> None:
        check_bin_choice(self.bins)

    def mode_bins(self, modes: ModeTable) -> IntArray:
        """Return the energy bin of each mode, shape (num_modes,)."""
        if not self.elastic:
            return np.zeros(modes.num_modes, dtype=np.int64)
        return energy_bins([modes], self.bins).index

    def share(self, modes: ModeTable, normal: Array) -> Array:
        """Return g / f = 1 of each mode: all of it is diffuse, shape (num_modes,) [-]."""
        return np.ones(modes.num_modes)

    def flux_matrix(self, modes: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix of a facet with this outward unit normal, shape (3,)."""
        return assemble(wall_modes(modes, normal), bins=self.mode_bins(modes))
