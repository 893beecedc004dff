"""Scattering source Q = M theta, the emission density of the modes after a scattering event.

It is the only state inside the domain between two events:

- with the full matrix, Q of every mode (the field itself, changed in place);
- with a factored kernel M = w_in w_out, only the moments y = w_out theta. Q = w_in y is formed for
  a block of modes at a time, streamed, tallied and discarded, so memory does not grow with the
  number of modes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from pbte.core.types import Array, IntArray
from pbte.transport.body import Body, Modes, collide
from pbte.transport.collisions import FactoredCollisions
from pbte.transport.state import StateArrays, mode_field, mode_weights, moment_field


class ScatteringSource(Protocol):
    """Source of all modes of this rank, and accumulation of the next one.

    One iteration: for each of `blocks`, take `rows`, stream them, `collect` them; then `scatter`.
    """

    @property
    def nbytes(self) -> int:
        """Memory between two events [bytes]."""
        ...

    def blocks(self) -> Iterator[Modes]:
        """Yield blocks of modes to stream together; equally many on ranks that share the cells."""
        ...

    def rows(self, modes: Modes) -> Array:
        """Return Q of some modes, shape (modes, num_dofs) [K/s]; to be streamed in place."""
        ...

    def collect(self, modes: Modes, theta: Array) -> None:
        """Accumulate the mode temperatures of these rows after streaming, (modes, num_dofs) [K]."""
        ...

    def scatter(self) -> None:
        """Make the in-scattering of the collected temperatures the source. Collective."""
        ...

    def power(self) -> float:
        """Return the emitted power, sum_mu c_mu int Q_mu dV [W]. Collective."""
        ...

    def state_arrays(self, cells: IntArray) -> StateArrays:
        """Return the state between two events, by name; the arrays themselves.

        Args:
            cells: Number of each cell in the whole body.
        """
        ...


class FieldScatteringSource:
    """Scattering source of every mode, kept as one field.

    Args:
        body: The body of the phonons.
        field: Q, shape (local modes, num_dofs) [K/s]; not copied.
    """

    def __init__(self, body: Body, field: Array) -> None:
        self.body, self.field = body, field

    @property
    def nbytes(self) -> int:
        """Memory of the field [bytes]."""
        return self.field.nbytes

    def blocks(self) -> Iterator[Modes]:
        """Yield all modes at once."""
        yield slice(None)

    def rows(self, modes: Modes) -> Array:
        """Return views of rows of the field."""
        return self.field[modes]

    def collect(self, modes: Modes, theta: Array) -> None:
        """Store the rows, unless they were streamed in place."""
        if not np.may_share_memory(theta, self.field):
            self.field[modes] = theta

    def scatter(self) -> None:
        """Replace theta by M theta. Collective."""
        collide(self.body, self.field)

    def power(self) -> float:
        """Return the emitted power [W]. Collective."""
        body = self.body
        return body.total(body.heat_capacities @ (self.field @ body.mesh.dof_weights))

    def state_arrays(self, cells: IntArray) -> StateArrays:
        """Return the field [K/s]."""
        return {"emission": mode_field(self.body, cells, self.field)}


class MomentScatteringSource:
    """Scattering source of a factored kernel, kept as its moments.

    Args:
        body: The body of the phonons.
        weights: Emission of each mode per moment, shape (local modes, any).
        moments: Shape (any, num_dofs), with the weights a rate [K/s].
    """

    def __init__(self, body: Body, weights: Array, moments: Array) -> None:
        assert isinstance(body.collisions, FactoredCollisions)
        self.body, self.factors = body, body.collisions
        self.weights, self.moments = weights, moments
        self._collected = np.zeros((self.factors.rank, body.mesh.num_dofs))

    @property
    def nbytes(self) -> int:
        """Memory of the moments, including those being collected [bytes]."""
        return 2 * self._collected.nbytes

    def blocks(self) -> Iterator[Modes]:
        """Yield blocks of modes, each mode together with its time-reversed partner."""
        return self.body.mode_blocks()

    def rows(self, modes: Modes) -> Array:
        """Return Q of some modes, a new array."""
        return np.asarray(self.weights[modes] @ self.moments, dtype=np.float64)

    def collect(self, modes: Modes, theta: Array) -> None:
        """Add the moments of these modes."""
        self._collected += self.factors.w_out[:, modes] @ theta

    def scatter(self) -> None:
        """Make the collected moments of all ranks the source. Collective."""
        self.moments = self.body.mode_partition.sum_over_ranks(self._collected)
        self.weights = self.factors.w_in
        self._collected = np.zeros_like(self._collected)

    def power(self) -> float:
        """Return the emitted power [W]. Collective."""
        body = self.body
        emitted = body.heat_capacities @ self.weights
        return body.total(float(emitted @ (self.moments @ body.mesh.dof_weights)))

    def state_arrays(self, cells: IntArray) -> StateArrays:
        """Return moments and weights, with which the emission is a rate [K/s]."""
        return {
            "emission_weights": mode_weights(self.body, self.weights),
            "emission_moments": moment_field(self.body, cells, self.moments),
        }


def generation(body: Body) -> ScatteringSource:
    """Return the heat source as the source of the zeroth order.

    Self-scattering returns every mode to itself, which moments cannot represent, so the field is
    stored for any kernel.
    """
    if _keeps_moments(body):
        return MomentScatteringSource(body, body.generation, body.heat_sources)
    return FieldScatteringSource(body, body.source())


def blank_source(body: Body) -> ScatteringSource:
    """Return the source of an order above zero, of the right shape and with nothing in it."""
    if _keeps_moments(body):
        assert isinstance(body.collisions, FactoredCollisions)
        weights = np.zeros_like(body.collisions.w_in)
        return MomentScatteringSource(
            body, weights, np.zeros((weights.shape[1], body.mesh.num_dofs))
        )
    return FieldScatteringSource(body, body.new_field())


def _keeps_moments(body: Body) -> bool:
    return isinstance(body.collisions, FactoredCollisions) and body.self_scattering == 0.0
