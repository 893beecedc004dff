"""Point-group symmetry on a grid of wave vectors, and averages over it.

A grid of wave vectors is mapped onto itself by the point group of the crystal, to which time
reversal (q -> -q) always belongs. Averaging over the group makes quantities that are computed at
the irreducible wave vectors only, or with weights that favour some directions, exactly symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.types import Array, IntArray


@dataclass(frozen=True, kw_only=True)
class GridSymmetry:
    """A grid of wave vectors and its permutations under the point group."""

    mesh: tuple[int, int, int]
    """Number of points along each reciprocal-lattice vector."""
    addresses: IntArray
    """Integer coordinates, shape (num_q, 3): q = address / mesh in reciprocal-lattice vectors."""
    rotations: Array
    """Cartesian matrices R of the group, shape (num_rotations, 3, 3)."""
    permutations: IntArray
    """Index of R q for every operation and q, shape (num_rotations, num_q)."""
    opposite: IntArray
    """Index of -q, shape (num_q,)."""
    irreducible: IntArray
    """Index of one wave vector of every star, ascending, shape (num_irreducible,)."""
    weights: IntArray
    """Number of wave vectors in the star of each irreducible one, shape (num_irreducible,)."""

    @property
    def num_q(self) -> int:
        """Number of wave vectors."""
        return len(self.addresses)

    @property
    def representatives(self) -> IntArray:
        """Index of the irreducible wave vector in the star of each q, shape (num_q,)."""
        return np.asarray(self.permutations.min(axis=0), dtype=np.int64)


def grid_index(addresses: IntArray, mesh: tuple[int, int, int]) -> IntArray:
    """Return the index of each grid address, wrapped into the grid, first axis fastest.

    Args:
        addresses: Integer coordinates, shape (..., 3).
        mesh: Number of points along each axis.
    """
    wrapped = np.asarray(np.mod(addresses, mesh), dtype=np.int64)
    strides = np.array([1, mesh[0], mesh[0] * mesh[1]], dtype=np.int64)
    index: IntArray = wrapped @ strides
    return index


def grid_symmetry(
    addresses: IntArray,
    mesh: tuple[int, int, int],
    reciprocal_rotations: IntArray,
    rotations: Array,
) -> GridSymmetry:
    """Return the permutations of a grid of wave vectors under a point group.

    Args:
        addresses: Integer coordinates in the order of `grid_index`, shape (num_q, 3).
        mesh: Number of points along each axis.
        reciprocal_rotations: The operations on the addresses, shape (num_rotations, 3, 3).
        rotations: The same operations as Cartesian matrices, shape (num_rotations, 3, 3).

    Raises:
        ValueError: The addresses are out of order, an operation does not map the grid onto
            itself, or the group lacks q -> -q.
    """
    if not np.array_equal(grid_index(addresses, mesh), np.arange(len(addresses))):
        raise ValueError("the grid addresses are not in the order of their indices")
    rotated = np.einsum("rab,qb->rqa", reciprocal_rotations, addresses)
    permutations = grid_index(rotated, mesh)
    onto_itself = np.all(np.sort(permutations, axis=1) == np.arange(len(addresses)), axis=1)
    if not onto_itself.all():
        raise ValueError(
            f"{np.count_nonzero(~onto_itself)} of {len(rotations)} symmetry operations of the"
            f" crystal do not map the {mesh[0]}x{mesh[1]}x{mesh[2]} grid onto itself"
        )
    opposite = grid_index(-addresses, mesh)
    if not np.any(np.all(permutations == opposite, axis=1)):
        raise ValueError("the point group lacks time reversal, q -> -q")
    irreducible, weights = np.unique(permutations.min(axis=0), return_counts=True)
    return GridSymmetry(
        mesh=mesh,
        addresses=addresses,
        rotations=rotations,
        permutations=permutations,
        opposite=opposite,
        irreducible=irreducible,
        weights=weights,
    )


def average_scalars(values: Array, symmetry: GridSymmetry) -> Array:
    """Return values that are equal on every star of wave vectors.

    Args:
        values: One value per wave vector (and band), shape (num_q, ...).
        symmetry: The grid and its point group.
    """
    mean = np.zeros_like(values)
    for permutation in symmetry.permutations:
        mean += values[permutation]
    mean /= len(symmetry.permutations)
    # The terms of two members of a star are added in different orders: make them equal bit by bit.
    return np.asarray(mean[symmetry.representatives])


def spread_vectors(vectors: Array, symmetry: GridSymmetry) -> Array:
    """Return vectors on the whole grid from those at the irreducible wave vectors.

    Vectors obey v(R q) = R v(q) afterwards, also for the R that leave q alone, and v(-q) = -v(q)
    holds bit by bit.

    Args:
        vectors: Cartesian vectors, shape (num_irreducible, num_bands, 3).
        symmetry: The grid and its point group.

    Returns:
        Shape (num_q, num_bands, 3).
    """
    total = np.zeros((symmetry.num_q, *vectors.shape[1:]))
    for r, rotation in enumerate(symmetry.rotations):
        for k, image in enumerate(symmetry.permutations[r, symmetry.irreducible]):
            total[image] += vectors[k] @ rotation.T
    in_place = symmetry.permutations == np.arange(symmetry.num_q)
    total /= in_place.sum(axis=0)[:, None, None]
    return np.asarray(0.5 * (total - total[symmetry.opposite]))


def irreducible_rows(
    matrix: npt.NDArray[np.floating], symmetry: GridSymmetry
) -> npt.NDArray[np.float64]:
    """Return the irreducible rows of the average of R A R^T over the point group.

    They determine the whole average, which is never built.

    Args:
        matrix: A, shape (num_q, num_bands, num_q, num_bands).
        symmetry: The grid and its point group.

    Returns:
        Shape (num_irreducible, num_bands, num_q, num_bands).
    """
    num_bands = matrix.shape[1]
    rows = np.zeros((len(symmetry.irreducible), num_bands, symmetry.num_q, num_bands))
    for k, q in enumerate(symmetry.irreducible):
        for permutation in symmetry.permutations:
            rows[k] += matrix[permutation[q]][:, permutation, :]
    rows /= len(symmetry.permutations)
    return rows
