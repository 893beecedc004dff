"""Plane elastic waves at the plane, welded interface of two isotropic solids.

Displacement and traction are continuous. Waves in the plane of incidence, longitudinal (L) and
vertically polarised transverse (SV), mix: four unknown amplitudes, four conditions. Transverse
waves polarised along the interface (SH) decouple. Zoeppritz' equations, in the form of K. Aki and
P. G. Richards, Quantitative Seismology, chapter 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import not_negative, positive

ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, kw_only=True)
class ElasticFluxes:
    """Fractions of the normal energy flux incident from solid 1 (D3).

    Rows are the incident branches L, SV, SH; a branch that does not travel at this slowness has
    zero rows and columns. Over both arrays a row adds up to 1.

    Args:
        transmitted: Into the branches of solid 2, shape (num_slownesses, 3, 3) [-].
        reflected: Back into those of solid 1, same shape [-].
    """

    transmitted: Array
    reflected: Array


def elastic_fluxes(
    slownesses: npt.ArrayLike,
    densities: tuple[float, float],
    longitudinal: tuple[float, float],
    transverse: tuple[float, float],
) -> ElasticFluxes:
    """Return transmitted and reflected energy of waves incident from solid 1 (D3, AMM of solids).

    Args:
        slownesses: s = sin(theta)/c along the interface, shape (num_slownesses,) [s/m].
        densities: rho_1 and rho_2 [kg/m^3].
        longitudinal: Speeds c_L of both [m/s].
        transverse: Speeds c_T of both [m/s].

    Returns:
        Transmitted and reflected fractions.

    Raises:
        InputError: A density or speed is not positive, a slowness negative, or c_L below 2 c_T /
            sqrt(3), where the bulk modulus would be negative.
    """
    s = np.atleast_1d(not_negative("slowness", slownesses, "s/m"))
    positive("density", densities, "kg/m^3")
    positive("transverse speed", transverse, "m/s")
    for fast, slow in zip(positive("longitudinal speed", longitudinal), transverse, strict=True):
        if fast**2 <= 4.0 / 3.0 * slow**2:
            raise InputError(
                f"longitudinal speed = {fast:g} m/s with transverse {slow:g} m/s; it must be above "
                f"2/sqrt(3) times that, or the bulk modulus is negative"
            )
    first, second = (
        _Side(s, rho, c_l, c_t)
        for rho, c_l, c_t in zip(densities, longitudinal, transverse, strict=True)
    )
    transmitted, reflected = np.zeros((s.size, 3, 3)), np.zeros((s.size, 3, 3))
    _in_plane(first, second, transmitted, reflected)
    _horizontal(first, second, transmitted, reflected)
    return ElasticFluxes(transmitted=transmitted, reflected=reflected)


class _Side:
    """Polarisations, tractions and flux weights of one solid at given slownesses."""

    def __init__(self, s: Array, density: float, c_l: float, c_t: float) -> None:
        self.s, self.c_l, self.c_t = s, c_l, c_t
        self.shear = density * c_t**2
        self.lame = density * c_l**2 - 2.0 * self.shear
        # Components of the slowness along z; evanescent waves decay, +i.
        self.q_l = np.sqrt((c_l**-2.0 - s**2).astype(np.complex128))
        self.q_t = np.sqrt((c_t**-2.0 - s**2).astype(np.complex128))
        # Flux along z of unit amplitude over omega^2 / 2: rho c^2 Re q
        self.flux_l = density * c_l**2 * self.q_l.real
        self.flux_t = density * c_t**2 * self.q_t.real

    def columns(self, sign: float) -> ComplexArray:
        """Return (u_x, u_z, s_xz, s_zz) of L and SV going to sign z, shape (num, 4, 2).

        Tractions over i omega; unit polarisation wherever the wave travels.
        """
        s = self.s.astype(np.complex128)
        waves = []
        for q, u_x, u_z in (
            (self.q_l, self.c_l * s, sign * self.c_l * self.q_l),
            (self.q_t, self.c_t * self.q_t, -sign * self.c_t * s),
        ):
            k_z = sign * q
            shear = self.shear * (k_z * u_x + s * u_z)
            normal = self.lame * (s * u_x + k_z * u_z) + 2.0 * self.shear * k_z * u_z
            waves.append(np.stack([u_x, u_z, shear, normal], axis=-1))
        return np.stack(waves, axis=-1)


def _in_plane(first: _Side, second: _Side, transmitted: Array, reflected: Array) -> None:
    """Fill in L and SV from the 4x4 system: incident + reflected = transmitted."""
    incident, back = first.columns(1.0), first.columns(-1.0)
    onward = second.columns(1.0)
    # Tractions are larger than displacements by an impedance; scaled, the system is well posed.
    scale = np.array([1.0, 1.0, first.c_t / first.shear, first.c_t / first.shear])
    system = np.concatenate([onward, -back], axis=-1) * scale[:, None]
    amplitudes = np.linalg.solve(system, incident * scale[:, None])
    arriving = np.stack([first.flux_l, first.flux_t], axis=-1)
    leaving = np.stack([second.flux_l, second.flux_t, first.flux_l, first.flux_t], axis=-1)
    power = np.abs(amplitudes) ** 2 * leaving[:, :, None]  # (num, outgoing, incident)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(arriving[:, None, :] > 0.0, power / arriving[:, None, :], 0.0)
    transmitted[:, :2, :2] = np.swapaxes(shares[:, :2], 1, 2)
    reflected[:, :2, :2] = np.swapaxes(shares[:, 2:], 1, 2)


def _horizontal(first: _Side, second: _Side, transmitted: Array, reflected: Array) -> None:
    """Fill in SH: 4 Y_1 Y_2 / (Y_1 + Y_2)^2 with the shear impedance Y = rho c_T^2 q_T."""
    y_1, y_2 = first.flux_t, second.flux_t
    travels = y_1 > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(travels, 4.0 * y_1 * y_2 / (y_1 + y_2) ** 2, 0.0)
    transmitted[:, 2, 2] = share
    reflected[:, 2, 2] = np.where(travels, 1.0 - share, 0.0)
