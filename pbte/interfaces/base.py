"""Flux matrices: the modes that leave a surface, from those that arrive at it.

At a wall the modes are those of one crystal; at an interface those of the first crystal are
followed by those of the second, and the normal points from the first to the second. With the flux
weights f = c |v . n| each of them is one matrix F >= 0,

    f_nu theta_nu(incoming) = sum_mu F_nu,mu theta_mu(outgoing),

where a mode is outgoing when it arrives at the surface and incoming when it leaves it. Three laws
hold for every adiabatic wall and every interface:

    column sums = f   no energy is lost;
    row sums = f      no flux at equal temperature;
    F_nu,mu = F_-mu,-nu   reciprocity, with -mu the time-reversed mode.

Reciprocity makes A_ij = F_-i,j a symmetric matrix on the outgoing modes alone, and one law of sums
then implies the other. The models are written in A.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import scipy.sparse

from pbte.core.errors import InputError
from pbte.core.types import Array, BoolArray, IntArray
from pbte.materials.modes import ModeTable

GRAZING = 1e-12
"""Modes with |v . n| below this share of the largest speed run along the surface [-]."""
SOUND = 1e-12
"""Largest violation of the laws that counts as round-off [-]."""


@dataclass(frozen=True, kw_only=True)
class SurfaceModes:
    """The modes at a surface with their flux weights; M of a wall, M1 + M2 of an interface.

    Attributes:
        flux: f = c |v . n|, shape (M,) [W/m^2 K]; 0 for modes that run along the surface.
        outgoing: Modes that arrive at the surface, shape (M,).
        incoming: Modes that leave it, shape (M,): the time-reversed outgoing ones.
        partners: Time-reversed mode, index into the common list, shape (M,).
        frequencies: Angular frequencies, shape (M,) [rad/s].
        second: True for the modes of the second crystal, shape (M,).
        temperature: Reference temperature T0 [K].
    """

    flux: Array
    outgoing: BoolArray
    incoming: BoolArray
    partners: IntArray
    frequencies: Array
    second: BoolArray
    temperature: float

    @property
    def num_modes(self) -> int:
        """Number of modes of both sides."""
        return int(self.flux.shape[0])


@dataclass(frozen=True, kw_only=True)
class FluxMatrix:
    """A flux matrix, the sum of a sparse part and of one of low rank, never stored dense.

    The diffuse part mixes all modes of a bin: F_nu,mu = g_nu X_b(nu),b(mu) g_mu for nu incoming and
    mu outgoing. Without `exchange` X is diagonal with 1/G_b, G_b the sum of g over the outgoing
    modes of the bin: what arrives in a bin leaves in it, in proportion to g.

    Attributes:
        flux: f, shape (M,) [W/m^2 K]; 0 for modes that take no part.
        outgoing: Shape (M,).
        incoming: Shape (M,).
        partners: Time-reversed mode, shape (M,).
        sparse: Rows incoming, columns outgoing, shape (M, M) [W/m^2 K]; None when there is none.
        bins: Bin of each mode in the diffuse part, shape (M,); -1 takes no part in it.
        weights: g, shape (M,) [W/m^2 K]; 0 where the bin is -1.
        exchange: X, symmetric, shape (num_bins, num_bins) [m^2 K/W]; None for the diagonal one.

    Raises:
        InputError: A shape is wrong.
    """

    flux: Array
    outgoing: BoolArray
    incoming: BoolArray
    partners: IntArray
    sparse: scipy.sparse.csr_array | None
    bins: IntArray
    weights: Array
    exchange: scipy.sparse.csr_array | None = None

    def __post_init__(self) -> None:
        num = self.flux.shape[0]
        for what in ("outgoing", "incoming", "partners", "bins", "weights"):
            if getattr(self, what).shape != (num,):
                shape = getattr(self, what).shape
                raise InputError(f"flux matrix: {what} has shape {shape}, expected {(num,)}")
        if self.sparse is not None and self.sparse.shape != (num, num):
            raise InputError(
                f"flux matrix: the sparse part has shape {self.sparse.shape} for {num} modes"
            )
        if self.exchange is not None and self.exchange.shape != (self.num_bins,) * 2:
            raise InputError(
                f"flux matrix: exchange has shape {self.exchange.shape} for {self.num_bins} bins"
            )

    @property
    def num_modes(self) -> int:
        """Number of modes, of both sides at an interface."""
        return int(self.flux.shape[0])

    @property
    def num_bins(self) -> int:
        """Number of bins of the diffuse part."""
        return int(self.bins.max(initial=-1)) + 1

    @cached_property
    def gathering(self) -> scipy.sparse.csr_array:
        """Return g of the outgoing modes by bin, shape (num_bins, M) [W/m^2 K]."""
        return self._by_bin(self.outgoing & (self.bins >= 0))

    @cached_property
    def spreading(self) -> scipy.sparse.csr_array:
        """Return g of the incoming modes by bin, shape (M, num_bins) [W/m^2 K]."""
        return self._by_bin(self.incoming & (self.bins >= 0)).T.tocsr()

    @cached_property
    def mixing(self) -> scipy.sparse.csr_array:
        """Return X between the bins, shape (num_bins, num_bins) [m^2 K/W]."""
        if self.exchange is not None:
            return self.exchange
        totals = self.gathering.sum(axis=1)
        inverse = np.divide(1.0, totals, out=np.zeros_like(totals), where=totals > 0.0)
        return scipy.sparse.csr_array(scipy.sparse.diags_array(inverse))

    def apply(self, outgoing: Array) -> Array:
        """Return the mode temperatures that leave the surface.

        Args:
            outgoing: Mode temperatures, shape (M, ...) [K]; only those of outgoing modes are read.

        Returns:
            Shape of `outgoing` [K]; zero for modes that are not incoming.
        """
        arriving = outgoing.reshape(self.num_modes, -1)
        fluxes = self.spreading @ (self.mixing @ (self.gathering @ arriving))
        if self.sparse is not None:
            fluxes = fluxes + self.sparse @ arriving
        inverse = np.divide(1.0, self.flux, out=np.zeros_like(self.flux), where=self.incoming)
        return np.asarray((inverse[:, None] * fluxes).reshape(outgoing.shape), dtype=np.float64)

    def dense(self) -> Array:
        """Return F as one matrix, shape (M, M) [W/m^2 K]; for tests and small crystals."""
        matrix = (self.spreading @ self.mixing @ self.gathering).toarray()
        if self.sparse is not None:
            matrix = matrix + self.sparse.toarray()
        return np.asarray(matrix, dtype=np.float64)

    def _by_bin(self, chosen: BoolArray) -> scipy.sparse.csr_array:
        columns = np.flatnonzero(chosen)
        entries = (self.weights[columns], (self.bins[columns], columns))
        return scipy.sparse.csr_array(entries, shape=(self.num_bins, self.num_modes))


@dataclass(frozen=True, kw_only=True)
class FluxReport:
    """Largest relative violations of the laws by a flux matrix, all of them zero in theory.

    Attributes:
        negativity: Most negative entry, relative to the largest.
        energy: Largest |column sum - f| / f: energy lost or gained.
        equilibrium: Largest |row sum - f| / f: flux at equal temperature.
        reciprocity: Largest |F_nu,mu - F_-mu,-nu|, relative to the smaller of f_nu and f_mu.
        misplaced: Largest entry that is not between an incoming and an outgoing mode, relative to
            the largest entry.
    """

    negativity: float
    energy: float
    equilibrium: float
    reciprocity: float
    misplaced: float

    @property
    def worst(self) -> float:
        """The largest of the violations."""
        values = (self.negativity, self.energy, self.equilibrium, self.reciprocity, self.misplaced)
        return float(max(values))

    @property
    def is_sound(self) -> bool:
        """True if all three laws hold to round-off."""
        return self.worst <= SOUND


class BoundaryCondition(Protocol):
    """Boundary condition: reflection of the modes of one crystal at a wall."""

    def flux_matrix(self, modes: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix of a facet with this outward unit normal, shape (3,)."""
        ...


class InterfaceModel(Protocol):
    """Interface model: reflection and transmission of the modes of two crystals."""

    def flux_matrix(self, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
        """Return the flux matrix; the unit normal, shape (3,), points from first to second."""
        ...


def wall_modes(modes: ModeTable, normal: Array) -> SurfaceModes:
    """Return the modes of one crystal at a wall.

    Args:
        modes: Mode table.
        normal: Outward unit vector, shape (3,).

    Raises:
        InputError: The normal is no unit vector.
    """
    return _surface((modes,), (_unit(normal),))


def pair_modes(first: ModeTable, second: ModeTable, normal: Array) -> SurfaceModes:
    """Return the modes of two crystals at their interface, those of the first followed by the rest.

    Args:
        first: Mode table of the first crystal.
        second: Mode table of the second crystal.
        normal: Unit vector from the first to the second, shape (3,).

    Raises:
        InputError: The normal is no unit vector, or the tables are for different temperatures.
    """
    if abs(first.temperature - second.temperature) > 1e-9 * first.temperature:
        raise InputError(
            f"interface {first.name} | {second.name}: the mode tables are for "
            f"{first.temperature:g} K and {second.temperature:g} K; use tables for one temperature"
        )
    outward = _unit(normal)
    return _surface((first, second), (outward, -outward))


def assemble(
    surface: SurfaceModes,
    *,
    pairs: scipy.sparse.csr_array | None = None,
    bins: IntArray | None = None,
    weights: Array | None = None,
    exchange: scipy.sparse.csr_array | None = None,
) -> FluxMatrix:
    """Return the flux matrix of a surface from its symmetric form on the outgoing modes.

    Args:
        surface: The modes at the surface.
        pairs: A_ij = F_-i,j with i and j outgoing, symmetric, shape (M, M) [W/m^2 K].
        bins: Bin of each mode in the diffuse part, closed under time reversal, shape (M,); no mode
            takes part when it is None.
        weights: g, equal for a mode and its partner, shape (M,) [W/m^2 K]; f when None.
        exchange: X between the bins; None for the diagonal one.
    """
    num = surface.num_modes
    if bins is None:
        bins = np.full(num, -1, dtype=np.int64)
    taken = surface.flux if weights is None else weights
    return FluxMatrix(
        flux=surface.flux,
        outgoing=surface.outgoing,
        incoming=surface.incoming,
        partners=surface.partners,
        sparse=None if pairs is None else scipy.sparse.csr_array(pairs[surface.partners]),
        bins=bins,
        weights=np.where(bins >= 0, taken, 0.0),
        exchange=exchange,
    )


def check_flux_matrix(matrix: FluxMatrix) -> FluxReport:
    """Return the violations of the laws by a flux matrix; nothing dense is formed.

    Args:
        matrix: Flux matrix of an adiabatic wall or an interface.
    """
    arriving, leaving = matrix.gathering, matrix.spreading
    rows = np.asarray(leaving @ (matrix.mixing @ arriving.sum(axis=1)))
    columns = np.asarray((leaving.sum(axis=0) @ matrix.mixing) @ arriving)
    negativity = max(_negativity(matrix.weights), _negativity(matrix.mixing.data))
    misplaced = mirrored = 0.0
    if matrix.sparse is not None and matrix.sparse.nnz:
        rows, columns = rows + matrix.sparse.sum(axis=1), columns + matrix.sparse.sum(axis=0)
        entries = matrix.sparse.tocoo()
        negativity = max(negativity, _negativity(entries.data))
        stray = ~(matrix.incoming[entries.row] & matrix.outgoing[entries.col])
        largest = np.abs(entries.data).max() or 1.0
        misplaced = float(np.abs(entries.data[stray]).max(initial=0.0) / largest)
        reverse = matrix.sparse[matrix.partners][:, matrix.partners].T
        mirrored = _relative_entries(matrix.sparse - reverse, matrix.flux)
    return FluxReport(
        negativity=negativity,
        energy=_relative(columns, matrix.flux, matrix.outgoing),
        equilibrium=_relative(rows, matrix.flux, matrix.incoming),
        reciprocity=max(mirrored, _diffuse_reciprocity(matrix)),
        misplaced=misplaced,
    )


def _unit(normal: Array) -> Array:
    vector = np.asarray(normal, dtype=np.float64)
    if vector.shape != (3,):
        raise InputError(f"a normal has shape {vector.shape}; expected three components")
    length = float(np.linalg.norm(vector))
    if not abs(length - 1.0) < 1e-6:
        raise InputError(f"a normal has length {length:g}; expected a unit vector")
    return np.asarray(vector / length, dtype=np.float64)


def _surface(tables: tuple[ModeTable, ...], normals: tuple[Array, ...]) -> SurfaceModes:
    fluxes, signs, partners, offset = [], [], [], 0
    for modes, normal in zip(tables, normals, strict=True):
        speed = modes.velocities @ normal
        speed = 0.5 * (speed - speed[modes.partners])  # odd under time reversal bit by bit
        fastest = np.linalg.norm(modes.velocities, axis=1).max()
        sign = np.where(np.abs(speed) > GRAZING * fastest, np.sign(speed), 0.0)
        capacity = 0.5 * (modes.heat_capacities + modes.heat_capacities[modes.partners])
        fluxes.append(capacity * np.abs(speed) * np.abs(sign))
        signs.append(sign)
        partners.append(modes.partners + offset)
        offset += modes.num_modes
    sign = np.concatenate(signs)
    num_first = tables[0].num_modes
    return SurfaceModes(
        flux=np.concatenate(fluxes),
        outgoing=sign > 0.0,
        incoming=sign < 0.0,
        partners=np.concatenate(partners),
        frequencies=np.concatenate([modes.frequencies for modes in tables]),
        second=np.arange(sign.size) >= num_first,
        temperature=tables[0].temperature,
    )


def _negativity(values: Array) -> float:
    """Return the most negative value relative to the largest modulus, 0 when there is none."""
    largest = np.abs(values).max(initial=0.0) or 1.0
    return float(max(0.0, -values.min(initial=0.0)) / largest)


def _relative(sums: Array, flux: Array, chosen: BoolArray) -> float:
    violation = np.abs(sums[chosen] - flux[chosen]) / flux[chosen]
    return float(violation.max(initial=0.0))


def _relative_entries(difference: scipy.sparse.csr_array, flux: Array) -> float:
    entries = difference.tocoo()
    smaller = np.minimum(flux[entries.row], flux[entries.col])
    scale = np.where(smaller > 0.0, smaller, 1.0)
    return float((np.abs(entries.data) / scale).max(initial=0.0))


def _diffuse_reciprocity(matrix: FluxMatrix) -> float:
    """Return the asymmetry of X, and of bins and weights under time reversal."""
    partners = matrix.partners
    active = matrix.weights > 0.0
    if np.any(matrix.bins[partners][active] != matrix.bins[active]):
        return 1.0
    change = np.abs(matrix.weights[partners][active] / matrix.weights[active] - 1.0)
    asymmetry = np.abs((matrix.mixing - matrix.mixing.T).data).max(initial=0.0)
    largest = np.abs(matrix.mixing.data).max(initial=0.0) or 1.0
    return float(max(change.max(initial=0.0), asymmetry / largest))
