"""Subunits with several bands: rates between their composite bands and the conductivity (C9).

Two neighbouring subunits with bands i and j form the composite band a = (i, j) with energy E = E_i
+ E_j, imbalance e_a = (E_i - E_j)/2 and n_a = n_i n_j levels. The random coupling of
`pbte.reference.ham.chain` causes transitions between composite bands of equal E.

Correction of the paper: the symmetric kappa of (44) violates detailed balance unless all bands of
a shell have as many levels as each other. Here n_a W(a->b) = n_b W(b->a), which gives (47) for
n_a = n_b and (48) for one band. (The printed (40) has an unbalanced bracket; it is right.)

A rate assumes a state spread evenly over the levels of a band. Schroedinger's equation conserves
the energy more sharply: the wings of a triangle, the level density of (1, 1), have no partner in a
box, that of (2, 0), and do not change. So the rates hold at early times, and late probabilities are
not quite in proportion to n_a: for n_1^2 = 2 n_2 a state that starts in (2, 0) is in the end found
in (1, 1) with 1 - 2 ln(4/3) = 0.42 and not with 1/2. The densities are taken as smooth: sums of two
sets of equally spaced levels coincide, so that (1, 1) is a comb of lines de/n_1 apart, and the
rates need a line wider than that.

Units: hbar = k_B = 1 and any one unit of energy [E].
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import expm

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.reference.checks import not_negative, positive
from pbte.reference.ham.chain import check_count


@dataclass(frozen=True, kw_only=True)
class Bands:
    """The bands of one subunit, the ground level among them (C9).

    Attributes:
        energies: Centres E_i, shape (num_bands,) [E].
        num_levels: Levels n_i, shape (num_bands,).
        widths: Widths, shape (num_bands,) [E]; zero for a single level.

    Raises:
        InputError: A number of levels is no positive integer, a width is negative, an energy is not
            finite, or the shapes differ.
    """

    energies: Array
    num_levels: IntArray
    widths: Array

    def __post_init__(self) -> None:
        if not self.energies.shape == self.num_levels.shape == self.widths.shape or (
            self.energies.ndim != 1 or self.energies.size == 0
        ):
            raise InputError(
                "bands: expected one energy, number of levels and width per band, got the shapes "
                f"{self.energies.shape}, {self.num_levels.shape} and {self.widths.shape}"
            )
        if not np.all(np.isfinite(self.energies)):
            raise InputError("energies: expected finite numbers")
        for count in self.num_levels:
            check_count("num_levels", count)
        not_negative("widths", self.widths)


@dataclass(frozen=True, kw_only=True)
class Shell:
    """The composite bands of two neighbours with one total energy (C9).

    Attributes:
        energy: E = E_i + E_j [E].
        pairs: Bands (i, j) of the two subunits, shape (num_composites, 2).
        imbalances: e_a = (E_i - E_j)/2, shape (num_composites,) [E].
        num_levels: n_a = n_i n_j, shape (num_composites,).
    """

    energy: float
    pairs: IntArray
    imbalances: Array
    num_levels: IntArray


def one_band(*, num_levels: int, band_width: float, gap: float = 1.0) -> Bands:
    """Return the subunit of `pbte.reference.ham.chain`: a ground level and one band (C1)."""
    return Bands(
        energies=np.array([0.0, gap]),
        num_levels=np.array([1, num_levels]),
        widths=np.array([0.0, band_width]),
    )


def shells(bands: Bands) -> list[Shell]:
    """Return the sets of composite bands between which the coupling causes transitions (C9).

    Composite bands belong together when their energies agree to 1e-9 of the largest.

    Args:
        bands: Bands of each of the two equal subunits.

    Returns:
        Shells in the order of their energy; those of one composite band too.
    """
    count = bands.energies.size
    pairs = np.array(list(itertools.product(range(count), repeat=2)))
    sums = bands.energies[pairs].sum(axis=1)
    order = np.argsort(sums, kind="stable")
    scale = max(float(np.abs(sums).max()), np.finfo(float).tiny)
    cuts = np.flatnonzero(np.diff(sums[order]) > 1e-9 * scale) + 1
    found = []
    for members in np.split(order, cuts):
        inside = pairs[members]
        energies = bands.energies[inside]
        found.append(
            Shell(
                energy=float(sums[members].mean()),
                pairs=inside,
                imbalances=0.5 * (energies[:, 0] - energies[:, 1]),
                num_levels=np.prod(bands.num_levels[inside], axis=1),
            )
        )
    return found


def overlap(widths: npt.ArrayLike) -> float:
    """Return the overlap integral of two composite bands per pair of levels (C9).

    int rho_a rho_b dE'/(n_a n_b), each density the convolution of two boxes about the same centre:
    the value at the centre of the convolution of all four. 1/de for two boxes of width de,
    0.75/de for a box and a triangle, 2/(3 de) for two triangles.

    Args:
        widths: Widths of the four bands, shape (4,) [E]; zero for a single level.

    Returns:
        Overlap [1/E].

    Raises:
        InputError: A width is negative, or all are zero: discrete levels have no golden rule.
    """
    boxes = not_negative("widths", widths)
    boxes = boxes[boxes > 0.0]
    if boxes.size == 0:
        raise InputError("widths: all bands are single levels, which have no golden-rule rate")
    # Convolution of m boxes at 0: sum over signs of prod(s) (sum(s w)/2)_+^(m-1)/((m-1)! prod w)
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=boxes.size)))
    reach = np.maximum(0.5 * signs @ boxes, 0.0)
    power = boxes.size - 1
    # one box alone: it has the value 1/w at its centre
    terms = reach**power if power else (reach > 0.0).astype(float)
    total = float(np.sum(np.prod(signs, axis=1) * terms))
    return total / (math.factorial(power) * float(np.prod(boxes)))


def transition_rates(bands: Bands, shell: Shell, *, coupling: float) -> Array:
    """Return the golden-rule rates between the composite bands of a shell (C9).

    W(a->b) = (2 pi lambda^2/hbar) Om_ab/n_a with Om_ab = int rho_a rho_b dE', for coupling elements
    of mean square 1. Corrects the symmetric rates of (44): n_a W(a->b) is symmetric.

    Args:
        bands: Bands of each subunit.
        shell: One of `shells(bands)`.
        coupling: lambda [E].

    Returns:
        Rates W[a, b] from a to b, shape (num_composites, num_composites), zero diagonal [E/hbar].

    Raises:
        InputError: The coupling is not positive, or two composite bands are single levels.
    """
    strength = 2.0 * math.pi * float(positive("coupling", coupling)) ** 2
    count = len(shell.pairs)
    rates = np.zeros((count, count))
    for a, b in itertools.combinations(range(count), 2):
        widths = bands.widths[np.concatenate([shell.pairs[a], shell.pairs[b]])]
        shared = strength * overlap(widths)
        rates[a, b] = shared * shell.num_levels[b]
        rates[b, a] = shared * shell.num_levels[a]
    return rates


def band_probabilities(rates: Array, initial: npt.ArrayLike, times: npt.ArrayLike) -> Array:
    """Return the solution of dP_a/dt = -sum_b [W(a->b) P_a - W(b->a) P_b] (C9, after (44)).

    Args:
        rates: W[a, b] from a to b, shape (num_composites, num_composites) [E/hbar].
        initial: Probabilities at time 0, shape (num_composites,) [-].
        times: Times, shape (num_times,) [hbar/E].

    Returns:
        Probabilities, shape (num_times, num_composites) [-].

    Raises:
        InputError: A rate, a probability or a time is negative.
    """
    hops = not_negative("rates", rates).T
    start, moments = not_negative("initial", initial), not_negative("times", times)
    generator = hops - np.diag(hops.sum(axis=0))
    return np.array([expm(generator * moment) @ start for moment in moments])


def band_heat_conductivity(bands: Bands, temperature: npt.ArrayLike, *, coupling: float) -> Array:
    """Return the conductivity of a chain of subunits with several bands (C9).

    kappa_th = 1/(T^2 Z^2) sum over shells E and a, b in each of
    n_a W(a->b) e^(-E/T) e_a (e_a - e_b), with Z = sum_i n_i e^(-E_i/T). Equal to (47) when
    n_a = n_b, and to (48) for one band.

    Args:
        bands: Bands of each subunit.
        temperature: T, any shape [E].
        coupling: lambda [E].

    Returns:
        Conductivity, shape of the temperature [k_B E/hbar].

    Raises:
        InputError: A temperature is negative, the coupling is not positive, or two composite bands
            of a shell are single levels.
    """
    lowest = float(bands.energies.min())
    gap = min((e - lowest for e in bands.energies if e > lowest), default=1.0)
    # T = 0 is replaced by a temperature at which the exponentials are zero in double precision
    reduced = np.maximum(not_negative("temperature", temperature), 1e-3 * gap)
    weights = bands.num_levels * np.exp(-(bands.energies - lowest) / reduced[..., None])
    partition = weights.sum(axis=-1)
    total = np.zeros(reduced.shape)
    for shell in shells(bands):
        if len(shell.pairs) < 2:
            continue
        flows = shell.num_levels[:, None] * transition_rates(bands, shell, coupling=coupling)
        imbalance = shell.imbalances
        moved = float(np.sum(flows * imbalance[:, None] * (imbalance[:, None] - imbalance)))
        # energies from the lowest, so that nothing overflows; each of the two Z has one of them
        total += moved * np.exp(-(shell.energy - 2.0 * lowest) / reduced)
    return np.asarray(total / (reduced * partition) ** 2)
