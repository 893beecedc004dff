# %% [markdown]
# # A laser heats a gold film on silicon
# A pulse heats the electrons of 60 nm of gold. They hand their heat to the phonons of the metal,
# these to silicon through a diffuse interface, and silicon carries it away, from tens of
# nanometres of free flight to diffusion. Which part of the resistance is that of the electrons?
#
# Electrons obey a heat equation with the coupling $G$, phonons the transport equation in both
# crystals (`[electrons]` in `laser-film.toml`). In the metal, whose phonons fly 1.6 nm, theory says
#
# $$ T_e - T_p = \frac{l}{\sinh(d/l)}\Big(\frac{\cosh(d/l)}{k_p} + \frac{1}{k_e}\Big)\,q,
#    \qquad l = \sqrt{\frac{k_e k_p}{G (k_e + k_p)}} $$
#
# at the interface (A. Majumdar and P. Reddy, Appl. Phys. Lett. 84, 4768 (2004), for a film that is
# heated at its free face). Expected: this in the steady state, and after the pulse electrons that
# are much warmer than the phonons for some picoseconds; then the film cools through the interface
# over hundreds of picoseconds.
#
# About 30 s on one core: `python demos/laser_film.py results/laser_film`

# %%
import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI

import pbte
from pbte.output.plots.style import INK, STEADY_COLOUR, new_figure, style
from pbte.reference.kapitza.two_temperature import Metal, coupling_length, film_differences

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/laser_film")
comm = MPI.COMM_WORLD
if comm.rank == 0:
    folder.mkdir(parents=True, exist_ok=True)
comm.barrier()
BLUE, GREY = "#2166ac", "#999999"

# %% [markdown]
# ## Solve
# The case has a steady state at the peak of the pulse, and the pulse itself.

# %%
case = pbte.load_case(Path(__file__).with_name("laser-film.toml"))
results = pbte.run(case, comm)
electrons, transient = results.electrons, results.transient
flux, thickness = case.electrons.absorbed.flux, 60e-9
assert results.converged

# %% [markdown]
# ## Steady heating
# With electrons that take them up, phonons conduct a little less: $\Gamma + G/C$.

# %%
assert abs(electrons.steady.exchanged / flux - 1.0) < 1e-8  # all heat passes to the phonons
x = results.geometry.points[..., 0]
in_metal = ~np.isnan(electrons.steady.temperature)
beside = np.where(in_metal, x, -1.0).argmax()
apart = float((electrons.steady.temperature - results.steady.temperature).flat[beside])
phonons, coupling = case.materials["gold"], case.electrons.coupling
loss_rate = 1.0 / phonons.relaxation_time + coupling / phonons.heat_capacity
metal = Metal(
    electron_conductivity=case.electrons.conductivity,
    phonon_conductivity=phonons.heat_capacity * phonons.speed**2 / (3.0 * loss_rate),
    coupling=coupling,
)
expected = float(film_differences(metal, thickness)[0]) * flux
assert abs(apart / expected - 1.0) < 0.05, (apart, expected)

# %% [markdown]
# ## The pulse
# The energy that is left is what electrons and phonons hold.

# %%
fluence = flux * np.sqrt(2.0 * np.pi) * case.electrons.absorbed.profile.sigma
held = transient.energies
# The midpoints of steps of a standard deviation miss this part of the pulse.
assert abs(held.max() / fluence - 1.0) < 0.01, held.max() / fluence
assert np.abs(transient.imbalances).max() < 1e-6
after = int(np.argmax(transient.ends > 1e-12))
# Until the heat reaches the far side nothing is lost.
assert abs(held[after] / held.max() - 1.0) < 1e-6
hot = np.array([state.mean_temperature for state in electrons.states])
warm = np.array([state.phonon_temperature for state in electrons.states])
assert hot.max() > 20 * warm.max()  # electrons hold 1/120 of the heat capacity
assert abs(hot[-1] / warm[-1] - 1.0) < 0.2  # the two have become one temperature

# %%
if comm.rank == 0:
    with style():
        figure = new_figure(9.0, 3.4)
        left, right = figure.subplots(1, 2)
        places = np.argsort(x[in_metal], kind="stable")
        left.plot(
            x[in_metal][places] * 1e9,
            electrons.steady.temperature[in_metal][places],
            color=STEADY_COLOUR,
        )
        for own in (in_metal, ~in_metal):
            places = np.argsort(x[own], kind="stable")
            left.plot(x[own][places] * 1e9, results.temperature[own][places], color=BLUE)
        left.axvline(thickness * 1e9, color=GREY, linewidth=0.8)
        left.set(
            xlim=(0.0, 400.0),
            ylim=(0.0, None),
            xlabel="Position (nm)",
            ylabel="Temperature rise (K)",
        )
        left.set_title(
            f"steady, {flux * 1e-9:g} GW m$^{{-2}}$; $l$ = "
            f"{float(coupling_length(metal)) * 1e9:.0f} nm",
            fontsize=9,
        )
        picoseconds = transient.times[1:] * 1e12
        right.loglog(picoseconds, hot[1:], color=STEADY_COLOUR, label="electrons")
        right.loglog(picoseconds, warm[1:], color=BLUE, label="phonons of the metal")
        right.set(xlabel="Time (ps)", ylabel="Mean temperature rise of the film (K)")
        right.legend(labelcolor=INK)
        figure.savefig(folder / "laser_film.png")
