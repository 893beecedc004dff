"""Joined strings run through the solver: two modes in each body, one to the right, one to the left.

The interface passes the transmission of A1. Steady state: A4 to A6, whatever the difference of the
temperatures, and the two conductances of A7, with the paradox and without. In time: A8, a front
that moves with the speed of sound. Paper and labels as in `pbte.reference.strings.conductance`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.types import Array
from pbte.interfaces.perfect import PerfectInterface
from pbte.reference.strings import conductance as strings
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._interval import Film, solve_film
from pbte.verification.validation._pair import (
    Pair,
    PairState,
    even,
    kernels_of,
    pair_state,
    pair_system,
    solve_pair,
)
from pbte.verification.validation._strings import (
    T0,
    deviation,
    string_crystal,
    string_joint,
    temperature,
)

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.transport.system import StreamedBlock, System

PAPER = "Kapitza resistance between dissimilar harmonic solids"
SPEEDS = (4000.0, 2500.0)
DENSITIES = (1e-15, 4e-15)
ENDS = (12.0, 8.0)
LENGTHS = (2e-6, 1.5e-6)


def share_of_the_joint() -> float:
    """Return the transmission of the two strings (A1) [-]."""
    impedances = (
        strings.impedance(density, speed) for density, speed in zip(DENSITIES, SPEEDS, strict=True)
    )
    return float(strings.transmission(*impedances))


def string_pair(share: float, cells: tuple[int, int] = (8, 6)) -> Pair:
    """Return two strings, initially at 12 and 8 K, whose far ends send in those temperatures."""
    left, right = LENGTHS
    return Pair(
        edges=(even(-left, 0.0, cells[0]), even(0.0, right, cells[1])),
        crystals=(string_crystal(SPEEDS[0]), string_crystal(SPEEDS[1])),
        model=string_joint(share),
        walls=(float(deviation(ENDS[0])), float(deviation(ENDS[1]))),
    )


def cases() -> list[ValidationCase]:
    """Return the cases."""
    share = share_of_the_joint()
    return [*_of_the_steady_state(share), *_of_the_paradox(share), *_of_time(share)]


def _of_the_steady_state(share: float) -> list[ValidationCase]:
    return [
        *(
            ValidationCase(
                name=f"strings/solver, energy {side} of the joint",
                source=f"{PAPER}, (1): [(1 + R) eps_l + T eps_r c_r/c_l]/2 and l <-> r",
                quantity="thermal energy per length in the steady state, 12 K and 8 K",
                unit="J/m",
                expected=lambda n=number: float(_densities(share)[n]),  # type: ignore[misc]
                tolerance=1e-10,
                run=lambda comm, n=number: float(  # type: ignore[misc]
                    strings.energy_density(temperature(_steady(share, comm).joint[n]), SPEEDS[n])
                ),
            )
            for number, side in enumerate(("left", "right"))
        ),
        ValidationCase(
            name="strings/solver, current",
            source=f"{PAPER}, text after (1): pi k_B^2 T (T_l^2 - T_r^2)/(12 hbar)",
            quantity="heat current of the steady state, 12 K and 8 K",
            unit="W",
            expected=lambda: float(strings.current(*ENDS, share)),
            tolerance=1e-10,
            run=lambda comm: float(_steady(share, comm).flux.mean()),
        ),
    ]


def _of_the_paradox(share: float) -> list[ValidationCase]:
    return [
        ValidationCase(
            name="strings/solver, conductance with the paradox",
            source=f"{PAPER}: Little's J/dT, dT between the ends, (pi k_B^2 T/6 hbar) T",
            quantity="conductance at 10 K",
            unit="W/K",
            expected=lambda: float(strings.two_point_conductance(T0, share)),
            tolerance=1e-10,
            run=lambda comm: _conductances(share, comm)[0],
        ),
        ValidationCase(
            name="strings/solver, conductance without the paradox",
            source=f"{PAPER}, (3): J/dT', dT' between the two sides, (pi k_B^2 T/6 hbar) T/R",
            quantity="conductance at 10 K",
            unit="W/K",
            expected=lambda: float(strings.four_point_conductance(T0, share)),
            tolerance=1e-10,
            run=lambda comm: _conductances(share, comm)[1],
        ),
        ValidationCase(
            name="strings/solver, identical strings, local resistance",
            source=f"{PAPER}: no interface, no resistance between the two sides",
            quantity="jump at a perfect joint over the drop between the ends",
            unit="",
            expected=0.0,
            tolerance=1e-12,
            absolute=True,
            run=lambda comm: _identical(comm)[0],
        ),
        ValidationCase(
            name="strings/solver, identical strings, resistance of emission",
            source=f"{PAPER}: Little's resistance is finite without an interface, the paradox",
            quantity="drop between the ends over the current, times the quantum at 10 K",
            unit="",
            expected=1.0,
            tolerance=1e-10,
            run=lambda comm: _identical(comm)[1],
        ),
        ValidationCase(
            name="strings/solver, identical strings, joint or none",
            source="A string cut in two and joined perfectly against the whole string",
            quantity="largest difference of the temperatures over the drop",
            unit="",
            expected=0.0,
            tolerance=1e-12,
            absolute=True,
            run=lambda comm: _identical(comm)[2],
        ),
    ]


def _of_time(share: float) -> list[ValidationCase]:
    return [
        *(
            ValidationCase(
                name=f"strings/solver, front on the {side}",
                source=f"{PAPER}: eps and J step at t = |x|/c, nothing diffuses",
                quantity="mean distance of the front from the joint after 300 ps",
                unit="m",
                expected=speed * 3e-10,
                tolerance=1e-9,
                run=partial(_front, share, number),
            )
            for number, (side, speed) in enumerate(zip(("left", "right"), SPEEDS, strict=True))
        ),
        ValidationCase(
            name="strings/solver, current behind the front",
            source=f"{PAPER}: J = pi k_B^2 T (T_l^2 - T_r^2)/(12 hbar) inside the cone",
            quantity="heat current at the joint after 300 ps",
            unit="W",
            expected=lambda: float(strings.current(*ENDS, share)),
            tolerance=1e-9,
            run=lambda comm: _current_at_the_joint(share, comm),
        ),
    ]


def _densities(share: float) -> tuple[Array, Array]:
    left, right = (
        strings.energy_density(end, speed) for end, speed in zip(ENDS, SPEEDS, strict=True)
    )
    return strings.steady_densities(left, right, share, *SPEEDS)


def _steady(share: float, comm: MPI.Intracomm) -> PairState:
    return solve_pair(string_pair(share), comm)


def _conductances(share: float, comm: MPI.Intracomm) -> tuple[float, float]:
    """Return the current per drop between the ends and per jump, in the linear solver [W/K]."""
    pair = string_pair(share)
    state = solve_pair(pair, comm)
    current = float(state.flux.mean())
    return current / (pair.walls[0] - pair.walls[1]), current / (state.joint[0] - state.joint[1])


def _identical(comm: MPI.Intracomm) -> tuple[float, float, float]:
    """Return jump, resistance of emission and change by a perfect joint, for equal strings."""
    crystal, walls = string_crystal(SPEEDS[0]), (1.0, -1.0)
    halves = (even(-1e-6, 0.0, 6), even(0.0, 1e-6, 6))
    pair = Pair(edges=halves, crystals=(crystal, crystal), model=PerfectInterface(), walls=walls)
    state = solve_pair(pair, comm)
    edges = np.concatenate([halves[0], halves[1][1:]])
    whole = solve_film(Film(edges=edges, left=walls[0], right=walls[1]), crystal, comm)
    order = np.argsort(whole.points.mean(axis=1))
    change = np.abs(whole.temperature.reshape(-1, 2)[order] - state.temperature).max()
    quantum = float(strings.conductance_quantum(T0))
    return (
        (state.joint[0] - state.joint[1]) / 2.0,
        2.0 * quantum / float(state.flux.mean()),
        float(change) / 2.0,
    )


def follow_strings(
    share: float, comm: MPI.Intracomm, time: float, steps: int, cells: tuple[int, int]
) -> PairState:
    """Return the solver's answer to A8: strings let go at 12 and 8 K, after some time [s].

    Note: Collective over `comm`.
    """
    from pbte.transport.step_control import StepControl
    from pbte.transport.transient import TimeStepper, march

    pair = string_pair(share, cells)
    system: System = pair_system(pair, comm)
    fields = tuple(
        np.full_like(body.new_field(), wall)
        for body, wall in zip(system.bodies, pair.walls, strict=True)
    )
    stepper = TimeStepper(lambda now: system, kernels_of(pair), fields, tolerance=1e-12)

    def accumulate(blocks: Iterator[StreamedBlock], now: float) -> None:
        for _ in blocks:
            pass

    for _ in march(stepper, np.array([time]), StepControl(size=time / steps), accumulate):
        pass
    return pair_state(system, stepper.fields)


def _front(share: float, number: int, comm: MPI.Intracomm) -> float:
    """Return where the temperature is half-way between before and after, from the joint [m]."""
    state = follow_strings(share, comm, 3e-10, 60, (120, 90))
    before = float(deviation(ENDS[number]))
    after = float(deviation(strings.steady_temperatures(*ENDS, share)[number]))
    cells = (slice(state.num_left), slice(state.num_left, None))[number]
    passed = (state.temperature[cells] - before) / (after - before)
    # The area under the step is its place, and its smearing does not matter.
    return float(passed.mean(axis=1) @ np.diff(state.points[cells], axis=1)[:, 0])


def _current_at_the_joint(share: float, comm: MPI.Intracomm) -> float:
    state = follow_strings(share, comm, 3e-10, 60, (120, 90))
    nearest = np.argmin(np.abs(state.points.ravel()))
    return float(state.flux.ravel()[nearest])
