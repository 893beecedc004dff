"""Conductivity of the chain of subunits, with one band and with several."""

import numpy as np
import pytest
from scipy.linalg import eigh

from pbte.core.errors import InputError
from pbte.reference.ham.bands import (
    Bands,
    band_heat_conductivity,
    band_probabilities,
    one_band,
    overlap,
    shells,
    transition_rates,
)
from pbte.reference.ham.chain import HamChain, complex_gaussian
from pbte.reference.ham.conductivity import (
    heat_capacity,
    heat_conductivity,
    high_temperature_conductivity,
    largest_heat_capacity,
    low_temperature_conductivity,
)

TEMPERATURES = np.geomspace(0.02, 50, 40)


@pytest.mark.parametrize("num_levels", [1, 7, 500])
def test_the_heat_capacity_is_the_change_of_the_energy(num_levels):
    def energy(temperature):
        weight = num_levels * np.exp(-2.0 / temperature)
        return 2.0 * weight / (1 + weight)

    step = 1e-5 * TEMPERATURES
    slope = (energy(TEMPERATURES + step) - energy(TEMPERATURES - step)) / (2 * step)
    found = heat_capacity(TEMPERATURES, num_levels=num_levels, gap=2.0)
    # round-off 1e-16/1e-5 of energies up to 2, and step^2 of the third derivative
    assert np.allclose(found, slope, rtol=1e-6, atol=1e-11)


def test_the_heat_capacity_is_zero_at_zero_and_shapes_are_kept():
    assert heat_capacity(0.0, num_levels=500) == 0.0
    assert heat_capacity(0.0, num_levels=1) == 0.0
    assert heat_capacity(np.ones((2, 3)), num_levels=5).shape == (2, 3)
    assert np.all(np.diff(heat_capacity(np.linspace(0, 0.1, 200), num_levels=500)) >= 0)


def test_one_level_has_the_schottky_anomaly():
    """Textbook numbers of two levels: 0.439 k_B at k_B T = 0.417 of the gap."""
    temperature, capacity = largest_heat_capacity(num_levels=1)
    assert temperature == pytest.approx(0.41678, abs=1e-5)
    assert capacity == pytest.approx(0.43923, abs=1e-5)


@pytest.mark.parametrize("num_levels", [1, 30, 500])
def test_the_largest_heat_capacity_is_at_the_root(num_levels):
    temperature, largest = largest_heat_capacity(num_levels=num_levels, gap=3.0)
    around = temperature * np.linspace(0.5, 2.0, 1001)
    assert np.all(heat_capacity(around, num_levels=num_levels, gap=3.0) <= largest)
    x = 3.0 / temperature
    y = num_levels * np.exp(-x)
    assert (1 - y) / (1 + y) == pytest.approx(2 / x, rel=1e-12)


def test_the_conductivity_has_its_two_limits():
    chain = HamChain()
    hot, cold = np.array([100.0, 1000.0]), np.array([0.02, 0.05])
    # next term of the expansion in x = dE/T: 1 + x(n - 1)/(n + 1)
    ratio = heat_conductivity(chain, hot) / high_temperature_conductivity(chain, hot)
    assert np.allclose(ratio, 1 + 1 / hot * 499 / 501, atol=2e-4)
    ratio = heat_conductivity(chain, cold) / low_temperature_conductivity(chain, cold)
    assert np.allclose(ratio, (1 + 500 * np.exp(-1 / cold)) ** -2.0, rtol=1e-12)
    high = high_temperature_conductivity(chain, hot)
    assert high[0] / high[1] == pytest.approx(100, rel=1e-12)


def test_figure_8_has_its_maximum_where_48_puts_it():
    """10^4 kappa_th = 16.7 at T = 1.47 in units of 0.1 dE (n = 500), read with the axes of C8."""
    chain = HamChain()
    temperature, capacity = largest_heat_capacity(num_levels=500)
    assert 10 * temperature == pytest.approx(1.47, abs=0.01)
    assert 1e4 * heat_conductivity(chain, temperature) == pytest.approx(16.7, abs=0.1)
    assert heat_conductivity(chain, temperature) == pytest.approx(chain.rate * capacity)


def test_overlaps_of_boxes_and_triangles():
    de = 0.3
    assert overlap([de, 0, 0, de]) == pytest.approx(1 / de, rel=1e-13)
    assert overlap([de, de, 0, de]) == pytest.approx(0.75 / de, rel=1e-13)
    assert overlap([de] * 4) == pytest.approx(2 / (3 * de), rel=1e-13)
    assert overlap([0, 0, de, 0]) == pytest.approx(1 / de, rel=1e-13)
    assert overlap([de, 0.1, 0, 0]) == pytest.approx(1 / de, rel=1e-13)  # the wider box decides


def test_overlaps_are_the_integral_of_the_densities():
    widths = np.array([0.3, 0.2, 0.45, 0.1])
    step = 1e-4
    grid = (np.arange(20001) - 10000) * step

    def box(width):
        return np.clip((0.5 * width - np.abs(grid)) / step + 0.5, 0, 1) / width

    def both(one, other):
        return np.convolve(box(one), box(other), mode="same") * step

    integral = np.sum(both(*widths[:2]) * both(*widths[2:])) * step
    assert overlap(widths) == pytest.approx(integral, rel=1e-3)  # grid against the box of 0.1


def test_one_band_gives_back_the_simple_chain():
    chain = HamChain(num_levels=300, band_width=0.04, coupling=1e-4, gap=1.7)
    bands = one_band(num_levels=300, band_width=0.04, gap=1.7)
    (shell,) = (s for s in shells(bands) if s.energy == pytest.approx(1.7))
    rates = transition_rates(bands, shell, coupling=1e-4)
    assert np.allclose(rates, chain.rate * (1 - np.eye(2)), rtol=1e-13, atol=0)
    many = band_heat_conductivity(bands, TEMPERATURES, coupling=1e-4)
    assert np.allclose(many, heat_conductivity(chain, TEMPERATURES), rtol=1e-12, atol=1e-300)


THREE = Bands(
    energies=np.array([0.0, 1.0, 2.0]),
    num_levels=np.array([1, 20, 150]),
    widths=np.array([0.0, 0.05, 0.05]),
)


def shell_two():
    (shell,) = (s for s in shells(THREE) if s.energy == pytest.approx(2.0))
    return shell


def test_rates_balance_in_detail_and_keep_probability():
    shell = shell_two()
    assert sorted(map(tuple, shell.pairs)) == [(0, 2), (1, 1), (2, 0)]
    rates = transition_rates(THREE, shell, coupling=1e-4)
    flows = shell.num_levels[:, None] * rates
    assert np.allclose(flows, flows.T, rtol=1e-14)
    assert np.ptp(flows[flows > 0]) > 0  # box with box and box with triangle differ
    even = shell.num_levels / shell.num_levels.sum()
    later = band_probabilities(rates, even, [0.0, 1e3, 1e9])
    assert np.allclose(later, even, atol=1e-12)
    moved = band_probabilities(rates, [1.0, 0.0, 0.0], [0.0, 1e12])
    assert np.allclose(moved, [[1, 0, 0], even], atol=1e-12)


def test_the_conductivity_of_many_bands_does_not_depend_on_the_zero_of_energy():
    # a lowest level of -300 at T = 0.3 would overflow unless it is taken out
    shifted = Bands(
        energies=THREE.energies - 300.0, num_levels=THREE.num_levels, widths=THREE.widths
    )
    temperatures = np.array([0.05, 0.3, 3.0])
    plain = band_heat_conductivity(THREE, temperatures, coupling=1e-4)
    # energies of -300 carry a round-off of 6e-14, which e^(-E/T) enlarges by 1/T
    moved = band_heat_conductivity(shifted, temperatures, coupling=1e-4)
    assert np.allclose(moved, plain, rtol=1e-10)
    assert np.all(plain > 0)
    assert band_heat_conductivity(THREE, 0.0, coupling=1e-4) == 0.0


def brute_force(bands, shell, coupling, start, times, seed):
    """Return probabilities of composite bands from Schroedinger's equation, mean of 12 states."""

    def levels(band):
        # Not quite equally spaced: sums of equally spaced levels would coincide, and a composite
        # band would be a few lines of many levels each.
        count, width = bands.num_levels[band], bands.widths[band]
        place = np.arange(count) + np.modf(1.618033988749895 * np.arange(count))[0]
        return place / count * width - 0.5 * width

    energies = [(levels(i)[:, None] + levels(j)[None, :]).ravel() for i, j in shell.pairs]
    ends = np.concatenate([[0], np.cumsum(shell.num_levels)])
    random = np.random.default_rng(seed)
    matrix = np.diag(np.concatenate(energies)).astype(complex)
    for a in range(len(energies)):
        for b in range(a + 1, len(energies)):
            block = complex_gaussian((shell.num_levels[a], shell.num_levels[b]), random)
            matrix[ends[a] : ends[a + 1], ends[b] : ends[b + 1]] = coupling * block
            matrix[ends[b] : ends[b + 1], ends[a] : ends[a + 1]] = coupling * block.conj().T
    values, vectors = eigh(matrix)
    states = np.zeros((len(matrix), 12), dtype=complex)
    states[ends[start] : ends[start + 1]] = complex_gaussian((shell.num_levels[start], 12), random)
    states /= np.linalg.norm(states, axis=0)
    amplitudes = vectors.conj().T @ states
    result = []
    for time in times:
        moved = np.abs(vectors @ (np.exp(-1j * values * time)[:, None] * amplitudes)) ** 2
        result.append(np.add.reduceat(moved, ends[:-1], axis=0).mean(axis=1))
    return np.array(result)


def test_the_conductivity_is_the_current_between_neighbours_of_unequal_temperature():
    temperature, difference = 0.8, 1e-4
    warm, cold = (
        np.exp(-THREE.energies / (temperature + sign * difference / 2)) for sign in (1, -1)
    )
    partitions = (THREE.num_levels @ warm) * (THREE.num_levels @ cold)
    current = 0.0
    for shell in shells(THREE):
        if len(shell.pairs) < 2:
            continue
        rates = transition_rates(THREE, shell, coupling=1e-4)
        left, right = shell.pairs.T
        probabilities = shell.num_levels * warm[left] * cold[right] / partitions
        lost = shell.imbalances[:, None] - shell.imbalances
        current += np.sum(probabilities[:, None] * rates * lost)
    expected = band_heat_conductivity(THREE, temperature, coupling=1e-4)
    # even orders cancel: the error is (difference/T)^2; round-off 1e-16/1e-4
    assert current / difference == pytest.approx(expected, rel=1e-7)


def coupling_for(share):
    """Return the coupling whose rate into 350 levels is this share of the band width."""
    return np.sqrt(share * 0.05**2 / (2 * np.pi * 350))


def resolved_probabilities(bands, shell, coupling, start, times):
    """Return the golden rule at each energy on its own, averaged over the energies at the start."""
    grid = np.linspace(-0.05, 0.05, 401)[1:-1]
    shapes = {0: np.clip(0.05 - np.abs(grid), 0, None) / 0.05**2, 1: (np.abs(grid) < 0.025) / 0.05}
    single = np.any(bands.widths[shell.pairs] == 0.0, axis=1).astype(int)
    densities = np.array([shapes[kind] for kind in single]) * shell.num_levels[:, None]
    share = densities[start] / densities[start].sum()
    total = np.zeros((len(times), len(single)))
    for weight, density in zip(share, densities.T, strict=True):
        rates = 2 * np.pi * coupling**2 * np.tile(density, (len(single), 1))
        np.fill_diagonal(rates, 0.0)
        total += weight * band_probabilities(rates, np.eye(len(single))[start], times)
    return total


@pytest.mark.parametrize("start", [0, 1])
def test_rates_of_bands_are_the_mean_of_the_rates_at_each_energy(start):
    shell, coupling = shell_two(), coupling_for(0.01)
    rates = transition_rates(THREE, shell, coupling=coupling)
    early = np.array([1e-4]) / rates[start].sum()
    others = np.arange(3) != start
    moved = resolved_probabilities(THREE, shell, coupling, start, early)[0] / early
    # second order in time: 1e-4; the grid at the edges of the box: 1/200
    assert np.allclose(moved[others], rates[start][others], rtol=1e-2)


@pytest.mark.parametrize("start", [0, 1])
def test_rates_of_many_bands_are_those_of_schroedingers_equation(start):
    shell, coupling = shell_two(), coupling_for(0.01)
    rates = transition_rates(THREE, shell, coupling=coupling)
    times = np.array([0.15, 0.3]) / rates[start].sum()
    predicted = band_probabilities(rates, np.eye(3)[start], times)
    exact = brute_force(THREE, shell, coupling, start, times, seed=1)
    # The line builds up within about 1.4/de, in which W = 0.013 de would have moved 0.018; 700
    # levels scatter by 0.04 of what has moved, at most 0.26.
    assert np.abs(exact - predicted).max() < 0.03
    moved = exact[0] - exact[1], predicted[0] - predicted[1]
    assert moved[0][start] == pytest.approx(moved[1][start], rel=0.1)


def test_wings_of_a_triangle_keep_their_energy():
    """Late probabilities follow the level densities at each energy, not n_a (C9, its limit)."""
    shell, coupling = shell_two(), coupling_for(0.02)
    times = np.linspace(3.0, 6.0, 12) / (0.02 * 0.05)
    exact = brute_force(THREE, shell, coupling, 0, times, seed=2)
    resolved = resolved_probabilities(THREE, shell, coupling, 0, times)
    assert np.abs(exact - resolved).mean() < 0.03  # scatter of 700 levels, 0.04
    late = exact.mean(axis=0)
    # share of (1, 1) at each energy of the box: 400 (1 - u)/(300 + 400 (1 - u)), u in (0, 1/2)
    u = (np.arange(1000) + 0.5) / 2000
    expected = np.mean(400 * (1 - u) / (300 + 400 * (1 - u)))
    middle = list(map(tuple, shell.pairs)).index((1, 1))
    assert late[middle] == pytest.approx(expected, abs=0.03)
    assert late[middle] < 400 / 700 - 0.04
    # the symmetric rates of (44) would share evenly
    assert late[middle] > 1 / 3 + 0.1


def test_the_wings_have_the_share_that_is_documented():
    u = (np.arange(1000) + 0.5) / 2000
    assert 1 - 2 * np.log(4 / 3) == pytest.approx(np.mean((1 - u) / (2 - u)), abs=1e-6)


def test_conductivities_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="temperature = -1"):
        heat_capacity([1.0, -1.0], num_levels=5)
    with pytest.raises(InputError, match="temperature = 0"):
        high_temperature_conductivity(HamChain(), 0.0)
    with pytest.raises(InputError, match="num_levels: expected a whole number"):
        heat_capacity(1.0, num_levels=0)
    with pytest.raises(InputError, match="no golden-rule rate"):
        overlap([0, 0, 0, 0])
    with pytest.raises(InputError, match="got the shapes"):
        Bands(energies=np.zeros(2), num_levels=np.ones(3, dtype=int), widths=np.zeros(2))
    with pytest.raises(InputError, match="widths = -1"):
        Bands(energies=np.zeros(1), num_levels=np.ones(1, dtype=int), widths=-np.ones(1))
    with pytest.raises(InputError, match="temperature = -1"):
        band_heat_conductivity(THREE, -1.0, coupling=1e-4)
    with pytest.raises(InputError, match="coupling = 0"):
        transition_rates(THREE, shell_two(), coupling=0.0)
