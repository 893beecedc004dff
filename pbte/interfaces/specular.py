"""Specular walls: mirrors, and rough mirrors after Ziman.

Where the plane of the wall is a mirror plane of the crystal's grid, a mode goes to its mirror image
of the same branch, exactly. A grid has few such planes (cubic: nine) but a curved wall any number
of normals. For the others a mode goes to the few modes of its energy bin whose velocity is nearest
to the mirrored one, with shares balanced so that energy, equilibrium and reciprocity hold exactly;
what no neighbour can take is reflected diffusely within the bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse
from scipy.spatial import cKDTree

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.interfaces.balance import cap_rows, redistribute
from pbte.interfaces.base import FluxMatrix, SurfaceModes, assemble, wall_modes
from pbte.interfaces.bins import BinChoice, check_bin_choice, energy_bins
from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.mirror import exact_mirror
from pbte.materials.modes import ModeTable

NEIGHBOURS = 8
"""Number of modes near the mirrored velocity that share what a mode brings."""
SPEED_WEIGHT = 0.5
"""Distance of two modes whose speeds differ by the largest speed, in radians of direction."""


@dataclass(frozen=True, kw_only=True)
class SpecularWall:
    """A mirror: exact on mirror planes of the grid, a conservative redistribution otherwise.

    Attributes:
        bins: Energy bins within which the redistribution stays; "auto" for about 400 modes in
            each (fewer bins: better directions, worse energies). Unused on mirror planes.
    """

    bins: BinChoice = "auto"

    def __post_init__(self) -> None:
        check_bin_choice(self.bins)

    def flux_matrix(self, modes: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix of a facet with this outward unit normal, shape (3,)."""
        surface = wall_modes(modes, normal)
        classes = mirror_classes(modes, self.bins)
        pairs = mirror_pairs(modes, surface, normal, classes)
        return with_diffuse_rest(surface, pairs, classes)


@dataclass(frozen=True, kw_only=True)
class PartlySpecularWall:
    """A mirror for the share p of a phonon, diffuse for the rest.

    The specular part between two modes carries sqrt(p p') of what the mirror would, which keeps
    reciprocity where the grid has no exact mirror images.

    Attributes:
        specularity: p of every mode, in [0, 1]; or
        roughness: Root mean square height eta of the wall [m], p = exp(-4 eta^2 (q . n)^2)
            (J. M. Ziman, Electrons and Phonons (1960), eq. 11.6.3, with the wavelength written as
            2 pi/q: exp(-16 pi^2 eta^2 cos^2/lambda^2)).
        rest: "elastic", per energy bin, or "thermalising".
        bins: Energy bins of mirror and elastic rest; "auto" chooses for each.
    """

    specularity: float | None = None
    roughness: float | None = None
    rest: Literal["elastic", "thermalising"] = "elastic"
    bins: BinChoice = "auto"

    def __post_init__(self) -> None:
        check_bin_choice(self.bins)
        if (self.specularity is None) == (self.roughness is None):
            raise InputError("a partly specular wall takes either specularity or roughness")
        if self.specularity is not None and not 0.0 <= self.specularity <= 1.0:
            raise InputError(f"specularity = {self.specularity:g}; expected a share from 0 to 1")
        if self.roughness is not None and not (
            np.isfinite(self.roughness) and self.roughness >= 0.0
        ):
            raise InputError(f"roughness = {self.roughness:g} m; it must be zero or positive")
        if self.rest not in ("elastic", "thermalising"):
            raise InputError(f"rest = {self.rest!r}; expected 'elastic' or 'thermalising'")

    def flux_matrix(self, modes: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix of a facet with this outward unit normal, shape (3,)."""
        surface = wall_modes(modes, normal)
        shares = self.mode_specularity(modes, normal)
        pairs = mirror_pairs(modes, surface, normal, mirror_classes(modes, self.bins))
        rest = DiffuseWall(elastic=self.rest == "elastic", bins=self.bins).mode_bins(modes)
        return with_diffuse_rest(surface, weigh_pairs(pairs, shares), rest)

    def mode_specularity(self, modes: ModeTable, normal: Array) -> Array:
        """Return p of each mode, shape (num_modes,) [-]."""
        if self.specularity is not None:
            return np.full(modes.num_modes, float(self.specularity))
        return ziman_specularity(modes, normal, float(self.roughness or 0.0))


def ziman_specularity(modes: ModeTable, normal: Array, roughness: float) -> Array:
    """Return exp(-4 eta^2 q_n^2), the share of a phonon that a rough surface reflects as a mirror.

    Modes of a model crystal have no wave vector; there q is frequency / speed, along the velocity.

    Args:
        modes: Mode table.
        normal: Unit vector, shape (3,).
        roughness: eta [m].

    Returns:
        Shape (num_modes,) [-], equal for a mode and its partner.
    """
    if modes.crystal is None:
        squares = np.maximum((modes.velocities**2).sum(axis=1), np.finfo(np.float64).tiny)
        normal_wave_numbers = modes.frequencies * (modes.velocities @ normal) / squares
    else:
        normal_wave_numbers = modes.wave_vectors @ normal
    shares = np.exp(-4.0 * (roughness * normal_wave_numbers) ** 2)
    # Wave vectors on the zone boundary may be listed differently for q and -q.
    return np.asarray(0.5 * (shares + shares[modes.partners]), dtype=np.float64)


def mirror_classes(modes: ModeTable, bins: BinChoice) -> IntArray:
    """Return the class of each mode within which a mirror redistributes, shape (num_modes,).

    Energy bins; in a model crystal, where branches are what the user made them, branches too.
    """
    number = int(np.clip(modes.num_modes // 400, 3, 50)) if bins == "auto" else bins
    index = energy_bins([modes], number).index
    if modes.crystal is None:
        _, index = np.unique(index * (modes.bands.max() + 1) + modes.bands, return_inverse=True)
    return np.asarray(index, dtype=np.int64)


def mirror_pairs(
    modes: ModeTable, surface: SurfaceModes, normal: Array, classes: IntArray
) -> scipy.sparse.csr_array:
    """Return A_ij = F_-i,j of a mirror, with row sums that are f or a little less.

    Args:
        modes: Mode table of the crystal that the wall reflects into.
        surface: Its modes at the wall.
        normal: Outward unit vector, shape (3,).
        classes: See `mirror_classes`.

    Returns:
        Symmetric, shape (num_modes, num_modes) [W/m^2 K].
    """
    image = exact_mirror(modes, normal)
    outgoing = np.flatnonzero(surface.outgoing)
    shape = (modes.num_modes, modes.num_modes)
    if image is not None:
        # Mode j leaves as its mirror image, the partner of i.
        partner = modes.partners[image[outgoing]]
        values = np.minimum(surface.flux[outgoing], surface.flux[partner])
        values[~surface.outgoing[partner]] = 0.0
        pairs = scipy.sparse.csr_array((values, (partner, outgoing)), shape=shape)
        return _close(pairs, surface)
    kernel = _near_mirror_images(modes, outgoing, normal, classes[outgoing])
    found = redistribute(kernel, surface.flux[outgoing]).tocoo()
    rows, columns = outgoing[found.row], outgoing[found.col]
    return scipy.sparse.csr_array((found.data, (rows, columns)), shape=shape)


def weigh_pairs(pairs: scipy.sparse.csr_array, shares: Array) -> scipy.sparse.csr_array:
    """Return sqrt(p_i p_j) A_ij, shape of `pairs`."""
    root = scipy.sparse.diags_array(np.sqrt(shares))
    return scipy.sparse.csr_array(root @ pairs @ root)


def with_diffuse_rest(
    surface: SurfaceModes, pairs: scipy.sparse.csr_array, bins: IntArray
) -> FluxMatrix:
    """Return the flux matrix of symmetric pairs with what they lack of f diffuse in the bins.

    Args:
        surface: The modes at the surface.
        pairs: A, with row sums of at most f, shape (M, M) [W/m^2 K].
        bins: Bin of each mode in the diffuse part, shape (M,).
    """
    target = np.where(surface.outgoing, surface.flux, 0.0)
    pairs = cap_rows(pairs, target)
    rest = np.maximum(target - pairs.sum(axis=1), 0.0)
    # Round-off, as in an exact mirror, is closed on the diagonal instead of spread over a bin.
    tiny = rest <= 1e-12 * target
    pairs = pairs + scipy.sparse.diags_array(np.where(tiny, rest, 0.0))
    weights = np.where(tiny, 0.0, rest)
    weights = weights + weights[surface.partners]
    index = np.where(weights > 0.0, bins, -1)
    return assemble(surface, pairs=scipy.sparse.csr_array(pairs), bins=index, weights=weights)


def _close(pairs: scipy.sparse.csr_array, surface: SurfaceModes) -> scipy.sparse.csr_array:
    """Return the pairs with what a row lacks of f on its diagonal: round-off of mirror images."""
    target = np.where(surface.outgoing, surface.flux, 0.0)
    rest = scipy.sparse.diags_array(np.maximum(target - pairs.sum(axis=1), 0.0))
    return scipy.sparse.csr_array(pairs + rest)


def _near_mirror_images(
    modes: ModeTable, outgoing: IntArray, normal: Array, classes: IntArray
) -> scipy.sparse.csr_array:
    """Return the closeness of -v_i to the mirrored v_j of outgoing modes, for near pairs."""
    velocities = modes.velocities[outgoing]
    speeds = np.linalg.norm(velocities, axis=1)
    directions = velocities / speeds[:, None]
    # Classes lie farther apart than any two modes of one class.
    rest = [SPEED_WEIGHT * speeds / speeds.max(), 10.0 * classes]
    images = 2.0 * np.outer(directions @ normal, normal) - directions
    num, count = outgoing.size, min(NEIGHBOURS, outgoing.size)
    tree = cKDTree(np.column_stack([directions, *rest]))
    distance, index = tree.query(
        np.column_stack([images, *rest]), k=[*range(1, count + 1)], distance_upper_bound=5.0
    )
    found = np.isfinite(distance)
    # Half of the neighbours within the reach of a mode; the floor serves coinciding modes.
    reach = np.where(found, distance, 0.0)[:, (count + 1) // 2 - 1] + 1e-6
    rows, columns = np.nonzero(found)[0], index[found]
    closeness = np.exp(-(distance[found] ** 2) / (reach[rows] * reach[columns]))
    kernel = scipy.sparse.csr_array((closeness, (rows, columns)), shape=(num, num))
    return scipy.sparse.csr_array(kernel.maximum(kernel.T))
