"""Acoustic mismatch: at the interface phonons are sound waves of two welded solids.

Every mode of the three lowest branches travels as the sound wave of its direction (W. A. Little,
Can. J. Phys. 37, 334 (1959); E. T. Swartz and R. O. Pohl, Rev. Mod. Phys. 61, 605 (1989)): the
direction of its wave vector and its rank among the three speeds decide the slowness along the
interface, hence the probabilities of the waves that leave, their branches and directions. These
do not depend on the frequency. On the grid of modes a wave that leaves is shared out over the modes
of its branch, side and energy bin with the nearest directions, in proportion to f; where a branch
has no modes at that energy the channel is closed and its flux is reflected. The result is made
symmetric under time reversal and balanced to the sums that the open channels have.

Stated choices: sound has no dispersion, so only directions and branches of modes are used, not
the length of their wave vectors. Optical modes are no sound: they are reflected. With the option
`beyond_sound` all that is reflected for want of a wave or of modes follows the diffuse mismatch
model instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse
from scipy.spatial import cKDTree

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.interfaces.balance import redistribute
from pbte.interfaces.base import FluxMatrix, SurfaceModes, pair_modes
from pbte.interfaces.bins import BinChoice, check_bin_choice, energy_bins
from pbte.interfaces.bounce import Bounce, check_bounce, with_bounce
from pbte.interfaces.elastic import ElasticSolid, solid_of, welded_waves
from pbte.materials.modes import ModeTable

SOUND_BRANCHES = 3
NEIGHBOURS = 8
"""Number of modes over which a wave that leaves is shared out."""
SAME_SPEED = 1e-6
"""Relative difference of speeds or slownesses below which waves are degenerate [-]."""

Waves = Literal["anisotropic", "isotropic", "scalar"]


@dataclass(frozen=True, kw_only=True)
class AcousticMismatch:
    """The acoustic mismatch model.

    Attributes:
        waves: "anisotropic" solves for the waves of both crystals; "isotropic" for those of
            their isotropic averages; "scalar" takes each branch for itself, with transmission
            4 Z1 Z2 cos1 cos2 / (Z1 cos2 + Z2 cos1)^2, Z = rho c of the isotropic average.
        solids: The two solids; None for the elastic constants of the materials.
        beyond_sound: Optical modes, and modes whose waves find no modes to leave as, are
            "reflected", or "diffuse" to both sides after the diffuse mismatch model.
        bounce: How what cannot pass is reflected, "specular" or "diffuse" (in energy bins).
        bins: Energy bins: number, edges [rad/s] or "auto".
        angle: Spread of the directions over which a wave is shared out [rad].

    Raises:
        InputError: An option is unknown or a value out of range.
    """

    waves: Waves = "anisotropic"
    solids: tuple[ElasticSolid, ElasticSolid] | None = None
    beyond_sound: Literal["reflected", "diffuse"] = "reflected"
    bounce: Bounce = "specular"
    bins: BinChoice = "auto"
    angle: float = 0.15

    def __post_init__(self) -> None:
        if self.waves not in ("anisotropic", "isotropic", "scalar"):
            raise InputError(
                f"waves = {self.waves!r}; expected 'anisotropic', 'isotropic' or 'scalar'"
            )
        if self.beyond_sound not in ("reflected", "diffuse"):
            raise InputError(
                f"beyond_sound = {self.beyond_sound!r}; expected 'reflected' or 'diffuse'"
            )
        if not (np.isfinite(self.angle) and self.angle > 0.0):
            raise InputError(f"angle = {self.angle:g} rad; the spread of directions is positive")
        check_bounce(self.bounce)
        check_bin_choice(self.bins)

    def flux_matrix(self, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix; the unit normal, shape (3,), points from first to second."""
        surface = pair_modes(first, second, normal)
        diffuse = np.full(surface.num_modes, 1.0 if self.beyond_sound == "diffuse" else 0.0)
        return with_bounce(
            surface,
            (first, second),
            normal,
            self.sound_pairs(first, second, normal),
            bounce=self.bounce,
            bins=self.bins,
            diffuse=diffuse,
        )

    def sound_pairs(
        self, first: ModeTable, second: ModeTable, normal: Array
    ) -> scipy.sparse.csr_array:
        """Return A_ij = F_-i,j of sound, without the flux that is reflected for want of modes.

        Args:
            first: Mode table of the first crystal.
            second: Mode table of the second crystal.
            normal: Unit vector from first to second, shape (3,).

        Returns:
            Symmetric, row sums of at most f, shape (M, M) [W/m^2 K].
        """
        surface = pair_modes(first, second, normal)
        index = energy_bins([first, second], self.bins).index
        leaving = self.leaving_sound(first, second, normal)
        flows = _share_out(surface, leaving, (first, second), normal, index, self.angle)
        # The two directions of time differ by how waves are shared out: take the mean.
        outgoing = np.flatnonzero(surface.outgoing)
        flows = flows[outgoing][:, outgoing]
        open_flux = flows.sum(axis=0)
        kernel = scipy.sparse.csr_array(0.5 * (flows + flows.T))
        balanced = redistribute(kernel, open_flux).tocoo()
        shape = (surface.num_modes, surface.num_modes)
        entries = (balanced.data, (outgoing[balanced.row], outgoing[balanced.col]))
        return scipy.sparse.csr_array(entries, shape=shape)

    def leaving_sound(
        self, first: ModeTable, second: ModeTable, normal: Array
    ) -> tuple[LeavingWaves, LeavingWaves]:
        """Return the waves that the outgoing modes of either side become, by side.

        Args:
            first: Mode table of the first crystal.
            second: Mode table of the second crystal.
            normal: Unit vector from first to second, shape (3,).
        """
        solids = self.solids
        if solids is None:
            solids = solid_of(first.crystal, first.name), solid_of(second.crystal, second.name)
        if self.waves != "anisotropic":
            solids = solids[0].isotropic(), solids[1].isotropic()
        surface = pair_modes(first, second, normal)
        outgoing = surface.outgoing[: first.num_modes], surface.outgoing[first.num_modes :]
        found = []
        for side, (modes, outward) in enumerate(((first, normal), (second, -normal))):
            sources = np.flatnonzero(outgoing[side] & (modes.bands < SOUND_BRANCHES))
            work = scalar_waves if self.waves == "scalar" else elastic_waves
            pair = solids[side], solids[1 - side]
            found.append(
                work(
                    *pair,
                    outward,
                    sources,
                    directions(modes, normal)[sources],
                    modes.bands[sources],
                )
            )
        return found[0], found[1]


@dataclass(frozen=True, kw_only=True)
class LeavingWaves:
    """The waves that modes of one side become: three on their own side, three on the other.

    Attributes:
        sources: Index of the modes in their table, shape (num,).
        power: Share of the energy in each wave; rows add up to 1, or to 0 for a mode that is
            not treated, shape (num, 6) [-].
        directions: Of the wave vectors, shape (num, 6, 3).
        branches: Membership of a wave in the branches 0, 1, 2 (by speed), shape (num, 6, 3) [-].
    """

    sources: IntArray
    power: Array
    directions: Array
    branches: Array

    @property
    def transmission(self) -> Array:
        """Share of the energy of each mode that passes, shape (num,) [-]."""
        return np.asarray(self.power[:, 3:].sum(axis=1))


def directions(modes: ModeTable, normal: Array) -> Array:
    """Return the direction in which each mode travels as sound.

    That of its wave vector; that of its velocity where the two are on different sides of the
    interface (near the zone boundary), or where there is no wave vector (models).

    Args:
        modes: Mode table.
        normal: Of the interface, unit vector, shape (3,).

    Returns:
        Unit vectors, opposite for partners, shape (num_modes, 3); 0 where all is zero.
    """
    agree = (modes.wave_vectors @ normal) * (modes.velocities @ normal) > 0.0
    vectors = np.where(agree[:, None], modes.wave_vectors, modes.velocities)
    lengths = np.linalg.norm(vectors, axis=1)
    units = vectors / np.where(lengths > 0.0, lengths, 1.0)[:, None]
    # Wave vectors on the zone boundary may be listed differently for q and -q.
    opposite = np.einsum("ij,ij->i", units, units[modes.partners]) > -1.0 + 1e-9
    first = np.minimum(np.arange(modes.num_modes), modes.partners)
    sign = np.where(np.arange(modes.num_modes) == first, 1.0, -1.0)
    return np.where(opposite[:, None], sign[:, None] * units[first], units)


def elastic_waves(
    own: ElasticSolid,
    other: ElasticSolid,
    outward: Array,
    sources: IntArray,
    units: Array,
    bands: IntArray,
) -> LeavingWaves:
    """Return the waves that leave a welded interface, for sound of the given directions.

    Args:
        own: Solid that it comes from.
        other: Solid behind the interface.
        outward: Unit vector from own to other, shape (3,).
        sources: Label of the modes, shape (num,).
        units: Directions of their wave vectors, shape (num, 3).
        bands: Branches by ascending speed, shape (num,).
    """
    speeds = own.christoffel(units)[0][np.arange(sources.size), bands]
    along, p = _slownesses(units, speeds, outward)
    waves = welded_waves(own, other, along, outward)
    distance = np.abs(waves.first_up.slowness - p[:, None]) * speeds[:, None]
    member = (distance < SAME_SPEED) & waves.first_up.travels
    count = np.maximum(member.sum(axis=1), 1)
    power = np.einsum("nok,nk->no", waves.power[:, :, :3], member / count[:, None])
    # Near grazing round-off grows to 1e-8 of the energy.
    power /= np.where(member.any(axis=1), power.sum(axis=1), 1.0)[:, None]
    slowness = np.concatenate([waves.first_down.slowness, waves.second_up.slowness], axis=-1).real
    leaving = along[:, None, :] + slowness[..., None] * outward
    inverse = np.linalg.norm(leaving, axis=-1)
    leaving = leaving / inverse[..., None]
    speed = np.concatenate(
        [own.christoffel(leaving[:, :3])[0], other.christoffel(leaving[:, 3:])[0]], axis=1
    )
    same = np.abs(speed * inverse[..., None] - 1.0) < SAME_SPEED
    branches = same / np.maximum(same.sum(axis=-1, keepdims=True), 1)
    return LeavingWaves(sources=sources, power=power, directions=leaving, branches=branches)


def scalar_waves(
    own: ElasticSolid,
    other: ElasticSolid,
    outward: Array,
    sources: IntArray,
    units: Array,
    bands: IntArray,
) -> LeavingWaves:
    """Return the waves that leave, for sound without polarisation: each branch apart (Little).

    Args: as `elastic_waves`; the solids are isotropic.
    """
    here, there = (solid.christoffel(outward)[0][bands] for solid in (own, other))
    along, p = _slownesses(units, here, outward)
    cos_here = p * here
    sine = np.linalg.norm(along, axis=1) * there
    cos_there = np.sqrt(np.maximum(1.0 - sine**2, 0.0))
    z_here, z_there = own.density * here, other.density * there
    with np.errstate(divide="ignore", invalid="ignore"):
        passing = 4.0 * z_here * z_there * cos_here * cos_there
        passing /= (z_here * cos_there + z_there * cos_here) ** 2
    treated = cos_here > 0.0
    power = np.zeros((sources.size, 6))
    power[np.arange(sources.size), bands] = np.where(treated, 1.0 - passing, 0.0)
    power[np.arange(sources.size), 3 + bands] = np.where(treated, passing, 0.0)
    mirrored = along * here[:, None] - cos_here[:, None] * outward
    refracted = along * there[:, None] + cos_there[:, None] * outward
    return LeavingWaves(
        sources=sources,
        power=power,
        directions=np.repeat(np.stack([mirrored, refracted], axis=1), 3, axis=1),
        branches=np.broadcast_to(np.tile(np.eye(3), (2, 1)), (sources.size, 6, 3)),
    )


def _slownesses(units: Array, speeds: Array, outward: Array) -> tuple[Array, Array]:
    """Return the slowness along the interface, shape (num, 3), and along the normal, (num,)."""
    cosines = units @ outward
    along = (units - np.outer(cosines, outward)) / speeds[:, None]
    return along, cosines / speeds


def _share_out(
    surface: SurfaceModes,
    leaving: tuple[LeavingWaves, LeavingWaves],
    tables: tuple[ModeTable, ModeTable],
    normal: Array,
    bins: IntArray,
    angle: float,
) -> scipy.sparse.csr_array:
    """Return the flux from each outgoing mode to the partners of those that take its waves.

    Rows are outgoing modes too: the partner of the mode that a wave leaves as. Shape (M, M).
    """
    offsets = (0, tables[0].num_modes)
    units = np.concatenate([directions(table, normal) for table in tables])
    bands = np.concatenate([table.bands for table in tables])
    rows, columns, values = [], [], []
    for side, waves in enumerate(leaving):
        sources = waves.sources + offsets[side]
        for target_side in (side, 1 - side):
            channels = slice(0, 3) if target_side == side else slice(3, 6)
            for branch in range(SOUND_BRANCHES):
                targets = np.flatnonzero(
                    surface.outgoing & (surface.second == bool(target_side)) & (bands == branch)
                )
                share = waves.power[:, channels] * waves.branches[:, channels, branch]
                mode, wave = np.nonzero(share > 0.0)
                if not (targets.size and mode.size):
                    continue
                taken, weights = _nearest(
                    (-units[targets], bins[targets], surface.flux[targets]),
                    (waves.directions[:, channels][mode, wave], bins[sources[mode]]),
                    angle,
                )
                carried = surface.flux[sources[mode]] * share[mode, wave]
                rows.append(targets[taken].ravel())
                columns.append(np.repeat(sources[mode], taken.shape[1]))
                values.append((carried[:, None] * weights).ravel())
    shape = (surface.num_modes, surface.num_modes)
    if not rows:
        return scipy.sparse.csr_array(shape)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return scipy.sparse.csr_array(entries, shape=shape)


def _nearest(
    targets: tuple[Array, IntArray, Array], waves: tuple[Array, IntArray], angle: float
) -> tuple[IntArray, Array]:
    """Return the targets that share each wave, and their shares: rows add up to 1, or to 0.

    Args:
        targets: Directions, bins and flux weights.
        waves: Directions and bins.
        angle: Width of the Gaussian in the angle, beyond that to the nearest target.
    """
    units, bins, flux = targets
    count = min(NEIGHBOURS, bins.size)
    # Bins lie farther apart than any two directions.
    tree = cKDTree(np.column_stack([units, 10.0 * bins]))
    distance, index = tree.query(
        np.column_stack([waves[0], 10.0 * waves[1]]),
        k=[*range(1, count + 1)],
        distance_upper_bound=5.0,
    )
    found = np.isfinite(distance)
    index = np.where(found, index, 0)
    excess = np.where(found, distance**2, np.inf) - np.where(found[:, :1], distance[:, :1], 0) ** 2
    weights = flux[index] * np.exp(-0.5 * excess / angle**2)
    totals = weights.sum(axis=1, keepdims=True)
    return index, np.divide(weights, totals, out=np.zeros_like(weights), where=totals > 0.0)
