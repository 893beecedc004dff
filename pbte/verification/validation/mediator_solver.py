"""Mediators as an interface of the solver: two crystals exchange heat through them alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.types import Array
from pbte.interfaces.mediator import MediatorInterface
from pbte.materials.models import isotropic_crystal
from pbte.materials.quadrature import line_rule
from pbte.materials.storage import Material
from pbte.reference.mediator import chain as chains
from pbte.reference.mediator import currents as currents
from pbte.reference.mediator.mediator import Mediator, transmission
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._conduction import chain_against_heat_equation
from pbte.verification.validation._pair import Pair, PairState, even, solve_pair

if TYPE_CHECKING:
    from mpi4py import MPI

PAPER = "Panasyuk, Levin & Yerkes, Phys. Rev. E 86, 021116 (2012)"
T0 = 300.0
DENSITY = 1e17
"""Mediators per area [1/m^2]."""
# Bins up to 40 k_B T0/hbar, beyond which 1e-16 of the heat is left.
NUM_BINS = 40
TOP = 40.0 * BOLTZMANN * T0 / REDUCED_PLANCK
# The chain of mediators that is compared with a heat equation.
W0 = 1e13
LEVEL = REDUCED_PLANCK * W0 / BOLTZMANN
LENGTH = 32e-9


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        *(
            ValidationCase(
                name=f"mediator/interface of the solver, {name}",
                source=f"{PAPER}, (43) and (62): N K(T) between black walls, no scattering",
                quantity="heat flux per drop through 1e17 mediators per m^2 at 300 K",
                unit="W/m^2 K",
                expected=lambda m=mediator: (  # type: ignore[misc]
                    DENSITY * float(currents.conductance(m, T0))
                ),
                tolerance=1e-8,
                run=partial(_conductance, mediator),
            )
            for name, mediator in (
                ("weak coupling", Mediator(frequency=1e13, damping=2e12, cutoff=5e13)),
                ("overdamped", _overdamped()),
                ("unequal baths", Mediator(frequency=4e13, damping=4e13, first_share=0.2)),
            )
        ),
        ValidationCase(
            name="mediator/interface of the solver, scattering crystals",
            source=f"{PAPER}, (43): N K(T) over the jump between diffusive crystals, few mediators",
            quantity="heat flux per jump through 1e15 mediators per m^2 at 300 K",
            unit="W/m^2 K",
            expected=lambda: 1e15 * float(currents.conductance(_overdamped(), T0)),
            tolerance=5e-4,
            run=_per_jump,
        ),
        ValidationCase(
            name="mediator/heated chain and heat equation",
            source=f"{PAPER}, (80) with heat in 31 subsystems; heat equation with kappa = K(T) d",
            quantity="largest temperature of the chain",
            unit="K",
            expected=lambda: _heated_chain().max(),
            tolerance=2e-3,
            run=lambda comm: float(
                chain_against_heat_equation(
                    _chain_of(32), (LEVEL, 0.5 * LEVEL), 31, _warming, comm, cells_per_link=4
                )[1].max()
            ),
        ),
    ]


def crystal(relaxation_time: float) -> Material:
    """Return a crystal with one isotropic band in the middle of each bin.

    Each band carries enough for all mediators: 1e6 J/m^3 K at 3 km/s.
    """
    frequencies = (np.arange(NUM_BINS) + 0.5) * TOP / NUM_BINS
    every = np.ones(NUM_BINS)
    return isotropic_crystal(
        name="bands",
        temperature=T0,
        speeds=3000.0 * every,
        relaxation_times=relaxation_time * every,
        heat_capacities=1e6 * every,
        frequencies=frequencies,
        quadrature=line_rule(12),
    )


def joined(
    mediator: Mediator, density: float, relaxation_time: float, comm: MPI.Intracomm
) -> PairState:
    """Return the steady state of two crystals of 100 nm, walls 1 K apart."""
    material = crystal(relaxation_time)
    passing: Callable[[Array], Array] = partial(transmission, mediator)
    edges = tuple(float(edge) for edge in np.linspace(0.0, TOP, NUM_BINS + 1))
    pair = Pair(
        edges=(even(-1e-7, 0.0, 8), even(0.0, 1e-7, 8)),
        crystals=(material, material),
        model=MediatorInterface(transmission=passing, density=density, bins=edges),
        walls=(0.5, -0.5),
    )
    return solve_pair(pair, comm, 1e-11)


def _conductance(mediator: Mediator, comm: MPI.Intracomm) -> float:
    return float(joined(mediator, DENSITY, 1.0, comm).flux.mean())


def _overdamped() -> Mediator:
    return Mediator(frequency=1e13, damping=6e13)


def _per_jump(comm: MPI.Intracomm) -> float:
    state = joined(_overdamped(), 1e15, 3e-12, comm)
    return float(state.flux.mean()) / (state.joint[0] - state.joint[1])


def _chain_of(num_links: int) -> chains.FourierChain:
    return chains.FourierChain(
        mediator=Mediator(frequency=W0, damping=0.5 * W0, cutoff=2.0 * W0),
        mode_spacing=1e-3 * W0,
        distance=LENGTH / num_links,
    )


def _warming(x: Array) -> Array:
    return np.asarray(1e-2 * np.sin(np.pi * x / LENGTH))


def _heated_chain() -> Array:
    chain = _chain_of(32)
    places = np.asarray(chain.distance * np.arange(1, 32), dtype=np.float64)
    powers = chain.distance * _warming(places)
    return chains.steady_profile(chain.mediator, LEVEL, 0.5 * LEVEL, 31, powers=powers)[0]
