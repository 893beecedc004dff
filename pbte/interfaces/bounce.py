"""Reflection of the flux that an interface model cannot transmit, into its own crystal.

Models of transmission leave a part of the flux of a mode over: what no state of the other side can
take, or what the model does not treat. It is reflected, as by a mirror or diffusely within energy
bins, so that every flux matrix obeys the three laws exactly.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import scipy.sparse

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.interfaces.balance import cap_rows
from pbte.interfaces.base import FluxMatrix, SurfaceModes, wall_modes
from pbte.interfaces.bins import BinChoice, energy_bins
from pbte.interfaces.specular import mirror_classes, mirror_pairs, weigh_pairs, with_diffuse_rest
from pbte.materials.modes import ModeTable

Bounce = Literal["specular", "diffuse"]

TINY = 1e-12
"""Smaller shares of f are round-off [-]."""


def check_bounce(bounce: str) -> None:
    """Refuse an unknown kind of reflection.

    Raises:
        InputError: It is neither "specular" nor "diffuse".
    """
    if bounce not in ("specular", "diffuse"):
        raise InputError(f"bounce = {bounce!r}; expected 'specular' or 'diffuse'")


def with_bounce(
    surface: SurfaceModes,
    tables: tuple[ModeTable, ModeTable],
    normal: Array,
    pairs: scipy.sparse.csr_array,
    *,
    bounce: Bounce = "specular",
    bins: BinChoice = "auto",
    diffuse: Array,
) -> FluxMatrix:
    """Return the flux matrix of a model with what it leaves over reflected.

    Args:
        surface: The modes at the interface.
        tables: Mode tables of the two crystals.
        normal: Unit vector from first to second, shape (3,).
        pairs: A of the model, symmetric, row sums of at most f, shape (M, M) [W/m^2 K].
        bounce: "specular" into the mirror image, as far as both images have something left over
            and the rest diffusely; or "diffuse" at once. Diffusely: within energy bins, in
            proportion to what is left over.
        bins: The energy bins.
        diffuse: Share of what is left over that does not bounce but goes to both crystals after
            the diffuse mismatch model, of the outgoing modes, shape (M,) [-].
    """
    target = np.where(surface.outgoing, surface.flux, 0.0)
    pairs = cap_rows(pairs, target)
    rest = np.maximum(target - pairs.sum(axis=1), 0.0)
    to_both = diffuse * rest
    own = rest - to_both
    if bounce == "specular":
        mirrored = _mirror(surface, tables, normal, own, bins)
        pairs = scipy.sparse.csr_array(pairs + mirrored)
        own = np.maximum(own - mirrored.sum(axis=1), 0.0)
    index = np.concatenate([energy_bins([table], bins).index for table in tables])
    index[surface.second] += index.max() + 1
    both = energy_bins(tables, bins).index + index.max() + 1
    mixing, bouncing = to_both > TINY * target, own > TINY * target
    if mixing.any() and bouncing.any():
        # A flux matrix has one kind of bins: the other is written out.
        pairs = scipy.sparse.csr_array(pairs + pairs_in_bins(own, index))
    return with_diffuse_rest(surface, pairs, both if mixing.any() else index)


def pairs_in_bins(weights: Array, bins: IntArray) -> scipy.sparse.csr_array:
    """Return w_i w_j / sum w for modes of the same bin, shape (M, M) [W/m^2 K].

    Args:
        weights: w, zero for modes that take no part, shape (M,) [W/m^2 K].
        bins: Bin of each mode, shape (M,).
    """
    members = np.flatnonzero(weights > 0.0)
    entries = (weights[members], (members, bins[members]))
    columns = scipy.sparse.csr_array(entries, shape=(bins.size, int(bins.max()) + 1))
    totals = columns.sum(axis=0)
    inverse = np.divide(1.0, totals, out=np.zeros_like(totals), where=totals > 0.0)
    return scipy.sparse.csr_array(columns @ scipy.sparse.diags_array(inverse) @ columns.T)


def _mirror(
    surface: SurfaceModes,
    tables: tuple[ModeTable, ModeTable],
    normal: Array,
    rest: Array,
    bins: BinChoice,
) -> scipy.sparse.csr_array:
    """Return the pairs of mirror images, with row sums of at most `rest`."""
    blocks = []
    for table, outward in zip(tables, (normal, -normal), strict=True):
        classes = mirror_classes(table, bins)
        blocks.append(mirror_pairs(table, wall_modes(table, outward), outward, classes))
    whole = scipy.sparse.csr_array(scipy.sparse.block_diag(blocks, format="csr"))
    shares = np.divide(rest, surface.flux, out=np.zeros_like(rest), where=surface.flux > 0.0)
    return cap_rows(weigh_pairs(whole, np.minimum(shares, 1.0)), rest)
