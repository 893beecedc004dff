"""Polarisations and Grueneisen parameters of the modes of a table, for interface models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.materials.expansion import ZoneTable
from pbte.materials.modes import ModeTable

ComplexArray = npt.NDArray[np.complex128]

DEGENERATE = 1e-4
"""Bands of a wave vector closer than this share of the highest frequency count as degenerate [-].

Files have frequencies averaged over degenerate bands, so degenerate ones are equal to round-off.
"""


@dataclass(frozen=True, kw_only=True)
class Polarisation:
    """Polarisation vectors and Grueneisen parameters of the modes of one crystal.

    Attributes:
        vectors: Unit polarisation of the atoms of the primitive cell, x, y, z of the first, then of
            the next, with the phase exp(i q . r) of the atoms' positions taken out; that of the
            partner at -q is the complex conjugate, shape (num_modes, 3 num_atoms) [-].
        degenerate_sets: Equal for modes of one wave vector and one frequency, whose vectors are
            any basis, shape (num_modes,).
        gruneisen: gamma = - d ln w / d ln V, shape (num_modes,) [-]; None if unknown.

    Raises:
        InputError: Shapes differ, a vector has no unit length, or a gamma is no finite number.
    """

    vectors: ComplexArray
    degenerate_sets: IntArray
    gruneisen: Array | None = None

    def __post_init__(self) -> None:
        num = self.vectors.shape[0]
        if self.vectors.ndim != 2 or self.degenerate_sets.shape != (num,):
            raise InputError(
                f"polarisations have shape {self.vectors.shape} and degenerate sets "
                f"{self.degenerate_sets.shape}; expected (modes, 3 atoms) and (modes,)"
            )
        lengths = np.linalg.norm(self.vectors, axis=1)
        if not np.abs(lengths - 1.0).max(initial=0.0) < 1e-5:
            worst = int(np.argmax(np.abs(lengths - 1.0)))
            raise InputError(
                f"the polarisation of mode {worst} has length {lengths[worst]:.4g}; expected 1"
            )
        if self.gruneisen is not None:
            if self.gruneisen.shape != (num,):
                raise InputError(
                    f"{self.gruneisen.shape} Grueneisen parameters for {num} polarisations"
                )
            if not np.isfinite(self.gruneisen).all():
                raise InputError("a Grueneisen parameter is not a finite number")

    @property
    def num_modes(self) -> int:
        """Number of modes."""
        return int(self.vectors.shape[0])


def polarisation_of(table: ZoneTable, modes: ModeTable) -> Polarisation | None:
    """Return the polarisations of the modes of a table; None when it has no eigenvectors.

    Time reversal, e(-q) = e(q)*, is made exact: the second of a pair is the conjugate of the first.

    Args:
        table: Modes on the full grid with "eigenvector" and perhaps "gruneisen" among the extras.
        modes: The mode table made of it.

    Raises:
        InputError: An array has the wrong shape or values.
    """
    if "eigenvector" not in table.extras:
        return None
    num_points, num_bands = table.frequencies.shape
    vectors = _extra(table, "eigenvector", (num_points, num_bands, num_bands))
    first = np.minimum(np.arange(modes.num_modes), modes.partners)
    points, bands = modes.grid_points[first], modes.bands[first]
    chosen = vectors[points, :, bands].astype(np.complex128)
    chosen /= np.linalg.norm(chosen, axis=1)[:, None]
    gruneisen = None
    if "gruneisen" in table.extras:
        gruneisen = _extra(table, "gruneisen", (num_points, num_bands))[points, bands].real
    later = np.arange(modes.num_modes) > first
    return Polarisation(
        vectors=np.where(later[:, None], chosen.conj(), chosen),
        degenerate_sets=_degenerate_sets(modes),
        gruneisen=gruneisen,
    )


def _extra(table: ZoneTable, name: str, shape: tuple[int, ...]) -> ComplexArray:
    values = table.extras[name][0]
    if values.shape != shape:
        raise InputError(f"{table.name}: {name} has shape {values.shape}, expected {shape}")
    return np.asarray(values, dtype=np.complex128)


def _degenerate_sets(modes: ModeTable) -> IntArray:
    order = np.lexsort((modes.frequencies, modes.grid_points))
    points, frequencies = modes.grid_points[order], modes.frequencies[order]
    far = np.diff(frequencies) > DEGENERATE * modes.frequencies.max()
    starts = np.concatenate([[False], (np.diff(points) != 0) | far])
    sets = np.empty(modes.num_modes, dtype=np.int64)
    sets[order] = np.cumsum(starts)
    return sets
