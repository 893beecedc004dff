"""Interfaces that pass a given flow in each energy bin: the common part of tables and mediators.

Modes of one side in one energy bin (and, if asked, of one branch) form a cell. A cell sends a given
flow to the cells of the other side in its bin, shared out in proportion to the flux weights; the
rest is reflected on its own side, diffusely within the energy bin or as by a mirror. The flows form
a symmetric matrix, which is reciprocity, and a cell cannot give more than arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse

from pbte.core.errors import InputError
from pbte.core.types import Array, BoolArray, IntArray
from pbte.interfaces.balance import cap_rows
from pbte.interfaces.base import FluxMatrix, SurfaceModes, assemble, pair_modes, wall_modes
from pbte.interfaces.bins import EnergyBins, bin_totals
from pbte.interfaces.specular import mirror_classes, mirror_pairs, weigh_pairs
from pbte.materials.modes import ModeTable

Reflection = Literal["diffuse", "specular"]
Excess = Literal["refuse", "reduce"]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Modes at an interface by side, energy bin and, in the first crystal if asked, branch.

    Attributes:
        surface: The modes of both sides.
        bins: Their energy bins.
        index: Cell of each mode, shape (M,).
        bin_of: Energy bin of each cell, shape (num_cells,).
        second: Whether a cell is of the second side, shape (num_cells,).
        branch: Branch of each cell, 0 where branches are not distinguished, shape (num_cells,).
        totals: Sum of f over the outgoing modes of each cell, shape (num_cells,) [W/m^2 K].
    """

    surface: SurfaceModes
    bins: EnergyBins
    index: IntArray
    bin_of: IntArray
    second: BoolArray
    branch: IntArray
    totals: Array

    def side_totals(self) -> tuple[Array, Array]:
        """Return the outgoing flux of either side by energy bin, each (num_bins,) [W/m^2 K]."""
        first, second = (
            bin_totals(self.bin_of, self.totals, self.second == side, self.bins.num_bins)
            for side in (False, True)
        )
        return first, second


def interface_cells(
    first: ModeTable, second: ModeTable, normal: Array, bins: EnergyBins, *, by_branch: bool = False
) -> Cells:
    """Return the cells of the modes at an interface.

    Args:
        first: Mode table of the first crystal.
        second: Mode table of the second crystal.
        normal: Unit vector from first to second, shape (3,).
        bins: Energy bins of both.
        by_branch: Whether the branches of the first crystal are distinguished.
    """
    surface = pair_modes(first, second, normal)
    branch = np.zeros(surface.num_modes, dtype=np.int64)
    if by_branch:
        branch[: first.num_modes] = first.bands
    labels = np.column_stack([surface.second.astype(np.int64), bins.index, branch])
    found, index = np.unique(labels, axis=0, return_inverse=True)
    index = np.asarray(index, dtype=np.int64).reshape(-1)
    return Cells(
        surface=surface,
        bins=bins,
        index=index,
        second=found[:, 0] == 1,
        bin_of=found[:, 1],
        branch=found[:, 2],
        totals=bin_totals(index, surface.flux, surface.outgoing, len(found)),
    )


def share_out(cells: Cells, given: Array) -> Array:
    """Return the flows between cells when each cell of the first side gives a certain flow.

    The second side receives in proportion to its flux weights.

    Args:
        cells: See `interface_cells`.
        given: Flow from each cell to the other side, shape (num_cells,) [W/m^2 K]; read for the
            first side only.

    Returns:
        Symmetric, shape (num_cells, num_cells) [W/m^2 K].
    """
    _, available = cells.side_totals()
    weight = np.divide(
        cells.totals,
        available[cells.bin_of],
        out=np.zeros_like(cells.totals),
        where=available[cells.bin_of] > 0.0,
    )
    passes = (cells.bin_of[:, None] == cells.bin_of) & ~cells.second[:, None] & cells.second
    flows = np.where(passes, given[:, None] * weight, 0.0)
    return np.asarray(flows + flows.T, dtype=np.float64)


def transfer_matrix(
    first: ModeTable,
    second: ModeTable,
    normal: Array,
    cells: Cells,
    flows: Array,
    reflection: Reflection,
) -> FluxMatrix:
    """Return the flux matrix with given flows between the cells of two sides.

    Args:
        first: Mode table of the first crystal.
        second: Mode table of the second crystal.
        normal: Unit vector from first to second, shape (3,).
        cells: Cells of their modes.
        flows: Between cells of different sides, symmetric, no row above the cell's total, shape
            (num_cells, num_cells) [W/m^2 K].
        reflection: Reflection of the rest.
    """
    rest = np.maximum(cells.totals - flows.sum(axis=1), 0.0)
    pairs = None
    if reflection == "diffuse":
        together = (cells.bin_of[:, None] == cells.bin_of) & (cells.second[:, None] == cells.second)
        sums = together @ rest
        shares = np.divide(rest, sums, out=np.zeros_like(rest), where=sums > 0.0)
        flows = flows + np.where(together, rest[:, None] * shares, 0.0)
    else:
        kept = np.divide(rest, cells.totals, out=np.zeros_like(rest), where=cells.totals > 0.0)
        pairs = _mirrors(first, second, normal, cells, kept[cells.index])
    scale = np.where(cells.totals > 0.0, cells.totals, 1.0)
    exchange = scipy.sparse.csr_array(flows / np.outer(scale, scale))
    return assemble(cells.surface, pairs=pairs, bins=cells.index, exchange=exchange)


def check_options(reflection: str, excess: str) -> None:
    """Refuse unknown options.

    Raises:
        InputError: An option is none of the known ones.
    """
    if reflection not in ("diffuse", "specular"):
        raise InputError(f"reflection = {reflection!r}; expected 'diffuse' or 'specular'")
    if excess not in ("refuse", "reduce"):
        raise InputError(f"excess = {excess!r}; expected 'refuse' or 'reduce'")


def _mirrors(
    first: ModeTable, second: ModeTable, normal: Array, cells: Cells, kept: Array
) -> scipy.sparse.csr_array:
    """Return A of specular reflection on both sides, for the reflected share of each mode.

    Where no exact mirror image exists, the rest is reflected diffusely within the energy bin.
    """
    blocks = []
    for modes, outward in ((first, normal), (second, -normal)):
        classes = mirror_classes(modes, "auto")
        blocks.append(mirror_pairs(modes, wall_modes(modes, outward), outward, classes))
    surface = cells.surface
    target = np.where(surface.outgoing, surface.flux * kept, 0.0)
    # Where neighbours keep different shares a row of sqrt(p p') may exceed p f.
    joined = scipy.sparse.csr_array(scipy.sparse.block_diag(blocks))
    pairs = cap_rows(weigh_pairs(joined, kept), target)
    missing = np.maximum(target - pairs.sum(axis=1), 0.0)
    tiny = missing <= 1e-12 * surface.flux
    closing = scipy.sparse.diags_array(np.where(tiny, missing, 0.0))
    groups = 2 * cells.bins.index + surface.second
    spread = _within_groups(np.where(tiny, 0.0, missing), groups)
    return scipy.sparse.csr_array(pairs + closing + spread)


def _within_groups(values: Array, groups: IntArray) -> scipy.sparse.csr_array:
    """Return r_i r_j / R for i, j of one group with sum R, shape (M, M)."""
    active = np.flatnonzero(values > 0.0)
    rows, columns, data = [], [], []
    for group in np.unique(groups[active]):
        members = active[groups[active] == group]
        share = values[members]
        rows.append(np.repeat(members, members.size))
        columns.append(np.tile(members, members.size))
        data.append(np.outer(share, share / share.sum()).ravel())
    if not data:
        return scipy.sparse.csr_array((values.size, values.size))
    entries = (np.concatenate(data), (np.concatenate(rows), np.concatenate(columns)))
    return scipy.sparse.csr_array(entries, shape=(values.size, values.size))
