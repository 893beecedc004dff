# %% [markdown]
# # Heat through one quantum oscillator
#
# Two heat baths at temperatures $T_1$, $T_2$ exchange heat through a single oscillator of frequency
# $\omega_0$, the mediator, which they damp at the rate $\gamma$. The baths have a Drude cutoff $D$.
# The current is a Landauer integral over the transmission function of the mediator,
#
# $$J = \int_0^\infty \frac{d\omega}{2\pi}\,\hbar\omega\,\tau(\omega)\,[n_1(\omega)-n_2(\omega)],$$
#
# which has a closed form in digamma functions of the three roots of a cubic. Source:
# G. Y. Panasyuk, G. A. Levin and K. L. Yerkes, "Heat exchange mediated by a quantum system", Phys.
# Rev. E 86, 021116 (2012), whose figures 2, 3 and 4 are drawn here. The parameters of the single
# curves are our choice, except for $D = \omega_0$ in figure 3.
#
# Expected: position and momentum of a strongly coupled mediator have different temperatures
# (figure 2); at high temperature the conductance has a maximum as a function of the coupling
# (figure 3); with temperature it rises as $T^3$, eq. (51), waits on a plateau, eq. (77), when
# $\hbar D \ll k_B T \ll \hbar\omega_0$, and ends on the classical plateau, eq. (47) (figure 4).
#
# About 5 s: `python demos/mediator.py results/mediator`

# %%
import sys
from pathlib import Path

import numpy as np

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.output.plots.style import new_figure, style
from pbte.reference.mediator.baths import run_finite_baths
from pbte.reference.mediator.chain import entropy_production, steady_profile
from pbte.reference.mediator.currents import (
    classical_conductance,
    cold_conductance,
    conductance,
    conductance_quantum,
    coupling_maximum,
    heat_current,
    plateau_conductance,
    strong_coupling_conductance,
)
from pbte.reference.mediator.mediator import Mediator
from pbte.reference.mediator.temperatures import position_temperature, temperature_split

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/mediator")
folder.mkdir(parents=True, exist_ok=True)

# %% Parameters (SI)
frequency = 2 * np.pi * 2e12
level = REDUCED_PLANCK * frequency / BOLTZMANN  # 96 K: the temperature of one quantum
unit = BOLTZMANN * frequency  # of conductances
colours = ["#1f3b73", "#2a788e", "#5aa05a", "#c98a1b", "#c1272d"]


def draw(axis, x, curves, labels, **look):
    """Draw one line per row of curves."""
    for y, label, colour in zip(curves, labels, colours, strict=False):
        axis.plot(x, y, color=colour, label=label, **look)


# %% [markdown]
# ## Figure 2: two temperatures of one oscillator
# Both baths have the temperature $T$, yet $k_B T_x = m\omega_0^2\langle x^2\rangle$ lies below
# $k_B T_p = \langle p^2\rangle/m$: the coupling squeezes the position. $D = 10\,\omega_0$.

# %%
couplings = np.geomspace(1e-2, 1e2, 200)
quanta = np.array([0.2, 1.0, 3.0, 10.0])  # hbar w0/(kB T)
mediators = Mediator(frequency=frequency, damping=couplings * frequency, cutoff=10 * frequency)
bath = (level / quanta)[:, None]
split = temperature_split(mediators, bath, bath)

with style():
    figure = new_figure(4.6, 3.2)
    axis = figure.subplots()
    labels = [rf"$\hbar\omega_0/k_BT$ = {q:g}" for q in quanta]
    draw(axis, couplings, split, labels)
    axis.set(xscale="log", xlabel=r"$\gamma/\omega_0$", ylabel=r"$(T_p - T_x)/(T_p + T_x)$")
    axis.set_ylim(0, 1)
    axis.set_xlim(couplings[0], couplings[-1])
    axis.legend()
    figure.savefig(folder / "figure-2.png")

# %% [markdown]
# ## Figure 3: more coupling is not always more heat
# $D = \omega_0$. Dots mark the maxima, dashes the limit of strong coupling. At high temperature
# half of the classical limit $k_B D/2$ sits in a resonance at $\sqrt{D\gamma}$, which freezes out.

# %%
couplings = np.geomspace(1e-1, 1e5, 400)
quanta_3 = [0.02, 0.1, 0.5, 1.5, 5.0]
mediators = Mediator(frequency=frequency, damping=couplings * frequency, cutoff=frequency)
curves_3 = conductance(mediators, (level / np.array(quanta_3))[:, None])
maxima = [coupling_maximum(frequency, frequency, level / q) for q in quanta_3]

with style():
    figure = new_figure(4.6, 3.2)
    axis = figure.subplots()
    labels = [rf"$\hbar\omega_0/k_BT$ = {q:g}" for q in quanta_3]
    draw(axis, couplings, curves_3 / unit, labels)
    for q, found, colour in zip(quanta_3, maxima, colours, strict=True):
        limit = strong_coupling_conductance(mediators, level / q) / unit
        axis.plot(couplings, limit, color=colour, lw=0.7, ls=(0, (4, 3)))
        if found is not None:
            axis.plot(found[0] / frequency, found[1] / unit, "o", ms=4, color=colour)
    axis.set(xscale="log", xlabel=r"$\gamma/\omega_0$", ylabel=r"$K/(k_B\,\omega_0)$")
    axis.set_xlim(couplings[0], couplings[-1])
    axis.set_ylim(0, 0.56)
    axis.legend(loc="upper left")
    figure.savefig(folder / "figure-3.png")

# %% [markdown]
# ## Figure 4: conductance against temperature
# $\gamma = 0.3\,\omega_0$ and four cutoffs. No curve passes the quantum of a single channel.

# %%
heats = np.geomspace(1e-5, 1e2, 500)  # kB T/(hbar w0)
cutoffs = np.array([1e-3, 1e-2, 1e-1, 10.0])
mediators = Mediator(
    frequency=frequency, damping=0.3 * frequency, cutoff=cutoffs[:, None] * frequency
)
curves = conductance(mediators, heats * level)
cold = cold_conductance(mediators, heats * level)
plateau, classical = plateau_conductance(mediators), classical_conductance(mediators)
quantum = conductance_quantum(heats * level)

with style():
    figure = new_figure(4.6, 4.2)
    axis = figure.subplots()
    draw(axis, heats, curves / unit, [""] * cutoffs.size)
    axis.plot(heats, cold[0] / unit, color="0.5", lw=0.8, ls=(0, (4, 3)), label="$T^3$, eq. (51)")
    axis.plot(heats, quantum / unit, color="0.5", lw=0.8, label="quantum of a channel")
    for d, level_77, level_47, colour in zip(
        cutoffs, plateau[:, 0] / unit, classical[:, 0] / unit, colours, strict=False
    ):
        if d < 0.1:
            between = [2 * d, 0.15]
            axis.plot(between, [level_77] * 2, color=colour, lw=0.9, ls=(0, (1, 1.5)))
        axis.plot([0.2, 1e2], [level_47] * 2, color=colour, lw=0.9, ls=(0, (1, 1.5)))
        name = rf"$D/\omega_0$ = {d:g}"
        axis.text(90, 0.7 * level_47, name, color=colour, ha="right", va="top", size=8)
    axis.plot([], [], color="0.3", lw=0.9, ls=(0, (1, 1.5)), label="plateaus, eqs. (47), (77)")
    axis.set(xscale="log", yscale="log", xlabel=r"$k_BT/\hbar\omega_0$")
    axis.set_ylabel(r"$K/(k_B\,\omega_0)$")
    axis.set_xlim(heats[0], heats[-1])
    axis.set_ylim(1e-14, 1)
    axis.legend(loc="lower right")
    figure.savefig(folder / "figure-4.png")

# %% [markdown]
# ## Compare: springs that know nothing of the formulae
# 801 oscillators, two finite baths and the mediator, diagonalised. Between the decay of the start
# and the answer of the baths at $2\pi/\Delta$ the power is steady.

# %%
one = Mediator(frequency=frequency, damping=frequency, cutoff=2 * frequency)
warm, cool = level, 0.3 * level
run = run_finite_baths(
    one,
    warm,
    cool,
    spacing=0.05 * frequency,
    num_modes=400,
    times=np.array([45.0, 85.0]) / frequency,
    midpoint=True,
)
current = heat_current(one, warm, cool)
assert np.allclose(run.powers, current * np.array([1, -1]), rtol=1e-3, atol=0)
assert np.allclose(
    run.position_temperature, position_temperature(one, warm, cool), rtol=1e-3, atol=0
)

# %% [markdown]
# ## Compare: what the figures must show

# %% Figure 2: the split grows with the coupling, and more for colder baths
assert np.all(np.diff(split, axis=1) > 0) and np.all((split > 0) & (split < 1))
assert np.all(np.diff(split, axis=0) > 0)

# %% Figure 3: a maximum when hot, near kB D/2, and none when cold
assert [found is not None for found in maxima] == [True, True, True, True, False]
assert np.all(np.diff(curves_3, axis=0) < 0)
assert 0.48 < maxima[0][1] / unit < 0.5 and 0.45 < maxima[0][2] < 0.5

# %% Figure 4: three laws, each in its range, and the bound
assert np.allclose(curves[:, 0], cold[:, 0], rtol=1e-2, atol=0)
assert np.allclose(curves[:, -1], classical[:, 0], rtol=1e-2, atol=0)
middle = np.searchsorted(heats, 0.03)
assert np.isclose(curves[0, middle], plateau[0, 0], rtol=0.03, atol=0)
assert np.all(curves < quantum)

# %% A chain of such links is linear in F(T), in T^4 when cold, and only makes entropy
kelvin, link = steady_profile(one, 2e-3 * level, 1e-3 * level, 8)
assert np.allclose(kelvin**4, np.linspace(kelvin[0] ** 4, kelvin[-1] ** 4, 10), rtol=1e-3, atol=0)
assert np.isclose(entropy_production(one, kelvin), link * (1 / kelvin[-1] - 1 / kelvin[0]), atol=0)
