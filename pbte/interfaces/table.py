"""An interface with a given transmission against frequency, such as one from an atomistic model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.interfaces.base import FluxMatrix
from pbte.interfaces.bins import BinChoice, bin_totals, check_bin_choice, energy_bins
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

TERAHERTZ = 2e12 * np.pi
"""1 THz as an angular frequency [rad/s], for messages."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TabulatedTransmission:
    """A transmission function between the points of a table, linear in between.

    Attributes:
        frequencies: Angular, ascending, shape (num_points,) [rad/s].
        values: Transmission in [0, 1], shape (num_points,) or, one row per branch,
            (num_branches, num_points) [-].

    Raises:
        InputError: Shapes do not fit, frequencies do not ascend, or a value is no share.
    """

    frequencies: Array
    values: Array

    def __post_init__(self) -> None:
        grid = np.asarray(self.frequencies, dtype=np.float64)
        values = np.asarray(self.values, dtype=np.float64)
        if grid.ndim != 1 or grid.size == 0 or not np.all(np.diff(grid) > 0.0):
            raise InputError(
                f"transmission table: frequencies of shape {grid.shape} do not ascend; sort them "
                "and leave out repeated ones"
            )
        if values.ndim not in (1, 2) or values.shape[-1] != grid.size:
            raise InputError(
                f"transmission table: values of shape {values.shape} for {grid.size} frequencies; "
                "expected one per frequency, or one row of them per branch"
            )
        bad = ~(np.isfinite(values) & (values >= 0.0) & (values <= 1.0))
        if bad.any():
            worst = values[bad][np.argmax(np.abs(values[bad] - 0.5))]
            beyond = max(-worst, worst - 1.0)
            raise InputError(
                f"transmission table: {np.count_nonzero(bad)} of {values.size} values are outside "
                f"0 to 1 (worst: {worst:g}, beyond by {beyond:.3g}); a transmission is a share"
            )
        object.__setattr__(self, "frequencies", grid)
        object.__setattr__(self, "values", values)

    def __call__(self, frequencies: Array) -> Array:
        """Return the transmission, shape of `frequencies` after that of the branches."""
        if self.values.ndim == 1:
            return np.asarray(np.interp(frequencies, self.frequencies, self.values))
        return np.stack([np.interp(frequencies, self.frequencies, row) for row in self.values])


@dataclass(frozen=True, kw_only=True, eq=False)
class TransmissionTable:
    """An interface with a table of transmission from the first crystal to the second.

    The table is averaged over each energy bin (and branch) with the flux weights; what passes
    arrives in the same bin on the other side. The transmission back follows from detailed balance,
    t21 G2 = t12 G1 in each bin with the outgoing fluxes G. Bins without modes of the other side
    transmit nothing.

    Attributes:
        table: Transmission from the first side, over all branches or one row per branch.
        bins: Energy bins: number, edges [rad/s] or "auto".
        reflection: Reflection of the rest, "diffuse" within the energy bin or "specular".
        excess: Whether a bin whose transmission back would exceed 1 is refused or reduced to 1.
    """

    table: TabulatedTransmission
    bins: BinChoice = "auto"
    reflection: Reflection = "diffuse"
    excess: Excess = "refuse"

    def __post_init__(self) -> None:
        check_bin_choice(self.bins)
        check_options(self.reflection, self.excess)

    def flux_matrix(self, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix; the unit normal, shape (3,), points from first to second.

        Raises:
            InputError: The table does not cover the modes, or violates detailed balance.
        """
        by_branch = self.table.values.ndim == 2
        bins = energy_bins([first, second], self.bins)
        cells = interface_cells(first, second, normal, bins, by_branch=by_branch)
        given = self._given(first, second, cells)
        return transfer_matrix(
            first, second, normal, cells, share_out(cells, given), self.reflection
        )

    def _given(self, first: ModeTable, second: ModeTable, cells: Cells) -> Array:
        """Return the flow from each cell of the first side, shape (num_cells,) [W/m^2 K]."""
        self._check_cover(first, second, cells)
        transmission = self._of_modes(first)
        chosen = cells.surface.outgoing & ~cells.surface.second
        values = np.zeros(cells.surface.num_modes)
        values[: first.num_modes] = transmission * cells.surface.flux[: first.num_modes]
        given = bin_totals(cells.index, values, chosen, cells.totals.size)
        _, available = cells.side_totals()
        given[available[cells.bin_of] == 0.0] = 0.0
        asked = bin_totals(cells.bin_of, given, ~cells.second, cells.bins.num_bins)
        back = np.divide(asked, available, out=np.zeros_like(asked), where=available > 0.0)
        if back.max() > 1.0 + 1e-12 and self.excess == "refuse":
            worst = int(np.argmax(back))
            low, high = cells.bins.edges[worst : worst + 2] / TERAHERTZ
            raise InputError(
                f"transmission table {first.name} | {second.name}: detailed balance asks for a "
                f"transmission back of {back[worst]:.3g} between {low:.3g} and {high:.3g} THz, "
                f"above 1 by {back[worst] - 1.0:.2g} ({np.count_nonzero(back > 1.0 + 1e-12)} of "
                f"{back.size} bins are above 1); lower the table there, use fewer bins, or choose "
                "excess = 'reduce'"
            )
        return np.asarray(given / np.maximum(back, 1.0)[cells.bin_of], dtype=np.float64)

    def _of_modes(self, first: ModeTable) -> Array:
        values = self.table(first.frequencies)
        if values.ndim == 1:
            return values
        num_branches = int(first.bands.max()) + 1
        if values.shape[0] != num_branches:
            raise InputError(
                f"transmission table: {values.shape[0]} branches, but {first.name} has "
                f"{num_branches}"
            )
        return np.asarray(values[first.bands, np.arange(first.num_modes)], dtype=np.float64)

    def _check_cover(self, first: ModeTable, second: ModeTable, cells: Cells) -> None:
        """Refuse a table that ends below frequencies at which something can pass."""
        here, there = (totals > 0.0 for totals in cells.side_totals())
        index = cells.bins.index[: first.num_modes]
        passing = first.frequencies[(here & there)[index]]
        grid = self.table.frequencies
        outside = (passing < grid[0] * (1.0 - 1e-9)) | (passing > grid[-1] * (1.0 + 1e-9))
        if outside.any():
            raise InputError(
                f"transmission table {first.name} | {second.name}: it covers "
                f"{grid[0] / TERAHERTZ:.3g} to {grid[-1] / TERAHERTZ:.3g} THz, but modes of both "
                f"crystals lie between {passing.min() / TERAHERTZ:.3g} and "
                f"{passing.max() / TERAHERTZ:.3g} THz; extend it"
            )
