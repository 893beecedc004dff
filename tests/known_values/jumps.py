"""The temperature jump: mismatch of solids, noise, electrons beside an interface."""

from __future__ import annotations

import numpy as np
from known_values.record import KnownValue
from scipy.integrate import quad

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.reference.kapitza import debye_mismatch as mismatch
from pbte.reference.kapitza import temperature_jump as jump
from pbte.reference.kapitza import two_temperature as electrons
from pbte.reference.kapitza.elastic_interface import elastic_fluxes
from pbte.reference.strings import conductance as strings

SWARTZ = "Swartz & Pohl, Rev. Mod. Phys. 61, 605 (1989)"
SILICON = mismatch.DebyeSolid(
    density=2330.0, longitudinal=8970.0, transverse=5330.0, atom_density=4.99e28
)
GERMANIUM = mismatch.DebyeSolid(
    density=5323.0, longitudinal=5310.0, transverse=3250.0, atom_density=4.41e28
)
GOLD = electrons.Metal(electron_conductivity=310.0, phonon_conductivity=2.6, coupling=2.4e16)


def known_values() -> list[KnownValue]:
    """Return the numbers."""
    return [
        KnownValue(
            name="jump/diffuse mismatch Si-Ge",
            source=f"{SWARTZ}: alpha_1 = sum c_2^-2/(sum c_1^-2 + sum c_2^-2)",
            quantity="transmission from silicon",
            unit="",
            expected=_diffuse_transmission,
            tolerance=1e-12,
            found=lambda: float(mismatch.mean_transmissions(SILICON, GERMANIUM, "dmm")[0]),
        ),
        KnownValue(
            name="jump/scalar acoustic mismatch Ge-Si",
            source=f"{SWARTZ}: int alpha cos sin dtheta up to the critical angle, by quadrature",
            quantity="transmission integral of longitudinal waves",
            unit="",
            expected=_scalar_integral,
            tolerance=1e-7,
            found=lambda: (
                float(mismatch.flux_integrals(GERMANIUM, SILICON, "amm-scalar")[0, 0])
                * GERMANIUM.longitudinal**2
            ),
        ),
        *(
            KnownValue(
                name=f"jump/reciprocity, {model}",
                source=f"{SWARTZ}: no heat flows between equal temperatures",
                quantity="resistance Si-Ge at 300 K, against Ge-Si",
                unit="m^2 K/W",
                expected=lambda model=model: float(  # type: ignore[misc]
                    mismatch.resistance(GERMANIUM, SILICON, model, 300.0)
                ),
                tolerance=1e-10,
                found=lambda model=model: float(  # type: ignore[misc]
                    mismatch.resistance(SILICON, GERMANIUM, model, 300.0)
                ),
            )
            for model in ("dmm", "amm-scalar", "amm-elastic")
        ),
        KnownValue(
            name="jump/cold law",
            source=f"{SWARTZ}: R = [(pi^2 k_B^4/15 hbar^3) sum Gamma/c^2]^-1 T^-3",
            quantity="resistance Si-Ge at 0.5 K, diffuse mismatch",
            unit="m^2 K/W",
            expected=lambda: float(
                mismatch.low_temperature_resistance(SILICON, GERMANIUM, "dmm", 0.5)
            ),
            tolerance=1e-8,
            found=lambda: float(mismatch.resistance(SILICON, GERMANIUM, "dmm", 0.5)),
        ),
        KnownValue(
            name="jump/paradox of identical solids",
            source="R (1 - (alpha_1 + alpha_2)/2) is zero where everything passes",
            quantity="resistance Si-Si without the paradox over that with it",
            unit="",
            expected=0.0,
            tolerance=1e-12,
            absolute=True,
            found=lambda: _paradox(),
        ),
        KnownValue(
            name="jump/conductance at room temperature",
            source=f"{SWARTZ}, with a cutoff: sum alpha/(8 pi^2 c^2) int hbar w^3 dn/dT dw",
            quantity="conductance Si-Ge at 300 K, diffuse mismatch",
            unit="W/m^2 K",
            expected=lambda: _cut_off(300.0),
            tolerance=1e-8,
            found=lambda: float(mismatch.conductance(SILICON, GERMANIUM, "dmm", 300.0)),
        ),
        KnownValue(
            name="jump/energy of elastic waves",
            source="Aki & Richards, ch. 5: the shares of a wave add up to 1, to beyond critical",
            quantity="largest lack of energy of any wave Si-Ge, at 200 slownesses",
            unit="",
            expected=0.0,
            tolerance=1e-10,
            absolute=True,
            found=lambda: _elastic_defect(),
        ),
        KnownValue(
            name="jump/rough contact",
            source="Cooper, Mikic & Yovanovich (1969): h_c = 1.25 k_s (m/sigma)(P/H)^0.95, by hand",
            quantity="conductance of spots, 40 and 120 W/m K, m = 0.1, sigma = 1 um, P/H = 1e-3",
            unit="W/m^2 K",
            expected=1.25 * 60.0 * 1e5 * 1e-3**0.95,
            tolerance=1e-10,
            found=lambda: float(jump.spot_conductance(2e6, 2e9, (40.0, 120.0), 0.1, 1e-6)),
        ),
        KnownValue(
            name="jump/emission of three dimensions",
            source="1/R = d(one-way flux)/dT, flux a T^4 of a Debye solid; DMM at low temperature",
            quantity="resistance Si-Ge at 1 K",
            unit="m^2 K/W",
            expected=lambda: float(
                mismatch.low_temperature_resistance(SILICON, GERMANIUM, "dmm", 1.0)
            ),
            tolerance=1e-9,
            found=lambda: float(jump.emission_resistance(_emission(), 4.0, 1.0)),
        ),
        KnownValue(
            name="jump/nudged temperatures",
            source="R = dT over the difference of the streams, as dT goes to 0: 1/(4 a T^3)",
            quantity="resistance of an emission of 2 T^4 at 3 K, nudged by 1e-3 K",
            unit="m^2 K/W",
            expected=1.0 / (4.0 * 2.0 * 27.0),
            tolerance=1e-6,
            found=lambda: float(jump.nudged_resistance(lambda t: 2.0 * t**4, 3.0, 1e-3)),
        ),
        KnownValue(
            name="jump/noise of a channel",
            source="Fluctuation-dissipation: k_B T^2/R; its spectrum, by quadrature",
            quantity="noise of one channel at 3 K",
            unit="W^2 s",
            expected=lambda: _noise(3.0),
            tolerance=1e-8,
            found=lambda: float(jump.channel_noise(3.0)),
        ),
        KnownValue(
            name="jump/strings in one dimension",
            source="Two-point resistance less the paradox; four-point resistance of the strings",
            quantity="resistance at 4 K, transmission 0.6",
            unit="K/W",
            expected=lambda: 1.0 / float(strings.four_point_conductance(4.0, 0.6)),
            tolerance=1e-10,
            found=lambda: float(
                jump.resistance_without_paradox(
                    1.0 / strings.two_point_conductance(4.0, 0.6), 0.6, 0.6
                )
            ),
        ),
        KnownValue(
            name="jump/electrons and phonons",
            source="Majumdar & Reddy, Appl. Phys. Lett. 84, 4768 (2004): (G k_p)^-1/2",
            quantity="electron-phonon resistance of a metal with k_p = 1e-3 W/m K",
            unit="m^2 K/W",
            expected=1.0 / np.sqrt(2.4e16 * 1e-3),
            tolerance=1e-5,
            found=lambda: float(
                electrons.electron_phonon_resistance(
                    electrons.Metal(
                        electron_conductivity=310.0, phonon_conductivity=1e-3, coupling=2.4e16
                    )
                )
            ),
        ),
        KnownValue(
            name="jump/thin metal film",
            source="q = G d (T_e - T_p) where both temperatures are even",
            quantity="electron-phonon resistance of 0.1 pm of gold",
            unit="m^2 K/W",
            expected=1.0 / (2.4e16 * 1e-13),
            tolerance=1e-5,
            found=lambda: float(
                electrons.electron_phonon_resistance(GOLD, 1e-13, definition="electron")
            ),
        ),
    ]


def _diffuse_transmission() -> float:
    ours, theirs = (2.0 * s.transverse**-2 + s.longitudinal**-2 for s in (SILICON, GERMANIUM))
    return theirs / (ours + theirs)


def _scalar_integral() -> float:
    c_1, c_2 = SILICON.longitudinal, GERMANIUM.longitudinal
    z_1, z_2 = SILICON.density * c_1, GERMANIUM.density * c_2

    def density(s: float) -> float:  # s = sin of the angle over that of the critical one, squared
        sine = np.sqrt(s) * c_2 / c_1
        m_2, m_1 = np.sqrt(1.0 - sine**2), np.sqrt(1.0 - s)
        share = 4.0 * z_1 * z_2 * m_1 * m_2 / (z_1 * m_2 + z_2 * m_1) ** 2
        return float(0.5 * share * (c_2 / c_1) ** 2)

    return float(quad(density, 0.0, 1.0, epsabs=0.0, epsrel=1e-10, limit=500)[0])


def _cut_off(kelvin: float) -> float:
    """Return (alpha/8 pi^2) sum c_1^-2 int_0^w_c hbar w^3 dn/dT dw."""
    scale = BOLTZMANN * kelvin / REDUCED_PLANCK
    cutoff = min(SILICON.debye_frequency, GERMANIUM.debye_frequency)
    integral = quad(
        lambda x: x**4 * np.exp(-x) / np.expm1(-x) ** 2, 1e-12, cutoff / scale, epsrel=1e-12
    )[0]
    modes = 2.0 * SILICON.transverse**-2 + SILICON.longitudinal**-2
    share = _diffuse_transmission() * modes / (8.0 * np.pi**2)
    return float(share * BOLTZMANN * scale**3 * integral)


def _elastic_defect() -> float:
    slowness = np.linspace(1e-6, 0.9999, 200) / SILICON.transverse
    fluxes = elastic_fluxes(
        slowness,
        (SILICON.density, GERMANIUM.density),
        (SILICON.longitudinal, GERMANIUM.longitudinal),
        (SILICON.transverse, GERMANIUM.transverse),
    )
    whole = fluxes.transmitted.sum(axis=2) + fluxes.reflected.sum(axis=2)
    arriving = whole > 0.0  # beyond its own critical slowness a branch does not travel
    return float(np.abs(whole[arriving] - 1.0).max())


def _emission() -> float:
    """Return a of the flux a T^4 that passes from silicon to germanium."""
    modes = 2.0 * SILICON.transverse**-2 + SILICON.longitudinal**-2
    radiated = np.pi**2 * BOLTZMANN**4 / (120.0 * REDUCED_PLANCK**3)
    return float(radiated * modes * _diffuse_transmission())


def _paradox() -> float:
    whole = float(mismatch.resistance(SILICON, SILICON, "amm-elastic", 300.0))
    shares = mismatch.mean_transmissions(SILICON, SILICON, "amm-elastic")
    return float(jump.resistance_without_paradox(whole, *shares)) / whole


def _noise(temperature: float) -> float:
    """Return int (hbar w)^2 n (n + 1) dw / 2 pi."""
    scale = BOLTZMANN * temperature / REDUCED_PLANCK
    integral = quad(lambda x: x**2 * np.exp(-x) / np.expm1(-x) ** 2, 1e-9, 60.0)[0]
    return float(REDUCED_PLANCK**2 * scale**3 * integral / (2.0 * np.pi))
