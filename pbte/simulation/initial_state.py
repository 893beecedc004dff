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
from pbte.core.types import Array
from pbte.transport.sources import gaussian, wave


def initial_profile(choice: InitialState, temperature: float) -> Callable[[Array], Array]:
    """Return the deviation from T0 as a function of position, (n, dim) [m] to (n,) [K].

    Args:
        choice: A uniform, Gaussian or sinusoidal state.
        temperature: T0 [K].
    """
    if isinstance(choice, GaussianInitialState):
        shape, size = gaussian(np.asarray(choice.centre), choice.sigma), choice.peak
    elif isinstance(choice, GratingInitialState):
        shape, size = wave("xyz".index(choice.axis), choice.period), choice.amplitude
    else:
        assert isinstance(choice, UniformInitialState)
        size = 0.0 if choice.temperature is None else choice.temperature - temperature
        return lambda points: np.full(len(points), size)
    return lambda points: size * shape(points)
