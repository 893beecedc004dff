"""Iterates of the steady state: the state between two scattering events, and its update.

The state is the in-scattering of every mode for a full kernel, or the moments for a kernel of low
rank, and the inflow of walls and interfaces. Heat source and past are added unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pbte.core.distributed_array import DistributedArray
from pbte.core.quantity import quantity, record
from pbte.core.types import Array, IntArray, Numbers
from pbte.transport.body import Body, Modes, stream
from pbte.transport.collisions import BLOCK, FactoredCollisions, blocks, times
from pbte.transport.state import Numbering, StateArrays, mode_field, mode_weights, named
from pbte.transport.steady.boundary_unknowns import BoundaryUnknowns
from pbte.transport.steady.moment_system import MomentSystem
from pbte.transport.steady.moments import BodyMoments
from pbte.transport.system import Boundary, StreamedBlock, System


@dataclass(frozen=True, kw_only=True)
class SourceBlock:
    """Source and inflow of some modes after the last event.

    Attributes:
        body: Number of the body.
        modes: Its local modes in this block.
        rows: In-scattering, source and past, a new array to stream in place,
            shape (modes, num_dofs) [K/s].
        inflow: Inflow at the boundary, shape (modes or 1, num_boundary_dofs) [K].
    """

    body: int
    modes: Modes
    rows: Numbers
    inflow: Numbers


@dataclass(frozen=True, kw_only=True)
class SteadyIterate:
    """Scattering source and inflow: the initial guess for a similar problem.

    Attributes:
        scattered: For each body the in-scattering of all local modes, (local modes, num_dofs)
            [K/s], not copied by the solution that uses it; for a kernel of low rank the moments on
            this rank's rows, (rows, rank) [K].
        entering: Inflow of walls and interfaces, the boundary unknowns [K].
    """

    scattered: tuple[Numbers, ...]
    entering: Numbers


@record
class SteadyProgress:
    """Progress of an unfinished steady solution, without the arrays of its iteration."""

    scale: float = quantity(
        "J^0.5 K^0.5/s",
        "norm of the source of the first scattering order, the unit of relative residuals",
    )
    residuals: tuple[float, ...] = quantity(
        "1", "relative residual after each earlier correction", axes=("correction",)
    )
    inner_sweeps: int = quantity("1", "sweeps inside the Krylov solves so far")


class SteadyCheckpointer(Protocol):
    """Writes checkpoints of an unfinished solution, and restores them."""

    def checkpoint_due(self) -> bool:
        """Return whether a checkpoint is due. Collective."""
        ...

    def write(self, events: SteadySourceIteration, progress: SteadyProgress) -> None:
        """Write a checkpoint of the iteration after a correction. Collective."""
        ...

    def restore(self, events: SteadySourceIteration) -> SteadyProgress | None:
        """Restore an interrupted iteration; None if there is none, and it is as before. Collective.

        Args:
            events: Changed in place, by `SteadySourceIteration.restore`.
        """
        ...


class SteadySourceIteration:
    """Source iteration in all bodies, with corrections between the events.

    Args:
        system: The bodies.
        moments: Their moments.
        iterate: Initial state; zero if None.
    """

    def __init__(
        self, system: System, moments: MomentSystem, iterate: SteadyIterate | None
    ) -> None:
        self.system, self.moments = system, moments
        self.boundary = BoundaryState(system, moments, iterate)
        self.states: list[FieldState | MomentState] = []
        for number, (body, part) in enumerate(zip(system.bodies, moments.bodies, strict=True)):
            scattered = None if iterate is None else iterate.scattered[number]
            state = MomentState if is_whole(body, part) else FieldState
            self.states.append(state(number, body, part, self.boundary, scattered))

    def scatter(self) -> tuple[Numbers, float, float]:
        """Stream and scatter once; return rho and the norms of r and of the emission. Collective.

        Because theta = L^-1 Q, the change of the emission is the residual of the equation.
        """
        squares = np.zeros(2)
        residuals = []
        for state in self.states:
            residual, own = state.scatter()
            residuals.append(residual)
            squares += own
        entering, entered = self.boundary.reflect()
        change, size = np.sqrt(np.maximum(self.system.comm.allreduce(squares) + entered, 0.0))
        return self.moments.join(residuals, entering), float(change), float(size)

    def state_arrays(self, numbering: Numbering) -> StateArrays:
        """Return the state between two events, by name; the arrays themselves."""
        arrays = self.boundary.boundary.state_arrays(numbering)
        for number, (state, cells) in enumerate(zip(self.states, numbering.cells, strict=True)):
            arrays |= named(f"body_{number}", state.state_arrays(cells))
        return arrays

    def restore(self, numbering: Numbering, read: Callable[[StateArrays], None]) -> None:
        """Read the state of an interrupted iteration, on these or other ranks. Collective.

        Args:
            numbering: Numbers of cells and facets.
            read: Overwrites the values of all arrays by those of the checkpoint.
        """
        read(self.state_arrays(numbering))
        for state in self.states:
            state.restored()
        self.boundary.previous = self.boundary.unknowns.read()

    def add(self, x: Numbers) -> None:
        """Add w_in x to the emission, and x to the inflow. Collective."""
        moments, entering = self.moments.parts(x)
        for state, part in zip(self.states, moments, strict=True):
            state.add(part)
        self.boundary.add(entering)


def is_whole(body: Body, moments: BodyMoments) -> bool:
    """Return whether the moments determine the whole scattering source (kernel of low rank)."""
    kernel = body.collisions
    return isinstance(kernel, FactoredCollisions) and kernel.rank == moments.rank


def iterate_of(states: Sequence[FieldState | MomentState]) -> SteadyIterate:
    """Return the current iterate of all bodies; its arrays are not copied."""
    return SteadyIterate(
        scattered=tuple(state.scattered for state in states),
        entering=states[0].boundary.unknowns.read(),
    )


class FieldState:
    """In-scattering and mode temperatures of every mode, for a full kernel."""

    is_whole = False

    def __init__(
        self,
        number: int,
        body: Body,
        moments: BodyMoments,
        boundary: BoundaryState,
        scattered: Numbers | None,
    ) -> None:
        self.number, self.body, self.moments, self.boundary = number, body, moments, boundary
        self.scattered = body.new_field() if scattered is None else scattered
        self.theta = np.empty_like(self.scattered)

    def scatter(self) -> tuple[Numbers, Array]:
        """Stream and scatter once; return rho, local squares of r and emission. Collective."""
        body, theta, scattered = self.body, self.theta, self.scattered
        for columns in blocks(theta.shape[1], BLOCK):
            np.add(scattered[:, columns], body.source(columns), out=theta[:, columns])
        everyone = slice(None)
        stream(body, theta, inflow=self.boundary.inflow(self.number, everyone))
        self.boundary.collect(self.number, everyone, theta)
        squares = np.zeros(2)
        weights = body.mesh.dof_weights
        residual = np.empty((body.mesh.num_dofs, self.moments.rank), dtype=theta.dtype)
        for columns in blocks(theta.shape[1], BLOCK):
            shape = theta.shape[0], columns.stop - columns.start
            new = np.empty(shape, dtype=theta.dtype)
            body.collisions.mix(theta[:, columns], new)
            change = new - scattered[:, columns]
            scattered[:, columns] = new
            new += body.source(columns)
            for i, values in enumerate((change, new)):
                squares[i] += body.heat_capacities @ (_square(values) @ weights[columns])
            residual[columns] = (self.moments.projection @ change).T
        return self.moments.scatter(residual), squares

    def state_arrays(self, cells: IntArray) -> StateArrays:
        """Return the in-scattering of all modes, by name; the array itself [K/s]."""
        return {"scattered": mode_field(self.body, cells, self.scattered)}

    def restored(self) -> None:
        """Do nothing: the field means the same for any kernel."""

    def scattered_moments(self) -> Numbers:
        """Return the absolute values of the moments, shape (rows, rank). Collective."""
        return np.abs(self.moments.scatter(self.moments.collected(slice(None), self.theta).T))

    def add(self, moments: Numbers) -> None:
        """Add w_in y to the emission. Collective."""
        everywhere = self.moments.gather(moments)
        for modes in self.body.mode_blocks():
            self.scattered[modes] += self.moments.emit(modes, everywhere)

    def streamed_blocks(self) -> Iterator[StreamedBlock]:
        """Yield the mode temperatures of all modes at once."""
        everyone = slice(None)
        inflow = self.boundary.before(self.number, everyone)
        yield StreamedBlock(body=self.number, modes=everyone, theta=self.theta, inflow=inflow)

    def source_blocks(self) -> Iterator[SourceBlock]:
        """Yield source and inflow after the last event, block by block."""
        for modes in self.body.mode_blocks():
            rows = self.body.source(modes=modes)
            rows += self.scattered[modes]
            inflow = self.boundary.inflow(self.number, modes)
            yield SourceBlock(body=self.number, modes=modes, rows=rows, inflow=inflow)


class MomentState:
    """The moments y of the emission w_in y + g, for a kernel of low rank."""

    is_whole = True

    def __init__(
        self,
        number: int,
        body: Body,
        moments: BodyMoments,
        boundary: BoundaryState,
        scattered: Numbers | None,
    ) -> None:
        self.number, self.body, self.moments, self.boundary = number, body, moments, boundary
        nothing = np.zeros(moments.shape, dtype=body.dtype)
        self.scattered: Numbers = nothing if scattered is None else scattered
        self._given, self._given_square = self._weigh_source()
        self._basis: Array | None = None

    def _weigh_source(self) -> tuple[Numbers, float]:
        """Return w_in . c g on this rank's rows, and the local part of |g|^2. Collective."""
        body, products, square = self.body, self.moments.nothing(), 0.0
        for modes in body.mode_blocks():
            given, heat = body.source(modes=modes), body.heat_capacities[modes]
            weighted = heat[:, None] * self.moments.factors.w_in[modes]
            products += times(weighted.T, given)
            square += float(heat @ (_square(given) @ body.mesh.dof_weights))
        return self.moments.scatter(products.T), square

    def scatter(self) -> tuple[Numbers, Array]:
        """Stream and scatter once; return rho, local squares of r and emission. Collective.

        The residual is w_in rho, with rho the change of the moments.
        """
        arrived = self.moments.nothing()
        for block in self.streamed_blocks():
            arrived += self.moments.collected(block.modes, block.theta)
            self.boundary.collect(self.number, block.modes, block.theta)
        new = self.moments.scatter(arrived.T)
        residual, self.scattered = new - self.scattered, new
        mixed = 2.0 * (new.conj() * self._given).real.sum(axis=1)
        given = float(self.moments.weights @ mixed) + self._given_square
        return residual, np.array([self._square(residual), self._square(new) + given])

    def state_arrays(self, cells: IntArray) -> StateArrays:
        """Return the moments of this rank's cells, and the emission of each mode per moment.

        Factors of a matrix cut to some rank are defined up to a rotation, so that the moments need
        their own basis; see `restored`.
        """
        corners, rows = self.body.mesh.dim + 1, self.moments.rows
        own = cells[rows.start // corners : rows.stop // corners]
        numbers = own, np.arange(corners), np.arange(self.moments.rank)
        self._basis = self.moments.factors.w_in.copy()
        return {
            "moments": DistributedArray(
                axes=("cell", "vertex", "moment"),
                numbers=numbers,
                values=self.scattered.reshape(own.size, corners, self.moments.rank),
            ),
            "basis": mode_weights(self.body, self._basis),
        }

    def restored(self) -> None:
        """Turn moments that were read into those with which the modes emit the same. Collective."""
        part, body = self.moments, self.body
        assert self._basis is not None
        weighted = body.heat_capacities[:, None] * self._basis
        products = part.group.allreduce(part.factors.w_in.T @ weighted)
        turn = np.linalg.lstsq(part.gram, products, rcond=None)[0]
        self.scattered, self._basis = self.scattered @ turn.T, None

    def scattered_moments(self) -> Numbers:
        """Return the absolute values of the moments, shape (rows, rank)."""
        return np.abs(self.scattered)

    def _square(self, moments: Numbers) -> float:
        """Return the local part of |w_in y|^2."""
        own = (moments.conj() * (moments @ self.moments.gram)).real.sum(axis=1)
        return float(self.moments.weights @ own)

    def add(self, moments: Numbers) -> None:
        """Add to the moments."""
        self.scattered = self.scattered + moments

    def streamed_blocks(self) -> Iterator[StreamedBlock]:
        """Yield the mode temperatures, block by block. Collective."""
        for start in self.source_blocks():
            stream(self.body, start.rows, start.modes, inflow=start.inflow)
            yield StreamedBlock(
                body=self.number, modes=start.modes, theta=start.rows, inflow=start.inflow
            )

    def source_blocks(self) -> Iterator[SourceBlock]:
        """Yield source and inflow after the last event, block by block. Collective."""
        everywhere = self.moments.gather(self.scattered)
        for modes in self.body.mode_blocks():
            rows = self.moments.emit(modes, everywhere)
            rows += self.body.source(modes=modes)
            inflow = self.boundary.inflow(self.number, modes)
            yield SourceBlock(body=self.number, modes=modes, rows=rows, inflow=inflow)


class BoundaryState:
    """Inflow of walls and interfaces in the steady state.

    Args:
        system: The bodies.
        moments: Defines the boundary unknowns and their weights.
        iterate: Initial state; zero if None.
    """

    def __init__(
        self, system: System, moments: MomentSystem, iterate: SteadyIterate | None
    ) -> None:
        self.boundary = Boundary(system)
        self.unknowns: BoundaryUnknowns = moments.unknowns.of(self.boundary)
        if iterate is not None:
            self.unknowns.write(iterate.entering)
        self.previous: Numbers = self.unknowns.read()

    def inflow(self, number: int, modes: Modes) -> Numbers:
        """Return the inflow of some modes of a body, shape (modes or 1, num_boundary_dofs) [K]."""
        return self.boundary.inflow(number, modes, given=True)

    def before(self, number: int, modes: Modes) -> Numbers:
        """Return the inflow of some modes in the last sweep. Collective."""
        present = self.unknowns.read()
        self.unknowns.write(self.previous)
        inflow = self.inflow(number, modes)
        self.unknowns.write(present)
        return inflow

    def collect(self, number: int, modes: Modes, theta: Numbers) -> None:
        """Accumulate the outgoing flux of some modes of a body at walls and interfaces."""
        self.boundary.collect(number, modes, theta)

    def reflect(self) -> tuple[Numbers, Array]:
        """Reflect; return the change of the inflow and the squared norms of both. Collective."""
        self.previous = self.unknowns.read()
        self.boundary.reflect()
        present = self.unknowns.read()
        change = present - self.previous
        squares = [self.unknowns.weights @ _square(values) for values in (change, present)]
        total = self.boundary.system.comm.allreduce(np.array(squares))
        return change, np.asarray(total, dtype=np.float64)

    def add(self, entering: Numbers) -> None:
        """Add to the inflow. Collective."""
        self.unknowns.write(self.unknowns.read() + entering)


def _square(numbers: Numbers) -> Array:
    """Return |x|^2 of each number."""
    if np.iscomplexobj(numbers):
        return np.asarray(np.square(numbers.real) + np.square(numbers.imag))
    return np.square(numbers)
