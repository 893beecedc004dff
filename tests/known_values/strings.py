"""Two joined harmonic strings: quantum lattices and exact movers against the closed forms."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache

import numpy as np
from known_values.record import KnownValue
from scipy.integrate import quad

from pbte.core.constants import BOLTZMANN, PLANCK, REDUCED_PLANCK
from pbte.core.types import Array
from pbte.reference.strings import conductance as strings
from pbte.reference.strings import lattice as lattice
from pbte.reference.strings import profiles as profiles
from pbte.reference.strings.kubo import correlation_integral, current_correlation

PAPER = "Kapitza resistance between dissimilar harmonic solids"
LEFT, RIGHT, SHARE = 0.12, 0.08, 0.64
ATOMS = 260
H_E2 = PLANCK / strings.ELEMENTARY_CHARGE**2


def known_values() -> list[KnownValue]:
    """Return the numbers."""
    flow = np.pi / 12.0 * SHARE * (LEFT**2 - RIGHT**2)
    movers = profiles.JoinedStrings(
        left_density=1e-15, left_speed=4000.0, right_density=4e-15, right_speed=2500.0
    )
    current = float(strings.current(50.0, 20.0, movers.transmission))
    return [
        KnownValue(
            name="strings/transmission of a lattice joint",
            source=f"{PAPER}, (A2): 4 Z Z'/(Z + Z')^2; plane waves on the lattice",
            quantity="transmission at half of the highest frequency",
            unit="",
            expected=lambda: float(strings.transmission(1.0, 4.0)),
            tolerance=1e-12,
            found=lambda: float(lattice.lattice_transmission(1.0, (1.0, 4.0), (1.0, 4.0), 1.6)),
        ),
        KnownValue(
            name="strings/energy density",
            source=f"{PAPER}, pi (k_B T)^2/(6 hbar c); Planck's integral in one dimension",
            quantity="energy per length at 10 K, 5000 m/s",
            unit="J/m",
            expected=lambda: float(strings.energy_density(10.0, 5000.0)),
            tolerance=1e-10,
            found=lambda: _planck_energy(10.0, 5000.0),
        ),
        KnownValue(
            name="strings/current of a quantum lattice",
            source=f"{PAPER}, text after (1): J = pi T (T_l^2 - T_r^2)/12 with hbar = k_B = 1",
            quantity="heat current behind the front",
            unit="",
            expected=flow,
            tolerance=3e-3,
            found=lambda: float(_chain_later()[1][_behind()].mean()),
        ),
        KnownValue(
            name="strings/steady energy of a quantum lattice",
            source=f"{PAPER}, (1), from the lattice's own energies at the start",
            quantity="energy per length left of the joint, behind the front",
            unit="",
            expected=lambda: float(
                strings.steady_densities(
                    _chain_before()[30], _chain_before()[-30], SHARE, 1.0, 1.0
                )[0]
            ),
            tolerance=2e-3,
            found=lambda: float(_chain_later()[0][ATOMS - 70 : ATOMS - 20].mean()),
        ),
        KnownValue(
            name="strings/current of exact movers",
            source=f"{PAPER}, (1) and (11); d'Alembert's waves moved cell by cell",
            quantity="heat current through the joint",
            unit="W",
            expected=current,
            tolerance=1e-12,
            found=lambda: _moved_current(movers),
        ),
        KnownValue(
            name="strings/conductance without the paradox",
            source=f"{PAPER}, (3), J/(T_l' - T_r') in the limit of a small drop",
            quantity="conductance at 50 K, transmission 0.64",
            unit="W/K",
            expected=lambda: float(strings.four_point_conductance(50.0, SHARE)),
            tolerance=1e-5,
            found=lambda: _small_drop_conductance(50.0),
        ),
        KnownValue(
            name="strings/first order in the drop",
            source=f"{PAPER}, (2): T_l' = T_r + (1 - T/2) dT, the limit of the exact T_l'",
            quantity="(T_l' - T_r)/dT for 50 and 49.99 K, transmission 0.64",
            unit="",
            expected=0.68,
            tolerance=1e-3,
            found=lambda: _first_order(50.0, 0.01),
        ),
        KnownValue(
            name="strings/electrons at a barrier",
            source=f"{PAPER}, (12): two-terminal resistance less h/e^2 is that of the barrier",
            quantity="barrier conductance at transmission 0.64, per spin",
            unit="S",
            expected=lambda: 1.0 / (1.0 / float(strings.electron_conductances(SHARE)[0]) - H_E2),
            tolerance=1e-10,
            found=lambda: float(strings.electron_conductances(SHARE)[1]),
        ),
        KnownValue(
            name="strings/recurrence",
            source=f"{PAPER}: exact until 2 L/c - |x|/c; d'Alembert's waves between free ends",
            quantity="steps until the current at the joint changes, 40 cells on each side",
            unit="steps",
            expected=80.0,
            tolerance=1e-12,
            found=lambda: _recurrence(movers, 40),
        ),
        KnownValue(
            name="strings/Kubo correlation, double integral",
            source=f"{PAPER}, (A3): int dw dw' ... by quadrature of its two factors",
            quantity="I(t) at t = 0.7, T = 1.3, eta = 0.2, hbar = k_B = 1",
            unit="",
            expected=lambda: _double_integral(0.7, 1.3, 0.2),
            tolerance=1e-8,
            found=lambda: float(correlation_integral(0.7, 1.3, 0.2)),
        ),
        *(
            KnownValue(
                name=f"strings/Kubo correlation, {name} derivative",
                source=f"{PAPER}, (A3) corrected: weight {weight}; moments of I(t), eta to 0",
                quantity=f"integral of t^{power} I(t), T = 1.3, eta drawn on to 0",
                unit="",
                expected=value,
                tolerance=1e-3,
                found=lambda k=power: (  # type: ignore[misc]
                    2.0 * _moment(k, 1.3, 5e-4) - _moment(k, 1.3, 1e-3)
                ),
            )
            for name, weight, power, value in (
                ("first", "-(pi/6) T^2 of delta'", 1, np.pi / 6.0 * 1.3**2),
                ("third", "1/(24 pi) of delta'" + "''", 3, -6.0 / (24.0 * np.pi)),
            )
        ),
        KnownValue(
            name="strings/Kubo response",
            source=f"{PAPER}, (7) to (9): linear response behind the front is pi T T dT/6",
            quantity="current over transmission and drop, T = 1.3, cutoff 0.2, hbar = k_B = 1",
            unit="",
            expected=np.pi / 6.0 * 1.3 * (1.0 - 2.0 * 0.2 * 1.3),
            tolerance=1e-9,
            found=lambda: _kubo_current(1.3, 0.2),
        ),
    ]


def _planck_energy(temperature: float, speed: float) -> float:
    integral = quad(lambda x: x / np.expm1(x), 0.0, 60.0, epsabs=0.0, epsrel=1e-12)[0]
    heat = BOLTZMANN * temperature
    return float(heat**2 / (np.pi * REDUCED_PLANCK * speed) * integral)


@cache
def _chain() -> lattice.Chain:
    return lattice.joined_chain((ATOMS, ATOMS), (1.0, 4.0), (1.0, 4.0))


@cache
def _start() -> tuple[lattice.GaussianState, Array]:
    """Local equilibrium with a step over some lattice constants, and the zero-point energies."""
    x = np.arange(2 * ATOMS) - ATOMS + 0.5
    squares = RIGHT**2 + (LEFT**2 - RIGHT**2) * 0.5 * (1.0 - np.tanh(x / 12.0))
    chain = _chain()
    at_rest = lattice.atom_energies(chain, lattice.ground_state(chain))
    return lattice.local_equilibrium(chain, np.sqrt(squares)), at_rest


def _chain_before() -> Array:
    state, at_rest = _start()
    return lattice.atom_energies(_chain(), state) - at_rest


@cache
def _chain_later() -> tuple[Array, Array]:
    """Energies of the atoms and currents of the bonds at t = 150."""
    state, at_rest = _start()
    later = lattice.evolved(_chain(), state, 150.0)
    return lattice.atom_energies(_chain(), later) - at_rest, lattice.bond_currents(_chain(), later)


def _behind() -> list[int]:
    return [*range(ATOMS - 70, ATOMS - 10), *range(ATOMS + 10, ATOMS + 70)]


def _moved_current(joined: profiles.JoinedStrings) -> float:
    step = 1e-12
    movers = profiles.thermal_movers(joined, np.full(60, 50.0), np.full(60, 20.0), step)
    crossed = 0.0
    for _ in range(40):
        movers, crossed = profiles.move(movers, joined.transmission)
    return float(crossed) / step


def _small_drop_conductance(temperature: float) -> float:
    left, right = temperature + 0.005, temperature - 0.005
    warm, cold = strings.steady_temperatures(left, right, SHARE)
    return float(strings.current(left, right, SHARE) / (warm - cold))


def _first_order(left: float, drop: float) -> float:
    warm, _ = strings.steady_temperatures(left, left - drop, SHARE)
    return (float(warm) - (left - drop)) / drop


def _recurrence(joined: profiles.JoinedStrings, cells: int) -> float:
    movers = profiles.thermal_movers(joined, np.full(cells, 50.0), np.full(cells, 20.0), 1e-12)
    first = None
    for step in range(10 * cells):
        movers, crossed = profiles.move(movers, joined.transmission)
        first = crossed if first is None else first
        if abs(crossed - first) > 1e-9 * first:
            return float(step)
    return float("nan")


def _double_integral(time: float, temperature: float, cutoff: float) -> float:
    """Return Im (int dw/2pi w e^(i w t - eta w)/(1 - e^-bw))^2 over all frequencies."""

    def factor(part: Callable[[float], float]) -> float:
        def density(w: float) -> float:
            if w == 0.0:
                return temperature * part(0.0)
            return float(w / -np.expm1(-w / temperature) * np.exp(-cutoff * w) * part(w * time))

        ends = (-60.0 * temperature, 0.0, 40.0 / cutoff)
        return float(
            sum(
                quad(density, a, b, epsabs=0.0, epsrel=1e-12, limit=2000)[0]
                for a, b in itertools.pairwise(ends)
            )
        )

    whole = complex(factor(np.cos), factor(np.sin)) / (2.0 * np.pi)
    return (whole**2).imag


def _moment(power: int, temperature: float, cutoff: float) -> float:
    """Return int t^k I(t) dt, both halves being equal."""
    # the peaks are as wide as the cutoff, the tails as long as 1/T
    ends = [0.0, *np.geomspace(0.25 * cutoff, 5.0 / temperature, 12)]

    def density(t: float) -> float:
        return float(t**power * correlation_integral(t, temperature, cutoff))

    parts = [
        quad(density, a, b, epsabs=0.0, epsrel=1e-11, limit=400)[0]
        for a, b in itertools.pairwise(ends)
    ]
    return float(2.0 * sum(parts))


def _kubo_current(temperature: float, cutoff: float) -> float:
    """Return (2/T) int (t' - t) <J J>_odd dt' well behind the front, panel by panel."""
    end, delay, num_panels = 12.0, 2.0, 240
    nodes, weights = np.polynomial.legendre.leggauss(10)
    edges = np.linspace(0.0, end, num_panels + 1)
    times = (0.5 * (edges[:-1] + edges[1:])[:, None] + 0.5 * (end / num_panels) * nodes).ravel()
    shares = np.tile(0.5 * end / num_panels * weights, num_panels)
    odd = current_correlation(times, delay, 1.0, temperature, cutoff)
    return float(-2.0 / temperature * shares @ ((end - times) * odd))
