"""ScatteringSource: what the modes set out with after a scattering event.

Transport theory calls Q = M theta the emission density. It is all that is kept between two events:

- of the full matrix, Q of every mode (the field itself, changed in place);
- of a factored kernel M = w_in w_out, the moments y = w_out theta alone. Q = w_in y is formed for a
  block of modes at a time, streamed, measured and forgotten, so memory does not grow with the
  number of modes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from pbte.core.types import Array
from pbte.transport.body import Body, Modes, collide
from pbte.transport.collisions import FactoredCollisions


class ScatteringSource(Protocol):
    """What all modes of this rank set out with, and how to collect what they arrive with.

    One round: for each of `blocks`, take `rows`, stream them, `collect` them; then `scatter`.
    """

    @property
    def nbytes(self) -> int:
        """Bytes kept between two events."""
        ...

    def blocks(self) -> Iterator[Modes]:
        """Yield the modes in portions to stream together; equally many on the ranks of a mesh."""
        ...

    def rows(self, modes: Modes) -> Array:
        """Return Q of some modes, shape (modes, num_dofs) [K/s]; to be streamed in place."""
        ...

    def collect(self, modes: Modes, theta: Array) -> None:
        """Take the mode temperatures that these rows streamed into [K]."""
        ...

    def scatter(self) -> None:
        """Scatter what was collected: it becomes the next emission. Collective."""
        ...

    def power(self) -> float:
        """Return the emitted power, sum_mu c_mu int Q_mu dV [W]. Collective."""
        ...


class FieldScatteringSource:
    """Scattering source of every mode, kept as one field.

    Args:
        body: The body of the phonons.
        field: Q, shape (local modes, num_dofs) [K/s]; used, not copied.
    """

    def __init__(self, body: Body, field: Array) -> None:
        self.body, self.field = body, field

    @property
    def nbytes(self) -> int:
        """Bytes of the field."""
        return self.field.nbytes

    def blocks(self) -> Iterator[Modes]:
        """Yield all modes at once: they are stored anyway."""
        yield slice(None)

    def rows(self, modes: Modes) -> Array:
        """Return the rows of the field themselves."""
        return self.field[modes]

    def collect(self, modes: Modes, theta: Array) -> None:
        """Keep the rows; those streamed in place are there already."""
        if not np.may_share_memory(theta, self.field):
            self.field[modes] = theta

    def scatter(self) -> None:
        """Replace theta by M theta. Collective."""
        collide(self.body, self.field)

    def power(self) -> float:
        """Return the emitted power [W]. Collective."""
        body = self.body
        return body.total(body.heat_capacities @ (self.field @ body.mesh.dof_weights))


class MomentScatteringSource:
    """Scattering source of a factored kernel, kept as its moments.

    Args:
        body: The body of the phonons.
        weights: How much of each moment a mode emits, shape (local modes, any).
        moments: Shape (any, num_dofs), with the weights a rate [K/s].
    """

    def __init__(self, body: Body, weights: Array, moments: Array) -> None:
        assert isinstance(body.collisions, FactoredCollisions)
        self.body, self.factors = body, body.collisions
        self.weights, self.moments = weights, moments
        self._collected = np.zeros((self.factors.rank, body.mesh.num_dofs))

    @property
    def nbytes(self) -> int:
        """Bytes of the moments, those being collected as well."""
        return 2 * self._collected.nbytes

    def blocks(self) -> Iterator[Modes]:
        """Yield a few modes at a time, each beside its time-reversed partner."""
        return self.body.mode_blocks()

    def rows(self, modes: Modes) -> Array:
        """Return Q of some modes, a new array."""
        return np.asarray(self.weights[modes] @ self.moments, dtype=np.float64)

    def collect(self, modes: Modes, theta: Array) -> None:
        """Add the moments of these modes."""
        self._collected += self.factors.w_out[:, modes] @ theta

    def scatter(self) -> None:
        """Make the collected moments of all ranks those that are emitted. Collective."""
        self.moments = self.body.mode_partition.sum_over_ranks(self._collected)
        self.weights = self.factors.w_in
        self._collected = np.zeros_like(self._collected)

    def power(self) -> float:
        """Return the emitted power [W]. Collective."""
        body = self.body
        emitted = body.heat_capacities @ self.weights
        return body.total(float(emitted @ (self.moments @ body.mesh.dof_weights)))


def generation(body: Body) -> ScatteringSource:
    """Return the heat source as the emission that the zeroth order starts from.

    Self-scattering returns every mode to itself; no moments hold that, so with it the field is
    kept whatever the kernel.
    """
    if isinstance(body.collisions, FactoredCollisions) and body.self_scattering == 0.0:
        return MomentScatteringSource(body, body.generation, body.heat_sources)
    return FieldScatteringSource(body, body.source())
