# %% [markdown]
# # Heat through the joint of two strings, and a paradox that goes away
# A string at $T_l$ is welded to one at $T_r$. The joint lets the share $\mathcal{T}$ of the energy
# of every wave pass. Which resistance does it have?
#
# Nothing diffuses: energy densities and current step to their final values when a front that moves
# with the speed of sound passes,
#
# $$J = \frac{\pi k_B^2}{12\hbar}\,\mathcal{T}\,(T_l^2 - T_r^2), \qquad
#   T_l'^2 = \tfrac12[(2-\mathcal{T})\,T_l^2 + \mathcal{T}\,T_r^2].$$
#
# Over the initial drop $\delta T$ the conductance is $(\pi k_B^2T/6\hbar)\,\mathcal{T}$, finite
# even without any joint: the Kapitza paradox. Over the final drop $\delta T'$ it is
# $(\pi k_B^2T/6\hbar)\,\mathcal{T}/\mathcal{R}$, and perfect contact is perfect.
#
# Source: A. Maassen van den Brink and H. Dekker, cond-mat/9407113, equations (1) to (3), (11) and
# (12), and its appendix for the linear response. Expected: a finite quantum chain in the exact
# state of local equilibrium shows the same steps.
#
# About 3 s on one core: `python demos/harmonic_strings.py results/harmonic_strings`

# %%
import sys
from pathlib import Path

import numpy as np

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.output.plots.style import INK, STEADY_COLOUR, new_figure, no_outline, style
from pbte.reference.strings import conductance as hs
from pbte.reference.strings.kubo import step_response
from pbte.reference.strings.lattice import (
    atom_energies,
    bond_currents,
    evolved,
    ground_state,
    joined_chain,
    local_equilibrium,
)
from pbte.reference.strings.profiles import JoinedStrings, step_profile

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/harmonic_strings")
folder.mkdir(parents=True, exist_ok=True)
BLUE, GREEN, GREY = "#2166ac", "#1b7837", "#999999"

# %% Parameters (SI)
strings = JoinedStrings(left_density=1e-15, left_speed=9e3, right_density=8e-15, right_speed=6e3)
left_temperature, right_temperature = 12.0, 8.0
share = strings.transmission

# %% [markdown]
# ## Space and time
# Fronts move at the two speeds of sound. The current is the same everywhere between them.

# %% Compare: the current balances what the densities gain behind each front
positions = np.linspace(-10e-6, 10e-6, 801)
times = np.linspace(0.0, 1.2e-9, 241)
profile = step_profile(strings, left_temperature, right_temperature, positions, times[:, None])
flow = float(hs.current(left_temperature, right_temperature, share))
before = (
    hs.energy_density(left_temperature, strings.left_speed),
    hs.energy_density(right_temperature, strings.right_speed),
)
after = hs.steady_densities(*before, share, strings.left_speed, strings.right_speed)
assert np.isclose(strings.right_speed * (after[1] - before[1]), flow, rtol=1e-12, atol=0.0)
assert np.isclose(strings.left_speed * (before[0] - after[0]), flow, rtol=1e-12, atol=0.0)

# %% Write
shown = (
    (profile.energy_density * 1e15, r"Energy density (fJ m$^{-1}$)", "viridis"),
    (profile.temperature, "Temperature (K)", "inferno"),
    (profile.current * 1e12, "Current (pW)", "cividis"),
)
with style():
    figure = new_figure(9.6, 5.2)
    maps, cuts = figure.subplots(2, 3, sharex=True)
    for top, bottom, (values, label, colours) in zip(maps, cuts, shown, strict=True):
        mesh = top.pcolormesh(positions * 1e6, times * 1e9, values, cmap=colours, rasterized=True)
        no_outline(figure.colorbar(mesh, ax=top, location="top", label=label, aspect=30))
        for index, colour in zip((0, 60, 160), (GREY, BLUE, STEADY_COLOUR), strict=True):
            bottom.plot(
                positions * 1e6,
                values[index],
                color=colour,
                label=f"{times[index] * 1e9:.1f} ns",
                drawstyle="steps-mid",
            )
        bottom.set_ylabel(label)
        bottom.set_xlabel("Position (µm)")
    maps[0].set_ylabel("Time (ns)")
    cuts[0].legend()
    figure.savefig(folder / "space_time.png")

# %% [markdown]
# ## The two conductances
# In units of the conductance quantum. Landauer's conductances of electrons, between the reservoirs
# and across the barrier, have the same form in units of $e^2/h$.

# %%
shares = np.linspace(0.0, 0.995, 400)
quantum = hs.conductance_quantum(1.0)
two, four = hs.two_point_conductance(1.0, shares), hs.four_point_conductance(1.0, shares)
drops = np.linspace(0.0, 1.0, 201)
exact = hs.steady_temperatures(left_temperature, right_temperature, drops)
linear = hs.linear_steady_temperatures(left_temperature, right_temperature, drops)
electrons = hs.electron_conductances(shares)
assert hs.two_point_conductance(1.0, 1.0) == quantum
assert hs.four_point_conductance(1.0, 1.0) == np.inf
assert np.allclose(electrons[1][1:] / electrons[0][1:], four[1:] / two[1:], rtol=1e-12, atol=0.0)
assert np.allclose(1 / four[1:], 1 / two[1:] - 1 / quantum, rtol=1e-9, atol=1e-12 / quantum)

with style():
    figure = new_figure(9.0, 3.2)
    left, right = figure.subplots(1, 2)
    left.plot(shares, four / quantum, color=STEADY_COLOUR)
    left.plot(shares, two / quantum, color=BLUE)
    left.text(0.70, 3.4, r"$J/\delta T'$: final drop", color=STEADY_COLOUR, ha="right")
    left.text(0.60, 0.08, r"$J/\delta T$: initial drop (paradox)", color=BLUE)
    left.set(xlabel="Transmission", ylabel=r"Conductance / $(\pi k_B^2 T/6\hbar)$")
    left.set(xlim=(0, 1), ylim=(0, 5))
    for final, first, colour, side in zip(exact, linear, (STEADY_COLOUR, BLUE), "lr", strict=True):
        right.plot(drops, final, color=colour, label=f"$T_{side}'$")
        right.plot(drops, first, color=colour, ls=(0, (4, 3)), lw=0.9)
    right.plot([], [], color=INK, ls=(0, (4, 3)), lw=0.9, label="first order, as printed")
    right.set(xlabel="Transmission", ylabel="Temperature beside the joint (K)", xlim=(0, 1))
    right.legend()
    figure.savefig(folder / "conductance.png")

# %% [markdown]
# ## Linear response
# Kubo's formula with a cutoff $\eta$ of the frequencies: for $\eta \to 0$ the current at $x$ is a
# step at the time of flight, of the height of the conductance with the paradox (for that is what
# an initial drop asks for). The pulse on the front, of the shape $\delta'(t)$, is what the
# zero-point motion makes of a step in temperature; it carries no energy.

# %%
clock = np.linspace(0.0, 8.0, 801)  # hbar / k_B T
flight = 3.0
cutoffs = (0.2, 0.1, 0.05)
responses = [step_response(clock, flight, share, 1.0, eta) for eta in cutoffs]
sharp = step_response(clock, flight, share, 1.0)
expected = float(hs.two_point_conductance(1.0, share)) * REDUCED_PLANCK / BOLTZMANN**2
assert np.isclose(sharp[-1], expected, rtol=1e-12, atol=0.0)
for eta, response in zip(cutoffs, responses, strict=True):
    assert np.isclose(response[-1], expected * (1 - 2 * eta), rtol=1e-4, atol=0.0)

with style():
    figure = new_figure(4.8, 3.0)
    axes = figure.subplots()
    for eta, response, colour in zip(cutoffs, responses, (GREY, GREEN, BLUE), strict=True):
        axes.plot(clock, response / expected, color=colour, label=rf"$\eta = {eta:g}\,\hbar/k_BT$")
    axes.plot(clock, sharp / expected, color=STEADY_COLOUR, label=r"$\eta \to 0$")
    axes.set(xlabel=r"Time ($\hbar/k_BT$)", ylabel=r"Current / $(K_{2}\,\delta T)$", ylim=(-2, 3))
    axes.legend()
    figure.savefig(folder / "kubo.png")

# %% [markdown]
# ## A quantum lattice
# Two lattices, $(k, m) = (1, 1)$ and $(4, 4)$, joined by the spring $2k_lk_r/(k_l+k_r)$ that makes
# the transmission 0.64 at every frequency. They start in the exact Gaussian state
# $\exp(-\sum\beta(x)\,h(x))$, that is, the thermal state of a chain with masses $m/\beta$ and
# springs $\beta k$, and move by their normal modes. $\hbar = k_B = 1$.

# %%
atoms, instants = 360, (60.0, 150.0, 240.0)
chain = joined_chain((atoms, atoms), (1.0, 4.0), (1.0, 4.0))
x = np.arange(2 * atoms) - atoms + 0.5
warm, cool, width = 0.12, 0.08, 10.0
# beta changes over some lattice constants: a sharp step also shakes the slow short waves
start = np.sqrt(cool**2 + (warm**2 - cool**2) * 0.5 * (1 - np.tanh(x / width)))
state = local_equilibrium(chain, start)
zero_point = atom_energies(chain, ground_state(chain))
initial = atom_energies(chain, state) - zero_point
moved = [evolved(chain, state, t) for t in instants]
energies = [atom_energies(chain, later) - zero_point for later in moved]
currents = [bond_currents(chain, later) for later in moved]
lattice_flow = np.pi / 12 * 0.64 * (warm**2 - cool**2)
lattice_after = hs.steady_densities(initial[40], initial[-40], 0.64, 1.0, 1.0)
behind = np.r_[atoms - 140 : atoms - 20, atoms + 20 : atoms + 140]
assert np.allclose(currents[-1][behind], lattice_flow, rtol=5e-3, atol=0.0)
assert np.allclose(energies[-1][atoms - 140 : atoms - 20], lattice_after[0], rtol=3e-3, atol=0.0)
assert np.allclose(energies[-1][atoms + 20 : atoms + 140], lattice_after[1], rtol=3e-3, atol=0.0)
assert np.allclose(currents[-1][:40], 0.0, atol=1e-3 * lattice_flow)

with style():
    figure = new_figure(9.0, 3.2)
    left, right = figure.subplots(1, 2)
    inner = slice(4, -4)  # the first atom owns its whole wall spring
    left.plot(x[inner], initial[inner], color=GREY, lw=0.9)
    for t, energy, flow_at, colour in zip(
        instants, energies, currents, (GREEN, BLUE, STEADY_COLOUR), strict=True
    ):
        left.plot(x[inner], energy[inner], color=colour, label=f"$t$ = {t:g}")
        right.plot(x[:-1] + 0.5, flow_at, color=colour)
    for level in lattice_after:
        left.axhline(float(level), color=INK, lw=0.7, ls=(0, (4, 3)), zorder=0)
    right.axhline(lattice_flow, color=INK, lw=0.7, ls=(0, (4, 3)), zorder=0)
    left.set(xlabel="Atom", ylabel="Thermal energy per atom")
    right.set(xlabel="Atom", ylabel="Energy current")
    left.legend()
    figure.savefig(folder / "lattice.png")
