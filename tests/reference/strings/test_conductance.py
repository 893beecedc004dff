"""Two joined strings: closed forms against d'Alembert, quadrature and a quantum lattice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from pbte.core.constants import BOLTZMANN, PLANCK, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.reference.strings import conductance as hs
from pbte.reference.strings import kubo as kubo
from pbte.reference.strings import lattice as lattice
from pbte.reference.strings import profiles as profiles

SHARES = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
# carbon-like and heavier, slower
STRINGS = profiles.JoinedStrings(
    left_density=8e-16, left_speed=1.2e4, right_density=3e-15, right_speed=5e3
)


def approx(expected, rel=1e-6, abs=0.0):
    """Like pytest's, without its absolute tolerance of 1e-12: SI numbers here are smaller."""
    return pytest.approx(expected, rel=rel, abs=abs)


def temperatures():
    """Return left, right and transmission broadcast over pairs with zeros and equal ones."""
    values = np.array([0.0, 1e-3, 1.0, 77.0, 300.0])
    return values[:, None, None], values[None, :, None], SHARES


def test_transmission_is_one_for_equal_impedances_and_the_same_from_both_sides():
    left, right = np.array([1.0, 2.0, 3e-9]), np.array([1.0, 7.0, 3e9])
    there, back = hs.transmission(left, right), hs.transmission(right, left)
    assert there[0] == 1.0
    np.testing.assert_array_equal(there, back)
    # the small one has lost digits to 1 - |amplitude|
    np.testing.assert_allclose(there, 4 * left * right / (left + right) ** 2, rtol=1e-9, atol=1e-15)
    # equal impedances of different strings: all passes, although the speeds differ
    assert hs.transmission(hs.impedance(2.0, 3.0), hs.impedance(6.0, 1.0)) == 1.0


def test_energy_density_is_the_planck_integral_of_one_dimension():
    temperature, speed = 40.0, 5e3
    scale = BOLTZMANN * temperature
    # modes dk/2pi of both directions, x = hbar omega / k_B T
    integral = quad(lambda x: x / np.expm1(x), 0.0, 50.0)[0]
    expected = scale**2 * integral / (np.pi * REDUCED_PLANCK * speed)
    assert hs.energy_density(temperature, speed) == approx(expected, rel=1e-10)


def test_heat_capacity_is_the_slope_of_the_energy_and_temperature_its_inverse():
    t, h = 30.0, 1e-3
    slope = (hs.energy_density(t + h, 2e3) - hs.energy_density(t - h, 2e3)) / (2 * h)
    assert hs.heat_capacity(t, 2e3) == approx(float(slope), rel=1e-9)
    values = np.array([0.0, 1e-6, 300.0])
    np.testing.assert_allclose(
        hs.local_temperature(hs.energy_density(values, 2e3), 2e3), values, rtol=1e-14
    )


def test_steady_densities_satisfy_the_identities_of_the_current():
    left, right, share = temperatures()
    c_l, c_r = STRINGS.left_speed, STRINGS.right_speed
    before = hs.energy_density(left, c_l), hs.energy_density(right, c_r)
    after = hs.steady_densities(*before, share, c_l, c_r)
    flow = hs.current(left, right, share)
    scale = 1e-14 * float(np.max(np.abs(flow)))
    np.testing.assert_allclose(c_l * (before[0] - after[0]), flow, rtol=1e-12, atol=scale)
    np.testing.assert_allclose(c_r * (after[1] - before[1]), flow, rtol=1e-12, atol=scale)
    np.testing.assert_allclose(
        0.5 * share * (c_l * before[0] - c_r * before[1]), flow, rtol=1e-12, atol=scale
    )


def test_steady_temperatures_belong_to_the_steady_densities_at_any_drop():
    left, right, share = temperatures()
    c_l, c_r = STRINGS.left_speed, STRINGS.right_speed
    after = hs.steady_densities(
        hs.energy_density(left, c_l), hs.energy_density(right, c_r), share, c_l, c_r
    )
    exact = hs.steady_temperatures(left, right, share)
    np.testing.assert_allclose(hs.local_temperature(after[0], c_l), exact[0], rtol=1e-13)
    np.testing.assert_allclose(hs.local_temperature(after[1], c_r), exact[1], rtol=1e-13)
    np.testing.assert_allclose(
        exact[0] ** 2 - exact[1] ** 2, (1 - share) * (left**2 - right**2), rtol=1e-12, atol=1e-10
    )


def test_printed_temperatures_are_the_first_order_of_the_exact_ones():
    errors = []
    for drop in (1.0, 0.1):
        exact = hs.steady_temperatures(100.0 + drop, 100.0, 0.3)
        linear = hs.linear_steady_temperatures(100.0 + drop, 100.0, 0.3)
        errors.append([float(abs(e - p)) for e, p in zip(exact, linear, strict=True)])
    assert linear[0] - linear[1] == approx(0.7 * 0.1, rel=1e-12)
    # ten times smaller drop, a hundred times smaller error
    np.testing.assert_allclose(np.divide(*errors), 100.0, rtol=0.02)


def test_conductance_with_the_paradox_stays_finite_where_the_true_one_diverges():
    two, four = hs.two_point_conductance(5.0, SHARES), hs.four_point_conductance(5.0, SHARES)
    assert two[-1] == hs.conductance_quantum(5.0)
    assert four[-1] == np.inf
    assert two[0] == four[0] == 0.0
    # resistances differ by that of the ideal contact (link of A7)
    np.testing.assert_allclose(
        1 / four[1:], 1 / two[1:] - 1 / hs.conductance_quantum(5.0), rtol=1e-12, atol=1e-3
    )
    # weak contacts agree
    assert hs.four_point_conductance(5.0, 1e-6) == approx(
        float(hs.two_point_conductance(5.0, 1e-6)), rel=2e-6
    )


def test_quantum_of_heat_conductance_is_the_measured_one():
    # pi^2 k_B^2 T / 3h = 0.9464 pW/K at 1 K, Schwab et al., Nature 404, 974 (2000)
    assert hs.conductance_quantum(1.0) == approx(9.464e-13, rel=1e-4)


def test_conductance_between_two_temperatures_is_the_current_over_the_final_drop():
    left, right, share = np.array([3.0, 300.0, 10.0]), np.array([0.0, 20.0, 9.9]), 0.4
    final = hs.steady_temperatures(left, right, share)
    np.testing.assert_allclose(
        hs.four_point_conductance_between(left, right, share),
        hs.current(left, right, share) / (final[0] - final[1]),
        rtol=1e-11,
    )
    equal = hs.four_point_conductance_between(7.0, 7.0, SHARES)
    np.testing.assert_allclose(equal, hs.four_point_conductance(7.0, SHARES), rtol=1e-14)
    assert hs.four_point_conductance_between(0.0, 0.0, 0.5) == 0.0


def test_mixing_streams_never_destroys_entropy():
    left, right, share = temperatures()
    produced = hs.entropy_production(left, right, share)
    scale = float(hs.conductance_quantum(1.0)) * (left + right)
    assert np.all(produced >= -1e-14 * scale)
    mixing = np.broadcast_to((left != right) & (share > 0.0) & (share < 1.0), produced.shape)
    assert np.all(produced[mixing] > 0.0)
    np.testing.assert_allclose(produced[..., [0, -1]] / (scale + 1e-30), 0.0, atol=1e-14)


def test_electrons_behave_alike_with_the_conductance_quantum_of_charge():
    reservoirs, barrier = hs.electron_conductances(np.array([0.25, 1.0]))
    von_klitzing = PLANCK / hs.ELEMENTARY_CHARGE**2
    assert von_klitzing == approx(25812.807, rel=1e-7)
    np.testing.assert_allclose(reservoirs * 25812.80745, [0.25, 1.0], rtol=1e-8)
    assert barrier[1] == np.inf
    share, voltage = np.array([0.0, 0.25, 0.9]), 1e-3
    left, right = hs.electron_potentials(voltage, share, fermi_energy=1e-19)
    drop = (left - right) / hs.ELEMENTARY_CHARGE
    np.testing.assert_allclose(drop, (1 - share) * voltage, rtol=1e-10)
    # current / drop of the potentials is the barrier's conductance
    flow = hs.electron_conductances(share)[0] * voltage
    np.testing.assert_allclose(flow / drop, hs.electron_conductances(share)[1], rtol=1e-10)


def test_profile_steps_at_the_fronts_and_conserves_energy():
    time = 1e-9
    x = np.linspace(-20e-6, 20e-6, 4000) + 1e-12
    profile = profiles.step_profile(STRINGS, 50.0, 20.0, x, time)
    behind = (x > -STRINGS.left_speed * time) & (x < STRINGS.right_speed * time)
    flow = float(hs.current(50.0, 20.0, STRINGS.transmission))
    np.testing.assert_array_equal(profile.current, np.where(behind, flow, 0.0))
    assert set(np.round(profile.temperature, 9)) == set(
        np.round([50.0, 20.0, *hs.steady_temperatures(50.0, 20.0, STRINGS.transmission)], 9)
    )
    start = profiles.step_profile(STRINGS, 50.0, 20.0, x, 0.0)
    gained = np.where(x > 0, profile.energy_density - start.energy_density, 0.0)
    # one cell of the grid per step of the profile
    assert np.sum(gained) * (x[1] - x[0]) == approx(flow * time, rel=3e-3)
    change = np.sum(profile.energy_density - start.energy_density) / np.sum(gained)
    assert abs(change) < 5e-3


def test_evolution_of_a_step_is_the_step_profile():
    x, t = np.linspace(-3e-6, 3e-6, 301)[:, None], np.array([0.0, 1e-10, 3e-10])
    expected = profiles.step_profile(STRINGS, 50.0, 20.0, x, t)
    found = profiles.evolved_profile(STRINGS, lambda at: np.where(at < 0, 50.0, 20.0), x, t)
    scale = float(np.max(expected.current))
    np.testing.assert_allclose(found.energy_density, expected.energy_density, rtol=1e-12)
    np.testing.assert_allclose(found.current, expected.current, atol=1e-12 * scale)


def test_evolution_conserves_the_energy_of_a_hot_spot():
    def spot(at):
        return np.sqrt(10.0**2 + 40.0**2 * np.exp(-(((at + 1e-6) / 2e-7) ** 2)))

    x = np.linspace(-8e-6, 8e-6, 40001)
    totals = [
        np.trapezoid(profiles.evolved_profile(STRINGS, spot, x, t).energy_density, x)
        for t in (0.0, 5e-11, 2e-10, 4e-10)
    ]
    # trapezoid with one kink at the joint
    np.testing.assert_allclose(totals, totals[0], rtol=1e-5)


def test_linear_terms_of_the_drop_cancel_when_everything_passes():
    """A13: a gradient g opens a drop R g (c_l + c_r) t at the joint; none at T = 1."""
    matched = profiles.JoinedStrings(
        left_density=1e-15, left_speed=1e4, right_density=2e-15, right_speed=5e3
    )
    gradient, t = 1e3, 1e-10
    for strings in (STRINGS, matched):
        sides = profiles.evolved_profile(
            strings, lambda at: 300.0 + gradient * at, np.array([-1e-15, 1e-15]), t
        ).temperature
        grown = gradient * (strings.left_speed + strings.right_speed) * t
        expected = -(1.0 - strings.transmission) * grown
        assert sides[0] - sides[1] == approx(expected, abs=1e-4 * grown)


def test_movers_reach_the_steady_state_exactly_and_return_after_the_recurrence():
    step, cells = 1e-12, 60
    movers = profiles.thermal_movers(STRINGS, np.full(cells, 50.0), np.full(cells, 20.0), step)
    share, total = STRINGS.transmission, movers.energy
    flow = float(hs.current(50.0, 20.0, share))
    after = hs.steady_densities(
        hs.energy_density(50.0, STRINGS.left_speed),
        hs.energy_density(20.0, STRINGS.right_speed),
        share,
        STRINGS.left_speed,
        STRINGS.right_speed,
    )
    for count in range(1, 2 * cells):
        movers, crossed = profiles.move(movers, share)
        # the joint feels the far ends after 2 L / c
        assert crossed == approx(flow * step, rel=1e-12)
        if count == 40:
            density = (movers.left_to_right + movers.left_to_left) / (STRINGS.left_speed * step)
            np.testing.assert_allclose(density[-40:], after[0], rtol=1e-12)
            np.testing.assert_allclose(
                density[:-40], hs.energy_density(50.0, STRINGS.left_speed), rtol=1e-12
            )
    assert movers.energy == approx(total, rel=1e-13)
    limit = profiles.recurrence_time(
        cells * step * STRINGS.left_speed, STRINGS.left_speed, np.array([0.0])
    )
    assert limit[0] == approx(2 * cells * step)
    movers, _ = profiles.move(movers, share)
    movers, crossed = profiles.move(movers, share)
    assert crossed < 0.99 * flow * step


@pytest.mark.parametrize("time", [0.05, 0.4, -1.0])
def test_correlation_integral_equals_its_double_integral(time):
    temperature, eta = 1.3, 0.25

    def single(part):
        # symmetrised at w = 0 by the principal series of w / (1 - e^{-bw})
        def integrand(w):
            x = w / temperature
            weight = w / -np.expm1(-x) if abs(x) > 1e-8 else temperature
            return weight * part(w * time) * np.exp(-eta * w)

        return sum(
            quad(integrand, a, b, limit=400, epsabs=1e-12)[0]
            for a, b in ((-90.0, 0.0), (0.0, 180.0))
        ) / (2 * np.pi)

    # sin[(w + w')t] = 2 sin(wt) cos(w't) once both integrals are taken
    expected = 2 * single(np.sin) * single(np.cos)
    found = float(kubo.correlation_integral(time, temperature, eta))
    assert found == approx(expected, rel=1e-7, abs=1e-10)


def test_correlation_becomes_derivatives_of_the_delta_function():
    """Against g(t) = sin(t) exp(-t^2): int I g = -g'''(0)/24pi + pi T^2 g'(0)/6."""
    third, first = -7.0, 1.0
    found = []
    for eta in (2e-2, 1e-2):
        t = eta * np.sinh(np.linspace(-12.0, 12.0, 200001))
        values = kubo.correlation_integral(t, 0.7, eta) * np.sin(t) * np.exp(-(t**2))
        found.append(np.trapezoid(values, t))
    weight3, weight1 = kubo.correlation_coefficients(0.7)
    expected = -weight3 * third - weight1 * first
    # the error is linear in eta
    assert 2 * found[1] - found[0] == approx(float(expected), rel=2e-3)


def test_kubo_response_is_a_double_integral_of_the_correlation():
    temperature, eta, delay, share = 1.3, 0.2, 2.0, 0.7
    t = np.linspace(0.0, 6.0, 20001)
    odd = kubo.current_correlation(t, delay, share, temperature, eta)
    once = np.concatenate([[0.0], np.cumsum(0.5 * (odd[1:] + odd[:-1]))]) * t[1]
    twice = np.concatenate([[0.0], np.cumsum(0.5 * (once[1:] + once[:-1]))]) * t[1]
    found = kubo.step_response(t, delay, share, temperature, eta)
    np.testing.assert_allclose(found, -2.0 / temperature * twice, atol=1e-6)


def test_kubo_response_is_the_conductance_with_the_paradox_behind_the_front():
    t = np.array([0.0, 1.5, 2.5, 50.0])
    sharp = kubo.step_response(t, 2.0, 0.7, 1.3)
    # A7 in units of k_B^2 / hbar
    expected = hs.two_point_conductance(1.3, 0.7) / (BOLTZMANN**2 / REDUCED_PLANCK)
    np.testing.assert_allclose(sharp, [0.0, 0.0, expected, expected], rtol=1e-12)
    smeared = kubo.step_response(t, 2.0, 0.7, 1.3, 1e-4)
    np.testing.assert_allclose(smeared, sharp * (1 - 2e-4 * 1.3), atol=1e-5)


def test_lattice_joint_passes_all_frequencies_alike():
    omega = np.linspace(0.01, 1.99, 50)
    found = lattice.lattice_transmission(omega, (1.0, 4.0), (1.0, 4.0), 1.6)
    np.testing.assert_allclose(found, hs.transmission(1.0, 4.0), rtol=1e-9)
    other = lattice.lattice_transmission(omega, (1.0, 4.0), (1.0, 4.0), 1.0)
    assert np.ptp(other) > 0.5
    assert other[0] == approx(0.64, rel=1e-4)  # long waves see the string
    whole = lattice.lattice_transmission(omega, (2.0, 2.0), (3.0, 3.0), 3.0)
    np.testing.assert_allclose(whole, 1.0, rtol=1e-12)
    assert lattice.lattice_transmission(2.1, (1.0, 4.0), (1.0, 4.0), 1.6) == 0.0


@pytest.fixture(scope="module")
def quantum_chain():
    """Return chain, initial energies, energies and currents at t = 150; T = 0.12 | 0.08."""
    atoms = 260
    chain = lattice.joined_chain((atoms, atoms), (1.0, 4.0), (1.0, 4.0))
    x = np.arange(2 * atoms) - atoms + 0.5
    # smooth over some lattice constants: a sharp step of beta also shakes the slow short waves
    left, right = 0.12, 0.08
    temperature = np.sqrt(right**2 + (left**2 - right**2) * 0.5 * (1 - np.tanh(x / 12.0)))
    state = lattice.local_equilibrium(chain, temperature)
    zero_point = lattice.atom_energies(chain, lattice.ground_state(chain))
    later = lattice.evolved(chain, state, 150.0)
    return (
        atoms,
        lattice.atom_energies(chain, state) - zero_point,
        lattice.atom_energies(chain, later) - zero_point,
        lattice.bond_currents(chain, later),
    )


def test_quantum_lattice_carries_the_current_of_the_strings(quantum_chain):
    atoms, _, _, current = quantum_chain
    expected = np.pi / 12 * 0.64 * (0.12**2 - 0.08**2)
    behind = np.r_[atoms - 70 : atoms - 10, atoms + 10 : atoms + 70]
    # 3e-3: ripples of the front that fade as it moves on
    np.testing.assert_allclose(current[behind], expected, rtol=3e-3)
    ahead = np.r_[20:40, 2 * atoms - 40 : 2 * atoms - 20]
    np.testing.assert_allclose(current[ahead], 0.0, atol=1e-4 * expected)


def test_quantum_lattice_steps_to_the_densities_of_the_strings(quantum_chain):
    atoms, before, after, _ = quantum_chain
    left, right = before[30], before[-30]
    # the lattice's own densities are those of A2 but for its dispersion, pi^2 T^2 / 20
    assert left == approx(np.pi * 0.12**2 / 6, rel=0.01)
    assert right == approx(np.pi * 0.08**2 / 6, rel=0.005)
    steady = hs.steady_densities(left, right, 0.64, 1.0, 1.0)
    np.testing.assert_allclose(after[atoms - 70 : atoms - 20], steady[0], rtol=2e-3)
    np.testing.assert_allclose(after[atoms + 20 : atoms + 70], steady[1], rtol=2e-3)
    np.testing.assert_allclose(after[20:40], left, rtol=2e-5)
    np.testing.assert_allclose(after[-40:-20], right, rtol=2e-5)
    assert np.sum(after) == approx(np.sum(before), rel=1e-11)


def test_lattice_currents_are_what_the_energies_lose():
    chain = lattice.joined_chain((6, 5), (1.0, 3.0), (2.0, 0.7))
    state = lattice.evolved(chain, lattice.local_equilibrium(chain, np.linspace(0.2, 1.0, 11)), 1.7)
    h = 1e-4
    rate = (
        lattice.atom_energies(chain, lattice.evolved(chain, state, h))
        - lattice.atom_energies(chain, state)
    ) / h
    flow = np.concatenate([[0.0], lattice.bond_currents(chain, state), [0.0]])
    middle = np.concatenate(
        [[0.0], lattice.bond_currents(chain, lattice.evolved(chain, state, h)), [0.0]]
    )
    # trapezoid in time: second order in h
    np.testing.assert_allclose(rate, -np.diff(0.5 * (flow + middle)), atol=1e-8)


def test_lattice_in_equilibrium_stays_there():
    chain = lattice.joined_chain((8, 8), (1.0, 4.0), (1.0, 2.0))
    state = lattice.local_equilibrium(chain, 0.3)
    later = lattice.evolved(chain, state, 12.3)
    np.testing.assert_allclose(later.positions, state.positions, atol=1e-12)
    np.testing.assert_allclose(later.momenta, state.momenta, atol=1e-12)
    np.testing.assert_allclose(later.mixed, 0.0, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hs.impedance(-1.0, 2.0), "mass density = -1 kg/m"),
        (lambda: hs.energy_density(-3.0, 2.0), "temperature = -3 K"),
        (lambda: hs.energy_density(3.0, 0.0), "speed = 0 m/s"),
        (lambda: hs.current(1.0, np.nan, 0.5), "right temperature = nan K"),
        (lambda: hs.four_point_conductance(1.0, [0.2, 1.2]), r"transmission = 1.2 \(1 of 2\)"),
        (lambda: kubo.correlation_integral(0.0, 2.0, 0.6), "below 1/T = 0.5"),
        (lambda: kubo.step_response(1.0, -1.0, 0.5, 1.0), "delay = -1"),
        (lambda: lattice.joined_chain((0, 3), (1.0, 1.0), (1.0, 1.0)), "at least one"),
        (lambda: lattice.joined_chain((3, 3), (1.0, -1.0), (1.0, 1.0)), "mass = -1"),
        (
            lambda: lattice.local_equilibrium(
                lattice.joined_chain((3, 3), (1.0, 1.0), (1.0, 1.0)), 0.0
            ),
            "temperature = 0; it must be positive",
        ),
        (lambda: lattice.Chain(masses=np.ones(3), springs=np.ones(3)), "one spring more"),
        (lambda: profiles.recurrence_time(1.0, 1.0, 2.0), "on the string"),
        (lambda: profiles.step_profile(STRINGS, 1.0, 2.0, 0.0, -1.0), "time = -1 s"),
        (lambda: profiles.thermal_movers(STRINGS, [], [1.0], 1e-12), "left string"),
    ],
)
def test_nonsense_is_refused_with_one_sentence(call, message):
    with pytest.raises(InputError, match=message):
        call()
