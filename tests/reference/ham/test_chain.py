"""The chain of many-level subunits: its matrices, its exact motion and its rate equation."""

import numpy as np
import pytest
from scipy.special import dawsn

from pbte.core.errors import InputError, RunError
from pbte.reference.ham.chain import (
    HamChain,
    apply_hamiltonian,
    criteria,
    critical_chain,
    energy_current,
    hamiltonian,
    level_energies,
    random_couplings,
    random_states,
    rate_matrix,
    rate_probabilities,
    subunit_probabilities,
)
from pbte.reference.ham.deviation import (
    deviation,
    mean_deviations,
    state_deviations,
)
from pbte.reference.ham.evolution import (
    ChebyshevEvolution,
    DenseEvolution,
    evolution,
    exact_probabilities,
    spectral_bound,
)

SMALL = critical_chain(num_subunits=3, num_levels=60)


def test_the_defaults_are_the_parameters_of_the_paper():
    chain = HamChain()
    assert (chain.num_levels, chain.band_width, chain.coupling) == (500, 0.05, 5e-5)
    # 2 pi (5e-5)^2 500/0.05, by hand
    assert chain.rate == pytest.approx(1.5707963e-4, rel=1e-7)
    assert chain.relaxation_time == pytest.approx(6366.1977, rel=1e-7)
    assert critical_chain(num_levels=500).coupling == pytest.approx(chain.coupling, rel=1e-15)


def test_the_criteria_have_the_numbers_of_the_paper():
    numbers = criteria(HamChain())
    assert numbers.resolution == pytest.approx(0.5)
    assert numbers.strength == pytest.approx(5e-4)
    assert numbers.states_in_line == pytest.approx(np.pi / 2)
    # at the first criterion the recurrence comes after pi^2 relaxation times
    ratio = numbers.recurrence_time / HamChain().relaxation_time
    assert ratio == pytest.approx(np.pi**2)
    assert numbers.hold()
    assert not criteria(HamChain(coupling=2.5e-5)).hold()  # too weak for so few levels
    assert not criteria(HamChain(coupling=1e-3)).hold()  # too strong: a line as wide as the band


def test_levels_are_equally_spaced_and_symmetric():
    levels = level_energies(SMALL)
    assert np.allclose(np.diff(levels), 0.05 / 60, rtol=1e-12)
    assert np.allclose(levels, -levels[::-1], atol=1e-17)


def test_couplings_have_mean_square_one_and_follow_the_seed():
    blocks = random_couplings(SMALL, 7)
    assert blocks.shape == (2, 60, 60)
    assert np.allclose(np.sum(np.abs(blocks) ** 2, axis=(1, 2)), 60**2, rtol=1e-13)
    # independent per bond and isotropic in the complex plane: 4 standard errors of 3600 numbers
    assert abs(np.mean(blocks[0] * blocks[1].conj())) < 4 / 60
    assert abs(np.mean(blocks[0] ** 2)) < 4 * np.sqrt(2) / 60
    assert np.array_equal(blocks, random_couplings(SMALL, np.random.default_rng(7)))
    assert not np.allclose(blocks, random_couplings(SMALL, 8))


def test_the_hamiltonian_is_hermitian_and_its_product_the_same_without_the_matrix():
    couplings = random_couplings(SMALL, 1)
    matrix = hamiltonian(SMALL, couplings)
    assert np.array_equal(matrix, matrix.conj().T)
    assert not matrix[:60, 120:].any()  # neighbours only: the chain is open
    states = random_states(SMALL, 3, 2, subunit=1) + random_states(SMALL, 3, 3, subunit=2)
    product = apply_hamiltonian(SMALL, couplings, states)
    assert np.allclose(product, matrix @ states, rtol=0, atol=1e-16)


def test_the_bound_encloses_the_spectrum_and_is_not_far_from_it():
    for coupling in (1e-5, 1e-3, 1e-1):
        chain = HamChain(num_subunits=4, num_levels=40, coupling=coupling)
        couplings = random_couplings(chain, 4)
        largest = np.abs(DenseEvolution(chain, couplings).energies).max()
        assert (
            largest <= spectral_bound(chain, couplings) <= 1.7 * largest
        )  # the sum of two norms that do not add up


@pytest.mark.parametrize("chain", [SMALL, HamChain(num_levels=1), HamChain(num_levels=2)])
def test_both_propagators_agree_to_round_off(chain):
    couplings, states = random_couplings(chain, 1), random_states(chain, 2, 2)
    # crowded, far apart and repeated times: all ways through the stepping
    times = np.concatenate([np.linspace(0, 1e3, 7), [1e3, 3e4, 9e4, 9.001e4]])
    dense = DenseEvolution(chain, couplings).states(states, times)
    chebyshev = ChebyshevEvolution(chain, couplings).states(states, times)
    # round-off of the phase, up to 0.03*9e4 = 2700, and of about 3000 terms
    assert np.abs(dense - chebyshev).max() < 1e-11
    assert np.array_equal(chebyshev[0], states)


@pytest.mark.parametrize("method", ["dense", "chebyshev"])
def test_evolution_is_unitary_keeps_the_energy_and_composes(method):
    couplings = random_couplings(SMALL, 1)
    states = np.hstack([random_states(SMALL, 2, 2), random_states(SMALL, 2, 3, subunit=1)])
    moving = evolution(SMALL, couplings, method=method)
    moved = moving.states(states, [0.0, 700.0, 5000.0])
    products = np.swapaxes(moved.conj(), 1, 2) @ moved
    assert np.abs(products - states.conj().T @ states).max() < 1e-12
    energies = [np.vdot(s, apply_hamiltonian(SMALL, couplings, s)).real for s in moved]
    assert np.ptp(energies) < 1e-14  # [E], where the band is 0.05 wide
    again = moving.states(moved[1], [4300.0])[0]
    assert np.abs(again - moved[2]).max() < 1e-12
    assert np.abs(subunit_probabilities(SMALL, moved).sum(axis=1) - 1).max() < 1e-12


def test_probabilities_do_not_depend_on_the_batches(monkeypatch):
    states = random_states(SMALL, 5, 2)
    moving = DenseEvolution(SMALL, random_couplings(SMALL, 1))
    whole = exact_probabilities(moving, states, [0.0, 100.0])
    assert whole.shape == (2, 3, 5)
    monkeypatch.setattr("pbte.reference.ham.evolution._BLOCK_NUMBERS", 2 * 200 * 180)
    assert np.allclose(exact_probabilities(moving, states, [0.0, 100.0]), whole, atol=1e-14)


def test_a_bound_below_the_spectrum_is_noticed(monkeypatch):
    couplings = random_couplings(SMALL, 1)
    moving = ChebyshevEvolution(SMALL, couplings)
    moving._bound = 0.9 * np.abs(DenseEvolution(SMALL, couplings).energies).max()
    with pytest.raises(RunError, match="norm of a state drifted"):
        moving.states(random_states(SMALL, 1, 2), [5000.0])


def test_without_time_to_move_the_coupling_acts_at_second_order():
    """1 - P_1 = lambda^2 n t^2 + O(t^3), the mean over states of the (U_1)^2 of (21)."""
    chain = HamChain(num_levels=200)
    states = random_states(chain, 40, 1)
    time = 1.0  # of 1/de = 20
    moving = DenseEvolution(chain, random_couplings(chain, 2))
    left = 1 - exact_probabilities(moving, states, [time])[0, 0].mean()
    # the mean over 40 random states of 200 levels scatters by 1/sqrt(8000)
    assert left == pytest.approx(chain.coupling**2 * 200 * time**2, rel=4 / np.sqrt(8000))


def test_the_rate_equation_has_the_eigenvalues_of_the_chain_and_keeps_probability():
    chain = HamChain(num_subunits=5)
    matrix = rate_matrix(chain)
    expected = -4 * chain.rate * np.sin(np.pi * np.arange(5) / 10) ** 2
    assert np.allclose(np.linalg.eigvalsh(matrix), np.sort(expected), atol=1e-15 * 10)
    assert np.abs(matrix.sum(axis=0)).max() < 1e-19
    times = np.linspace(0, 1e5, 9)
    initial = [0.1, 0.2, 0.3, 0.4, 0.0]
    probabilities = rate_probabilities(chain, times, initial=initial)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-14)
    assert np.allclose(probabilities[0], initial, atol=1e-15)
    # its derivative is the matrix times itself: central difference, error h^2 kappa^3/6
    step = 1.0
    ahead, behind = rate_probabilities(chain, [1e3 + step, 1e3 - step], initial=initial)
    middle = rate_probabilities(chain, [1e3], initial=initial)[0]
    assert np.allclose((ahead - behind) / (2 * step), matrix @ middle, atol=1e-11)
    assert np.allclose(rate_probabilities(chain, [1e8])[0], 0.2, atol=1e-14)


def test_two_subunits_decay_with_twice_the_rate():
    chain = HamChain()
    times = np.linspace(0, 5 * chain.relaxation_time, 6)
    expected = 0.5 * (1 + np.exp(-2 * chain.rate * times))
    assert np.allclose(rate_probabilities(chain, times)[:, 0], expected, atol=1e-15)


def test_the_current_flows_down_and_carries_what_the_probabilities_lose():
    chain = HamChain(num_subunits=4, gap=2.0)
    probabilities = np.array([0.4, 0.3, 0.2, 0.1])
    current = energy_current(chain, probabilities)
    assert np.all(current > 0)
    assert np.allclose(current, 2.0 * chain.rate * 0.1)
    change = chain.gap * rate_matrix(chain) @ probabilities
    assert np.allclose(change, -np.diff(np.concatenate([[0], current, [0]])), atol=1e-19)


@pytest.mark.parametrize("num_subunits", [2, 3])
def test_schroedinger_dynamics_diffuses_with_the_parameters_of_the_paper(num_subunits):
    """Figures 2 and 3: n = 500, one random state."""
    chain = HamChain(num_subunits=num_subunits)
    times = np.linspace(0, 5 * chain.relaxation_time, 51)
    moving = ChebyshevEvolution(chain, random_couplings(chain, 1))
    exact = exact_probabilities(moving, random_states(chain, 1, 2), times)
    predicted = rate_probabilities(chain, times)
    # A band of n levels scatters by about 1/sqrt(n) = 0.045; the largest of many times, twice that.
    assert np.abs(exact[:, :, 0] - predicted).max() < 2 / np.sqrt(500)
    assert deviation(times, exact, predicted).max() < 1 / 500


def test_diffusion_needs_enough_levels_in_the_line():
    """Too weak for n (first criterion of (29)): the excitation does not spread as predicted.

    Each level then swings with the one level of the neighbour that has its energy, far faster than
    1/kappa. What remains is the prediction's own (P_1 - 1/2)^2, whose mean over 5 tau is 1/80.
    """
    good = critical_chain(num_levels=200)
    weak = HamChain(num_levels=200, coupling=0.02 * good.coupling)
    assert criteria(good).hold() and not criteria(weak).hold()
    # 200 swinging pairs leave a noise of 1/(4 n) around 1/2; one draw of couplings, few times
    expected = 1 / 80 + 1 / 800
    assert state_deviations(weak, num_states=20, seed=1).mean() == pytest.approx(expected, rel=0.3)
    assert state_deviations(good, num_states=20, seed=1).mean() < 1 / 80 / 8


def test_levels_in_resonance_swing_when_the_coupling_is_below_their_distance():
    """P_1 = 1 - z F(z), z = lambda t, F Dawson's integral, in place of the rate equation.

    Each pair of equal levels swings with cos^2(lambda |v_ii| t), and |v_ii|^2 is distributed
    exponentially: derived here, not in the paper.
    """
    chain = HamChain(num_levels=400, coupling=0.005 * critical_chain(num_levels=400).coupling)
    times = np.linspace(0, 6, 25) / chain.coupling
    moving = DenseEvolution(chain, random_couplings(chain, 1))
    exact = exact_probabilities(moving, random_states(chain, 20, 2), times)[:, 0].mean(axis=1)
    # 400 pairs scatter by at most 1/sqrt(8 * 400) = 0.018; three times that for 25 times
    assert np.abs(exact - 1 + chain.coupling * times * dawsn(chain.coupling * times)).max() < 0.05


def test_diffusion_needs_a_coupling_far_below_the_band_width():
    """Too strong (second criterion of (29)): the states oscillate instead of decaying."""
    chain = HamChain(num_levels=100, coupling=20 * critical_chain(num_levels=100).coupling)
    assert criteria(chain).strength > 0.9
    assert state_deviations(chain, num_states=20, seed=1).mean() > 0.02


def test_a_single_level_of_the_band_does_not_average_itself():
    """The reading of "an arbitrary excited state": a random vector, not one level (C6)."""
    chain = critical_chain(num_levels=200)
    times = np.linspace(0, 5 * chain.relaxation_time, 51)
    moving = DenseEvolution(chain, random_couplings(chain, 1))
    levels = np.eye(400, 200, dtype=complex)[:, 20:180:8]
    predicted = rate_probabilities(chain, times)
    one = deviation(times, exact_probabilities(moving, levels, times), predicted)[0]
    vectors = random_states(chain, 20, 2)
    many = deviation(times, exact_probabilities(moving, vectors, times), predicted)[0]
    assert np.median(one) > 5 * np.median(many)


def test_the_deviation_falls_as_one_over_the_number_of_levels():
    """Figure 5: typical states are those with scatter 1/sqrt(n)."""
    levels = np.array([25, 50, 100, 200])
    chains = [critical_chain(num_subunits=3, num_levels=n) for n in levels]
    deviations = mean_deviations(chains, num_states=8, num_chains=8, seed=3)
    slope = np.polyfit(np.log(levels), np.log(deviations), 1)[0]
    # 8 chains leave 10 to 20 % on each of four points over a factor 8: 0.15 on the slope
    assert slope == pytest.approx(-1.0, abs=0.3)


def test_the_deviation_does_not_grow_with_the_length():
    chains = [critical_chain(num_subunits=n, num_levels=50) for n in (2, 3, 5, 8)]
    deviations = mean_deviations(chains, seed=3)
    assert deviations.shape == (4,)
    assert deviations[-1] < 1.5 * deviations[0] < 1.5 * 2 / 50


def test_the_deviation_is_the_mean_square_over_time():
    times = np.linspace(0, 2, 41)
    exact = np.zeros((41, 2, 3))
    predicted = np.stack([times, 1 + 0 * times], axis=1)
    # mean of t^2 over (0, 2) is 4/3; Simpson's rule is exact for it
    expected = [[4 / 3] * 3, [1] * 3]
    assert np.allclose(deviation(times, exact, predicted), expected, rtol=1e-13)


def test_studies_do_not_depend_on_the_propagator():
    dense = state_deviations(SMALL, num_states=2, seed=5)
    chebyshev = state_deviations(SMALL, num_states=2, seed=5, method="chebyshev")
    assert np.allclose(dense, chebyshev, rtol=1e-9)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"num_levels": 0}, "num_levels: expected a whole number of at least 1, got 0"),
        ({"num_levels": 2.5}, "num_levels: expected a whole number"),
        ({"num_subunits": 1}, "num_subunits: expected a whole number of at least 2"),
        ({"band_width": 0.0}, "band width = 0; it must be positive"),
        ({"coupling": -1e-5}, "coupling = -1e-05; it must be positive"),
        ({"gap": np.nan}, "gap = nan; it must be positive"),
    ],
)
def test_chains_that_make_no_sense_are_refused(values, message):
    with pytest.raises(InputError, match=message):
        HamChain(**values)


def test_calls_that_make_no_sense_are_refused():
    couplings, states = random_couplings(SMALL, 1), random_states(SMALL, 1, 2)
    moving = evolution(SMALL, couplings)
    with pytest.raises(InputError, match="seed: expected a whole number of at least 0"):
        random_couplings(SMALL, -1)
    with pytest.raises(InputError, match="expected 0 to 2"):
        random_states(SMALL, 1, 2, subunit=3)
    with pytest.raises(InputError, match="count: expected a whole number"):
        random_states(SMALL, 0, 2)
    with pytest.raises(InputError, match="num_levels: expected a whole number"):
        critical_chain(num_levels=0)
    with pytest.raises(InputError, match="expected finite blocks of shape"):
        hamiltonian(HamChain(num_levels=60), couplings)
    with pytest.raises(InputError, match="ascending times"):
        moving.states(states, [1.0, 0.0])
    with pytest.raises(InputError, match="times = -1"):
        moving.states(states, [-1.0])
    with pytest.raises(InputError, match="a list of times"):
        rate_probabilities(SMALL, [])
    with pytest.raises(InputError, match="columns of length 180"):
        moving.states(states[:60], [1.0])
    with pytest.raises(InputError, match="expected dense or chebyshev"):
        evolution(SMALL, couplings, method="krylov")
    with pytest.raises(InputError, match="3 probabilities that sum to 1"):
        rate_probabilities(SMALL, [0.0], initial=[0.5, 0.5, 0.5])
    with pytest.raises(InputError, match="have shapes"):
        deviation([0, 1, 2], np.zeros((3, 2, 1)), np.zeros((3, 3)))
    with pytest.raises(InputError, match="num_times: expected a whole number of at least 3"):
        state_deviations(SMALL, num_states=1, seed=1, num_times=2)
