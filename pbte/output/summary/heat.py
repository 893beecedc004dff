"""Sentences about the solution of the heat equation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pbte.core.types import Array
from pbte.observables.heat_equation import HeatState
from pbte.observables.results import Results

# Powers below this share of what the body could conduct are round-off [-].
NOTHING = 1e-10
ROUND_OFF = 1e-6


def fourier_sentences(results: Results, power_unit: str) -> Iterator[str]:
    """Yield the results of the heat equation, and their comparison with phonon transport."""
    state = results.fourier
    if state is None:
        return
    conductivities = ", ".join(
        f"{name} {_tensor_text(tensor)} W/m K" for name, tensor in state.conductivities.items()
    )
    jump = "" if state.jump == "none" else ", temperature jumps at the walls"
    yield (f"Heat equation ({conductivities}{jump}): dT reaches {state.extreme_temperature:.4g} K.")
    if results.model == "fourier":
        yield _account(results, state, power_unit)
        if state.effective is not None:
            yield f"Effective conductivity: {state.effective:.5g} W/m K."
            if state.effective > (1.0 + ROUND_OFF) * _best(state):
                yield (
                    "That is more than the bulk value: the domain is wider between its ends than "
                    "there."
                )
    yield from _comparison(results, state)


def _account(results: Results, state: HeatState, unit: str) -> str:
    """Return the energy balance, in one sentence."""
    absorbed = state.balance.absorbed
    # Power that the largest temperature difference would drive through a cube of this size.
    size, dim = float(results.geometry.volumes.sum()), results.geometry.points.shape[2]
    driven = _best(state) * abs(state.extreme_temperature) * size ** ((dim - 2) / dim)
    if max((abs(power) for power in absorbed.values()), default=0.0) <= NOTHING * driven:
        return f"No heat passes the walls, {results.power:.4g} {unit} put in."
    each = ", ".join(f"{wall} {value:.4g} {unit}" for wall, value in absorbed.items())
    return (
        f"{sum(absorbed.values()):.4g} {unit} leave through the walls ({each}), "
        f"{results.power:.4g} {unit} put in (imbalance {state.balance.imbalance:.0e})."
    )


def _best(state: HeatState) -> float:
    """Return the largest conductivity of any crystal in any direction [W/m K]."""
    tensors = np.stack(list(state.conductivities.values()))
    return float(np.linalg.eigvalsh(0.5 * (tensors + np.swapaxes(tensors, 1, 2))).max())


def _comparison(results: Results, state: HeatState) -> Iterator[str]:
    conductivity = results.conductivity
    if conductivity is not None and state.effective is not None:
        yield (
            f"Effective conductivity by the heat equation: {state.effective:.5g} W/m K; that of "
            f"the phonons is {results.transport_over_effective:.4g} of it."
        )
    elif results.power != 0.0:
        ratio = results.peak_over_transport
        if ratio is not None:
            yield (
                f"Its peak temperature is {ratio:.4g} of that of the phonons, as if bulk "
                "conduction were reduced by this factor."
            )


def _tensor_text(tensor: Array) -> str:
    mean = float(np.trace(tensor)) / 3.0
    if np.abs(tensor - mean * np.eye(3)).max() < 1e-3 * abs(mean):
        return f"{mean:.4g}"
    return "(" + ", ".join(f"{value:.4g}" for value in np.diag(tensor)) + ")"
