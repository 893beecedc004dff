"""Deviation of the rate equation from Schroedinger's equation: D^2 of (33) and its studies.

For the model of `pbte.reference.ham.chain`; units as there. Figures 4 and 5 of the paper (C6).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.integrate import simpson

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.ham.chain import (
    HamChain,
    Seed,
    check_count,
    check_times,
    random_couplings,
    random_states,
    rate_probabilities,
)
from pbte.reference.ham.evolution import Method, evolution, exact_probabilities

SPAN = 5.0
"""Averaging time of the deviation in relaxation times, as in (33) [-]."""


def deviation(times: npt.ArrayLike, exact: Array, predicted: Array) -> Array:
    """Return the mean square deviation of the prediction over time, D^2 of (33) (C6).

    D^2 = (1/t_end) int_0^t_end (P_HAM - P_exact)^2 dt, with t_end = 5 tau and tau = 1/kappa in the
    studies below; the paper does not define its tau. Simpson's rule.

    Args:
        times: Ascending times, shape (num_times,) [hbar/E].
        exact: Exact probabilities, shape (num_times, N, count) [-].
        predicted: Probabilities of the rate equation, shape (num_times, N) [-].

    Returns:
        Deviations for each subunit and state, shape (N, count) [-].

    Raises:
        InputError: Fewer than three times, or the shapes do not fit together.
    """
    moments = check_times(times)
    if moments.size < 3 or np.any(np.diff(moments) <= 0.0):
        raise InputError("times: expected at least three times in ascending order")
    if exact.ndim != 3 or exact.shape[:2] != predicted.shape or len(exact) != moments.size:
        raise InputError(
            f"exact and predicted probabilities have shapes {exact.shape} and {predicted.shape}; "
            f"expected ({moments.size}, N, count) and ({moments.size}, N)"
        )
    squares = (exact - predicted[:, :, None]) ** 2
    return np.asarray(simpson(squares, x=moments, axis=0) / (moments[-1] - moments[0]))


def state_deviations(
    chain: HamChain,
    *,
    num_states: int,
    seed: Seed,
    num_times: int = 51,
    method: Method = "dense",
) -> Array:
    """Return D^2 of the first subunit for random initial states of one chain (C6, figure 4).

    Args:
        chain: The chain; its couplings are drawn once.
        num_states: Number of random states in the band of the first subunit.
        seed: Seed or generator of random numbers, for the couplings and the states.
        num_times: Times at which the probabilities are compared, from 0 to 5 tau.
        method: Propagator, "dense" or "chebyshev".

    Returns:
        Deviations, shape (num_states,) [-].

    Raises:
        InputError: A number is too small.
    """
    check_count("num_times", num_times, least=3)
    check_count("num_states", num_states)
    random = np.random.default_rng(seed)
    moving = evolution(chain, random_couplings(chain, random), method=method)
    states = random_states(chain, num_states, random)
    times = np.linspace(0.0, SPAN * chain.relaxation_time, num_times)
    exact = exact_probabilities(moving, states, times)
    return np.asarray(deviation(times, exact, rate_probabilities(chain, times))[0])


def mean_deviations(
    chains: Sequence[HamChain],
    *,
    num_states: int = 10,
    num_chains: int = 4,
    seed: Seed,
    num_times: int = 51,
    method: Method = "dense",
) -> Array:
    """Return the mean D^2 of the first subunit of each chain, shape (len(chains),) (C6, figure 5).

    At the coupling of `critical_chain`, lambda = de/(2 n), kappa = pi de/(2 n): the states within
    the golden-rule line stay pi/2 and the chain gets weaker with n, so that what remains is the
    scatter of finite bands.

    Args:
        chains: Chains of different numbers of levels or of subunits.
        num_states: Random states of each chain.
        num_chains: Draws of the couplings of each chain, for the mean.
        seed: Seed or generator of random numbers.
        num_times: Times at which the probabilities are compared.
        method: Propagator, "dense" or "chebyshev".

    Raises:
        InputError: A number is too small.
    """
    check_count("num_chains", num_chains)
    random = np.random.default_rng(seed)

    def drawn(chain: HamChain) -> Array:
        return state_deviations(
            chain, num_states=num_states, seed=random, num_times=num_times, method=method
        )

    return np.array([np.mean([drawn(chain) for _ in range(num_chains)]) for chain in chains])
