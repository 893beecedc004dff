"""The perfect interface: a plane drawn through one crystal, where nothing happens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.interfaces.base import FluxMatrix, assemble, pair_modes
from pbte.materials.modes import ModeTable


@dataclass(frozen=True, kw_only=True)
class PerfectInterface:
    """Every mode continues as itself on the other side of an interface of identical crystals."""

    def flux_matrix(self, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix; the unit normal, shape (3,), points from first to second.

        Raises:
            InputError: The crystals differ.
        """
        require_identical(first, second)
        surface = pair_modes(first, second, normal)
        num = first.num_modes
        outgoing = np.flatnonzero(surface.outgoing)
        other = np.where(outgoing < num, outgoing + num, outgoing - num)
        # A_ij = F_-i,j with j continuing as -i on the other side
        entries = (surface.flux[outgoing], (surface.partners[other], outgoing))
        pairs = scipy.sparse.csr_array(entries, shape=(2 * num, 2 * num))
        return assemble(surface, pairs=pairs)


def require_identical(first: ModeTable, second: ModeTable) -> None:
    """Refuse two mode tables that are not the same crystal at the same temperature.

    Raises:
        InputError: Number of modes, frequencies, velocities or heat capacities differ.
    """
    pair = f"interface {first.name} | {second.name}: a perfect interface joins identical crystals"
    if first.num_modes != second.num_modes:
        raise InputError(
            f"{pair}, but they have {first.num_modes} and {second.num_modes} modes; "
            "choose a mismatch model"
        )
    for what in ("frequencies", "velocities", "heat_capacities"):
        one, other = getattr(first, what), getattr(second, what)
        change = float(np.abs(one - other).max() / np.abs(one).max())
        if change > 1e-12:
            raise InputError(
                f"{pair}, but their {what.replace('_', ' ')} differ by up to {change:.2g} of the "
                "largest; choose a mismatch model"
            )
