"""Integral equations and closed forms of films, wires and gratings against published numbers."""

from __future__ import annotations

import numpy as np
from known_values.record import KnownValue
from scipy.special import expn

from pbte.reference.closed_forms.film import (
    cross_plane_conductivity,
    gray_flux_ratio,
    thick_flux_ratio,
)
from pbte.reference.closed_forms.fuchs_sondheimer import (
    film_suppression,
    in_plane_conductivity,
    wire_suppression,
)
from pbte.reference.closed_forms.grating import grating_amplitude, gray_grating
from pbte.reference.closed_forms.heated_film import reduced_temperature
from pbte.reference.closed_forms.slab import gray_bands
from pbte.reference.closed_forms.sphere import solve_sphere, uniform_heating
from pbte.verification.validation._crystals import GRAY_SILICON, silicon_bands

SLAB = "Heaslet & Warming, Int. J. Heat Mass Transfer 8, 979 (1965)"
HUA = "Hua & Minnich, J. Appl. Phys. 117, 175306 (2015); published values for the 15 bands"


def known_values() -> list[KnownValue]:
    """Return the numbers."""
    return [
        *(
            KnownValue(
                name=f"closed forms/radiative slab, L = {thickness:g} mean free paths",
                source=f"{SLAB}, table",
                quantity="q/(C v dT/4)",
                unit="",
                expected=value,
                tolerance=5e-4,
                found=lambda t=thickness: float(gray_flux_ratio(t)),  # type: ignore[misc]
            )
            for thickness, value in ((0.1, 0.9157), (1.0, 0.5534), (10.0, 0.1167))
        ),
        KnownValue(
            name="closed forms/thick slab",
            source=f"{SLAB}: (4/3)/(t + 1.4209)",
            quantity="q/(C v dT/4) at 100 mean free paths",
            unit="",
            expected=lambda: float(thick_flux_ratio(100.0)),
            tolerance=1e-8,
            found=lambda: float(gray_flux_ratio(100.0)),
        ),
        *(
            KnownValue(
                name=f"closed forms/Si-bands across {nanometres} nm",
                source=HUA,
                quantity="effective conductivity",
                unit="W/m K",
                expected=value,
                tolerance=1e-4,
                found=lambda nm=nanometres: float(  # type: ignore[misc]
                    cross_plane_conductivity(silicon_bands(), nm * 1e-9)
                ),
            )
            for nanometres, value in ((20, 14.573), (100, 42.228), (500, 81.36))
        ),
        KnownValue(
            name="closed forms/heated film",
            source="Independent solver in one dimension, gray silicon of 1 um",
            quantity="8 k T/(S L^2) at x/L = 0.45",
            unit="",
            expected=1.3134,
            tolerance=1e-4,
            found=lambda: float(reduced_temperature(GRAY_SILICON, 1e-6, [0.45])[0]),
        ),
        KnownValue(
            name="closed forms/Si-bands along 100 nm",
            source="Fuchs (1938), Sondheimer, Adv. Phys. 1, 1 (1952), diffuse walls",
            quantity="effective conductivity",
            unit="W/m K",
            expected=69.373,
            tolerance=1e-5,
            found=lambda: float(in_plane_conductivity(silicon_bands(), 100e-9)),
        ),
        KnownValue(
            name="closed forms/Fuchs-Sondheimer",
            source="1 - (3K/8)[1 - 4 E3(1/K) + 4 E5(1/K)]",
            quantity="conductivity along a diffuse film over that of the bulk, K = 1",
            unit="",
            expected=float(1.0 - 0.375 * (1.0 - 4.0 * (expn(3, 1.0) - expn(5, 1.0)))),
            tolerance=1e-10,
            found=lambda: float(film_suppression(1.0)),
        ),
        KnownValue(
            name="closed forms/thin wire",
            source="Dingle, Proc. R. Soc. A 201, 545 (1950): mean free path of one diameter",
            quantity="conductivity over that of the bulk, times K = 1e6",
            unit="",
            expected=1.0,
            tolerance=1e-4,
            found=lambda: 1e6 * float(wire_suppression(1e6)),
        ),
        KnownValue(
            name="closed forms/large heated sphere",
            source="Heat equation with Milne's jump: S R^2/6k + 0.7104 S R l/3k",
            quantity="temperature at the centre, R = 100 mean free paths",
            unit="S l^2/k",
            expected=100.0**2 / 6.0 + 0.710446 * 100.0 / 3.0,
            tolerance=5e-4,
            found=lambda: _heated_sphere(100.0),
        ),
        *(
            KnownValue(
                name=f"closed forms/transient grating, t = {time:g} tau",
                source="Talbot's inversion of tau a/(1 - a), a = arctan(eta/(1 + s tau))/eta",
                quantity="amplitude at eta = 1",
                unit="",
                expected=value,
                tolerance=2e-5,
                found=lambda t=time: float(gray_grating(t, 1.0)),  # type: ignore[misc]
            )
            for time, value in ((1.0, 0.88250), (2.5, 0.57219), (5.0, 0.23620), (10.0, 0.039405))
        ),
        KnownValue(
            name="closed forms/grating, pole and cut against Talbot",
            source="Residue and cut of the transform; Abate & Valko (2004)",
            quantity="amplitude at t = 2 tau, eta = 1.5",
            unit="",
            expected=lambda: float(gray_grating(2.0, 1.5)),
            tolerance=1e-8,
            found=lambda: float(
                grating_amplitude(gray_bands(1.0, 1.0, 1.0), 2.0, 2.0 * np.pi / 1.5)
            ),
        ),
    ]


def _heated_sphere(radius: float) -> float:
    """Return the temperature at the centre in units of S l^2 / k: k = 1/3 for unit bands."""
    state = solve_sphere(gray_bands(1.0, 1.0, 1.0), radius, uniform_heating(1.0))
    return float(state.temperature([0.0])[0]) / 3.0
