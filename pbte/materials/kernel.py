"""Collision kernels: in-scattering of the linearised phonon Boltzmann equation.

In the transport equation (v . grad + Gamma) theta = M theta + g the in-scattering matrix M acts on
mode temperatures theta [K]. With c the heat capacities, K = c M is symmetric (detailed balance) and
its row sums are c Gamma (energy conservation, and equilibrium: M 1 = Gamma). A kernel is stored

- *full*: B = c^1/2 M c^-1/2, symmetric with zero diagonal, as its two parity blocks. Inversion
  q -> -q leaves B unchanged, so it never mixes even and odd combinations of a pair (q, -q);
- *factored*: M = w_in w_out. Only the moments w_out theta are needed on a mesh. The relaxation-time
  approximation is the factored kernel of rank one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np
import scipy.linalg

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.materials.modes import ModeTable

DEGENERATE = 1e-7
"""Eigenvalues of the normalised kernel closer than this count as one degenerate set [-]."""


class CollisionKernel(Protocol):
    """In-scattering of the modes of one crystal."""

    @property
    def modes(self) -> ModeTable:
        """The modes that are scattered."""
        ...

    def in_scattering(self, temperatures: Array) -> Array:
        """Return M theta, shape of `temperatures`, (num_modes,) or (num_modes, n) [K/s]."""
        ...


@dataclass(frozen=True, kw_only=True)
class FullKernel:
    """The full linearised collision matrix, as its two parity blocks.

    Attributes:
        modes: Mode table, H pairs and Z self-partnered modes.
        even: Block of B on ((pair + partner)/sqrt 2, self-partnered), shape (H + Z, H + Z) [1/s].
        odd: Block of B on (pair - partner)/sqrt 2, shape (H, H) [1/s].
    """

    modes: ModeTable
    even: Array
    odd: Array

    def __post_init__(self) -> None:
        num_pairs, num_modes = self.modes.num_pairs, self.modes.num_modes
        num_even = num_modes - num_pairs
        _require_shape("even block", self.even, (num_even, num_even))
        _require_shape("odd block", self.odd, (num_pairs, num_pairs))

    def in_scattering(self, temperatures: Array) -> Array:
        """Return M theta, shape of `temperatures`, (num_modes,) or (num_modes, n) [K/s]."""
        scale = np.sqrt(self.modes.heat_capacities)
        scale = scale.reshape(-1, *(1,) * (temperatures.ndim - 1))
        even, odd = to_parity(scale * temperatures, self.modes.num_pairs)
        return np.asarray(from_parity(self.even @ even, self.odd @ odd) / scale, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class FactoredKernel:
    """A kernel M = w_in w_out of given rank.

    Attributes:
        modes: Mode table.
        w_in: Shape (num_modes, rank) [1/s].
        w_out: Weights of the moments, shape (rank, num_modes) [-]. In the kernels made here the
            first row is c Gamma / sum(c Gamma): the first moment is the temperature of scattering.
    """

    modes: ModeTable
    w_in: Array
    w_out: Array

    def __post_init__(self) -> None:
        num_modes = self.modes.num_modes
        rank = self.w_out.shape[0]
        _require_shape("w_in", self.w_in, (num_modes, rank))
        _require_shape("w_out", self.w_out, (rank, num_modes))

    @property
    def rank(self) -> int:
        """Number of moments."""
        return int(self.w_out.shape[0])

    def in_scattering(self, temperatures: Array) -> Array:
        """Return M theta, shape of `temperatures`, (num_modes,) or (num_modes, n) [K/s]."""
        return np.asarray(self.w_in @ (self.w_out @ temperatures), dtype=np.float64)


def to_parity(values: Array, num_pairs: int) -> tuple[Array, Array]:
    """Return the even and odd parts of values on the modes, an orthogonal transformation.

    Args:
        values: Shape (num_modes, ...), modes in canonical order.
        num_pairs: Number H of pairs.

    Returns:
        Even part, shape (num_modes - H, ...): (pair + partner)/sqrt 2, then the self-partnered;
        odd part, shape (H, ...): (pair - partner)/sqrt 2.
    """
    pair, partner = values[:num_pairs], values[num_pairs : 2 * num_pairs]
    even = np.concatenate([(pair + partner) * np.sqrt(0.5), values[2 * num_pairs :]])
    return even, np.asarray((pair - partner) * np.sqrt(0.5), dtype=np.float64)


def from_parity(even: Array, odd: Array) -> Array:
    """Return values on the modes from their even and odd parts; undoes `to_parity`."""
    num_pairs = odd.shape[0]
    pair = (even[:num_pairs] + odd) * np.sqrt(0.5)
    partner = (even[:num_pairs] - odd) * np.sqrt(0.5)
    return np.concatenate([pair, partner, even[num_pairs:]])


def full_matrix(kernel: CollisionKernel) -> Array:
    """Return the dense in-scattering matrix M, for tests and small problems.

    Args:
        kernel: Any kernel.

    Returns:
        M acting on mode temperatures, shape (num_modes, num_modes) [1/s].
    """
    return kernel.in_scattering(np.eye(kernel.modes.num_modes))


def project_energy(matrix: Array, null_vector: Array) -> Array:
    """Return (1 - e e^T) A (1 - e e^T), which has the null vector e exactly.

    It repairs a symmetric collision matrix that conserves energy only up to rounding or
    thresholding; symmetry and positive semidefiniteness stay. In the basis of parity it acts on
    the even block alone, for the energy vector has no odd part.

    Args:
        matrix: Symmetric collision matrix A_s, shape (n, n).
        null_vector: e, proportional to sqrt(c) in the basis of modes, shape (n,), of any length.

    Returns:
        Shape (n, n), symmetric, |A e| of the size of round-off.
    """
    unit = null_vector / np.linalg.norm(null_vector)
    for _ in range(2):  # the second pass removes the round-off of the first
        image = matrix @ unit
        image -= 0.5 * (unit @ image) * unit
        correction = np.outer(unit, image)
        matrix = matrix - correction
        matrix -= correction.T
    return matrix


def rta_kernel(modes: ModeTable) -> FactoredKernel:
    """Return the relaxation-time approximation: every mode relaxes to one common temperature.

    M = Gamma (c Gamma)^T / sum(c Gamma), the kernel of rank one with the loss rates of the table
    that conserves energy.

    Args:
        modes: Mode table.

    Returns:
        Kernel of rank one; its moment is the temperature of scattering.
    """
    weights = modes.heat_capacities * modes.loss_rates
    return FactoredKernel(
        modes=modes, w_in=modes.loss_rates[:, None].copy(), w_out=(weights / weights.sum())[None, :]
    )


def normalised_blocks(kernel: FullKernel) -> tuple[Array, Array]:
    """Return the parity blocks of Khat = D^-1/2 K D^-1/2, D = c Gamma.

    Its largest eigenvalue is 1, with eigenvector sqrt(D): equilibrium. The scattering orders of a
    thick domain diverge when its smallest eigenvalue is below -1.

    Args:
        kernel: Full kernel.

    Returns:
        Even block, shape (H + Z, H + Z), and odd block, shape (H, H) [-].
    """
    # c cancels: Khat = Gamma^-1/2 B Gamma^-1/2, and Gamma is equal for the two of a pair.
    num_pairs = kernel.modes.num_pairs
    scale = 1.0 / np.sqrt(_even_values(kernel.modes.loss_rates, num_pairs))
    even = scale[:, None] * kernel.even * scale
    odd = scale[:num_pairs, None] * kernel.odd * scale[:num_pairs]
    return even, odd


def truncated_kernel(full: FullKernel, rank: int) -> FactoredKernel:
    """Return the factored kernel of the leading eigenvectors of the normalised kernel.

    Leading means of largest modulus. The energy pair (1, sqrt(c Gamma)) is exact and the others are
    made orthogonal to it, so that energy is conserved to round-off and equilibrium kept at any
    rank. A degenerate set is kept whole or left out, because a part of it would break the symmetry
    of the crystal: the rank may be a little smaller than asked for.

    Args:
        full: Full kernel.
        rank: Largest number of moments, at least 1; 1 is the relaxation-time approximation.

    Returns:
        Factored kernel of rank at most `rank`.

    Raises:
        InputError: The rank is not between 1 and the number of modes.
    """
    modes = full.modes
    if not 1 <= rank <= modes.num_modes:
        raise InputError(f"rank = {rank}; it must be between 1 and {modes.num_modes} modes")
    energy = rta_kernel(modes)
    if rank == 1:
        return energy
    values, vectors = _leading_eigenvectors(full, rank - 1)
    weights = modes.heat_capacities * modes.loss_rates
    equilibrium = np.sqrt(weights / weights.sum())
    for _ in range(2):  # once more: what the first pass leaves is round-off of the vectors' size
        vectors -= np.outer(equilibrium, equilibrium @ vectors)
    # K = D^1/2 U lambda U^T D^1/2 and M = K / c; scaled so that w_out has the size of an average.
    norm = np.sqrt(weights.sum())
    w_out = vectors.T * (np.sqrt(weights) / norm)
    w_in = (np.sqrt(modes.loss_rates / modes.heat_capacities) * norm)[:, None] * (vectors * values)
    return FactoredKernel(
        modes=modes,
        w_in=np.ascontiguousarray(np.hstack([energy.w_in, w_in])),
        w_out=np.ascontiguousarray(np.vstack([energy.w_out, w_out])),
    )


@dataclass(frozen=True, kw_only=True)
class KernelReport:
    """Violations of detailed balance, energy conservation and the second law by a kernel.

    Attributes:
        num_modes: Number of modes.
        rank: Rank of a factored kernel, None for a full one.
        asymmetry: Detailed balance: largest |K - K^T| over largest |K| [-].
        energy_residual: Energy conservation and equilibrium: |A e| / |diag(A) e| with A = Gamma - B
            and e = sqrt(c), from both sides, the larger [-].
        smallest_eigenvalue: Second law: smallest eigenvalue of 1 - Khat, which has the signs of the
            collision matrix [-]; zero up to round-off, for equilibrium.
        khat_min: Smallest eigenvalue of Khat; below -1 the scattering orders of a thick domain
            diverge without self-scattering [-].
        khat_second: Largest eigenvalue of Khat besides equilibrium [-].
        khat_max: Largest eigenvalue of Khat, 1 for equilibrium [-].
    """

    num_modes: int
    rank: int | None
    asymmetry: float
    energy_residual: float
    smallest_eigenvalue: float
    khat_min: float
    khat_second: float
    khat_max: float

    @property
    def is_sound(self) -> bool:
        """True if all three hold: within 1e-12 for the first two, -1e-10 for the third."""
        return (
            self.asymmetry < 1e-12
            and self.energy_residual < 1e-12
            and self.smallest_eigenvalue > -1e-10
        )

    def as_dict(self) -> dict[str, float | int | bool | None]:
        """Return name -> value of all figures, with `is_sound`."""
        return {**asdict(self), "is_sound": self.is_sound}


def check_kernel(kernel: FullKernel | FactoredKernel) -> KernelReport:
    """Return the violations of detailed balance, energy conservation and the second law.

    Args:
        kernel: Full or factored kernel; dense eigenvalues of its blocks, seconds for 4000 modes.

    Returns:
        The figures, each relative.
    """
    modes = kernel.modes
    ones = np.ones(modes.num_modes)
    scale = np.sqrt(modes.heat_capacities)
    size = np.linalg.norm(scale * modes.loss_rates)
    # M 1 = Gamma is equilibrium, 1 K = c Gamma energy conservation; the same when K is symmetric.
    right = scale * (kernel.in_scattering(ones) - modes.loss_rates)
    if isinstance(kernel, FullKernel):
        left = right
        even, odd = normalised_blocks(kernel)
        largest = float(np.abs(kernel.even).max())
        asymmetry = float(np.abs(kernel.even - kernel.even.T).max()) / largest
        if kernel.odd.size:
            odd_part = float(np.abs(kernel.odd - kernel.odd.T).max()) / largest
            asymmetry = max(asymmetry, odd_part)
        values = np.concatenate([np.linalg.eigvalsh(even), np.linalg.eigvalsh(odd)])
        rank = None
    else:
        received = (modes.heat_capacities @ kernel.w_in) @ kernel.w_out
        left = received / scale - scale * modes.loss_rates
        asymmetry = _factored_asymmetry(kernel)
        # The nonzero eigenvalues of M / Gamma, which is similar to Khat.
        small = kernel.w_out @ (kernel.w_in / modes.loss_rates[:, None])
        values = np.append(np.linalg.eigvals(small).real, 0.0)
        rank = kernel.rank
    values = np.sort(values)
    return KernelReport(
        num_modes=modes.num_modes,
        rank=rank,
        asymmetry=asymmetry,
        energy_residual=max(float(np.linalg.norm(side) / size) for side in (left, right)),
        smallest_eigenvalue=float(1.0 - values[-1]),
        khat_min=float(values[0]),
        khat_second=float(values[-2]),
        khat_max=float(values[-1]),
    )


def _factored_asymmetry(kernel: FactoredKernel, block: int = 512) -> float:
    """Return largest |K - K^T| over largest |K|, a block of rows at a time."""
    left = kernel.modes.heat_capacities[:, None] * kernel.w_in
    difference, largest = 0.0, 0.0
    for start in range(0, kernel.modes.num_modes, block):
        rows = slice(start, start + block)
        values = left[rows] @ kernel.w_out
        transposed = (left @ kernel.w_out[:, rows]).T
        difference = max(difference, float(np.abs(values - transposed).max()))
        largest = max(largest, float(np.abs(values).max()))
    return difference / largest


def _leading_eigenvectors(full: FullKernel, count: int) -> tuple[Array, Array]:
    """Return at most `count` eigenpairs of Khat besides the energy pair, largest modulus first.

    Dense eigensolver block by block: an iterative one may miss members of a degenerate set.
    """
    num_pairs, num_modes = full.modes.num_pairs, full.modes.num_modes
    even, odd = normalised_blocks(full)
    weights = full.modes.heat_capacities * full.modes.loss_rates
    equilibrium = _even_values(np.sqrt(weights / weights.sum()), num_pairs)
    equilibrium[:num_pairs] *= np.sqrt(2.0)
    even -= np.outer(equilibrium, equilibrium)  # now the energy eigenvalue is 0, and last
    even_values, even_vectors = scipy.linalg.eigh(even, overwrite_a=True, driver="evd")
    odd_values, odd_vectors = scipy.linalg.eigh(odd, overwrite_a=True, driver="evd")
    values = np.concatenate([even_values, odd_values])
    order = np.argsort(-np.abs(values), kind="stable")
    chosen = order[: _whole_sets(np.abs(values[order]), min(count, num_modes - 1))]
    from_even = chosen[chosen < even_values.size]
    from_odd = chosen[chosen >= even_values.size] - even_values.size
    vectors = np.zeros((num_modes, chosen.size))
    is_even = chosen < even_values.size
    vectors[:, is_even] = from_parity(
        even_vectors[:, from_even], np.zeros((num_pairs, from_even.size))
    )
    vectors[:, ~is_even] = from_parity(
        np.zeros((num_modes - num_pairs, from_odd.size)), odd_vectors[:, from_odd]
    )
    return values[chosen], vectors


def _whole_sets(magnitudes: Array, count: int) -> int:
    """Return the largest number up to `count` that cuts between two different magnitudes."""
    if count >= magnitudes.size:
        return count
    while count > 0 and magnitudes[count - 1] - magnitudes[count] < DEGENERATE:
        count -= 1
    return count


def _even_values(values: Array, num_pairs: int) -> Array:
    """Return a copy of per-mode values, equal within a pair, on the basis of the even block."""
    return np.concatenate([values[:num_pairs], values[2 * num_pairs :]])


def _require_shape(what: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise InputError(f"collision kernel: {what} has shape {array.shape}, expected {shape}")
