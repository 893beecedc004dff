"""Report on an interface by itself: conductance, checks, spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.interfaces.base import (
    FluxReport,
    InterfaceModel,
    SurfaceModes,
    check_flux_matrix,
    pair_modes,
)
from pbte.interfaces.bins import SAME_LEVEL, EnergyBins, energy_levels
from pbte.interfaces.dmm import DiffuseMismatch, one_sided_share
from pbte.interfaces.landauer import (
    ConductanceSpectrum,
    InterfaceConductance,
    conductance_spectrum,
    interface_conductance,
    mode_transmission,
)
from pbte.materials.modes import ModeTable

WITHIN = 2.0
"""Widths of a model without bins within which a mode must find partners [-]."""

MOST_HEAT = 3.83
"""Where x^4 e^x / (e^x - 1)^2 is largest, x = hbar w / k_B T [-]."""


@dataclass(frozen=True, kw_only=True)
class Unmatched:
    """Shares of the flux that find no partner energies on the other side.

    Attributes:
        first: Of the first crystal's flux, above the highest energy of the second; physics [-].
        second: Of the second crystal's flux, above the highest energy of the first [-].
        artefact: Of the flux of both at energies that both have, where the grid has no modes of
            the other side in the energy bin (within two widths of models that have a width) [-];
            the conductance is too small by about this share.
    """

    first: float
    second: float
    artefact: float


@dataclass(frozen=True, kw_only=True)
class InterfaceReport:
    """An interface between reservoirs at one temperature.

    Attributes:
        label: Name of the model.
        temperature: T0 [K].
        conductance: Landauer conductance, mean transmissions, and the two resistances.
        laws: Violations of energy conservation, equilibrium and reciprocity.
        unmatched: Flux without partner energies.
        first_branches: Share of each branch of the first crystal in h [W/m^2 K].
        second_branches: Share of each branch of the second crystal, with the same sum [W/m^2 K].
        spectrum: Conductance and transmission by energy bin.
        levels: Energies of the first crystal in ascending order, shape (num_levels,) [rad/s].
        accumulated: Conductance of the modes up to each level, shape (num_levels,) [W/m^2 K].
    """

    label: str
    temperature: float
    conductance: InterfaceConductance
    laws: FluxReport
    unmatched: Unmatched
    first_branches: Array
    second_branches: Array
    spectrum: ConductanceSpectrum
    levels: Array
    accumulated: Array


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """The conductance of one model with other bins or another width.

    Attributes:
        label: Name of the model.
        setting: "bins" or "width".
        value: "auto", a number of bins, or a width as an ordinary frequency [Hz].
        conductance: h [W/m^2 K]; None when the model refuses this setting.
        artefact: Share of flux without partners for want of modes on the grid [-].
        refusal: Why the model refuses.
    """

    label: str
    setting: str
    value: str | int | float
    conductance: float | None
    artefact: float | None
    refusal: str = ""


def report_interface(
    label: str,
    model: InterfaceModel,
    first: ModeTable,
    second: ModeTable,
    normal: Array,
    bins: EnergyBins,
) -> InterfaceReport:
    """Return the report of an interface model between two crystals.

    Args:
        label: Name of the model, in the report and in messages.
        model: The interface model.
        first: Mode table of the first crystal.
        second: Mode table of the second crystal, for the same temperature.
        normal: Unit vector from first to second, shape (3,).
        bins: Energy bins of the spectrum, over the modes of both.

    Raises:
        InputError: The model does not fit the crystals.
    """
    try:
        matrix = model.flux_matrix(first, second, normal)
        found = interface_conductance(matrix, first.num_modes)
    except InputError as error:
        raise InputError(f"{label}: {error}") from None
    num = first.num_modes
    passing = matrix.flux * mode_transmission(matrix, num)
    level, levels = energy_levels(first.frequencies)
    return InterfaceReport(
        label=label,
        temperature=first.temperature,
        conductance=found,
        laws=check_flux_matrix(matrix),
        unmatched=unmatched_flux(model, first, second, normal),
        first_branches=_by_branch(first, passing[:num]),
        second_branches=_by_branch(second, passing[num:]),
        spectrum=conductance_spectrum(matrix, num, bins),
        levels=levels,
        accumulated=np.cumsum(np.bincount(level, weights=passing[:num])),
    )


def unmatched_flux(
    model: InterfaceModel, first: ModeTable, second: ModeTable, normal: Array
) -> Unmatched:
    """Return the shares of the flux that find no partner energies on the other side.

    Args:
        model: The model, for its bins or width; one without either has no artefact.
        first: Mode table of the first crystal.
        second: Mode table of the second crystal.
        normal: Unit vector from first to second, shape (3,).
    """
    surface = pair_modes(first, second, normal)
    tops = _tops(surface)
    beyond = []
    for side in (0, 1):
        chosen = surface.outgoing & (surface.second == bool(side))
        above = surface.frequencies > tops[1 - side] * (1.0 + SAME_LEVEL)
        beyond.append(float(surface.flux[chosen & above].sum() / surface.flux[chosen].sum()))
    artefact = 0.0
    if hasattr(model, "width"):  # 1/50 of the highest frequency by default, in all models
        artefact = _alone(surface, model.width or surface.frequencies.max() / 50.0)
    elif not (isinstance(model, DiffuseMismatch) and not model.elastic):
        owner = model.sound if hasattr(model, "sound") else model
        if hasattr(owner, "bins"):
            artefact = one_sided_share(first, second, normal, owner.bins).artefact
    return Unmatched(first=beyond[0], second=beyond[1], artefact=artefact)


def lowest_temperature(first: ModeTable, second: ModeTable, normal: Array) -> float:
    """Return the temperature below which the grids of modes lack those that carry the heat [K].

    Sound without dispersion carries most heat at hbar w = 3.83 k_B T. A grid has no modes below
    some frequency: its conductance follows the third power of T down to about where that frequency
    (of the modes that arrive at the interface, in the crystal where it is higher) is the one that
    carries most, and falls exponentially below.

    Args:
        first: Mode table of the first crystal.
        second: Mode table of the second crystal.
        normal: Unit vector from first to second, shape (3,).
    """
    surface = pair_modes(first, second, normal)
    lowest = [
        surface.frequencies[surface.outgoing & (surface.second == side)].min()
        for side in (False, True)
    ]
    return float(REDUCED_PLANCK * max(lowest) / (MOST_HEAT * BOLTZMANN))


def _by_branch(modes: ModeTable, passing: Array) -> Array:
    return np.asarray(np.bincount(modes.bands, weights=passing), dtype=np.float64)


def _tops(surface: SurfaceModes) -> tuple[float, float]:
    """Return the highest frequency of either side among modes that arrive at the interface."""
    first, second = (
        float(surface.frequencies[surface.outgoing & (surface.second == side)].max())
        for side in (False, True)
    )
    return first, second


def _alone(surface: SurfaceModes, width: float) -> float:
    """Return the share of flux, at energies of both, farther than WITHIN widths from the other."""
    shared = surface.outgoing & (surface.frequencies <= min(_tops(surface)) * (1.0 + SAME_LEVEL))
    lonely = 0.0
    for side in (False, True):
        own = shared & (surface.second == side)
        others = np.sort(surface.frequencies[surface.outgoing & (surface.second != side)])
        place = np.searchsorted(others, surface.frequencies[own])
        below = surface.frequencies[own] - others[np.maximum(place - 1, 0)]
        above = others[np.minimum(place, others.size - 1)] - surface.frequencies[own]
        distance = np.minimum(np.abs(below), np.abs(above))
        lonely += float(surface.flux[own][distance > WITHIN * width].sum())
    return lonely / float(surface.flux[shared].sum())
