"""The temperature jump: slabs, rough contacts, mismatch of solids, noise, electrons."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad, solve_bvp

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.reference.kapitza import debye_mismatch as dm
from pbte.reference.kapitza import temperature_jump as tj
from pbte.reference.kapitza import two_temperature as tt
from pbte.reference.kapitza.elastic_interface import elastic_fluxes
from pbte.reference.strings import conductance as hs

SILICON = dm.DebyeSolid(
    density=2330.0, longitudinal=8970.0, transverse=5330.0, atom_density=4.99e28
)
GERMANIUM = dm.DebyeSolid(
    density=5323.0, longitudinal=5310.0, transverse=3250.0, atom_density=4.41e28
)
SAPPHIRE = dm.DebyeSolid(
    density=3970.0, longitudinal=10890.0, transverse=6450.0, atom_density=1.18e29
)
LEAD = dm.DebyeSolid(density=11590.0, longitudinal=2350.0, transverse=970.0, atom_density=3.3e28)
PAIRS = [(SILICON, GERMANIUM), (LEAD, SAPPHIRE), (SAPPHIRE, SILICON)]
MODELS = ["dmm", "amm-scalar", "amm-elastic"]
GOLD = tt.Metal(electron_conductivity=310.0, phonon_conductivity=2.6, coupling=2.4e16)


def approx(expected, rel=1e-6, abs=0.0):
    """Like pytest's, without its absolute tolerance of 1e-12: SI numbers here are smaller."""
    return pytest.approx(expected, rel=rel, abs=abs)


def test_slabs_carry_one_flux_through_every_layer():
    args = ((1e-6, 3e-6), (148.0, 60.0), 2e-9)
    flux = float(tj.slab_heat_flux(310.0, 300.0, *args))
    x = np.array([-1e-6, -1e-18, 0.0, 3e-6])
    t = tj.slab_temperature(x, 310.0, 300.0, *args)
    assert t[0] == approx(310.0) and t[3] == approx(300.0)
    assert t[1] - t[2] == approx(float(tj.temperature_drop(2e-9, flux)), rel=1e-6)
    assert 148.0 * (t[0] - t[1]) / 1e-6 == approx(flux, rel=1e-9)
    assert 60.0 * (t[2] - t[3]) / 3e-6 == approx(flux, rel=1e-9)
    # a third, thin layer of the same resistance is the same interface
    assert tj.layer_resistance(2e-15, 1e-6) == approx(2e-9)
    assert tj.slab_heat_flux(310.0, 300.0, (1e-6, 3e-6), (148.0, 60.0), np.inf) == 0.0
    assert tj.slab_heat_flux(300.0, 300.0, *args) == 0.0


def test_kapitza_length_of_solid_doubles_the_resistance():
    length = float(tj.kapitza_length(2e-9, 148.0))
    with_jump = tj.slab_heat_flux(301.0, 300.0, (1e-6, 1e-6), (148.0, 148.0), 2e-9)
    without = tj.slab_heat_flux(301.0, 300.0, (1e-6 + length, 1e-6), (148.0, 148.0), 0.0)
    assert with_jump == approx(float(without), rel=1e-13)


def test_rough_contacts_follow_their_powers_of_pressure():
    pressure = np.array([0.0, 1e5, 1e6, 1e7])
    spots = tj.spot_conductance(pressure, 2e9, (200.0, 16.0), 0.1, 1e-6)
    harmonic = 2 * 200.0 * 16.0 / 216.0
    assert spots[0] == 0.0
    assert spots[1] == approx(1.25 * harmonic * 0.1 / 1e-6 * (1e5 / 2e9) ** 0.95)
    np.testing.assert_allclose(np.diff(np.log10(spots[1:])), 0.95, rtol=1e-12)
    gap = tj.gap_conductance(pressure, 2e9, 0.026, 1e-6, 3.7e-7)
    assert gap[0] == 0.0
    thickness = 0.026 / gap[1:] - 3.7e-7
    np.testing.assert_allclose(np.diff(np.log10(thickness)), -0.097, rtol=1e-9)
    assert thickness[0] == approx(1.53e-6 * (1e5 / 2e9) ** -0.097)
    joint = tj.joint_resistance(spots, gap)
    assert joint[0] == np.inf
    np.testing.assert_allclose(1.0 / joint[1:], spots[1:] + gap[1:], rtol=1e-14)
    assert tj.combined_rms(3e-7, 4e-7) == approx(5e-7)


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("model", MODELS)
def test_heat_flows_neither_way_at_equal_temperatures(first, second, model):
    there = dm.flux_integrals(first, second, model)
    back = dm.flux_integrals(second, first, model)
    # reciprocity, branch by branch; sums give sum Gamma_1/c_1^2 = sum Gamma_2/c_2^2
    np.testing.assert_allclose(there, back.T, rtol=1e-9, atol=1e-12 * there.max())
    t = np.array([0.0, 2.0, 300.0])
    np.testing.assert_allclose(
        dm.resistance(first, second, model, t), dm.resistance(second, first, model, t), rtol=1e-12
    )


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("model", MODELS)
def test_every_model_stays_below_the_radiation_limit(first, second, model):
    t = np.array([1.0, 50.0, 400.0])
    most = dm.radiation_limit(first, second, t)
    assert np.all(dm.conductance(first, second, model, t) < most)
    for share in dm.mean_transmissions(first, second, model):
        assert 0.0 < share <= 1.0


def test_diffuse_transmissions_add_up_to_one():
    for first, second in PAIRS:
        assert sum(dm.mean_transmissions(first, second, "dmm")) == approx(1.0, rel=1e-14)
    sums = [float(np.sum(solid.speeds**-2.0)) for solid in (SILICON, GERMANIUM)]
    expected = sums[1] / sum(sums)
    assert dm.mean_transmissions(SILICON, GERMANIUM, "dmm")[0] == approx(expected)


def test_scalar_transmission_integral_equals_the_one_over_angles():
    """Gamma_1 / c_1^2 = int alpha cos sin dtheta / c_1^2, closed at the critical angle."""
    c_1, c_2 = SILICON.longitudinal, GERMANIUM.longitudinal
    z_1, z_2 = SILICON.density * c_1, GERMANIUM.density * c_2

    def alpha_from_germanium(theta):
        m_2 = np.cos(theta)
        m_1 = np.sqrt(max(0.0, 1.0 - (np.sin(theta) * c_1 / c_2) ** 2))
        return 4 * z_1 * z_2 * m_1 * m_2 / (z_1 * m_2 + z_2 * m_1) ** 2

    critical = np.arcsin(c_2 / c_1)
    gamma = quad(lambda a: alpha_from_germanium(a) * np.cos(a) * np.sin(a), 0, critical, limit=200)
    found = dm.flux_integrals(GERMANIUM, SILICON, "amm-scalar")[0, 0]
    assert found * c_2**2 == approx(gamma[0], rel=1e-8)


def test_identical_solids_transmit_all_sound_and_half_of_what_forgets():
    assert dm.mean_transmissions(SILICON, SILICON, "amm-elastic") == approx((1.0, 1.0))
    assert dm.mean_transmissions(SILICON, SILICON, "amm-scalar") == approx((1.0, 1.0))
    assert dm.mean_transmissions(SILICON, SILICON, "dmm") == approx((0.5, 0.5))
    # and yet the resistance is finite: the paradox, which the other definition removes
    whole = float(dm.resistance(SILICON, SILICON, "amm-elastic", 300.0))
    assert whole > 1e-10
    shares = dm.mean_transmissions(SILICON, SILICON, "amm-elastic")
    assert tj.resistance_without_paradox(whole, *shares) < 1e-12 * whole


def test_elastic_waves_conserve_energy_beyond_every_critical_angle():
    slow = np.linspace(0.0, 1 / 970.0, 4001)[1:-1]
    for first, second in [*PAIRS, *(pair[::-1] for pair in PAIRS)]:
        fluxes = elastic_fluxes(
            slow,
            (first.density, second.density),
            (first.longitudinal, second.longitudinal),
            (first.transverse, second.transverse),
        )
        total = np.sum(fluxes.transmitted + fluxes.reflected, axis=-1)
        travels = np.stack([slow < 1 / c for c in first.speeds], axis=-1)
        np.testing.assert_allclose(total, np.where(travels, 1.0, 0.0), atol=1e-11)
        assert np.min(fluxes.transmitted) >= 0.0
        assert np.min(fluxes.reflected) >= 0.0


def test_elastic_waves_at_normal_incidence_see_only_impedances():
    fluxes = elastic_fluxes(0.0, (2330.0, 5323.0), (8970.0, 5310.0), (5330.0, 3250.0))
    along = hs.transmission(2330.0 * 8970.0, 5323.0 * 5310.0)
    across = hs.transmission(2330.0 * 5330.0, 5323.0 * 3250.0)
    np.testing.assert_allclose(fluxes.transmitted[0], np.diag([along, across, across]), atol=1e-14)


def test_elastic_waves_without_shear_become_the_scalar_ones():
    """Two fluids: L obeys the scalar law (welding ties the slip, which weak shear makes free)."""
    slow = np.linspace(1e-6, 1.4e-4, 20)
    # transverse speeds so low that their impedances do not matter; errors of order c_T / c_L
    fluxes = elastic_fluxes(slow, (1000.0, 2000.0), (1500.0, 3000.0), (1.5e-3, 2e-3))
    m_1, m_2 = np.sqrt(1 - (1500 * slow) ** 2), np.sqrt(1 - (3000 * slow) ** 2)
    z_1, z_2 = 1.5e6, 6e6
    expected = 4 * z_1 * z_2 * m_1 * m_2 / (z_1 * m_2 + z_2 * m_1) ** 2
    np.testing.assert_allclose(fluxes.transmitted[:, 0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_resistance_goes_as_the_inverse_cube_at_low_temperature(model):
    t = np.array([0.0, 0.1, 1.0])
    low = dm.low_temperature_resistance(SILICON, GERMANIUM, model, t)
    assert low[0] == np.inf
    np.testing.assert_allclose(low[1] / low[2], 1000.0, rtol=1e-12)
    np.testing.assert_allclose(dm.resistance(SILICON, GERMANIUM, model, t), low, rtol=1e-12)


def test_conductance_with_cutoff_is_the_integral_over_frequencies():
    t = 120.0
    alpha = dm.mean_transmissions(SILICON, GERMANIUM, "dmm")[0]
    scale = BOLTZMANN * t / REDUCED_PLANCK

    def heat(w):
        h = 1e-4 * t  # dn/dT by central differences
        n = [1 / np.expm1(REDUCED_PLANCK * w / (BOLTZMANN * (t + d))) for d in (-h, h)]
        return REDUCED_PLANCK * w**3 * (n[1] - n[0]) / (2 * h)

    cutoff = min(SILICON.debye_frequency, GERMANIUM.debye_frequency)
    integral = scale * quad(lambda x: heat(x * scale), 1e-6, cutoff / scale)[0]
    expected = sum(alpha / (8 * np.pi**2 * c**2) * integral for c in SILICON.speeds)
    found = float(dm.conductance(SILICON, GERMANIUM, "dmm", t))
    assert found == approx(expected, rel=1e-6)


def test_conductance_is_constant_far_above_the_cutoff():
    hot = dm.conductance(SILICON, GERMANIUM, "dmm", np.array([3e4, 6e4]))
    cutoff = min(SILICON.debye_frequency, GERMANIUM.debye_frequency)
    total = np.sum(dm.flux_integrals(SILICON, GERMANIUM, "dmm"))
    classical = total / (4 * np.pi**2) * BOLTZMANN * cutoff**3 / 3
    np.testing.assert_allclose(hot, classical, rtol=1e-4)


def test_debye_frequency_holds_three_modes_per_atom():
    w = SILICON.debye_frequency
    modes = sum(w**3 / (6 * np.pi**2 * c**3) for c in SILICON.speeds)
    assert modes == approx(3 * SILICON.atom_density, rel=1e-12)
    assert SILICON.debye_temperature == approx(645.0, abs=5.0)  # measured: 645 K


def test_emission_law_gives_the_mismatch_resistance():
    """D4 with n = 4: the stream (pi^2 k_B^4/60 hbar^3) S T^4 of one side."""
    total = float(np.sum(dm.flux_integrals(SILICON, GERMANIUM, "dmm")))
    prefactor = np.pi**2 * BOLTZMANN**4 / (60 * REDUCED_PLANCK**3) * total
    t = np.array([0.0, 0.5, 2.0])
    low = dm.low_temperature_resistance(SILICON, GERMANIUM, "dmm", t)
    np.testing.assert_allclose(tj.emission_resistance(prefactor, 4.0, t), low, rtol=1e-12)
    nudged = tj.nudged_resistance(lambda at: prefactor * at**4, t[1:], 1e-4)
    np.testing.assert_allclose(nudged, low[1:], rtol=1e-7)


def test_one_channel_emits_with_the_square_of_temperature():
    prefactor = float(hs.conductance_quantum(1.0)) / 2  # c eps / 2 = a T^2
    t = np.array([0.1, 5.0])
    np.testing.assert_allclose(
        1 / tj.emission_resistance(prefactor, 2.0, t), hs.two_point_conductance(t, 1.0), rtol=1e-13
    )


def test_noise_of_a_channel_is_that_of_its_spectrum():
    t = 3.0
    scale = BOLTZMANN * t / REDUCED_PLANCK
    integral = quad(lambda x: x**2 * np.exp(-x) / np.expm1(-x) ** 2, 1e-9, 60.0)[0]
    expected = REDUCED_PLANCK**2 * scale**3 * integral / (2 * np.pi)
    assert tj.channel_noise(t) == approx(expected, rel=1e-8)
    # both directions: 2 k_B T^2 / R with the R of one channel
    resistance = 1.0 / hs.two_point_conductance(t, 1.0)
    assert tj.equilibrium_noise(t, resistance) == approx(2 * expected, rel=1e-8)
    assert tj.channel_noise(0.0) == 0.0


def test_resistance_without_paradox_is_that_of_the_strings_in_one_dimension():
    share = np.array([0.1, 0.6, 1.0])
    whole = 1 / hs.two_point_conductance(4.0, share)
    true = tj.resistance_without_paradox(whole, share, share)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(1 / true, hs.four_point_conductance(4.0, share), rtol=1e-12)


def test_electrons_beside_an_interface_resist_as_majumdar_and_reddy_say():
    small = tt.Metal(electron_conductivity=310.0, phonon_conductivity=1e-3, coupling=2.4e16)
    expected = 1 / np.sqrt(2.4e16 * 1e-3)
    for definition in ("extrapolated", "electron"):
        found = tt.electron_phonon_resistance(small, definition=definition)
        assert found == approx(expected, rel=1e-5)
    k_e, k_p, g = (float(n) for n in GOLD.numbers)
    share = k_e / (k_e + k_p)
    assert tt.electron_phonon_resistance(GOLD) == approx(share**1.5 / np.sqrt(g * k_p))
    assert tt.electron_phonon_resistance(GOLD, definition="electron") == approx(
        share**0.5 / np.sqrt(g * k_p)
    )
    total = tt.total_resistance(GOLD, 5e-9)
    assert total == approx(5e-9 + float(tt.electron_phonon_resistance(GOLD)))


def test_thick_films_are_half_spaces_and_thin_ones_couple_as_a_whole():
    length = float(tt.coupling_length(GOLD))
    depths = np.array([1e-4, 3.0, 40.0, 2000.0, np.inf]) * length
    found = tt.electron_phonon_resistance(GOLD, depths, definition="electron")
    assert np.all(np.diff(found[:3]) < 0)
    np.testing.assert_allclose(found[2:], found[-1], rtol=1e-12)
    # q = G d (T_e - T_p)
    assert found[0] == approx(1 / (2.4e16 * depths[0]), rel=1e-6)
    silent = tt.Metal(electron_conductivity=3.0, phonon_conductivity=1.0, coupling=[0.0, 1e16])
    assert tt.electron_phonon_resistance(silent)[0] == np.inf
    assert tt.electron_phonon_resistance(silent, 1e-8)[0] == np.inf
    assert np.isfinite(tt.electron_phonon_resistance(silent, 1e-8)[1])


def test_film_profile_solves_the_two_heat_equations():
    """Against a boundary value solver."""
    k_e, k_p, g = (float(n) for n in GOLD.numbers)
    depth, flux, base = 60e-9, 1e9, 300.0
    x = np.linspace(-depth, 0.0, 121)

    def slopes(y, u):  # scaled to depth; T_e, T_p and their derivatives
        exchange = g * (u[0] - u[2]) * depth**2
        return np.stack([u[1], exchange / k_e, u[3], -exchange / k_p])

    def ends(a, b):
        return np.array([a[1] + flux * depth / k_e, a[3], b[1], b[2] - base])

    guess = np.full((4, x.size), base)
    guess[[1, 3]] = 0.0
    solved = solve_bvp(slopes, ends, x / depth, guess, tol=1e-9, max_nodes=20000)
    assert solved.success
    profile = tt.film_profile(x, GOLD, flux, base, depth)
    rise = profile.electrons[0] - base
    expected = solved.sol(x / depth)
    np.testing.assert_allclose(profile.electrons, expected[0], atol=1e-7 * rise)
    np.testing.assert_allclose(profile.phonons, expected[2], atol=1e-7 * rise)


@pytest.mark.parametrize("depth", [20e-9, 3e-6, np.inf])
def test_the_two_fluxes_of_a_metal_add_up_to_the_heat(depth):
    start = depth if np.isfinite(depth) else 1e-6
    x = np.linspace(-start, 0.0, 200)
    profile = tt.film_profile(x, GOLD, 1e9, 300.0, depth)
    np.testing.assert_allclose(profile.flux_of_electrons + profile.flux_of_phonons, 1e9, rtol=1e-12)
    assert abs(profile.flux_of_electrons[-1]) < 1e-3  # insulated, of 1e9
    if np.isfinite(depth):
        assert profile.flux_of_electrons[0] == approx(1e9, rel=1e-9)
    difference = profile.electrons - profile.phonons
    # heat goes from electrons to phonons everywhere, so that entropy grows; round-off of 300 K
    assert np.min(difference) > -1e-9
    at_ends = [1e9 * float(d) for d in tt.film_differences(GOLD, depth)]
    assert difference[-1] == approx(at_ends[0], rel=1e-10)
    if np.isfinite(depth):
        assert difference[0] == approx(at_ends[1], rel=1e-10)
    # the extrapolated definition reads the straight mean temperature at the interface
    jump = (profile.mean[-1] - profile.phonons[-1]) / 1e9
    assert jump == approx(float(tt.electron_phonon_resistance(GOLD, depth)), rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tj.kapitza_length(-1.0, 2.0), "resistance = -1 m"),
        (lambda: tj.slab_heat_flux(1.0, -1.0, (1.0, 1.0), (1.0, 1.0), 0.0), "cold temperature"),
        (
            lambda: tj.slab_heat_flux(1.0, 2.0, (0.0, 0.0), (1.0, 1.0), 0.0),
            "one of them must be positive",
        ),
        (
            lambda: tj.slab_temperature(2.0, 1.0, 2.0, (1.0, 1.0), (1.0, 1.0), 0.0),
            "outside the slabs",
        ),
        (lambda: tj.spot_conductance(3e9, 2e9, (1.0, 1.0), 0.1, 1e-6), "times the hardness"),
        (lambda: tj.gap_conductance(1e5, 2e9, 0.03, 0.0), "roughness = 0 m"),
        (lambda: tj.emission_resistance(1.0, 0.0, 1.0), "exponent n = 0"),
        (lambda: tj.nudged_resistance(lambda t: t, 1e-5, 1e-3), "nudge"),
        (lambda: tj.channel_noise(-1.0), "temperature = -1 K"),
        (lambda: dm.flux_integrals(SILICON, GERMANIUM, "AMM"), "model = 'AMM'"),
        (lambda: dm.resistance(SILICON, GERMANIUM, "dmm", [1.0, -2.0]), "temperature = -2 K"),
        (
            lambda: dm.DebyeSolid(
                density=-1.0, longitudinal=2.0, transverse=1.0, atom_density=1e28
            ),
            "density = -1 kg",
        ),
        (
            lambda: elastic_fluxes(0.0, (1.0, 1.0), (1.0, 2.0), (0.9, 1.0)),
            "bulk modulus is negative",
        ),
        (
            lambda: tt.Metal(electron_conductivity=1.0, phonon_conductivity=0.0, coupling=1.0),
            "phonon conductivity = 0",
        ),
        (lambda: tt.electron_phonon_resistance(GOLD, -1.0), "thickness = -1 m"),
        (lambda: tt.electron_phonon_resistance(GOLD, definition="other"), "definition = 'other'"),
        (lambda: tt.film_profile(1e-9, GOLD, 1.0, 300.0), "outside the metal"),
    ],
)
def test_nonsense_is_refused_with_one_sentence(call, message):
    with pytest.raises(InputError, match=message):
        call()
