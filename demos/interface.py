# %% [markdown]
# # The conductance of a silicon-germanium interface
#
# How much heat passes an interface between two crystals in equilibrium at $T$ and $T + dT$? No
# mesh is needed: with the flux weights $f_\mu = c_\mu |v_\mu \cdot n|$ of the modes and a flux
# matrix $F$ between outgoing and incoming ones, the Landauer conductance is the sum of $F$ from one
# side to the other, $h = \sum_{\nu \in 2, \mu \in 1} F_{\nu\mu}$. It lies between temperatures of
# the streams that *arrive*; between those of *all* modes beside the interface, of which half have
# just left it, the resistance is $(1 - (t_{12} + t_{21})/2)/h$: zero when there is no interface.
#
# Models: diffuse mismatch (a phonon forgets where it came from) with energy bins, with smooth
# mixing instead of bins, and inelastic, where only the total energy is kept; acoustic mismatch
# (phonons are sound waves of two welded crystals). Sources: W. A. Little, Can. J. Phys. 37, 334
# (1959); E. T. Swartz and R. O. Pohl, Rev. Mod. Phys. 61, 605 (1989); P. Reddy, K. Castelino and
# A. Majumdar, Appl. Phys. Lett. 87, 211908 (2005).
#
# Expected: $R = 1/h$ of 2 to $5 \cdot 10^{-9}$ m$^2$ K/W for diffuse mismatch at 300 K;
# $h \propto T^3$ in the cold, as for Debye solids, and a plateau when hot. What the grid of
# 9 x 9 x 9 wave vectors cannot show: its lowest mode in silicon has 1.6 THz, and below about 20 K,
# where such modes would carry most heat, its conductance falls exponentially. And it cannot tell
# energies apart as finely as one likes: with many bins, modes find no partners, and $h$ falls.
#
# About 15 s on one core: `python demos/interface.py results/interface`. The same numbers without a
# script: `pbte interface Si-9 Ge-9 --model dmm --model amm --temperature 100,300 --plots FOLDER`.

# %%
import sys
from pathlib import Path

import numpy as np

from pbte.interfaces.amm import AcousticMismatch
from pbte.interfaces.base import check_flux_matrix
from pbte.interfaces.bins import energy_bins
from pbte.interfaces.dmm import DiffuseMismatch, SmoothMismatch
from pbte.interfaces.landauer import conductances_of, interface_conductance
from pbte.interfaces.perfect import PerfectInterface
from pbte.interfaces.report import lowest_temperature, report_interface, unmatched_flux
from pbte.materials.storage import read_material
from pbte.materials.temperature import at_temperature
from pbte.output.plots.interfaces import plot_spectrum, plot_transmission
from pbte.output.plots.style import INK, STEADY_COLOUR, new_figure, style
from pbte.reference.kapitza.debye_mismatch import DebyeSolid, resistance

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/interface")
folder.mkdir(parents=True, exist_ok=True)

# %% Parameters (SI)
normal = np.array([1.0, 0.0, 0.0])  # from silicon to germanium
temperatures = np.array([5, 7, 10, 14, 18, 22, 27, 35, 50, 70, 100, 150, 200, 300, 450, 600.0])
laws = {
    "dmm": DiffuseMismatch(),
    "smooth-dmm": SmoothMismatch(),
    "inelastic dmm": DiffuseMismatch(elastic=False),
    "amm": AcousticMismatch(),
}
colours = ("#2166ac", "#1b7837", "#762a83", "#c98a1b")

# %% Materials
silicon = read_material("Si-9", scattering="rta").modes
germanium = read_material("Ge-9", scattering="rta").modes
# Handbook values, for the closed form of solids without dispersion.
debye_silicon = DebyeSolid(density=2330, longitudinal=8970, transverse=5330, atom_density=4.99e28)
debye_germanium = DebyeSolid(density=5323, longitudinal=5310, transverse=3250, atom_density=4.41e28)

# %% [markdown]
# ## At room temperature

# %%
bins = energy_bins([silicon, germanium])
reports = {
    name: report_interface(name, law, silicon, germanium, normal, bins)
    for name, law in laws.items()
}
for name, report in reports.items():
    found = report.conductance
    print(
        f"{name:14s} h = {found.conductance * 1e-6:6.1f} MW/m^2 K, "
        f"R = {found.landauer_resistance:.3g}, local {found.local_resistance:.3g} m^2 K/W, "
        f"laws broken by {report.laws.worst:.1e}"
    )
    assert report.laws.is_sound  # energy, equilibrium, reciprocity
    assert 0.0 < found.local_resistance < found.landauer_resistance
room = {name: report.conductance.landauer_resistance for name, report in reports.items()}
for name in ("dmm", "smooth-dmm", "inelastic dmm"):
    assert 2e-9 < room[name] < 5e-9
assert room["inelastic dmm"] < min(room["dmm"], room["smooth-dmm"])
assert room["amm"] > room["dmm"]
# Silicon above the end of germanium at 9 THz finds no partners: physics, not the grid.
lonely = unmatched_flux(laws["dmm"], silicon, germanium, normal)
print(f"{lonely.first:.0%} of silicon's flux lies above germanium's spectrum")
assert 0.3 < lonely.first < 0.5 and lonely.second == 0.0 and lonely.artefact < 0.01

with style():
    plot_transmission(list(reports.values()), ("Si", "Ge")).savefig(folder / "transmission.png")
    plot_spectrum(list(reports.values()), ("Si", "Ge")).savefig(folder / "spectrum.png")

# %% [markdown]
# ## Against temperature
# Frequencies are kept and heat capacities rescaled: $c = (k_B/V)\,x^2 n(n+1)$. Loss rates are not,
# and no conductance of the interface alone depends on them.

# %%
curves = {name: np.empty(temperatures.size) for name in laws}
for place, temperature in enumerate(temperatures):
    first, second = (at_temperature(modes, temperature) for modes in (silicon, germanium))
    found = conductances_of(list(laws.values()), first, second, normal)
    for name, each in zip(laws, found, strict=True):
        curves[name][place] = each.conductance
debye = 1.0 / np.array(
    [float(resistance(debye_silicon, debye_germanium, "dmm", t)) for t in temperatures]
)


def exponents(values):
    """Return d ln h / d ln T between neighbouring temperatures."""
    return np.diff(np.log(values)) / np.diff(np.log(temperatures))


coldest = lowest_temperature(silicon, germanium, normal)
print(f"the grid lacks the modes that carry most heat below {coldest:.1f} K")
steps = dict(zip(temperatures[:-1], exponents(curves["dmm"]), strict=True))
print("exponents of h: " + ", ".join(f"{t:g} K {n:.2f}" for t, n in steps.items()))
assert 15.0 < coldest < 25.0
assert 2.5 < steps[22.0] < 3.5  # the third power, where the grid still has the modes,
assert steps[5.0] > 2.0 * steps[22.0]  # exponential below
assert np.all(np.diff(exponents(curves["dmm"])) < 0.0) and 0.0 < steps[450.0] < 0.1
assert np.allclose(exponents(debye)[:3], 3.0, atol=0.01)
near = (temperatures > coldest) & (temperatures < 2.5 * coldest)
assert np.allclose(curves["dmm"][near], debye[near], rtol=0.15)  # as Debye solids there
assert curves["dmm"][0] < 0.05 * debye[0]  # what the grid cannot
for values in curves.values():
    assert np.all(np.diff(values) > 0.0)

with style():
    figure = new_figure(4.6, 3.6)
    axes = figure.subplots()
    axes.axvspan(temperatures[0], coldest, color="#eeeeee", linewidth=0.0, zorder=0)
    for (name, values), colour in zip(curves.items(), colours, strict=True):
        axes.loglog(temperatures, values * 1e-6, "o-", ms=2.5, color=colour, label=name)
    axes.loglog(temperatures, debye * 1e-6, color=INK, lw=0.8, ls=(0, (4, 2)), label="Debye dmm")
    axes.annotate("grid too coarse", (temperatures[0] * 1.1, 200.0), color=INK, fontsize=8)
    axes.set(xlabel="Temperature (K)", ylabel="Conductance (MW m$^{-2}$ K$^{-1}$)")
    axes.set(xlim=(temperatures[0], temperatures[-1]), ylim=(1e-3, 1e3))
    axes.legend(loc="lower right")
    figure.savefig(folder / "temperature.png")

# %% [markdown]
# ## How fine may energies be told apart?
# Conductance and the share of flux without partners for want of modes, against the number of bins.

# %%
numbers = [3, 5, 7, 10, 15, 20, 30, 50, 100, 200]
binned = conductances_of([DiffuseMismatch(bins=n) for n in numbers], silicon, germanium, normal)
values = np.array([each.conductance for each in binned])
artefacts = np.array(
    [unmatched_flux(DiffuseMismatch(bins=n), silicon, germanium, normal).artefact for n in numbers]
)
automatic = reports["dmm"].conductance.conductance
fair = (np.array(numbers) >= 10) & (np.array(numbers) <= 20)
assert np.allclose(values[fair], automatic, rtol=0.05)  # where bins hardly matter
assert values[-1] < 0.6 * automatic and artefacts[-1] > 0.3  # and its end

with style():
    figure = new_figure(4.6, 3.2)
    axes = figure.subplots()
    axes.semilogx(numbers, values * 1e-6, "o-", ms=3.0, color=colours[0], label="dmm")
    axes.axhline(automatic * 1e-6, color=colours[0], lw=0.7, ls=(0, (4, 2)), label="automatic bins")
    axes.semilogx(
        numbers, 100 * artefacts, "s-", ms=3.0, color=STEADY_COLOUR, label="no partner (%)"
    )
    axes.set(xlabel="Number of energy bins", ylabel="Conductance (MW m$^{-2}$ K$^{-1}$)")
    axes.set_ylim(bottom=0.0)
    axes.legend(loc="best")
    figure.savefig(folder / "bins.png")

# %% [markdown]
# ## The paradox
# Between identical crystals the perfect interface has a Landauer resistance, that of the crystal's
# own modes, and no local one. Diffuse mismatch transmits one half and has both.

# %%
for law, share in ((PerfectInterface(), 1.0), (DiffuseMismatch(), 0.5)):
    matrix = law.flux_matrix(silicon, silicon, normal)
    assert check_flux_matrix(matrix).is_sound
    found = interface_conductance(matrix, silicon.num_modes)
    print(
        f"{type(law).__name__:17s} Si | Si: R = {found.landauer_resistance:.3g}, "
        f"local {abs(found.local_resistance):.1g} m^2 K/W"
    )
    assert np.isclose(found.first_transmission, share, rtol=1e-12, atol=0.0)
    assert found.landauer_resistance > 1e-10
    expected = (1.0 - share) * found.landauer_resistance
    assert np.isclose(found.local_resistance, expected, rtol=1e-9, atol=1e-22)
print(f"figures in {folder}")
