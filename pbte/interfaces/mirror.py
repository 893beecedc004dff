"""Mirror images of modes in a plane, where the set of modes has them."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from pbte.core.types import Array, IntArray
from pbte.materials.modes import Crystal, ModeTable
from pbte.materials.symmetry import grid_index

SAME_VELOCITY = 1e-6
"""Velocities closer than this share of the largest speed are the same [-]: normals from a mesh are
good to much more, and the laws hold exactly whatever is left."""


def exact_mirror(modes: ModeTable, normal: Array) -> IntArray | None:
    """Return the mirror image of each mode in the plane with this normal, if all have one.

    In a crystal the mirror must belong to its point group; the image has the mirrored wave vector
    and the same branch. In a model crystal it is the mode of the same branch with the mirrored
    velocity.

    Args:
        modes: Mode table.
        normal: Unit vector, shape (3,).

    Returns:
        Index of the image, shape (num_modes,), an involution that commutes with time reversal;
        None when the grid has no such mirror plane.
    """
    reflection = np.eye(3) - 2.0 * np.outer(normal, normal)
    if modes.crystal is None:
        image = _by_velocity(modes, reflection)
    else:
        image = _by_wave_vector(modes, modes.crystal, reflection)
    if image is None or not np.array_equal(image[image], np.arange(modes.num_modes)):
        return None
    if not np.array_equal(modes.partners[image], image[modes.partners]):
        return None
    violation = np.abs(modes.velocities[image] - modes.velocities @ reflection).max()
    return image if violation <= SAME_VELOCITY * np.abs(modes.velocities).max() else None


def _by_wave_vector(modes: ModeTable, crystal: Crystal, reflection: Array) -> IntArray | None:
    if not np.any(np.abs(crystal.rotations - reflection).max(axis=(1, 2)) < SAME_VELOCITY):
        return None
    points, of_mode = np.unique(modes.grid_points, return_inverse=True)
    first = np.zeros(points.size, dtype=np.int64)
    first[of_mode] = np.arange(modes.num_modes)
    mirrored = modes.wave_vectors[first] @ reflection
    index, image = (
        _grid_index(vectors, crystal) for vectors in (modes.wave_vectors[first], mirrored)
    )
    # The mode of a point and a branch, through a table of all of them.
    num_bands = int(modes.bands.max()) + 1
    table = np.full((int(np.prod(crystal.mesh)), num_bands), -1, dtype=np.int64)
    table[index[of_mode], modes.bands] = np.arange(modes.num_modes)
    found = table[image[of_mode], modes.bands]
    return None if np.any(found < 0) else found


def _grid_index(wave_vectors: Array, crystal: Crystal) -> IntArray:
    # q . a_i = 2 pi address_i / mesh_i
    addresses = wave_vectors @ crystal.lattice.T / (2.0 * np.pi) * np.array(crystal.mesh)
    return grid_index(np.rint(addresses).astype(np.int64), crystal.mesh)


def _by_velocity(modes: ModeTable, reflection: Array) -> IntArray | None:
    largest = np.abs(modes.velocities).max()
    # Branches, and levels of a branch, lie farther apart than any two velocities.
    label = np.unique(
        np.column_stack([modes.bands, modes.frequencies]), axis=0, return_inverse=True
    )
    apart = 10.0 * label[1].reshape(-1, 1)
    tree = cKDTree(np.hstack([modes.velocities / largest, apart]))
    distance, image = tree.query(np.hstack([modes.velocities @ reflection / largest, apart]))
    return None if distance.max() > SAME_VELOCITY else np.asarray(image, dtype=np.int64)
