"""Exact Schroedinger evolution of a chain of many-level subunits.

Two propagators for the model of `pbte.reference.ham.chain` (C1, C2), with one interface: dense
diagonalisation, best for many states at few times, and an expansion in Chebyshev polynomials that
never forms the matrix, best for long chains and few states. Both start at time 0. Units as there.
"""

from __future__ import annotations

import math
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh
from scipy.special import jv

from pbte.core.errors import InputError, RunError
from pbte.core.types import Array
from pbte.reference.ham.chain import (
    ComplexArray,
    HamChain,
    apply_hamiltonian,
    check_couplings,
    check_times,
    hamiltonian,
    level_energies,
    subunit_probabilities,
)

Method = Literal["dense", "chebyshev"]

# One expansion covers this phase (half width of the spectrum times time): long enough that the
# terms beyond it, about 40, are few, short enough that its vectors fit into memory.
_PHASE = 150.0
_NEGLIGIBLE = 1e-16  # coefficients below round-off are left out
_BLOCK_NUMBERS = 4_000_000  # complex numbers held at once for a batch of states (64 MB)


class Evolution(Protocol):
    """Propagator of the states of a chain (C1, C2)."""

    chain: HamChain

    def states(self, initial: ComplexArray, times: npt.ArrayLike) -> ComplexArray:
        """Return the states at each time.

        Args:
            initial: States at time 0 as columns, shape (N n, count) [-].
            times: Ascending times, shape (num_times,) [hbar/E].

        Returns:
            States, shape (num_times, N n, count) [-].
        """
        ...


class DenseEvolution:
    """Evolution from all eigenvectors of the Hamiltonian (C1, C2): (N n)^3 work once, exact."""

    def __init__(self, chain: HamChain, couplings: ComplexArray) -> None:
        self.chain = chain
        matrix = hamiltonian(chain, couplings)
        self._energies, self._vectors = eigh(
            matrix, overwrite_a=True, check_finite=False, driver="evd"
        )

    @property
    def energies(self) -> Array:
        """Eigenvalues in ascending order, relative to dE, shape (N n,) [E]."""
        return np.asarray(self._energies)

    def states(self, initial: ComplexArray, times: npt.ArrayLike) -> ComplexArray:
        """Return the states at each time; see `Evolution.states`.

        Raises:
            InputError: The states do not fit the chain, or the times do not ascend from zero.
        """
        moments = _check(self.chain, initial, times)
        amplitudes = (self._vectors.T @ initial.conj()).conj()
        phases = np.exp(-1j * np.outer(self._energies, moments))
        columns = (phases[:, :, None] * amplitudes[:, None, :]).reshape(len(phases), -1)
        moved = (self._vectors @ columns).reshape(len(phases), moments.size, -1)
        return np.ascontiguousarray(moved.transpose(1, 0, 2))


class ChebyshevEvolution:
    """Evolution by Chebyshev polynomials of the Hamiltonian, of which only products are needed.

    exp(-i H t) = sum_k (2 - delta_k0) (-i)^k J_k(a t) T_k(H/a), with a bound a on |H|: Tal-Ezer and
    Kosloff, J. Chem. Phys. 81, 3967 (1984). About a t products, exact to round-off; the norm is
    checked at the end.
    """

    def __init__(self, chain: HamChain, couplings: ComplexArray) -> None:
        check_couplings(chain, couplings)
        self.chain = chain
        self._couplings = couplings
        self._bound = spectral_bound(chain, couplings)

    def states(self, initial: ComplexArray, times: npt.ArrayLike) -> ComplexArray:
        """Return the states at each time; see `Evolution.states`.

        Raises:
            InputError: The states do not fit the chain, or the times do not ascend from zero.
            RunError: The norm of a state drifted.
        """
        moments = _check(self.chain, initial, times)
        result = np.empty((moments.size, *initial.shape), dtype=np.complex128)
        span = _PHASE / self._bound
        reached, now, done = 0.0, initial, 0
        while done < moments.size:
            stop = int(np.searchsorted(moments, reached + span, side="right"))
            if stop == done:
                now = self._expand(now, np.array([span]))[0]
                reached += span
                continue
            result[done:stop] = self._expand(now, moments[done:stop] - reached)
            reached, now, done = float(moments[stop - 1]), result[stop - 1], stop
        drift = np.abs(np.linalg.norm(now, axis=0) - np.linalg.norm(initial, axis=0)).max()
        if not drift <= 1e-9 * max(1.0, float(np.linalg.norm(initial, axis=0).max())):
            raise RunError(
                f"the norm of a state drifted by {drift:.1e}: the couplings are stronger than the "
                "estimate of their norm; use the dense evolution"
            )
        return result

    def _expand(self, start: ComplexArray, steps: Array) -> ComplexArray:
        """Return the states after each step; steps up to the span, from the same start."""
        coefficients = _coefficients(self._bound * steps)
        vectors = np.empty((coefficients.shape[1], *start.shape), dtype=np.complex128)
        vectors[0] = start
        if len(vectors) > 1:
            vectors[1] = self._scaled(start)
        for k in range(2, len(vectors)):
            vectors[k] = 2.0 * self._scaled(vectors[k - 1]) - vectors[k - 2]
        moved = coefficients @ vectors.reshape(len(vectors), -1)
        return np.asarray(moved.reshape(len(steps), *start.shape))

    def _scaled(self, states: ComplexArray) -> ComplexArray:
        return apply_hamiltonian(self.chain, self._couplings, states) / self._bound


def evolution(
    chain: HamChain, couplings: ComplexArray, *, method: Method = "chebyshev"
) -> Evolution:
    """Return the propagator of a chain (C1, C2).

    Args:
        chain: The chain.
        couplings: Blocks of neighbours, shape (N - 1, n, n) [-].
        method: "dense" diagonalises once; "chebyshev" needs products with the Hamiltonian only.

    Raises:
        InputError: The method is unknown or the blocks do not fit the chain.
    """
    if method == "dense":
        return DenseEvolution(chain, couplings)
    if method == "chebyshev":
        return ChebyshevEvolution(chain, couplings)
    raise InputError(f"method: {method!r} is unknown; expected dense or chebyshev")


def exact_probabilities(moving: Evolution, initial: ComplexArray, times: npt.ArrayLike) -> Array:
    """Return the exact probabilities of the subunits, by Schroedinger's equation (C1, C4).

    The dots of figures 2 and 3 of the paper. Takes the states in batches, so that memory stays
    near 100 MB.

    Args:
        moving: Propagator of the chain.
        initial: States at time 0 as columns, shape (N n, count) [-].
        times: Ascending times, shape (num_times,) [hbar/E].

    Returns:
        Probabilities, shape (num_times, N, count) [-].

    Raises:
        InputError: The states do not fit the chain, or the times do not ascend from zero.
    """
    moments = _check(moving.chain, initial, times)
    held = max(moments.size, int(_PHASE) + 50) * moving.chain.num_states
    batch = max(1, _BLOCK_NUMBERS // held)
    parts = [
        subunit_probabilities(moving.chain, moving.states(initial[:, i : i + batch], moments))
        for i in range(0, initial.shape[1], batch)
    ]
    return np.concatenate(parts, axis=2)


def spectral_bound(chain: HamChain, couplings: ComplexArray) -> float:
    """Return a bound on the eigenvalues' absolute values, relative to dE [E].

    Half the band and the norm of the couplings, which a chain of N subunits multiplies by at most
    2 cos(pi/(N + 1)). The norm of each block is estimated by 40 power steps: below by less than
    10 % for up to 5000 levels (Kuczynski and Wozniakowski, SIAM J. Matrix Anal. Appl. 13, 1094
    (1992)), which the factor 1.1 makes up for.
    """
    random = np.random.default_rng(0)
    largest = 0.0
    for block in couplings:
        vector = random.standard_normal(chain.num_levels) + 0j
        norm = 0.0
        for _ in range(40):
            vector /= np.linalg.norm(vector)
            image = block @ vector
            norm = float(np.linalg.norm(image))
            vector = (block.T @ image.conj()).conj()
            if norm == 0.0:
                break
        largest = max(largest, norm)
    spread = 2.0 * math.cos(math.pi / (chain.num_subunits + 1))
    band = float(np.abs(level_energies(chain)).max())
    return band + 1.1 * spread * chain.coupling * largest


def _coefficients(phases: Array) -> ComplexArray:
    """Return the coefficients (2 - delta_k0) (-i)^k J_k(z), shape (len(phases), num_terms)."""
    most = float(phases.max())
    # J_k(z) falls faster than exponentially once k exceeds z by a few z^(1/3)
    orders = np.arange(int(most + 12.0 * most ** (1.0 / 3.0)) + 30)
    bessel = jv(orders, phases[:, None])
    needed = np.flatnonzero(np.abs(bessel).max(axis=0) > _NEGLIGIBLE)[-1] + 1
    weights = 2.0 * np.array([1.0, -1j, -1.0, 1j])[orders % 4]
    weights[0] = 1.0
    return np.asarray((weights * bessel)[:, :needed])


def _check(chain: HamChain, initial: ComplexArray, times: npt.ArrayLike) -> Array:
    moments = check_times(times)
    if np.any(np.diff(moments) < 0.0):
        raise InputError("times: expected ascending times")
    if initial.ndim != 2 or initial.shape[0] != chain.num_states or initial.shape[1] == 0:
        raise InputError(
            f"initial: expected states as columns of length {chain.num_states}, "
            f"got the shape {initial.shape}"
        )
    return moments
