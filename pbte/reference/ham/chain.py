"""Chain of many-level subunits whose energy diffuses: Hamiltonian, rate equation, criteria.

Each subunit is a ground level and a band of n levels; a weak random coupling transfers one
excitation between neighbours. The Hilbert space average method (HAM) predicts that the
probabilities of the subunits obey a rate equation, although the dynamics is Schroedinger's.

Source: M. Michel, G. Mahler and J. Gemmer, "Fourier's law from Schroedinger dynamics",
cond-mat/0510471; at length M. Michel, J. Gemmer and G. Mahler, Phys. Rev. E 73, 016101 (2006),
cond-mat/0511727. Numbers in parentheses are equations of the long paper, labels C1 to C9 those
that the tests use.

The exact evolution is in `pbte.reference.ham.evolution`, the deviation of the prediction from it in
`pbte.reference.ham.deviation`, the conductivity in `pbte.reference.ham.conductivity`.

Units: hbar = k_B = 1 and any one unit of energy [E], in the paper the gap dE. Times are in
[hbar/E], rates in [E/hbar].
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import not_negative, positive

ComplexArray = npt.NDArray[np.complex128]
Seed = int | np.random.Generator


@dataclass(frozen=True, kw_only=True)
class HamChain:
    """An open, isolated chain of equal subunits with one excitation in it (C1).

    The defaults are the parameters of the paper. The paper calls the chain "closed" in the sense of
    isolated: it has two ends, as (30) and (32) show.

    Attributes:
        num_subunits: N, at least 2.
        num_levels: n, levels in the band of a subunit.
        band_width: de, width of the band [E].
        coupling: lambda, strength of the coupling of neighbours [E].
        gap: dE, from the ground level to the centre of the band [E].

    Raises:
        InputError: A number is no positive integer, or another value is not positive.
    """

    num_subunits: int = 2
    num_levels: int = 500
    band_width: float = 0.05
    coupling: float = 5e-5
    gap: float = 1.0

    def __post_init__(self) -> None:
        check_count("num_subunits", self.num_subunits, least=2)
        check_count("num_levels", self.num_levels)
        positive("band width", self.band_width)
        positive("coupling", self.coupling)
        positive("gap", self.gap)

    @property
    def num_states(self) -> int:
        """Dimension of the space of one excitation, N n."""
        return self.num_subunits * self.num_levels

    @property
    def rate(self) -> float:
        """Golden-rule rate between neighbours kappa = 2 pi lambda^2 n/(hbar de) [E/hbar] (C3).

        Equations (26) and (27), per neighbour. Holds for coupling blocks with mean square element
        1, a normalisation that the paper does not state. On the way to it, the second-order terms
        of (20) carry 1/hbar^2 (positive with U_1^2, negative with U_2) and not the printed i/hbar,
        and the factor 2 in (21) is right only if (U_1)^2 counts one neighbour: unitarity requires
        U_2 + U_2^dagger = (U_1)^2.
        """
        return 2.0 * math.pi * self.coupling**2 * self.num_levels / self.band_width

    @property
    def relaxation_time(self) -> float:
        """Time tau = 1/kappa [hbar/E]: our reading of (33), where the paper leaves it open."""
        return 1.0 / self.rate


def critical_chain(
    *, num_subunits: int = 2, num_levels: int, band_width: float = 0.05, gap: float = 1.0
) -> HamChain:
    """Return the chain that exactly meets the first criterion of (29): lambda = de/(2 n) (C6).

    So we read figure 5, where the paper does not say how lambda changes with n. The default band
    width and n = 500 give the parameters of the paper.

    Args:
        num_subunits: N.
        num_levels: n.
        band_width: de [E].
        gap: dE [E].

    Raises:
        InputError: A number is no positive integer, or a width or gap is not positive.
    """
    check_count("num_levels", num_levels)
    return HamChain(
        num_subunits=num_subunits,
        num_levels=num_levels,
        band_width=band_width,
        coupling=band_width / (2.0 * num_levels),
        gap=gap,
    )


def level_energies(chain: HamChain) -> Array:
    """Return the levels of a band relative to its centre (C1).

    e_i = (i + 1/2) de/n - de/2, equally spaced and symmetric about zero.

    Returns:
        Energies, shape (n,) [E].
    """
    step = chain.band_width / chain.num_levels
    return np.asarray((np.arange(chain.num_levels) + 0.5) * step - 0.5 * chain.band_width)


def random_couplings(chain: HamChain, seed: Seed) -> ComplexArray:
    """Return random coupling blocks, one for each pair of neighbours (C2).

    Independent complex Gaussian matrices, each scaled so that the mean of |v_ij|^2 is exactly 1,
    the only normalisation that gives the rate of (26) and (27); the paper says "normalized" only.

    Args:
        chain: The chain.
        seed: Seed or generator of random numbers.

    Returns:
        Blocks v[mu] from subunit mu + 1 to subunit mu, shape (N - 1, n, n) [-].

    Raises:
        InputError: The seed is negative.
    """
    shape = (chain.num_subunits - 1, chain.num_levels, chain.num_levels)
    blocks = complex_gaussian(shape, seed)
    blocks /= np.sqrt(np.mean(np.abs(blocks) ** 2, axis=(1, 2), keepdims=True))
    return blocks


def random_states(chain: HamChain, count: int, seed: Seed, *, subunit: int = 0) -> ComplexArray:
    """Return random normalised states with the excitation in the band of one subunit (C6).

    Uniform on the sphere of the band. This is what "an arbitrary excited state" of figure 5 must
    mean: a single level of the band does not average over the random coupling.

    Args:
        chain: The chain.
        count: Number of states.
        seed: Seed or generator of random numbers.
        subunit: Where the excitation is, from 0.

    Returns:
        States as columns, shape (N n, count) [-].

    Raises:
        InputError: No state is asked for, or there is no such subunit.
    """
    check_count("count", count)
    if not 0 <= subunit < chain.num_subunits:
        raise InputError(
            f"subunit: {subunit} is not in the chain; expected 0 to {chain.num_subunits - 1}"
        )
    amplitudes = complex_gaussian((chain.num_levels, count), seed)
    amplitudes /= np.linalg.norm(amplitudes, axis=0)
    states = np.zeros((chain.num_subunits, chain.num_levels, count), dtype=np.complex128)
    states[subunit] = amplitudes
    return states.reshape(chain.num_states, count)


def hamiltonian(chain: HamChain, couplings: ComplexArray) -> ComplexArray:
    """Return the Hamiltonian in the space of one excitation, relative to dE (C1, C2).

    Args:
        chain: The chain.
        couplings: Blocks of neighbours, shape (N - 1, n, n) [-].

    Returns:
        Hermitian matrix, shape (N n, N n) [E]; rows of subunit mu are mu n to (mu + 1) n - 1.

    Raises:
        InputError: The blocks do not fit the chain.
    """
    check_couplings(chain, couplings)
    size = chain.num_levels
    matrix = np.zeros((chain.num_states, chain.num_states), dtype=np.complex128)
    np.fill_diagonal(matrix, np.tile(level_energies(chain), chain.num_subunits))
    for bond, block in enumerate(couplings):
        here = slice(bond * size, (bond + 1) * size)
        next_one = slice((bond + 1) * size, (bond + 2) * size)
        matrix[here, next_one] = chain.coupling * block
        matrix[next_one, here] = chain.coupling * block.conj().T
    return matrix


def apply_hamiltonian(
    chain: HamChain, couplings: ComplexArray, states: ComplexArray
) -> ComplexArray:
    """Return the Hamiltonian times states without forming the matrix (C1, C2).

    Args:
        chain: The chain.
        couplings: Blocks of neighbours, shape (N - 1, n, n) [-].
        states: Columns, shape (N n, count) [-].

    Returns:
        Columns, shape (N n, count) [E].
    """
    parts = states.reshape(chain.num_subunits, chain.num_levels, -1)
    result = level_energies(chain)[:, None] * parts
    for bond, block in enumerate(couplings):
        result[bond] += chain.coupling * (block @ parts[bond + 1])
        # v^dagger x as conj(v^T conj(x)): conjugates the vector, not a copy of the block
        result[bond + 1] += chain.coupling * (block.T @ parts[bond].conj()).conj()
    return result.reshape(states.shape)


def subunit_probabilities(chain: HamChain, states: ComplexArray) -> Array:
    """Return the probability to find the excitation in each subunit (C4).

    Args:
        chain: The chain.
        states: Columns, shape (..., N n, count) [-].

    Returns:
        Probabilities, shape (..., N, count) [-].
    """
    parts = states.reshape(
        *states.shape[:-2], chain.num_subunits, chain.num_levels, states.shape[-1]
    )
    return np.asarray(np.sum(parts.real**2 + parts.imag**2, axis=-2))


def rate_matrix(chain: HamChain) -> Array:
    """Return the matrix R of the rate equation dP/dt = R P, (30) to (32) (C4).

    Columns sum to zero (probability is conserved). Eigenvalues are -4 kappa sin^2(pi k/(2 N)), k =
    0 to N - 1. The paper prints "2 < mu < N - 1" for the inner subunits; it must be 2 <= mu <= N -
    1.

    Returns:
        Matrix, shape (N, N) [E/hbar].
    """
    hops = chain.rate * (np.eye(chain.num_subunits, k=1) + np.eye(chain.num_subunits, k=-1))
    return np.asarray(hops - np.diag(hops.sum(axis=0)))


def rate_probabilities(
    chain: HamChain, times: npt.ArrayLike, *, initial: npt.ArrayLike | None = None
) -> Array:
    """Return the predicted probabilities, the solution of the rate equation (30) to (32) (C4).

    Sum of the N cosine modes of the chain. For two subunits P_1 = (1 + exp(-2 kappa t))/2.

    Args:
        chain: The chain.
        times: Times, shape (num_times,) [hbar/E].
        initial: Probabilities at time 0, shape (N,) [-]; without it, all in the first subunit.

    Returns:
        Probabilities, shape (num_times, N) [-].

    Raises:
        InputError: A time is negative, or the probabilities at time 0 are none.
    """
    moments = check_times(times)
    number = chain.num_subunits
    start = np.eye(number)[0] if initial is None else not_negative("initial", initial)
    if start.shape != (number,) or not np.isclose(start.sum(), 1.0):
        raise InputError(f"initial: expected {number} probabilities that sum to 1, got {start}")
    k = np.arange(number)
    modes = np.cos(np.pi * np.outer(np.arange(number) + 0.5, k) / number)
    modes /= np.linalg.norm(modes, axis=0)
    decays = np.exp(-np.outer(moments, 4.0 * chain.rate * np.sin(np.pi * k / (2 * number)) ** 2))
    return np.asarray((decays * (modes.T @ start)) @ modes.T)


def energy_current(chain: HamChain, probabilities: Array) -> Array:
    """Return the energy current between neighbours, J = kappa dE (P_mu - P_mu+1) (C7).

    Positive towards the higher index. (34) and (35) of the paper define the rate into subunit 1,
    (36) is the current from 1 to 2: a sign is missing between them.

    Args:
        chain: The chain.
        probabilities: Shape (..., N) [-].

    Returns:
        Currents, shape (..., N - 1) [E^2/hbar].
    """
    return np.asarray(-chain.rate * chain.gap * np.diff(probabilities, axis=-1))


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """Validity of the rate equation: the criteria (29) of the paper (C5).

    Below the first, a level only oscillates with the level of equal energy in the neighbour; above
    the second, the line is as wide as the band and the whole band oscillates.

    Attributes:
        resolution: lambda n/de [-], to be at least 1/2.
        strength: lambda^2 n/de^2 [-], to be far below 1 (kappa far below de).
        states_in_line: Levels within the golden-rule line 2 pi (lambda n/de)^2 [-]; the first
            criterion requires at least pi/2.
        recurrence_time: 2 pi hbar n/de [hbar/E], after which the discreteness of the levels
            matters.
    """

    resolution: float
    strength: float
    states_in_line: float
    recurrence_time: float

    def hold(self, *, small: float = 0.02) -> bool:
        """Return whether both criteria hold, with `small` for what "far below 1" means [-]."""
        # 1e-12: round-off of chains made to meet the criterion exactly
        return self.resolution >= 0.5 * (1.0 - 1e-12) and self.strength <= small


def criteria(chain: HamChain) -> Criteria:
    """Return the figures of the validity criteria of the rate equation, (29) (C5)."""
    resolution = chain.coupling * chain.num_levels / chain.band_width
    return Criteria(
        resolution=resolution,
        strength=resolution**2 / chain.num_levels,
        states_in_line=2.0 * math.pi * resolution**2,
        recurrence_time=2.0 * math.pi * chain.num_levels / chain.band_width,
    )


def complex_gaussian(shape: tuple[int, ...], seed: Seed) -> ComplexArray:
    """Return independent complex Gaussian numbers with mean square 1.

    Raises:
        InputError: The seed is negative or no integer.
    """
    if not isinstance(seed, np.random.Generator):
        check_count("seed", seed, least=0)
    random = np.random.default_rng(seed)
    pairs = random.standard_normal((*shape, 2)) * math.sqrt(0.5)
    return np.asarray(pairs.view(np.complex128)[..., 0])


def check_count(name: str, value: int, *, least: int = 1) -> None:
    """Refuse a value that is no integer or below the least.

    Raises:
        InputError: The value is no integer, or too small.
    """
    try:
        enough = operator.index(value) >= least
    except TypeError:
        enough = False
    if not enough:
        raise InputError(f"{name}: expected a whole number of at least {least}, got {value}")


def check_times(times: npt.ArrayLike) -> Array:
    """Return times as an array; refuse negative ones.

    Raises:
        InputError: A time is negative or not finite, or there is no list of times.
    """
    moments = not_negative("times", times)
    if moments.ndim != 1 or moments.size == 0:
        raise InputError(f"times: expected a list of times, got the shape {moments.shape}")
    return moments


def check_couplings(chain: HamChain, couplings: ComplexArray) -> None:
    """Refuse coupling blocks that do not fit the chain.

    Raises:
        InputError: The shapes differ, or a number is not finite.
    """
    expected = (chain.num_subunits - 1, chain.num_levels, chain.num_levels)
    if couplings.shape != expected or not np.all(np.isfinite(couplings)):
        raise InputError(
            f"couplings: expected finite blocks of shape {expected}, got {couplings.shape}"
        )
