"""Mixed mismatch: a rough interface lets long waves pass as sound and scatters short ones.

The share p = exp(-16 pi^2 eta^2 cos^2 / lambda^2) of a phonon meets the interface as a plane (J. M.
Ziman, Electrons and Phonons (1960), eq. 11.6.3; for transmission T. Beechem and P. E. Hopkins, J.
Appl. Phys. 106, 124301 (2009)), the rest follows the diffuse mismatch model. Between two modes
sound carries sqrt(p p') of what it would at a plane, which preserves reciprocity; the difference
counts as diffuse.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.interfaces.amm import AcousticMismatch
from pbte.interfaces.base import FluxMatrix, pair_modes
from pbte.interfaces.bounce import with_bounce
from pbte.interfaces.specular import weigh_pairs, ziman_specularity
from pbte.materials.modes import ModeTable


@dataclass(frozen=True, kw_only=True)
class MixedMismatch:
    """Acoustic mismatch for the share p of a phonon, diffuse mismatch for the rest.

    Attributes:
        roughness: Root mean square height eta of the interface [m]; 0 for a plane, and the diffuse
            mismatch model when far above all wavelengths.
        sound: The acoustic mismatch model; its bins serve the diffuse part too.

    Raises:
        InputError: The roughness is negative or no number.
    """

    roughness: float
    sound: AcousticMismatch = field(default_factory=AcousticMismatch)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.roughness) and self.roughness >= 0.0):
            raise InputError(f"roughness = {self.roughness:g} m; it must be zero or positive")

    def specularity(self, first: ModeTable, second: ModeTable, normal: Array) -> Array:
        """Return p of each mode, first crystal first, shape (M1 + M2,) [-]."""
        tables = (first, second)
        return np.concatenate([ziman_specularity(m, normal, self.roughness) for m in tables])

    def flux_matrix(self, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix; the unit normal, shape (3,), points from first to second."""
        surface = pair_modes(first, second, normal)
        shares = self.specularity(first, second, normal)
        target = np.where(surface.outgoing, surface.flux, 0.0)
        plane = self.sound.sound_pairs(first, second, normal)
        pairs = weigh_pairs(plane, shares)
        rest = target - pairs.sum(axis=1)
        bounced = shares * np.maximum(target - plane.sum(axis=1), 0.0)
        if self.sound.beyond_sound == "diffuse":
            bounced = np.zeros_like(bounced)
        kept = np.divide(bounced, rest, out=np.zeros_like(rest), where=rest > 0.0)
        return with_bounce(
            surface,
            (first, second),
            normal,
            pairs,
            bounce=self.sound.bounce,
            bins=self.sound.bins,
            diffuse=1.0 - np.clip(kept, 0.0, 1.0),
        )
