"""Response of phonons to strain, from the force constants of phono3py.

Grueneisen parameters of every mode come from the third-order force constants, elastic constants
from the long-wave limit of the second-order ones. Both are averaged over the point group.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from pbte.core.constants import ATOMIC_MASS
from pbte.core.types import Array, BoolArray
from pbte.materials.phono3py.reader import ELECTRON_VOLT, Phono3pyGrid
from pbte.materials.symmetry import average_scalars

ComplexArray = npt.NDArray[np.complex128]

LONG_WAVES = (0.005, 0.01)
"""Lengths of the wave vectors, without 2 pi, at which elastic constants are taken [1/angstrom]."""

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Cartesian pairs in the order xx, yy, zz, yz, xz, xy."""


def gruneisen_parameters(grid: Phono3pyGrid, active: BoolArray, degeneracy: Array) -> Array:
    """Return the Grueneisen parameters, minus the relative frequency change per dilatation.

    gamma = -(1/6 w^2) sum e_a* Phi3(a, b, c) . u_c e_b exp(i q . r_ab) / sqrt(m_a m_b) with u_c the
    displacement of atom c in a crystal that grows at the rate 1 along every axis: its position,
    and the relaxation of the atoms within the cell. T. H. K. Barron and M. L. Klein, in Dynamical
    Properties of Solids I (1974); the trace of the tensor of phono3py.phonon3.gruneisen, which
    takes second-order force constants only from the supercell of the third-order ones.

    Args:
        grid: The phonons.
        active: False for the translations at q = 0, whose gamma is 0, shape (num_q, num_bands).
        degeneracy: Average over the degenerate bands, shape (num_q, num_bands, num_bands).

    Returns:
        Equal on every star and in every degenerate set, shape (num_q, num_bands) [-].
    """
    primitive = grid.handle.primitive
    num_atoms = len(primitive)
    derivative = _force_constant_derivative(grid)
    vectors, multiplicity = primitive.get_smallest_vectors()
    cell_atoms = np.searchsorted(np.unique(primitive.s2p_map), primitive.s2p_map)
    masses = np.sqrt(np.outer(primitive.masses, primitive.masses))
    changes = np.empty(grid.frequencies.shape)
    for q, address in enumerate(grid.symmetry.addresses / np.array(grid.symmetry.mesh)):
        matrix = np.zeros((num_atoms, 3, num_atoms, 3), dtype=np.complex128)
        waves = np.exp(2j * np.pi * (vectors @ address))
        for a in range(num_atoms):
            for s, b in enumerate(cell_atoms):
                count, start = multiplicity[s, a]
                phase = waves[start : start + count].mean()
                matrix[a, :, b, :] += phase * derivative[a, s] / masses[a, b]
        e = grid.eigenvectors[q]
        square = np.einsum("ab,ac,cb->b", e.conj(), matrix.reshape(3 * num_atoms, -1), e).real
        changes[q] = square * ELECTRON_VOLT * 1e20 / ATOMIC_MASS  # eV/angstrom^2 amu -> 1/s^2
    averages = np.einsum("qab,qb->qa", degeneracy, changes)
    squares = np.where(active, grid.frequencies, np.inf) ** 2
    return average_scalars(-averages / (6.0 * squares), grid.symmetry)


def elastic_constants(grid: Phono3pyGrid) -> Array:
    """Return the stiffness tensor from the speeds and polarisations of long sound waves.

    The acoustic block of the dynamical matrix, the optical displacements relaxed, is
    C_ijkl q_j q_l / rho; the 21 constants are fitted to it in many directions. The field of a
    piezoelectric is left out.

    Args:
        grid: The phonons.

    Returns:
        Voigt's matrix in the order xx, yy, zz, yz, xz, xy, with the symmetry of the crystal,
        shape (6, 6) [Pa].
    """
    steps = (-1, 0, 1)
    directions = np.array([n for n in itertools.product(steps, repeat=3) if n > (0, 0, 0)], float)
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    squares = np.array([_christoffel(grid, n) for n in directions])
    cell = grid.handle.primitive
    density = cell.masses.sum() * ATOMIC_MASS / (cell.volume * 1e-30)
    pairs = [(i, j) for i in range(6) for j in range(i, 6)]
    basis = np.zeros((len(pairs), 6, 6))
    for k, (i, j) in enumerate(pairs):
        basis[k, i, j] = basis[k, j, i] = 1.0
    tensors = _tensor(basis)
    design = np.einsum("pijkl,nj,nl->nikp", tensors, directions, directions)
    design = design.reshape(-1, len(pairs))
    fitted = np.linalg.lstsq(design, density * squares.ravel(), rcond=None)[0]
    tensor = np.einsum("p,pijkl->ijkl", fitted, tensors)
    mean = np.zeros_like(tensor)
    for r in grid.symmetry.rotations:
        mean += np.einsum("ai,bj,ck,dl,ijkl->abcd", r, r, r, r, tensor, optimize=True)
    mean /= len(grid.symmetry.rotations)
    return np.array([[mean[(*a, *b)] for b in VOIGT] for a in VOIGT])


def _tensor(voigt: Array) -> Array:
    """Return C_ijkl of Voigt matrices, shape (..., 6, 6) -> (..., 3, 3, 3, 3)."""
    index = np.zeros((3, 3), dtype=np.int64)
    for k, (i, j) in enumerate(VOIGT):
        index[i, j] = index[j, i] = k
    return np.asarray(voigt[..., index[:, :, None, None], index])


def _christoffel(grid: Phono3pyGrid, direction: Array) -> Array:
    """Return C_ijkl n_j n_l / rho, shape (3, 3) [m^2/s^2]."""
    dynamical = grid.handle.phph_interaction.dynamical_matrix
    cell = grid.handle.primitive
    masses = np.repeat(np.sqrt(cell.masses / cell.masses.sum()), 3)
    acoustic = masses[:, None] * np.tile(np.eye(3), (len(cell), 1))
    optical = np.linalg.svd(acoustic, full_matrices=True)[0][:, 3:]

    def relaxed(length: float) -> Array:
        dynamical.run(cell.cell @ (length * direction))
        matrix: ComplexArray = np.array(dynamical.dynamical_matrix)
        block = acoustic.T @ matrix @ acoustic
        if optical.shape[1]:
            mixed = optical.T @ matrix @ acoustic
            block = block - mixed.conj().T @ np.linalg.solve(optical.T @ matrix @ optical, mixed)
        return np.asarray(block.real, dtype=np.float64)

    # Less the value at 0, where noise in the force constants leaves a residue; two lengths then
    # eliminate the term in q^4, the onset of dispersion.
    rest = relaxed(0.0)
    short, long = ((relaxed(q) - rest) / (2.0 * np.pi * q) ** 2 for q in LONG_WAVES)
    ratio = (LONG_WAVES[1] / LONG_WAVES[0]) ** 2
    limit = (ratio * short - long) / (ratio - 1.0)
    return np.asarray(limit * (ELECTRON_VOLT / ATOMIC_MASS), dtype=np.float64)


def _force_constant_derivative(grid: Phono3pyGrid) -> Array:
    """Return the derivative of the force constants by the logarithm of the length of the crystal.

    Shape (num_atoms, num_supercell_atoms, 3, 3) [eV/angstrom^2].
    """
    primitive = grid.handle.primitive
    third = _compact(grid.handle.fc3, primitive)
    cell_atoms = np.searchsorted(np.unique(primitive.s2p_map), primitive.s2p_map)
    relaxation = _relaxation(grid)[cell_atoms]
    derivative = np.empty((*third.shape[:2], 3, 3))
    for a in range(len(primitive)):
        displacement = _positions(primitive, a) + relaxation
        derivative[a] = np.einsum("scijk,ck->sij", third[a], displacement, optimize=True)
    return derivative


def _relaxation(grid: Phono3pyGrid) -> Array:
    """Return the internal relaxation of the atoms of the cell, shape (num_atoms, 3) [angstrom].

    Per unit of the logarithm of the length; zero where symmetry holds every atom, as in diamond.
    """
    cell = grid.handle.phonon_primitive
    second = _compact(grid.handle.fc2, cell)
    num_atoms = len(cell)
    members = np.unique(cell.s2p_map)
    forces = np.empty((num_atoms, 3))
    springs = np.empty((num_atoms, 3, num_atoms, 3))
    for a in range(num_atoms):
        forces[a] = -np.einsum("sij,sj->i", second[a], _positions(cell, a))
        for b, member in enumerate(members):
            springs[a, :, b, :] = second[a, cell.s2p_map == member].sum(axis=0)
    matrix = springs.reshape(3 * num_atoms, -1)
    # the three translations have no spring
    inverse = np.linalg.pinv(0.5 * (matrix + matrix.T), rcond=1e-6, hermitian=True)
    moved = inverse @ forces.ravel()
    return np.asarray(moved.reshape(num_atoms, 3))


def _positions(cell: Any, atom: int) -> Array:
    """Return the shortest vector from an atom to every atom of the supercell [angstrom].

    Where several are equally short, their mean.
    """
    vectors, multiplicity = cell.get_smallest_vectors()
    means = [vectors[start : start + count].mean(axis=0) for count, start in multiplicity[:, atom]]
    return np.asarray(np.array(means) @ cell.cell)


def _compact(constants: Array, cell: Any) -> Array:
    """Return the force constants of the atoms of the primitive cell only."""
    return constants if len(constants) == len(cell) else constants[cell.p2s_map]
