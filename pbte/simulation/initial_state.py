"""The initial state of a transient as a temperature, for phonons and for the heat equation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pbte.case.transients import (
    GaussianInitialState,
    GratingInitialState,
    InitialState,
    UniformInitialState,
)
from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.simulation.conditions import Conditions
from pbte.transport.sources import gaussian, wave


def require_sources(conditions: Conditions) -> None:
    """Check that there are heat sources that can make an initial state.

    Raises:
        InputError: There are none.
    """
    if not conditions.has_sources:
        raise InputError(
            'transient.initial.kind = "source": the case has no heat source; add a table [source]'
        )


def initial_profile(choice: InitialState, temperature: float, dim: int) -> Callable[[Array], Array]:
    """Return the deviation from T0 by the place, (n, dim) [m] to (n,) [K].

    Args:
        choice: A uniform, Gaussian or sinusoidal state.
        temperature: T0 [K].
        dim: Dimension of the mesh.

    Raises:
        InputError: The mesh lacks the axis that the state depends on.
    """
    if isinstance(choice, GaussianInitialState):
        shape, size = gaussian(np.asarray(choice.centre), choice.sigma), choice.peak
    elif isinstance(choice, GratingInitialState):
        axis = "xyz".index(choice.axis)
        if axis >= dim:
            raise InputError(
                f"transient.initial.axis = {choice.axis!r}: the mesh has {dim} dimensions; choose "
                f"one of {', '.join('xyz'[:dim])}"
            )
        shape, size = wave(axis, choice.period), choice.amplitude
    else:
        assert isinstance(choice, UniformInitialState)
        size = 0.0 if choice.temperature is None else choice.temperature - temperature
        return lambda points: np.full(len(points), size)
    return lambda points: size * shape(points)
