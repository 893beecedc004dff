"""Conductance, transmission, spectrum and entropy production of an interface, without a mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.interfaces.base import FluxMatrix, InterfaceModel
from pbte.interfaces.bins import EnergyBins, bin_totals
from pbte.materials.modes import ModeTable


@dataclass(frozen=True, kw_only=True)
class InterfaceConductance:
    """Conductance of an interface between reservoirs, and the two definitions that follow from it.

    Attributes:
        conductance: h, the sum of F from the first side to the second [W/m^2 K].
        first_flux: Sum of f over the outgoing modes of the first side [W/m^2 K].
        second_flux: The same of the second side [W/m^2 K].
    """

    conductance: float
    first_flux: float
    second_flux: float

    @property
    def first_transmission(self) -> float:
        """Share of the equilibrium flux of the first side that passes [-]."""
        return self.conductance / self.first_flux

    @property
    def second_transmission(self) -> float:
        """Share of the equilibrium flux of the second side that passes [-]."""
        return self.conductance / self.second_flux

    @property
    def landauer_resistance(self) -> float:
        """1/h: between the temperatures of the streams that arrive [m^2 K/W].

        It stays finite when there is no interface (the Kapitza paradox).
        """
        return 1.0 / self.conductance if self.conductance > 0.0 else np.inf

    @property
    def local_resistance(self) -> float:
        """1/h (1 - (t12 + t21)/2): between the temperatures of all modes at the interface.

        Half of the modes there have just left it. Zero for a perfect interface. [m^2 K/W]
        """
        if not self.conductance > 0.0:
            return np.inf
        passing = self.first_transmission + self.second_transmission
        return self.landauer_resistance * (1.0 - 0.5 * passing)


def interface_conductance(matrix: FluxMatrix, num_first: int) -> InterfaceConductance:
    """Return the conductance of an interface between reservoirs.

    Args:
        matrix: Flux matrix of an interface.
        num_first: Number of modes of the first crystal.

    Raises:
        InputError: One side has no mode that arrives at the interface.
    """
    fluxes = np.where(matrix.outgoing, matrix.flux, 0.0)
    first, second = float(fluxes[:num_first].sum()), float(fluxes[num_first:].sum())
    if not (first > 0.0 and second > 0.0):
        raise InputError("no mode of one side arrives at the interface: nothing can pass it")
    passing = float((fluxes * mode_transmission(matrix, num_first))[:num_first].sum())
    return InterfaceConductance(conductance=passing, first_flux=first, second_flux=second)


def mode_transmission(matrix: FluxMatrix, num_first: int) -> Array:
    """Return the share of the flux of each outgoing mode that leaves on the other side.

    By reciprocity it is the temperature with which its partner leaves the surface while the other
    side alone has temperature 1.

    Args:
        matrix: Flux matrix of an interface.
        num_first: Number of modes of the first crystal.

    Returns:
        Shape (M1 + M2,) [-]; 0 for modes that are not outgoing.
    """
    warm = np.zeros((matrix.num_modes, 2))
    warm[:num_first, 0] = 1.0
    warm[num_first:, 1] = 1.0
    received = matrix.apply(warm)
    from_other = np.concatenate([received[:num_first, 1], received[num_first:, 0]])
    return np.where(matrix.outgoing, from_other[matrix.partners], 0.0)


@dataclass(frozen=True, kw_only=True)
class ConductanceSpectrum:
    """Conductance and transmission by energy, as seen by the modes of the first side.

    Attributes:
        edges: Edges of the bins, shape (num_bins + 1,) [rad/s].
        conductance: Share of each bin in h, shape (num_bins,) [W/m^2 K].
        first_transmission: Mean transmission from the first side, shape (num_bins,) [-]; nan in
            bins without flux.
        second_transmission: The same from the second side.
    """

    edges: Array
    conductance: Array
    first_transmission: Array
    second_transmission: Array


def conductance_spectrum(
    matrix: FluxMatrix, num_first: int, bins: EnergyBins
) -> ConductanceSpectrum:
    """Return conductance and transmission by energy of the modes of the first side.

    Args:
        matrix: Flux matrix of an interface.
        num_first: Number of modes of the first crystal.
        bins: Bins of the modes of both sides.
    """
    passing = matrix.flux * mode_transmission(matrix, num_first)
    first = np.arange(matrix.num_modes) < num_first
    sums = []
    for side in (first, ~first):
        chosen = matrix.outgoing & side
        sums.append(
            [bin_totals(bins.index, v, chosen, bins.num_bins) for v in (passing, matrix.flux)]
        )
    with np.errstate(invalid="ignore"):
        return ConductanceSpectrum(
            edges=bins.edges,
            conductance=sums[0][0],
            first_transmission=sums[0][0] / sums[0][1],
            second_transmission=sums[1][0] / sums[1][1],
        )


def entropy_production(matrix: FluxMatrix, outgoing: Array, temperature: float) -> Array:
    """Return the entropy that the surface produces by mixing, to second order in theta.

    A mode of flux weight f carries the entropy -f theta^2 / 2 T0^2 above equilibrium besides
    f theta / T0, and the latter is conserved. Never negative, for the mean of squares is not below
    the square of the mean.

    Args:
        matrix: Flux matrix of an adiabatic wall or an interface.
        outgoing: Mode temperatures, shape (M, ...) [K].
        temperature: T0 [K].

    Returns:
        Shape (...) of `outgoing` without the modes [W/m^2 K].
    """
    arriving = np.where(matrix.outgoing, matrix.flux, 0.0)
    leaving = np.where(matrix.incoming, matrix.flux, 0.0)
    lost = np.tensordot(arriving, outgoing**2, axes=1)
    kept = np.tensordot(leaving, matrix.apply(outgoing) ** 2, axes=1)
    return np.asarray((lost - kept) / (2.0 * temperature**2), dtype=np.float64)


def conductances_of(
    models: Sequence[InterfaceModel], first: ModeTable, second: ModeTable, normal: Array
) -> list[InterfaceConductance]:
    """Return the conductance of several models, for a table of models or of bins or widths.

    Args:
        models: Models to compare, such as one model with more and more bins.
        first: Mode table of the first crystal.
        second: Mode table of the second crystal.
        normal: Unit vector from first to second, shape (3,).
    """
    matrices = (model.flux_matrix(first, second, normal) for model in models)
    return [interface_conductance(matrix, first.num_modes) for matrix in matrices]
