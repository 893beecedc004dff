"""The chain of many-level subunits: Schroedinger's equation against the rate equation."""

from __future__ import annotations

import numpy as np
from known_values.record import KnownValue
from scipy.special import dawsn

from pbte.core.types import Array
from pbte.reference.ham.bands import band_heat_conductivity, one_band, overlap
from pbte.reference.ham.chain import (
    HamChain,
    criteria,
    critical_chain,
    random_couplings,
    random_states,
    rate_matrix,
    rate_probabilities,
)
from pbte.reference.ham.conductivity import (
    heat_capacity,
    heat_conductivity,
    high_temperature_conductivity,
    largest_heat_capacity,
    low_temperature_conductivity,
)
from pbte.reference.ham.evolution import (
    ChebyshevEvolution,
    DenseEvolution,
    exact_probabilities,
)

PAPER = "Michel, Mahler & Gemmer, Fourier's law from Schroedinger dynamics"


def known_values() -> list[KnownValue]:
    """Return the numbers."""
    chain = HamChain()
    return [
        KnownValue(
            name="ham/rate of the paper",
            source=f"{PAPER}, (26), (27): 2 pi lambda^2 n/de with n = 500, by hand",
            quantity="rate between neighbours",
            unit="",
            expected=1.5707963267948966e-4,
            tolerance=1e-12,
            found=lambda: chain.rate,
        ),
        KnownValue(
            name="ham/decay of two subunits",
            source=f"{PAPER}, (30): (1 + exp(-2 kappa t))/2; random states, figure 2",
            quantity="probability of the first subunit after half a relaxation time",
            unit="",
            expected=0.5 * (1.0 + np.exp(-1.0)),
            tolerance=0.03,
            found=lambda: _decayed(500, 8),
        ),
        KnownValue(
            name="ham/levels in resonance",
            source="Weak coupling: 1 - z F(z), z = lambda t, F Dawson's integral; exact evolution",
            quantity="probability of the first subunit at lambda t = 1.5",
            unit="",
            expected=1.0 - 1.5 * float(dawsn(1.5)),
            tolerance=0.05,
            absolute=True,
            found=lambda: _resonant(250, 1.5),
        ),
        KnownValue(
            name="ham/slowest decay of a chain",
            source=f"{PAPER}, (30) to (32): eigenvalues -4 kappa sin^2(pi k/2N)",
            quantity="slowest decay of seven subunits over kappa",
            unit="",
            expected=float(4.0 * np.sin(np.pi / 14.0) ** 2),
            tolerance=1e-12,
            found=lambda: _slowest(7),
        ),
        KnownValue(
            name="ham/decay of three subunits",
            source=f"{PAPER}, (30) to (32); random states of 300 levels, figure 3",
            quantity="probability of the first subunit after one relaxation time",
            unit="",
            expected=lambda: _predicted_third(300),
            tolerance=0.04,
            found=lambda: _third(300, 6),
        ),
        KnownValue(
            name="ham/criteria of the paper",
            source=f"{PAPER}, (29): lambda n/de = 1/2; states in the line 2 pi (lambda n/de)^2",
            quantity="states within the golden-rule line at the first criterion",
            unit="",
            expected=0.5 * np.pi,
            tolerance=1e-12,
            found=lambda: criteria(chain).states_in_line,
        ),
        KnownValue(
            name="ham/two propagators",
            source="Dense diagonalisation against Chebyshev polynomials of the Hamiltonian",
            quantity="probability of the second of three subunits at t = 9e4",
            unit="",
            expected=lambda: _second_subunit(DenseEvolution),
            tolerance=1e-10,
            found=lambda: _second_subunit(ChebyshevEvolution),
        ),
        KnownValue(
            name="ham/Schottky anomaly",
            source="Textbook value of two levels, 0.43923 k_B",
            quantity="largest heat capacity of a subunit of one level",
            unit="k_B",
            expected=0.43923,
            tolerance=2e-5,
            found=lambda: largest_heat_capacity(num_levels=1)[1],
        ),
        KnownValue(
            name="ham/conductivity of one band",
            source=f"{PAPER}, (48); the sum over all bands, (47) with detailed balance",
            quantity="heat conductivity at k_B T = 0.3",
            unit="",
            expected=lambda: float(heat_conductivity(chain, 0.3)),
            tolerance=1e-10,
            found=lambda: float(
                band_heat_conductivity(
                    one_band(num_levels=500, band_width=0.05), 0.3, coupling=5e-5
                )
            ),
        ),
        KnownValue(
            name="ham/hot limit",
            source=f"{PAPER}, (50), with the next term of the expansion",
            quantity="heat conductivity at k_B T = 1000",
            unit="",
            expected=lambda: (
                float(high_temperature_conductivity(chain, 1000.0)) * (1.0 + 1e-3 * 499.0 / 501.0)
            ),
            tolerance=1e-5,
            found=lambda: float(heat_conductivity(chain, 1000.0)),
        ),
        KnownValue(
            name="ham/cold limit",
            source=f"{PAPER}, (51), with the next factor 1/(1 + n exp(-x))^2",
            quantity="heat conductivity at k_B T = 0.05",
            unit="",
            expected=lambda: (
                float(low_temperature_conductivity(chain, 0.05))
                / (1.0 + 500.0 * float(np.exp(-20.0))) ** 2
            ),
            tolerance=1e-10,
            found=lambda: float(heat_conductivity(chain, 0.05)),
        ),
        KnownValue(
            name="ham/largest conductivity",
            source=f"{PAPER}, (48) and figure 8; a search over 200000 temperatures",
            quantity="10^4 kappa_th at its maximum",
            unit="",
            expected=lambda: (
                1e4 * float(heat_conductivity(chain, np.linspace(0.1, 0.2, 200001)).max())
            ),
            tolerance=1e-9,
            found=lambda: (
                1e4 * float(heat_conductivity(chain, largest_heat_capacity(num_levels=500)[0]))
            ),
        ),
        *(
            KnownValue(
                name=f"ham/overlap of {name}",
                source=f"{PAPER}, (44) corrected: int rho_a rho_b dE by a sum over energies",
                quantity="overlap per pair of levels times the width of a band",
                unit="",
                expected=lambda b=boxes: _overlap_by_sum(b),  # type: ignore[misc]
                tolerance=1e-5,
                found=lambda b=boxes: overlap(b),  # type: ignore[misc]
            )
            for name, boxes in (
                ("box and triangle", (1.0, 1.0, 1.0, 0.0)),
                ("two triangles", (1.0, 1.0, 1.0, 1.0)),
                ("unequal bands", (1.0, 0.4, 0.7, 0.0)),
            )
        ),
        KnownValue(
            name="ham/heat capacity",
            source="Derivative of the energy n exp(-x)/(1 + n exp(-x)) by differences",
            quantity="heat capacity of 500 levels at k_B T = 0.2",
            unit="k_B",
            expected=_energy_slope,
            tolerance=1e-7,
            found=lambda: float(heat_capacity(0.2, num_levels=500)),
        ),
    ]


def _decayed(num_levels: int, num_states: int) -> float:
    """Return P_1 at kappa t = 1/2, averaged over random states of one chain."""
    chain = critical_chain(num_levels=num_levels)
    moving = ChebyshevEvolution(chain, random_couplings(chain, 1))
    states = random_states(chain, num_states, 2)
    times = [0.5 * chain.relaxation_time]
    predicted = rate_probabilities(chain, times)[0, 0]
    assert abs(predicted - 0.5 * (1.0 + np.exp(-1.0))) < 1e-12
    return float(exact_probabilities(moving, states, times)[0, 0].mean())


def _resonant(num_levels: int, phase: float) -> float:
    coupling = 0.005 * critical_chain(num_levels=num_levels).coupling
    chain = HamChain(num_levels=num_levels, coupling=coupling)
    moving = DenseEvolution(chain, random_couplings(chain, 1))
    states = random_states(chain, 20, 2)
    return float(exact_probabilities(moving, states, [phase / coupling])[0, 0].mean())


def _second_subunit(method: type[DenseEvolution] | type[ChebyshevEvolution]) -> float:
    chain = critical_chain(num_subunits=3, num_levels=60)
    moving = method(chain, random_couplings(chain, 1))
    return float(exact_probabilities(moving, random_states(chain, 1, 2), [9e4])[0, 1, 0])


def _slowest(num_subunits: int) -> float:
    chain = HamChain(num_subunits=num_subunits)
    return float(-np.sort(np.linalg.eigvalsh(rate_matrix(chain)))[-2] / chain.rate)


def _predicted_third(num_levels: int) -> float:
    chain = critical_chain(num_subunits=3, num_levels=num_levels)
    return float(rate_probabilities(chain, [chain.relaxation_time])[0, 0])


def _third(num_levels: int, num_states: int) -> float:
    chain = critical_chain(num_subunits=3, num_levels=num_levels)
    moving = ChebyshevEvolution(chain, random_couplings(chain, 3))
    states = random_states(chain, num_states, 4)
    return float(exact_probabilities(moving, states, [chain.relaxation_time])[0, 0].mean())


def _overlap_by_sum(widths: tuple[float, ...]) -> float:
    """Return int rho_a rho_b dE by the midpoint rule, each the convolution of two boxes."""
    step = 2e-4
    energies = (np.arange(10000) + 0.5) * step - 1.0

    def density(first: float, second: float) -> Array:
        """Return the share of the smaller box that lies within the larger one, moved by E."""
        small, large = sorted((first, second))
        if small == 0.0:
            return np.where(np.abs(energies) < 0.5 * large, 1.0 / large, 0.0)
        within = 0.5 * (small + large) - np.abs(energies)
        return np.asarray(np.clip(within, 0.0, small) / (small * large))

    one, two, three, four = widths
    return float(np.sum(density(one, two) * density(three, four)) * step)


def _energy_slope() -> float:
    def energy(temperature: float) -> float:
        weight = 500.0 * np.exp(-1.0 / temperature)
        return float(weight / (1.0 + weight))

    step = 1e-5
    return (energy(0.2 + step) - energy(0.2 - step)) / (2.0 * step)
