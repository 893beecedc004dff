"""A sphere with a black isothermal surface and internal heating.

For a profile that depends on the radius alone, r T is odd in r and obeys the equation of a slab
from -R to R: M. A. Heaslet and R. F. Warming, J. Quant. Spectrosc. Radiat. Transfer 5, 669 (1965).
With J = T + tau g the emission of a band and l its mean free path, the mean over directions is

    r theta(r) = int_0^R t J(t) [E1(|r - t|/l) - E1((r + t)/l)] dt / 2 l
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import erf

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import positive
from pbte.reference.closed_forms.slab import (
    IsotropicBands,
    KernelIntegrals,
    Panels,
    make_panels,
    scattering_operator,
)

Profile = Callable[[Array], Array]


@dataclass(frozen=True, kw_only=True)
class SphereSolution:
    """Temperature in a heated sphere above that of its surface.

    Attributes:
        bands: The crystal.
        radius: R [m].
        heat_density: S at a radius, an array to an array [W/m^3].
        panels: Nodes from -R to R.
        scattering_temperature: T at the nodes, even in r [K].
    """

    bands: IsotropicBands
    radius: float
    heat_density: Profile
    panels: Panels
    scattering_temperature: Array

    def temperature(self, radii: npt.ArrayLike) -> Array:
        """Return the energy-density temperature, sum C theta / sum C.

        Args:
            radii: r from 0 to R, shape (n,) [m].

        Returns:
            Shape (n,) [K].

        Raises:
            InputError: A radius lies outside.
        """
        r = np.atleast_1d(np.asarray(radii, dtype=np.float64))
        if np.any((r < 0.0) | (r > self.radius)):
            raise InputError(f"radius = {r.max():g} m; it must lie between 0 and {self.radius:g} m")
        r = np.maximum(r, 1e-5 * self.radius)  # the centre as a limit
        integrals, nodes = KernelIntegrals(self.panels, r), self.panels.nodes
        heating = self.heat_density(np.abs(nodes)) / self.bands.heat_capacity
        total = np.zeros(r.size)
        for share, length, tau in zip(
            self.bands.heat_capacities / self.bands.heat_capacity,
            self.bands.mean_free_paths,
            self.bands.relaxation_times,
            strict=True,
        ):
            emitted = nodes * (self.scattering_temperature + tau * heating)
            total += 0.5 * share * (integrals.matrix(1, float(length)) @ emitted)
        return np.asarray(total / r)

    @property
    def power(self) -> float:
        """Power of the heat source, all of which leaves through the surface [W]."""
        nodes = self.panels.nodes
        shells = 2.0 * np.pi * nodes**2 * self.heat_density(np.abs(nodes))
        return float(self.panels.weights @ shells)


def solve_sphere(bands: IsotropicBands, radius: float, heat_density: Profile) -> SphereSolution:
    """Return the steady state of an internally heated sphere, its surface black and at T0.

    Args:
        bands: The crystal.
        radius: R [m].
        heat_density: S at a radius, an array to an array of the same shape [W/m^3]; shared by all
            modes in proportion to c.

    Raises:
        InputError: The radius is not positive.
    """
    size = float(positive("radius", radius, "m"))
    panels = make_panels(-size, size)
    nodes = panels.nodes
    kept, heated = scattering_operator(panels, bands)
    heating = heat_density(np.abs(nodes)) / bands.heat_capacity
    odd = np.linalg.solve(kept, heated @ (nodes * heating))
    return SphereSolution(
        bands=bands,
        radius=size,
        heat_density=heat_density,
        panels=panels,
        scattering_temperature=odd / nodes,
    )


def uniform_heating(heat_density: float) -> Profile:
    """Return a uniform heat density as a function of the radius [W/m^3]."""
    return lambda radii: np.full(np.shape(radii), heat_density)


def gaussian_heating(power: float, sigma: float, radius: float) -> Profile:
    """Return a Gaussian heat density around the centre with a given power within the sphere.

    Args:
        power: Within the radius [W].
        sigma: Standard deviation [m].
        radius: R [m].

    Raises:
        InputError: Sigma or the radius is not positive.
    """
    width = float(positive("sigma", sigma, "m"))
    reach = float(positive("radius", radius, "m")) / width
    within = erf(reach / np.sqrt(2.0)) - np.sqrt(2.0 / np.pi) * reach * np.exp(-(reach**2) / 2.0)
    peak = power / ((2.0 * np.pi) ** 1.5 * width**3 * within)
    return lambda radii: peak * np.exp(-((radii / width) ** 2) / 2.0)
