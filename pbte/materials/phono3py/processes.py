r"""The scattering matrix as a sum over processes, from |V3|^2 and delta functions.

With n = nbar + sqrt(D) phi, D = nbar (nbar + 1), the linearised collision term is -A phi with

    A = sum over processes of P u u^T / (sqrt(D) sqrt(D)),

one positive rate P per process and one vector u with an entry per participating mode: +1 for a
phonon that decays, -1 for the two it becomes (isotopes: +1 and -1). So A is symmetric and
positive semidefinite whatever the rates; its diagonal is the loss rate 1/tau. (It is not the
matrix of phono3py's collision-*.hdf5, which is folded with f(-q) = -f(q): good for the
conductivity, wrong for everything even in q, i.e. for temperature.)

Energy is conserved if the frequencies w of each process satisfy u . w = 0. Delta functions of
finite width violate that, so u is projected within its own modes,

    u' = u - (u . w) / (w . w) w,

which conserves energy to round-off, keeps symmetry and definiteness, and is u itself on shell.

Conventions as in phono3py (L. Chaput, A. Togo, I. Tanaka, Phys. Rev. B 91, 094306 (2015)):
q0 + q1 + q2 = G. Isotopes: S. Tamura, Phys. Rev. B 27, 858 (1983).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.constants import REDUCED_PLANCK
from pbte.core.types import Array, BoolArray, IntArray
from pbte.materials.statistics import reduced_energy
from pbte.materials.symmetry import GridSymmetry, grid_index, irreducible_rows

ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, kw_only=True)
class GridModes:
    """The modes of a crystal on a full grid of wave vectors, with degeneracies and fluctuations."""

    symmetry: GridSymmetry
    temperature: float
    """Reference temperature T0 [K]."""
    frequencies: Array
    """Angular frequencies, equal on every star, shape (num_q, num_bands) [rad/s]."""
    active: BoolArray
    """False for the three translations at Gamma, shape (num_q, num_bands)."""
    degeneracy: Array
    """Matrix that averages over degenerate bands, shape (num_q, num_bands, num_bands)."""
    fluctuations: Array
    """sqrt(nbar (nbar + 1)) = 1 / (2 sinh(x/2)), 0 for inactive modes, (num_q, num_bands)."""


def grid_modes(
    symmetry: GridSymmetry,
    frequencies: Array,
    active: BoolArray,
    temperature: float,
    *,
    tolerance: float,
) -> GridModes:
    """Return the modes of a grid with their degeneracies and thermal fluctuations.

    Args:
        symmetry: The grid and its point group.
        frequencies: Angular frequencies, ascending with the band, shape (num_q, num_bands)
            [rad/s].
        active: Modes that scatter and carry heat, shape (num_q, num_bands).
        temperature: Reference temperature [K].
        tolerance: Neighbouring bands that are closer count as degenerate [rad/s].
    """
    degeneracy = degenerate_average(frequencies, tolerance)
    frequencies = np.where(active, np.einsum("qab,qb->qa", degeneracy, frequencies), 0.0)
    x = reduced_energy(np.where(active, frequencies, 1.0), temperature)
    return GridModes(
        symmetry=symmetry,
        temperature=temperature,
        frequencies=frequencies,
        active=active,
        degeneracy=degeneracy,
        fluctuations=np.where(active, 0.5 / np.sinh(0.5 * x), 0.0),
    )


def degenerate_average(frequencies: Array, tolerance: float) -> Array:
    """Return the matrices that average over the degenerate bands of each wave vector.

    Rates must not depend on the basis that the diagonalisation chose within a set of degenerate
    modes.

    Args:
        frequencies: Ascending with the band, shape (num_q, num_bands).
        tolerance: Neighbouring bands that are closer count as degenerate [unit of frequencies].

    Returns:
        Rows sum to 1, shape (num_q, num_bands, num_bands).
    """
    steps = np.diff(frequencies, axis=1, prepend=frequencies[:, :1]) > tolerance
    sets = np.cumsum(steps, axis=1)
    same = (sets[:, :, None] == sets[:, None, :]).astype(np.float64)
    return np.asarray(same / same.sum(axis=2, keepdims=True))


@dataclass(frozen=True, kw_only=True)
class Processes:
    """All processes of one kind that the modes at one wave vector take part in."""

    rates: Array
    """P, shape (num_q, num_bands, num_bands[, num_bands]) [1/s]; axis 0: grid point of member 1,
    the others: bands of members 0, 1 (, 2)."""
    members: tuple[int | IntArray, ...]
    """Grid point of each member: an index for member 0, shape (num_q,) for the others."""
    signs: tuple[float, ...]
    """Entry of u for each member, +1 or -1."""


def opposite_sum(symmetry: GridSymmetry, q0: int) -> IntArray:
    """Return the index of q2 = -q0 - q1 for every q1, shape (num_q,)."""
    return grid_index(-symmetry.addresses[q0] - symmetry.addresses, symmetry.mesh)


def triple_processes(
    modes: GridModes, q0: int, strengths: Array, deltas: tuple[Array, Array, Array]
) -> tuple[Processes, Processes, Processes]:
    """Return the three-phonon processes of the modes at q0.

    A phonon at -q is created where one at q is destroyed, so |V3|^2 of q0 + q1 + q2 = G serves
    three processes: 0 -> (-1) + (-2), 0 + 1 -> (-2) and 0 + 2 -> (-1).

    Args:
        modes: The modes of the grid.
        q0: Index of the wave vector.
        strengths: |V3|^2 of phono3py, which holds 1/num_q, shape (num_q, num_bands, num_bands,
            num_bands): q1, bands of q0, q1, q2 [J^2].
        deltas: delta(w0 - w1 - w2), delta(w0 + w1 - w2), delta(w0 - w1 + w2), each of the shape
            of strengths [s].

    Returns:
        Decays, absorptions of 1 and absorptions of 2, with the rates
        P = 36 pi / hbar^2 |V3|^2 delta sqrt(D0 D1 D2); on the energy shell sqrt(D0 D1 D2) is
        nbar0 (nbar1 + 1) (nbar2 + 1) of a decay, but it treats the three phonons alike off it too.
    """
    symmetry, opposite = modes.symmetry, modes.symmetry.opposite
    q1 = np.arange(symmetry.num_q)
    q2 = opposite_sum(symmetry, q0)
    thermal = np.einsum(
        "i,nj,nk->nijk", modes.fluctuations[q0], modes.fluctuations[q1], modes.fluctuations[q2]
    )
    # Gamma = 18 pi / hbar^2 sum |V3|^2 (...) delta(w) is half of 1/tau.
    thermal *= 36.0 * np.pi / REDUCED_PLANCK**2
    kinds = (
        ((1.0, -1.0, -1.0), (q0, opposite[q1], opposite[q2])),
        ((-1.0, -1.0, 1.0), (q0, q1, opposite[q2])),
        ((-1.0, 1.0, -1.0), (q0, opposite[q1], q2)),
    )
    averages = [modes.degeneracy[q] for q in (q0, q1, q2)]
    processes = []
    for delta, (signs, members) in zip(deltas, kinds, strict=True):
        rates = np.einsum("ia,najk->nijk", averages[0], strengths * delta)
        rates = np.einsum("njb,nibk->nijk", averages[1], rates)
        rates = np.einsum("nkc,nijc->nijk", averages[2], rates) * thermal
        processes.append(Processes(rates=rates, members=members, signs=signs))
    return processes[0], processes[1], processes[2]


def isotope_processes(
    modes: GridModes, q0: int, eigenvectors: ComplexArray, variances: Array, sigma: float
) -> Processes:
    """Return the elastic scattering of the modes at q0 by isotopes.

    1/tau = pi/(2 N) w^2 sum over modes' of sum_k g_k |e_k* . e'_k|^2 delta(w - w'), Tamura (1983).

    Args:
        modes: The modes of the grid.
        q0: Index of the wave vector.
        eigenvectors: Shape (num_q, 3 num_atoms, num_bands).
        variances: Mass variance g of each atom, shape (num_atoms,) [-].
        sigma: Width of the Gaussian that stands for the delta function [rad/s].
    """
    num_q, num_components, num_bands = eigenvectors.shape
    per_atom = (num_q, num_components // 3, 3, num_bands)
    vectors = eigenvectors.reshape(per_atom)
    products = np.einsum("kxa,nkxb->nkab", vectors[q0].conj(), vectors, optimize=True)
    overlap = np.einsum("k,nkab->nab", variances, np.abs(products) ** 2)
    w0, w1 = modes.frequencies[q0][None, :, None], modes.frequencies[:, None, :]
    rates = np.pi / (2.0 * num_q) * w0 * w1 * overlap * gaussian(w0 - w1, sigma)
    rates = np.einsum("ia,najx->nijx", modes.degeneracy[q0], rates[..., None])[..., 0]
    rates = np.einsum("njb,nib->nij", modes.degeneracy, rates)
    rates *= modes.fluctuations[q0][None, :, None] * modes.fluctuations[:, None, :]
    return Processes(rates=rates, members=(q0, np.arange(num_q)), signs=(1.0, -1.0))


def gaussian(x: Array, sigma: float) -> Array:
    """Return the normalised Gaussian of standard deviation sigma at x [1/unit of x]."""
    values = np.exp(-0.5 * (x / sigma) ** 2) / (sigma * np.sqrt(2.0 * np.pi))
    return np.asarray(values, dtype=np.float64)


class ProcessSum:
    """The sum of P u u^T over processes, accumulated one wave vector at a time.

    Holds one dense array of num_modes^2 doubles: 0.15 GB on a 9^3 grid with 6 bands, 0.5 GB on
    11^3.
    """

    def __init__(self, modes: GridModes, *, conserve_energy: bool = True) -> None:
        """Initialise the sum with zero.

        Args:
            modes: The modes of the grid.
            conserve_energy: Project each u; False only to measure the violation.
        """
        num_q, num_bands = modes.frequencies.shape
        self.modes = modes
        self.conserve_energy = conserve_energy
        self.matrix: Array = np.zeros((num_q, num_bands, num_q, num_bands))

    def add(self, processes: Processes, weight: float) -> None:
        """Add processes, each times `weight`.

        Summed over all wave vectors every process is met once from each of its members: the
        weight is the size of the star of q0 divided by the number of members.
        """
        rates = weight * processes.rates
        members = processes.members
        bands = "ijk"[: len(members)]
        shares = self._shares(processes)
        for m, share in enumerate(shares):
            loss = np.einsum(f"n{bands}->n{bands[m]}", rates * share**2)
            self._add_to_diagonal(members[m], loss)
            for n in range(m):
                gain = np.einsum(f"n{bands}->n{bands[n]}{bands[m]}", rates * shares[n] * share)
                self.matrix[members[n], :, members[m], :] += gain
                self.matrix[members[m], :, members[n], :] += gain.swapaxes(1, 2)

    def symmetric_rows(self) -> Array:
        """Return the irreducible rows of A, averaged over the point group.

        Returns:
            Shape (num_irreducible, num_bands, num_q, num_bands) [1/s]; rows and columns of
            inactive modes are zero.
        """
        rows = irreducible_rows(self.matrix, self.modes.symmetry)
        scale = np.where(self.modes.active, self.modes.fluctuations, np.inf)
        rows /= scale[self.modes.symmetry.irreducible][:, :, None, None]
        rows /= scale
        return rows

    def _shares(self, processes: Processes) -> list[Array]:
        """Return u' of each member, in shapes that broadcast against the rates."""
        num_members = len(processes.members)
        frequencies = []
        for m, grid_points in enumerate(processes.members):
            values = np.atleast_2d(self.modes.frequencies[grid_points])
            axes = [m_ + 1 for m_ in range(num_members) if m_ != m]
            frequencies.append(np.expand_dims(values, axes))
        if not self.conserve_energy:
            return [np.full((1,) * (num_members + 1), sign) for sign in processes.signs]
        mismatch = sum(s * w for s, w in zip(processes.signs, frequencies, strict=True))
        norm = np.asarray(sum(w**2 for w in frequencies))
        ratio = mismatch / np.where(norm > 0.0, norm, 1.0)
        return [s - ratio * w for s, w in zip(processes.signs, frequencies, strict=True)]

    def _add_to_diagonal(self, grid_points: int | IntArray, loss: Array) -> None:
        bands = np.arange(loss.shape[1])
        if isinstance(grid_points, np.ndarray):
            index = grid_points[:, None]
            self.matrix[index, bands, index, bands] += loss
        else:
            self.matrix[grid_points, bands, grid_points, bands] += loss.sum(axis=0)
