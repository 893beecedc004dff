"""The transport equation between two planes, as an integral equation for the temperature.

For isotropic bands in the relaxation-time approximation the only unknown is the scattering
temperature T(x). With the emission J = T + tau g (g the heating rate of every mode) the mean of a
band over directions is

    theta(x) = E2(x/l) T_left / 2 + E2((L - x)/l) T_right / 2 + int_0^L J(t) E1(|x - t|/l) dt / 2 l

and energy conservation requires T = sum (C/tau) theta / sum (C/tau). One band is the radiative slab
of M. A. Heaslet and R. F. Warming, Int. J. Heat Mass Transfer 8, 979 (1965); many are the film of
C. Hua and A. J. Minnich, J. Appl. Phys. 117, 175306 (2015). It is solved by product integration: T
is a polynomial on each of a number of panels that get geometrically smaller towards the walls,
where its slope is infinite like that of x ln x, and the kernel, with its logarithm, is integrated
against these polynomials. The heat flux, a constant of the equation, varies by 1e-9 in slabs of up
to 1000 mean free paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import exp1, expn

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import positive

# Panels of each half: equal ones, and smaller ones in the last of them, each a fraction of the
# next; polynomials of degree one less than the number of nodes.
EQUAL_PANELS = 4
LEVELS = 10
FRACTION = 0.3
NODES = 12
# Points of the integration over a part of a panel, clustered like y^POWER at the singular end.
POINTS = 48
POWER = 6


@dataclass(frozen=True, kw_only=True)
class IsotropicBands:
    """Isotropic bands in the relaxation-time approximation.

    Attributes:
        speeds: Group speeds, shape (num_bands,) [m/s].
        relaxation_times: tau, shape (num_bands,) [s].
        heat_capacities: C of each band per volume, shape (num_bands,) [J/m^3 K].

    Raises:
        InputError: A value is not positive, or the lengths differ.
    """

    speeds: Array
    relaxation_times: Array
    heat_capacities: Array

    def __post_init__(self) -> None:
        sizes = set()
        for name, unit in (
            ("speeds", "m/s"), ("relaxation_times", "s"), ("heat_capacities", "J/m^3 K")
        ):  # fmt: skip
            values = np.atleast_1d(positive(name.replace("_", " "), getattr(self, name), unit))
            object.__setattr__(self, name, values)
            sizes.add(values.shape)
        if len(sizes) > 1 or len(next(iter(sizes))) != 1 or sizes == {(0,)}:
            raise InputError(
                "speeds, relaxation times and heat capacities must be lists of equal length; "
                f"found shapes {sorted(sizes)}"
            )

    @property
    def mean_free_paths(self) -> Array:
        """Speed times tau, shape (num_bands,) [m]."""
        return np.asarray(self.speeds * self.relaxation_times)

    @property
    def heat_capacity(self) -> float:
        """Sum over the bands [J/m^3 K]."""
        return float(self.heat_capacities.sum())

    @property
    def conductivity(self) -> float:
        """Bulk conductivity, sum C v^2 tau / 3 [W/m K]."""
        return float(self.heat_capacities @ (self.speeds**2 * self.relaxation_times)) / 3.0

    @property
    def scattering_shares(self) -> Array:
        """Weight of each band in the scattering temperature, sum 1, shape (num_bands,) [-]."""
        rates = self.heat_capacities / self.relaxation_times
        return np.asarray(rates / rates.sum())


def gray_bands(speed: float, relaxation_time: float, heat_capacity: float) -> IsotropicBands:
    """Return a gray crystal as one isotropic band.

    Args:
        speed: Group speed [m/s].
        relaxation_time: tau [s].
        heat_capacity: C per volume [J/m^3 K].
    """
    return IsotropicBands(
        speeds=np.array([speed]),
        relaxation_times=np.array([relaxation_time]),
        heat_capacities=np.array([heat_capacity]),
    )


@dataclass(frozen=True, kw_only=True)
class Panels:
    """Nodes of piecewise polynomials on an interval, refined towards both ends.

    Attributes:
        edges: Ends of the panels, shape (num_panels + 1,) [m].
    """

    edges: Array

    @cached_property
    def nodes(self) -> Array:
        """Gauss points of all panels, shape (num_panels * NODES,) [m]."""
        unit = np.polynomial.legendre.leggauss(NODES)[0]
        low, high = self.edges[:-1, None], self.edges[1:, None]
        return np.asarray(0.5 * (low + high) + 0.5 * (high - low) * unit).ravel()

    @cached_property
    def weights(self) -> Array:
        """Weights of the integral of a function given at the nodes [m]."""
        unit = np.polynomial.legendre.leggauss(NODES)[1]
        return np.asarray(0.5 * np.diff(self.edges)[:, None] * unit).ravel()

    def interpolate(self, values: Array, positions: Array) -> Array:
        """Return a function given at the nodes at other positions inside, shape of these."""
        panel = np.clip(np.searchsorted(self.edges, positions) - 1, 0, self.edges.size - 2)
        low, high = self.edges[panel], self.edges[panel + 1]
        basis = _lagrange((2.0 * positions - low - high) / (high - low))
        return np.asarray((basis * values.reshape(-1, NODES)[panel]).sum(axis=-1))


def make_panels(low: float, high: float) -> Panels:
    """Return panels between two ends, symmetric about the middle, which is an edge."""
    equal = np.arange(1, EQUAL_PANELS) / EQUAL_PANELS
    graded = FRACTION ** np.arange(LEVELS, -1, -1) / EQUAL_PANELS
    half = np.concatenate([[0.0], graded, equal[1:], [1.0]])
    unit = np.concatenate([half, 2.0 - half[-2::-1]]) / 2.0
    return Panels(edges=low + (high - low) * unit)


class KernelIntegrals:
    """Integrals of En(|x - t|/l) against the functions of some panels, for given positions x."""

    def __init__(self, panels: Panels, positions: Array) -> None:
        self.num_nodes = panels.nodes.size
        low: Array = panels.edges[None, :-1]
        high: Array = panels.edges[None, 1:]
        nearest = np.clip(positions[:, None], low, high)
        nodes, weights = np.polynomial.legendre.leggauss(POINTS)
        points: Array = 0.5 * (nodes + 1.0)
        stretched: Array = points**POWER
        shares: Array = 0.5 * weights * POWER * points ** (POWER - 1)
        gap = np.abs(positions[:, None] - nearest)[..., None]
        self._parts = []
        for sign, size in ((-1.0, nearest - low), (1.0, high - nearest)):
            inside = nearest[..., None] + sign * size[..., None] * stretched
            unit = (2.0 * inside - (low + high)[..., None]) / (high - low)[..., None]
            # Where x lies beyond the panel, one of its two parts is empty.
            used = np.nonzero(size > 0.0)
            self._parts.append(
                (
                    used,
                    (gap + size[..., None] * stretched)[used],
                    (size[..., None] * shares)[used][..., None] * _lagrange(unit[used]),
                    np.sign(nearest + sign * size - positions[:, None])[used],
                )
            )
        self._shape = (positions.size, panels.edges.size - 1, NODES)

    def matrix(self, order: int, length: float, *, signed: bool = False) -> Array:
        """Return int En(|x - t|/l) f(t) dt/l for each x (row) and function (column).

        Args:
            order: n, 1 or more.
            length: l [m].
            signed: Count contributions from t > x negative: the difference of two directions.
        """
        result = np.zeros(self._shape)
        for used, distances, functions, sides in self._parts:
            reach = distances / length
            kernel: Array = exp1(reach) if order == 1 else expn(order, reach)
            values: Array = np.einsum("kq,kqj->kj", kernel, functions) / length
            np.add.at(result, used, -sides[:, None] * values if signed else values)
        return result.reshape(self._shape[0], self.num_nodes)


@dataclass(frozen=True, kw_only=True)
class SlabSolution:
    """Temperature and heat flux between two planes.

    Attributes:
        bands: The crystal.
        thickness: L [m].
        hot: Deviation of the wall at x = 0 [K].
        cold: Deviation of the wall at x = L [K].
        heating: g = S / C, heating rate of every mode [K/s].
        panels: Nodes of the temperature.
        scattering_temperature: T(x) at the nodes of the panels [K].
    """

    bands: IsotropicBands
    thickness: float
    hot: float
    cold: float
    heating: float
    panels: Panels
    scattering_temperature: Array

    def temperature(self, positions: npt.ArrayLike) -> Array:
        """Return the temperature that the energy density gives, sum C theta / sum C.

        Args:
            positions: x from 0 to L, shape (n,) [m].

        Returns:
            Deviation, shape (n,) [K].
        """
        x = np.atleast_1d(np.asarray(positions, dtype=np.float64))
        integrals = KernelIntegrals(self.panels, x)
        total = np.zeros(x.size)
        shares = self.bands.heat_capacities / self.bands.heat_capacity
        for band, share in enumerate(shares):
            length = float(self.bands.mean_free_paths[band])
            walls = self.hot * expn(2, x / length)
            walls += self.cold * expn(2, (self.thickness - x) / length)
            flown = integrals.matrix(1, length) @ self._emission(band)
            total += share * 0.5 * (walls + flown)
        return total

    def band_heat_flux(self, positions: npt.ArrayLike) -> Array:
        """Return the heat flux along x that each band carries.

        Args:
            positions: x from 0 to L, shape (n,) [m].

        Returns:
            Shape (num_bands, n) [W/m^2].
        """
        x = np.atleast_1d(np.asarray(positions, dtype=np.float64))
        integrals = KernelIntegrals(self.panels, x)
        flux = np.empty((self.bands.speeds.size, x.size))
        for band, length in enumerate(self.bands.mean_free_paths):
            walls = self.hot * expn(3, x / length)
            walls -= self.cold * expn(3, (self.thickness - x) / length)
            flown = integrals.matrix(2, length, signed=True) @ self._emission(band)
            scale = 0.5 * self.bands.heat_capacities[band] * self.bands.speeds[band]
            flux[band] = scale * (walls + flown)
        return flux

    def heat_flux(self, positions: npt.ArrayLike) -> Array:
        """Return the heat flux along x at positions of shape (n,) [m], shape (n,) [W/m^2]."""
        return np.asarray(self.band_heat_flux(positions).sum(axis=0))

    def _emission(self, band: int) -> Array:
        heated = self.bands.relaxation_times[band] * self.heating
        return np.asarray(self.scattering_temperature + heated)


def solve_slab(
    bands: IsotropicBands,
    thickness: float,
    *,
    hot: float = 0.0,
    cold: float = 0.0,
    heat_density: float = 0.0,
) -> SlabSolution:
    """Return the steady state between two black isothermal walls.

    Args:
        bands: The crystal.
        thickness: L [m].
        hot: Deviation from the reference temperature of the wall at x = 0 [K].
        cold: Deviation of the wall at x = L [K].
        heat_density: Uniform heating S, shared by all modes in proportion to c [W/m^3].

    Returns:
        Scattering temperature at the nodes, and from it temperature and heat flux anywhere.

    Raises:
        InputError: The thickness is not positive.
    """
    depth = float(positive("thickness", thickness, "m"))
    panels = make_panels(0.0, depth)
    x = panels.nodes
    heating = heat_density / bands.heat_capacity
    matrix, source = scattering_operator(panels, bands)
    shares = bands.scattering_shares
    wall_hot, wall_cold = (
        sum(s * 0.5 * expn(2, d / m) for s, m in zip(shares, bands.mean_free_paths, strict=True))
        for d in (x, depth - x)
    )
    # Row sums by the exact integral of the kernel: the loss to the walls, which in a thick slab is
    # a small difference of nearly equal numbers.
    matrix[np.diag_indices_from(matrix)] += wall_hot + wall_cold - matrix.sum(axis=1)
    right = hot * wall_hot + cold * wall_cold + heating * (source @ np.ones(x.size))
    return SlabSolution(
        bands=bands,
        thickness=depth,
        hot=hot,
        cold=cold,
        heating=heating,
        panels=panels,
        scattering_temperature=np.linalg.solve(matrix, right),
    )


def scattering_operator(panels: Panels, bands: IsotropicBands) -> tuple[Array, Array]:
    """Return 1 - sum s K and sum s tau K, with K the transport kernel of a band and s its weight.

    Returns:
        Two matrices over the nodes, [-] and [s].
    """
    integrals = KernelIntegrals(panels, panels.nodes)
    kept = np.eye(panels.nodes.size)
    heated = np.zeros_like(kept)
    for share, length, tau in zip(
        bands.scattering_shares, bands.mean_free_paths, bands.relaxation_times, strict=True
    ):
        flight = 0.5 * share * integrals.matrix(1, float(length))
        kept -= flight
        heated += tau * flight
    return kept, heated


def _lagrange(unit: Array) -> Array:
    """Return the NODES Lagrange polynomials of the Gauss points, shape (..., NODES)."""
    nodes = np.polynomial.legendre.leggauss(NODES)[0]
    vandermonde = np.polynomial.legendre.legvander(nodes, NODES - 1)
    values = np.polynomial.legendre.legvander(unit, NODES - 1)
    return np.asarray(values @ np.linalg.inv(vandermonde))
