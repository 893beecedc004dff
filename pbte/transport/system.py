"""Bodies of one crystal each, the interfaces between them, and what exists between two events.

    for block in events.streamed_blocks(): ...  stream every mode of every body, block by block
    events.scatter()                            collide in the bodies, reflect and transmit at
                                                walls and interfaces

All that is kept between two scattering events is the emission inside the bodies and what the walls
and interfaces send into them.
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


@dataclass(frozen=True, kw_only=True)
class System:
    """Bodies and the interfaces that join them.

    Attributes:
        bodies: Each of one crystal, with its own walls.
        joints: Interfaces between bodies, or through one; their sides name bodies by number.
        cells: Number of each cell of a body in the whole mesh; the same cells for one body.
        facets: Number of each wall facet of a body in the boundary of the whole mesh.
    """

    bodies: tuple[Body, ...]
    joints: tuple[Surface, ...] = ()
    cells: tuple[IntArray, ...] = ()
    facets: tuple[IntArray, ...] = ()

    @property
    def self_scattering(self) -> float:
        """The split s of all bodies [-]."""
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
    """Return a single body as a system of its own."""
    return problem if isinstance(problem, System) else System(bodies=(problem,))


def split_system(system: System, self_scattering: float) -> System:
    """Return the same system with fictitious self-scattering in every body."""
    bodies = tuple(with_self_scattering(body, self_scattering) for body in system.bodies)
    return replace(system, bodies=bodies)


@dataclass(frozen=True, kw_only=True)
class StreamedBlock:
    """Some modes of one body after their drift.

    Attributes:
        body: Number of the body.
        modes: Which of its local modes.
        theta: Mode temperatures, shape (modes, num_dofs) [K]; complex in the frequency domain.
        inflow: What entered at the boundary, shape (modes or 1, num_boundary_dofs) [K].
    """

    body: int
    modes: Modes
    theta: Numbers
    inflow: Numbers


class Tally(Protocol):
    """Something that measures the fields of all bodies while they are there."""

    def accumulate(self, block: StreamedBlock) -> None:
        """Take note of some modes of one body."""
        ...


class Boundary:
    """What walls and interfaces send into the bodies, and what runs into them meanwhile.

    Args:
        system: The bodies; nothing is sent in at first.

    Attributes:
        states: One for each surface, walls before joints.
        owners: For each of them the body of each side.
    """

    def __init__(self, system: System) -> None:
        self.system = system
        walls = [
            [BoundaryFlux(wall, body.dtype) for wall in body.surfaces] for body in system.bodies
        ]
        joints = [BoundaryFlux(joint, system.bodies[0].dtype) for joint in system.joints]
        self.states = [*(state for states in walls for state in states), *joints]
        self.owners = [
            *(
                tuple(number for _ in state.surface.sides)
                for number, states in enumerate(walls)
                for state in states
            ),
            *(tuple(side.body for side in state.surface.sides) for state in joints),
        ]
        self.ports = [
            [(state, side) for state in walls[number] for side in range(len(state.surface.sides))]
            + [
                (state, side)
                for state in joints
                for side, where in enumerate(state.surface.sides)
                if where.body == number
            ]
            for number in range(len(system.bodies))
        ]

    @property
    def nbytes(self) -> int:
        """Bytes kept between two events on this rank."""
        return sum(state.nbytes for state in self.states)

    def inflow(self, number: int, modes: Modes, *, given: bool) -> Numbers:
        """Return what enters some modes of a body, shape (modes or 1, num_boundary_dofs) [K].

        Args:
            number: Number of the body.
            modes: Which of its local modes.
            given: Whether walls of given temperature, and imposed drops, send in theirs.
        """
        body, ports = self.system.bodies[number], self.ports[number]
        common = body.inflow if given else np.zeros_like(body.inflow)
        if not ports:
            return common
        chosen = np.arange(body.mode_partition.num_modes)[modes]
        rows = np.repeat(common, chosen.size, axis=0).astype(body.dtype, copy=False)
        for state, side in ports:
            state.send(side, chosen, rows, jump=given)
        return rows

    def collect(self, number: int, modes: Modes, theta: Numbers) -> None:
        """Take what some modes of a body run into its walls and interfaces with."""
        chosen = np.arange(self.system.bodies[number].mode_partition.num_modes)[modes]
        for state, side in self.ports[number]:
            state.collect(side, chosen, theta)

    def reflect(self) -> None:
        """Turn what was collected into what is sent in. Collective."""
        for state in self.states:
            state.reflect()


class SourceIteration:
    """What exists between two scattering events, and how it becomes the next.

    Args:
        system: The bodies.
        emit: Makes the emission of each body to begin with; the heat source by default.
    """

    def __init__(
        self, system: System, emit: Callable[[Body], ScatteringSource] = generation
    ) -> None:
        self.system = system
        self.emissions = [emit(body) for body in system.bodies]
        self.boundary = Boundary(system)

    @property
    def nbytes(self) -> int:
        """Bytes kept between two events on this rank."""
        emitted = sum(emission.nbytes for emission in self.emissions)
        return emitted + self.boundary.nbytes

    def power(self) -> float:
        """Return the power that the bodies emit [W]. Collective."""
        return sum(emission.power() for emission in self.emissions)

    def streamed_blocks(self, *, given: bool) -> Iterator[StreamedBlock]:
        """Stream every mode and yield it, block by block; collect where it arrives.

        Must be followed to the end. Collective over the ranks that share the cells.

        Args:
            given: Whether walls of given temperature, and imposed drops, send in theirs.
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
        """Scatter what was collected in the bodies and at the surfaces. Collective."""
        for emission in self.emissions:
            emission.scatter()
        self.boundary.reflect()
