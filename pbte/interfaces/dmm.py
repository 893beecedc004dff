"""Diffuse mismatch: at the interface a phonon forgets where it came from.

With full dispersion on both sides (E. T. Swartz and R. O. Pohl, Rev. Mod. Phys. 61, 605 (1989);
P. Reddy, K. Castelino and A. Majumdar, Appl. Phys. Lett. 87, 211908 (2005)). Transmission from
either side at one energy is the share of the other side in the flux weights of both, so detailed
balance is exact bin by bin, and identical crystals transmit one half.

In a bin with modes of one side only, that side reflects diffusely inside the bin. Above the
spectrum of one crystal this is physics; elsewhere the grid is too coarse for the bins
(`one_sided_share` distinguishes them).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.interfaces.balance import scale_symmetrically
from pbte.interfaces.base import FluxMatrix, assemble, pair_modes
from pbte.interfaces.bins import (
    BinChoice,
    bin_totals,
    check_bin_choice,
    energy_bins,
    energy_levels,
)
from pbte.materials.modes import ModeTable


@dataclass(frozen=True, kw_only=True)
class DiffuseMismatch:
    """The diffuse mismatch model: F = f f^T / sum f over the modes of both sides in a bin.

    Attributes:
        elastic: Whether the energy of each bin is conserved; else one bin holds all modes and only
            the total is conserved (the upper limit of inelastic transmission).
        bins: Energy bins common to both crystals: number, edges [rad/s] or "auto".
    """

    elastic: bool = True
    bins: BinChoice = "auto"

    def __post_init__(self) -> None:
        check_bin_choice(self.bins)

    def mode_bins(self, first: ModeTable, second: ModeTable) -> IntArray:
        """Return the energy bin of each mode, first crystal first, shape (M1 + M2,)."""
        if not self.elastic:
            return np.zeros(first.num_modes + second.num_modes, dtype=np.int64)
        return energy_bins([first, second], self.bins).index

    def share(self, first: ModeTable, second: ModeTable, normal: Array) -> Array:
        """Return g / f = 1 of each mode, shape (M1 + M2,) [-]."""
        return np.ones(first.num_modes + second.num_modes)

    def flux_matrix(self, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix; the unit normal, shape (3,), points from first to second."""
        surface = pair_modes(first, second, normal)
        return assemble(surface, bins=self.mode_bins(first, second))


@dataclass(frozen=True, kw_only=True)
class SmoothMismatch:
    """Diffuse mismatch without bins: energies mix within a Gaussian of given width.

    F_nu,mu = f_nu f_mu d_l d_l' exp(-(w_l - w_l')^2 / 2 sigma^2) with l, l' the levels of the two
    modes and d such that the sums are f. All modes of a level share one d, so the matrix is stored
    by levels.

    Attributes:
        width: sigma [rad/s]; None for 1/50 of the highest frequency of both crystals.
    """

    width: float | None = None

    def __post_init__(self) -> None:
        if self.width is not None and not (np.isfinite(self.width) and self.width > 0.0):
            raise InputError(f"width = {self.width:g} rad/s; the width of the mixing is positive")

    def flux_matrix(self, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix; the unit normal, shape (3,), points from first to second."""
        surface = pair_modes(first, second, normal)
        level, values = energy_levels(surface.frequencies)
        width = self.width if self.width is not None else values[-1] / 50.0
        totals = bin_totals(level, surface.flux, surface.outgoing, values.size)
        steps = (values[:, None] - values[None, :]) / width
        kernel = np.exp(-0.5 * steps**2)
        kernel[np.abs(steps) > 4.0] = 0.0
        active = totals > 0.0
        weights = np.where(active, totals, 1.0)
        flows = scale_symmetrically(kernel * np.outer(totals, totals), totals)
        exchange = scipy.sparse.csr_array(flows / np.outer(weights, weights))
        return assemble(surface, bins=level, exchange=exchange)


@dataclass(frozen=True, kw_only=True)
class OneSided:
    """Shares of the flux weights in bins that the other side does not reach.

    Attributes:
        first: Of the first crystal's flux [-].
        second: Of the second crystal's flux [-].
        artefact: Of the flux of both, at energies that both crystals have: the grid is too coarse
            for the bins, and the conductance too small by about this share [-].
    """

    first: float
    second: float
    artefact: float


def one_sided_share(
    first: ModeTable, second: ModeTable, normal: Array, bins: BinChoice = "auto"
) -> OneSided:
    """Return the share of flux in energy bins with outgoing modes of one side only.

    Args:
        first: Mode table of the first crystal.
        second: Mode table of the second crystal.
        normal: Unit vector from first to second, shape (3,).
        bins: Number, edges [rad/s] or "auto".
    """
    surface = pair_modes(first, second, normal)
    found = energy_bins([first, second], bins)
    totals = np.stack(
        [
            bin_totals(
                found.index,
                surface.flux,
                surface.outgoing & (surface.second == side),
                found.num_bins,
            )
            for side in (False, True)
        ]
    )
    lonely = (totals > 0.0) & (totals[::-1] == 0.0)
    lost = (totals * lonely).sum(axis=1) / totals.sum(axis=1)
    # Below the lower of the two highest frequencies (of modes that move) both have states.
    moving = surface.outgoing | surface.incoming
    tops = [surface.frequencies[moving & (surface.second == side)].max() for side in (False, True)]
    shared = found.edges[:-1] < min(tops)
    artefact = (totals * lonely)[:, shared].sum() / totals[:, shared].sum()
    return OneSided(first=float(lost[0]), second=float(lost[1]), artefact=float(artefact))
