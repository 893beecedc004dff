# %% [markdown]
# # Diffusion out of Schroedinger's equation
# A chain of $N$ subunits, each a ground level and a band of $n$ levels of width $\delta\epsilon$
# at the gap $\Delta E$. Neighbours are coupled by random matrices of strength $\lambda$. One
# excitation starts in the first subunit. Where is it later?
#
# The Hilbert space average method says: for nearly every state in the band the probabilities obey
#
# $$\dot P_\mu = \kappa\,(P_{\mu-1} - 2 P_\mu + P_{\mu+1}), \qquad
#   \kappa = \frac{2\pi}{\hbar}\,\frac{\lambda^2 n}{\delta\epsilon},$$
#
# and heat diffuses with the conductivity $\kappa$ times the heat capacity, provided that
# $\lambda n/\delta\epsilon \ge 1/2$ and $\lambda^2 n/\delta\epsilon^2 \ll 1$.
#
# Source: M. Michel, G. Mahler and J. Gemmer, "Fourier's law from Schroedinger dynamics",
# cond-mat/0510471, and Phys. Rev. E 73, 016101 (2006); figures 2 to 5 and 8. Expected: the
# exact evolution follows the rate equation with a scatter of $1/\sqrt n$, so that the mean square
# deviation $D^2$ falls as $1/n$ and does not depend on $N$.
#
# Units: $\hbar = k_B = \Delta E = 1$. About 30 s on one core:
# `python demos/ham_chain.py results/ham_chain`

# %%
import sys
from pathlib import Path

import numpy as np

from pbte.output.plots.style import INK, STEADY_COLOUR, new_figure, style
from pbte.reference.ham.chain import (
    HamChain,
    criteria,
    critical_chain,
    random_couplings,
    random_states,
    rate_probabilities,
)
from pbte.reference.ham.conductivity import (
    heat_conductivity,
    high_temperature_conductivity,
    largest_heat_capacity,
    low_temperature_conductivity,
)
from pbte.reference.ham.deviation import (
    deviation,
    mean_deviations,
    state_deviations,
)
from pbte.reference.ham.evolution import ChebyshevEvolution, exact_probabilities

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/ham_chain")
folder.mkdir(parents=True, exist_ok=True)
COLOURS = ("#2a6fbb", "#c1272d", "#3a923a")


# %% Parameters of the paper
chain = HamChain(num_levels=500, band_width=0.05, coupling=5e-5)
seed = 2006
levels = np.array([20, 40, 80, 160, 320])
lengths = np.array([2, 3, 4, 6, 8, 10])
num_states = 400

# %% [markdown]
# The first criterion is just met, the second well; the levels show only after $\pi^2$ relaxation
# times.

# %%
numbers = criteria(chain)
print(f"kappa = {chain.rate:.4g} dE/hbar, tau = {chain.relaxation_time:.4g} hbar/dE")
print(f"lambda n/de = {numbers.resolution:.3g}, lambda^2 n/de^2 = {numbers.strength:.2g}")
assert numbers.hold() and numbers.recurrence_time > 5 * chain.relaxation_time


# %% Exact evolution and rate equation for two and three subunits (figures 2 and 3)
def evolve(num_subunits):
    """Return the chain, times, exact and predicted probabilities for one random state."""
    longer = HamChain(num_subunits=num_subunits)
    times = np.linspace(0, 5 * longer.relaxation_time, 101)
    moving = ChebyshevEvolution(longer, random_couplings(longer, seed))
    exact = exact_probabilities(moving, random_states(longer, 1, seed + 1), times)
    return longer, times, exact, rate_probabilities(longer, times)


def draw_evolution(name, longer, times, exact, predicted):
    """Draw exact probabilities as dots on the lines of the rate equation."""
    with style():
        figure = new_figure(4.6, 3.2)
        axes = figure.subplots()
        x = times / longer.relaxation_time
        for mu in range(longer.num_subunits):
            axes.plot(x, predicted[:, mu], color=COLOURS[mu], label=f"$P_{mu + 1}$")
            axes.plot(x[::2], exact[::2, mu, 0], "o", ms=3, mfc="none", color=COLOURS[mu])
        axes.plot([], [], color=INK, label="rate equation")
        axes.plot([], [], "o", ms=3, mfc="none", color=INK, label="Schroedinger")
        axes.axhline(1 / longer.num_subunits, color="0.7", lw=0.7, zorder=0)
        axes.set(xlabel=r"$t/\tau$", ylabel="Probability", xlim=(0, 5), ylim=(0, 1.02))
        axes.legend(loc="upper right", ncols=2)
        figure.savefig(folder / name)


for name, num_subunits in (("figure2.png", 2), ("figure3.png", 3)):
    longer, times, exact, predicted = evolve(num_subunits)
    draw_evolution(name, longer, times, exact, predicted)
    apart = np.abs(exact[:, :, 0] - predicted).max()
    print(f"N = {num_subunits}: D^2 = {deviation(times, exact, predicted)[0, 0]:.2e}, "
          f"largest difference {apart:.3f}")  # fmt: skip
    # the scatter of 500 levels is 0.045; the largest of many times, twice that
    assert apart < 2 / np.sqrt(chain.num_levels)

# %% [markdown]
# ## Nearly all states
# The deviation of many random states of the band of the first subunit: not one is far off.

# %% Histogram of the deviation (figure 4)
deviations = state_deviations(chain, num_states=num_states, seed=seed)
print(f"{num_states} states: D^2 = {deviations.mean():.2e} +- {deviations.std():.1e}, "
      f"largest {deviations.max():.1e}")  # fmt: skip
with style():
    figure = new_figure(4.6, 3.0)
    axes = figure.subplots()
    axes.hist(1e4 * deviations, bins=30, color="#7fa8d1", edgecolor="white", lw=0.5)
    axes.axvline(1e4 * deviations.mean(), color=STEADY_COLOUR, label="mean")
    axes.set(xlabel="$10^4\\,D^2$", ylabel="States", xlim=(0, None))
    axes.legend()
    figure.savefig(folder / "figure4.png")
assert deviations.max() < 10 / chain.num_levels

# %% [markdown]
# ## Finite bands
# At $\lambda = \delta\epsilon/2n$ the first criterion stays met as $n$ changes, and the deviation
# is the scatter of a finite band alone. What the paper calls an arbitrary state is a random vector.
# Means of 24 chains.

# %% Deviation against n and against N (figure 5)
means = {"num_states": 2, "num_chains": 24, "seed": seed, "method": "chebyshev"}
more_levels = [critical_chain(num_subunits=3, num_levels=n) for n in levels]
longer = [critical_chain(num_subunits=n, num_levels=100) for n in lengths]
by_levels = mean_deviations(more_levels, **means)
by_length = mean_deviations(longer, **means)
slope = np.polyfit(np.log(levels), np.log(by_levels), 1)[0]
print(f"D^2 falls as n^{slope:.2f}; for all N {by_length.min():.1e} to {by_length.max():.1e}")
with style():
    figure = new_figure(6.6, 3.0)
    left, right = figure.subplots(1, 2, sharey=True)
    left.loglog(levels, by_levels, "o", color=COLOURS[0])
    middle = np.exp(np.mean(np.log(levels * by_levels)))
    left.loglog(levels, middle / levels, color=INK, lw=0.8, label=r"$\propto 1/n$")
    left.set_ylim(1e-4, 1e-2)
    left.set_xticks(levels, [str(n) for n in levels])
    left.minorticks_off()
    left.set(xlabel="Levels per subunit $n$  ($N = 3$)", ylabel="$D^2$")
    left.legend()
    right.semilogy(lengths, by_length, "o", color=COLOURS[0])
    right.set(xlabel="Subunits $N$  ($n = 100$)", xlim=(1.5, 10.5))
    right.set_xticks(lengths)
    figure.savefig(folder / "figure5.png")
# 24 chains leave 7 % on each point
assert abs(slope + 1) < 0.1
assert by_length.max() < 2 * by_length.min()

# %% [markdown]
# ## Conductivity
# Near a thermal state $\kappa_{th} = \kappa c$, with the heat capacity $c$ of a subunit. The axes
# printed in the paper do not fit its equation (48); these do.

# %% Conductivity against temperature (figure 8, and its limits on the right)
best, _ = largest_heat_capacity(num_levels=chain.num_levels)
peak = float(heat_conductivity(chain, best))
print(f"10^4 kappa_th is largest, {1e4 * peak:.2f}, at kT = {best:.4f} dE")
with style():
    figure = new_figure(6.6, 3.0)
    left, right = figure.subplots(1, 2)
    temperatures = np.linspace(0.02, 0.6, 400)
    left.plot(10 * temperatures, 1e4 * heat_conductivity(chain, temperatures), color=COLOURS[0])
    left.plot(10 * best, 1e4 * peak, "o", ms=4, color=STEADY_COLOUR)
    left.set(ylabel="$10^4\\,\\kappa_{th}$  ($k_B\\,\\Delta E/\\hbar$)", xlim=(0, 6), ylim=(0, 18))
    temperatures = np.geomspace(0.03, 100, 400)
    limits = (
        (heat_conductivity, "-", COLOURS[0], "(48)"),
        (low_temperature_conductivity, ":", INK, "low $T$"),
        (high_temperature_conductivity, "--", INK, "high $T$"),
    )
    for law, line, colour, label in limits:
        right.loglog(
            10 * temperatures, 1e4 * law(chain, temperatures), line, color=colour, label=label
        )
    right.set_ylim(1e-7, 1e3)
    right.legend()
    for axes in (left, right):
        axes.set_xlabel("$k_B T$  (0.1 $\\Delta E$)")
    figure.savefig(folder / "figure8.png")
assert abs(1e4 * peak - 16.7) < 0.1 and abs(10 * best - 1.47) < 0.01
assert np.allclose(heat_conductivity(chain, 100.0),
                   high_temperature_conductivity(chain, 100.0), rtol=0.02)  # fmt: skip
print(f"figures in {folder}")
