"""An interface bridged by mediators: a Landauer channel for each of them.

A mediator, such as a molecule between two surfaces, passes the heat current

    J = int dw/2 pi  hbar w  tau(w) (n_1 - n_2)

between reservoirs (G. Y. Panasyuk, G. A. Levin and K. L. Yerkes, Phys. Rev. E 86, 021116 (2012),
for a quantum oscillator; R. Landauer in general). With N of them per area, the modes of the two
crystals in an energy bin exchange N times the Landauer conductance of the bin; the rest is
reflected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.interfaces.base import FluxMatrix
from pbte.interfaces.bins import BinChoice, check_bin_choice, energy_bins
from pbte.interfaces.table import TERAHERTZ
from pbte.interfaces.transfer import (
    Cells,
    Excess,
    Reflection,
    check_options,
    interface_cells,
    share_out,
    transfer_matrix,
)
from pbte.materials.modes import ModeTable
from pbte.materials.statistics import mode_heat_capacity

NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)
PIECES, HALVINGS, PRECISION = 16, 30, 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class MediatorInterface:
    """Two crystals that exchange heat through independent mediators alone.

    Attributes:
        transmission: tau(w) of one mediator: takes and returns an array, w [rad/s], tau in [0, 1];
            a function or a `TabulatedTransmission`.
        density: Number of mediators per area [1/m^2].
        bins: Energy bins: number, edges [rad/s] or "auto".
        reflection: Reflection of the rest, "diffuse" within the energy bin or "specular".
        excess: Whether mediators that would pass more than arrives in a bin are refused, or the
            flow there reduced to what arrives.
    """

    transmission: Callable[[Array], Array]
    density: float
    bins: BinChoice = "auto"
    reflection: Reflection = "diffuse"
    excess: Excess = "refuse"

    def __post_init__(self) -> None:
        check_bin_choice(self.bins)
        check_options(self.reflection, self.excess)
        if not (np.isfinite(self.density) and self.density >= 0.0):
            raise InputError(
                f"mediator density = {self.density:g} 1/m^2; it must be zero or positive"
            )

    def flux_matrix(self, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix; the unit normal, shape (3,), points from first to second.

        Raises:
            InputError: More would pass than arrives, or the transmission is no share.
        """
        bins = energy_bins([first, second], self.bins)
        cells = interface_cells(first, second, normal, bins)
        here, there = cells.side_totals()
        bound = np.minimum(here, there)
        asked = self.density * landauer_by_bin(self.transmission, bins.edges, first.temperature)
        asked[bound == 0.0] = 0.0
        if self.excess == "refuse":
            self._refuse_excess(first, second, cells, asked, bound)
        given = np.minimum(asked, bound)[cells.bin_of]
        return transfer_matrix(
            first, second, normal, cells, share_out(cells, given), self.reflection
        )

    def _refuse_excess(
        self, first: ModeTable, second: ModeTable, cells: Cells, asked: Array, bound: Array
    ) -> None:
        over = np.divide(asked, bound, out=np.zeros_like(asked), where=bound > 0.0)
        worst = int(np.argmax(over))
        if over[worst] > 1.0 + 1e-12:
            low, high = cells.bins.edges[worst : worst + 2] / TERAHERTZ
            raise InputError(
                f"mediator interface {first.name} | {second.name}: {self.density:.3g} mediators "
                f"per m^2 would pass {over[worst]:.3g} times what arrives between {low:.3g} and "
                f"{high:.3g} THz; at most {self.density / over[worst]:.3g} per m^2 are possible "
                "everywhere; lower the density, use fewer bins, or choose excess = 'reduce'"
            )


def landauer_by_bin(
    transmission: Callable[[Array], Array], edges: Array, temperature: float
) -> Array:
    """Return the heat conductance of one mediator by frequency bin.

    int dw/2 pi tau(w) d(hbar w n)/dT over each bin, by Gauss-Legendre with bisection until halving
    a piece changes its integral by less than 1e-10 of the whole. Resonances much narrower than
    1/1000 of a bin may be missed.

    Args:
        transmission: tau of angular frequencies, shape (n,) -> (n,) [-].
        edges: Ascending, from zero on, shape (num_bins + 1,) [rad/s].
        temperature: T [K].

    Returns:
        Shape (num_bins,) [W/K].

    Raises:
        InputError: The transmission leaves 0 to 1.
    """
    fractions = np.arange(PIECES + 1) / PIECES
    points = edges[:-1, None] + np.diff(edges)[:, None] * fractions
    low, high = points[:, :-1].ravel(), points[:, 1:].ravel()
    index = np.repeat(np.arange(edges.size - 1), PIECES)
    totals = np.zeros(edges.size - 1)
    coarse = _integrals(transmission, low, high, temperature)
    scale = PRECISION * np.abs(coarse).sum()
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        left = _integrals(transmission, low, middle, temperature)
        right = _integrals(transmission, middle, high, temperature)
        open_ = np.abs(left + right - coarse) > scale
        np.add.at(totals, index[~open_], (left + right)[~open_])
        if not open_.any():
            return totals
        low, high = (
            np.concatenate([low[open_], middle[open_]]),
            np.concatenate([middle[open_], high[open_]]),
        )
        index = np.concatenate([index[open_], index[open_]])
        coarse = np.concatenate([left[open_], right[open_]])
    np.add.at(totals, index, coarse)  # jumps of the transmission: pieces of 1e-9 of a bin
    return totals


def _integrals(
    transmission: Callable[[Array], Array], low: Array, high: Array, temperature: float
) -> Array:
    half = 0.5 * (high - low)
    points = (0.5 * (low + high))[:, None] + half[:, None] * NODES
    shares = np.asarray(transmission(points.ravel()), dtype=np.float64)
    if shares.shape != (points.size,):
        raise InputError(
            f"mediator transmission: {points.size} frequencies gave an array of shape "
            f"{shares.shape}; expected one value for each"
        )
    bad = ~((shares >= -1e-12) & (shares <= 1.0 + 1e-12))
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise InputError(
            f"mediator transmission is {shares[first]:g} at "
            f"{points.ravel()[first] / TERAHERTZ:.3g} THz; expected a share from 0 to 1"
        )
    capacity = mode_heat_capacity(points, temperature)
    integrand = shares.reshape(points.shape) * capacity / (2.0 * np.pi)
    return np.asarray(half * (integrand @ WEIGHTS), dtype=np.float64)
