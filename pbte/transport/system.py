"""Systems of bodies, one crystal each, with their interfaces, and source iteration on them.

    for block in events.streamed_blocks(): ...  stream every mode of every body, block by block
    events.scatter()                            collide in the bodies, reflect and transmit at
                                                walls and interfaces

The state between two scattering events is the scattering source inside the bodies and the boundary
flux of walls and interfaces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from mpi4py import MPI

from pbte.core.types import IntArray, Numbers
from pbte.transport.body import Body, Modes, stream, with_self_scattering
from pbte.transport.boundary import BoundaryFlux, Surface
from pbte.transport.scattering_source import ScatteringSource, generation
from pbte.transport.state import Numbering, StateArrays, named


@dataclass(frozen=True, kw_only=True)
class System:
    """Bodies and the interfaces between them.

    Attributes:
        bodies: Each of one crystal, with its own walls.
        interfaces: Interfaces between bodies, or inside one; their sides name bodies by number.
        cells: For each body, number of its cells in the whole mesh.
        facets: For each body, number of its wall facets in the boundary of the whole mesh.
    """

    bodies: tuple[Body, ...]
    interfaces: tuple[Surface, ...] = ()
    cells: tuple[IntArray, ...] = ()
    facets: tuple[IntArray, ...] = ()

    @property
    def self_scattering(self) -> float:
        """The self-scattering s of all bodies [-]."""
        return self.bodies[0].self_scattering

    @property
    def comm(self) -> MPI.Intracomm:
        """All ranks; every body is on all of them."""
        return self.bodies[0].comm

    @property
    def group(self) -> MPI.Intracomm:
        """The ranks that share the modes of the same cells."""
        return self.bodies[0].mode_partition.comm

    @property
    def heat_power(self) -> float:
        """Power of the heat sources [W]. Collective."""
        return sum(body.heat_power for body in self.bodies)

    @property
    def num_unknowns(self) -> int:
        """Modes times degrees of freedom of all bodies, on all ranks. Collective."""
        return sum(body.num_unknowns for body in self.bodies)

    @property
    def num_cyclic_modes(self) -> int:
        """Number of modes whose cells depend on each other in a cycle. Collective."""
        return sum(body.num_cyclic_modes for body in self.bodies)


def as_system(problem: Body | System) -> System:
    """Return a single body as a system."""
    return problem if isinstance(problem, System) else System(bodies=(problem,))


def split_system(system: System, self_scattering: float) -> System:
    """Return the system with self-scattering s in every body."""
    bodies = tuple(with_self_scattering(body, self_scattering) for body in system.bodies)
    return replace(system, bodies=bodies)


@dataclass(frozen=True, kw_only=True)
class StreamedBlock:
    """Mode temperatures of some modes of one body after a sweep.

    Attributes:
        body: Number of the body.
        modes: Its local modes in this block.
        theta: Mode temperatures, shape (modes, num_dofs) [K]; complex in the frequency domain.
        inflow: Inflow at the boundary, shape (modes or 1, num_boundary_dofs) [K].
    """

    body: int
    modes: Modes
    theta: Numbers
    inflow: Numbers


class Tally(Protocol):
    """Accumulates observables from the blocks of a sweep."""

    def accumulate(self, block: StreamedBlock) -> None:
        """Add the contribution of some modes of one body."""
        ...


class Boundary:
    """Boundary fluxes of all walls and interfaces of a system.

    Args:
        system: The bodies; the inflow is zero at first.

    Attributes:
        states: Boundary flux of each surface, walls before interfaces.
        owners: For each surface, the number of the body of each side.
        couplings: For each body, the surfaces that it has a side of, and the number of that side.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        walls = [
            [BoundaryFlux(wall, body.dtype) for wall in body.surfaces] for body in system.bodies
        ]
        dtype = system.bodies[0].dtype
        interfaces = [BoundaryFlux(interface, dtype) for interface in system.interfaces]
        self.states = [*(state for states in walls for state in states), *interfaces]
        self.owners = [
            *(
                tuple(number for _ in state.surface.sides)
                for number, states in enumerate(walls)
                for state in states
            ),
            *(tuple(side.body for side in state.surface.sides) for state in interfaces),
        ]
        self.couplings = [
            [(state, side) for state in walls[number] for side in range(len(state.surface.sides))]
            + [
                (state, side)
                for state in interfaces
                for side, where in enumerate(state.surface.sides)
                if where.body == number
            ]
            for number in range(len(system.bodies))
        ]

    @property
    def nbytes(self) -> int:
        """Memory between two events on this rank [bytes]."""
        return sum(state.nbytes for state in self.states)

    def state_arrays(self, numbering: Numbering) -> StateArrays:
        """Return the inflow from all surfaces, by name; the arrays themselves."""
        arrays: StateArrays = {}
        for number, (state, owners) in enumerate(zip(self.states, self.owners, strict=True)):
            own = state.state_arrays(numbering.facets[owners[0]])
            arrays |= named(f"surface_{number}", own)
        return arrays

    def inflow(self, number: int, modes: Modes, *, given: bool) -> Numbers:
        """Return the inflow of some modes of a body, shape (modes or 1, num_boundary_dofs) [K].

        Args:
            number: Number of the body.
            modes: Its local modes.
            given: Whether isothermal walls and imposed temperature drops contribute.
        """
        body, couplings = self.system.bodies[number], self.couplings[number]
        common = body.inflow if given else np.zeros_like(body.inflow)
        if not couplings:
            return common
        chosen = np.arange(body.mode_partition.num_modes)[modes]
        rows = np.repeat(common, chosen.size, axis=0).astype(body.dtype, copy=False)
        for state, side in couplings:
            state.send(side, chosen, rows, jump=given)
        return rows

    def collect(self, number: int, modes: Modes, theta: Numbers) -> None:
        """Accumulate the outgoing flux of some modes of a body at its walls and interfaces."""
        chosen = np.arange(self.system.bodies[number].mode_partition.num_modes)[modes]
        for state, side in self.couplings[number]:
            state.collect(side, chosen, theta)

    def reflect(self) -> None:
        """Make the reflected and transmitted flux the inflow. Collective."""
        for state in self.states:
            state.reflect()


class SourceIteration:
    """Source iteration: the state between two scattering events, and its update.

    Args:
        system: The bodies.
        emit: Returns the first scattering source of a body; the heat source by default.
    """

    def __init__(
        self, system: System, emit: Callable[[Body], ScatteringSource] = generation
    ) -> None:
        self.system = system
        self.emissions = [emit(body) for body in system.bodies]
        self.boundary = Boundary(system)

    @property
    def nbytes(self) -> int:
        """Memory between two events on this rank [bytes]."""
        emitted = sum(emission.nbytes for emission in self.emissions)
        return emitted + self.boundary.nbytes

    def state_arrays(self, numbering: Numbering) -> StateArrays:
        """Return the state between two events, by name; the arrays themselves."""
        arrays = self.boundary.state_arrays(numbering)
        for number, (emission, cells) in enumerate(
            zip(self.emissions, numbering.cells, strict=True)
        ):
            arrays |= named(f"body_{number}", emission.state_arrays(cells))
        return arrays

    def power(self) -> float:
        """Return the power of the scattering source [W]. Collective."""
        return sum(emission.power() for emission in self.emissions)

    def streamed_blocks(self, *, given: bool) -> Iterator[StreamedBlock]:
        """Stream every mode, yield it block by block, and collect it for the next event.

        Must be exhausted. Collective over the ranks that share the cells.

        Args:
            given: Whether isothermal walls and imposed temperature drops contribute.
        """
        for number, (body, emission) in enumerate(
            zip(self.system.bodies, self.emissions, strict=True)
        ):
            for modes in emission.blocks():
                theta = emission.rows(modes)
                inflow = self.boundary.inflow(number, modes, given=given)
                stream(body, theta, modes, inflow=inflow)
                yield StreamedBlock(body=number, modes=modes, theta=theta, inflow=inflow)
                emission.collect(modes, theta)
                self.boundary.collect(number, modes, theta)

    def scatter(self) -> None:
        """Scatter the collected modes in the bodies and at the surfaces. Collective."""
        for emission in self.emissions:
            emission.scatter()
        self.boundary.reflect()
