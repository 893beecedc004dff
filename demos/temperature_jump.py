# %% [markdown]
# # The temperature jump at an interface
# Heat flux $q$ through an interface makes the temperature jump by $R_K\,q$. Where does $R_K$ come
# from, and what else looks like it?
#
# 1. two slabs in series and a rough contact: constriction and gap side by side;
# 2. two Debye solids: sound at a plane interface (acoustic mismatch) or phonons that forget where
#    they came from (diffuse mismatch), $R \propto T^{-3}$ when cold;
# 3. electrons of a metal that must first hand their heat to the phonons,
#    $R_{ep} = [k_e/(k_e+k_p)]^{3/2}/\sqrt{G k_p}$ in series with $R_K$.
#
# Sources: W. A. Little, Can. J. Phys. 37, 334 (1959); E. T. Swartz and R. O. Pohl, Rev. Mod. Phys.
# 61, 605 (1989); A. Majumdar and P. Reddy, Appl. Phys. Lett. 84, 4768 (2004). Expected: the two
# mismatch models of solids of similar impedance differ by tens of per cent, not by factors, and the
# electrons of gold add about as much resistance as the interface has.
#
# About 2 s on one core: `python demos/temperature_jump.py results/temperature_jump`

# %%
import sys
from pathlib import Path

import numpy as np

from pbte.output.plots.style import INK, STEADY_COLOUR, new_figure, style
from pbte.reference.kapitza import temperature_jump as tj
from pbte.reference.kapitza.debye_mismatch import (
    DebyeSolid,
    low_temperature_resistance,
    mean_transmissions,
    radiation_limit,
    resistance,
)
from pbte.reference.kapitza.elastic_interface import elastic_fluxes
from pbte.reference.kapitza.two_temperature import (
    Metal,
    coupling_length,
    electron_phonon_resistance,
    film_profile,
)

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/temperature_jump")
folder.mkdir(parents=True, exist_ok=True)
BLUE, GREEN, GREY = "#2166ac", "#1b7837", "#999999"

# %% Parameters (SI): handbook values
silicon = DebyeSolid(density=2330, longitudinal=8970, transverse=5330, atom_density=4.99e28)
germanium = DebyeSolid(density=5323, longitudinal=5310, transverse=3250, atom_density=4.41e28)
aluminium = DebyeSolid(density=2700, longitudinal=6240, transverse=3040, atom_density=6.02e28)
sapphire = DebyeSolid(density=3970, longitudinal=10890, transverse=6450, atom_density=1.18e29)
lead = DebyeSolid(density=11590, longitudinal=2350, transverse=970, atom_density=3.3e28)
gold = Metal(electron_conductivity=310.0, phonon_conductivity=2.6, coupling=2.4e16)

# %% [markdown]
# ## Slabs and rough contacts

# %%
thicknesses, conductivities = (300e-9, 300e-9), (148.0, 60.0)
# a point on each face of the interface, x = 0 being the second
x = np.append(np.linspace(-thicknesses[0], -1e-15, 300), np.linspace(0.0, thicknesses[1], 300))
jumps = (0.0, 2.5e-9, 1e-8)
profiles = [tj.slab_temperature(x, 301, 300, thicknesses, conductivities, r) for r in jumps]
pressure = np.logspace(4, 8, 200)
spots = tj.spot_conductance(pressure, 2e9, (237.0, 16.0), 0.1, 1e-6)
gap = tj.gap_conductance(pressure, 2e9, 0.026, 1e-6, 3.7e-7)
joint = 1 / tj.joint_resistance(spots, gap)
assert np.all(joint > np.maximum(spots, gap))
assert spots[0] < gap[0] and spots[-1] > 10 * gap[-1]  # gas when loose, metal when pressed
for r, values in zip(jumps, profiles, strict=True):
    flux = tj.slab_heat_flux(301, 300, thicknesses, conductivities, r)
    assert np.isclose(values[299] - values[300], tj.temperature_drop(r, flux), atol=1e-6)

with style():
    figure = new_figure(9.0, 3.2)
    left, right = figure.subplots(1, 2)
    for r, values, colour in zip(jumps, profiles, (GREY, BLUE, STEADY_COLOUR), strict=True):
        shown = np.insert(values, 300, np.nan)
        left.plot(np.insert(x, 300, 0.0) * 1e9, shown, color=colour, label=f"{r * 1e9:g}")
    left.set(xlabel="Position (nm)", ylabel="Temperature (K)")
    left.legend(title=r"$R_K$ ($10^{-9}$ m$^2$ K W$^{-1}$)")
    for values, colour, label in (
        (spots, BLUE, "spots"),
        (gap, GREEN, "gas in the gap"),
        (joint, STEADY_COLOUR, "both"),
    ):
        right.loglog(pressure * 1e-6, values, color=colour, label=label)
    right.set(xlabel="Pressure (MPa)", ylabel=r"Conductance (W m$^{-2}$ K$^{-1}$)")
    right.legend()
    figure.savefig(folder / "slabs_and_contacts.png")

# %% [markdown]
# ## Two Debye solids
# Left: energy that passes a welded Si/Ge interface against the angle of incidence. Right: $R$
# against temperature for three pairs; thin lines are the $T^{-3}$ law.

# %%
slowness = np.linspace(0.0, 1 / 3250.0, 1501)[:-1]
fluxes = elastic_fluxes(
    slowness,
    (germanium.density, silicon.density),
    (germanium.longitudinal, silicon.longitudinal),
    (germanium.transverse, silicon.transverse),
)
passed = np.sum(fluxes.transmitted, axis=-1)
assert np.allclose((fluxes.transmitted + fluxes.reflected)[:, 1:].sum(axis=-1), 1.0, atol=1e-11)
temperatures = np.logspace(0, 2.7, 80)
pairs = {
    "Si/Ge": (silicon, germanium),
    "Al/sapphire": (aluminium, sapphire),
    "Pb/sapphire": (lead, sapphire),
}
for first, second in pairs.values():
    there = resistance(first, second, "amm-elastic", temperatures)
    back = resistance(second, first, "amm-elastic", temperatures)
    assert np.allclose(there, back, rtol=1e-12, atol=0.0)
    cold = low_temperature_resistance(first, second, "amm-elastic", temperatures[0])
    assert np.isclose(there[0], cold, rtol=1e-6, atol=0.0)
    assert np.all(1 / there < radiation_limit(first, second, temperatures))
ratio = resistance(silicon, germanium, "dmm", 300.0) / resistance(
    silicon, germanium, "amm-elastic", 300.0
)
assert 0.6 < ratio < 1.7
# identical solids: finite, unless the drop is counted between the outgoing streams too
same = resistance(silicon, silicon, "amm-elastic", 300.0)
shares = mean_transmissions(silicon, silicon, "amm-elastic")
assert same > 1e-10 and tj.resistance_without_paradox(same, *shares) < 1e-10 * same

with style():
    figure = new_figure(9.0, 3.4)
    left, right = figure.subplots(1, 2)
    for branch, label, colour in ((0, "L", BLUE), (1, "SV", STEADY_COLOUR), (2, "SH", GREEN)):
        speed = germanium.speeds[branch]
        angles = np.degrees(np.arcsin(np.minimum(slowness * speed, 1.0)))
        travels = slowness * speed < 1.0
        left.plot(angles[travels], passed[travels, branch], color=colour, label=label)
    left.set(xlabel="Angle of incidence in Ge (degrees)", ylabel="Share that passes into Si")
    left.set(xlim=(0, 90), ylim=(0, 1.02))
    left.legend()
    for (label, (first, second)), colour in zip(
        pairs.items(), (STEADY_COLOUR, BLUE, GREEN), strict=True
    ):
        for model, dashes in (("amm-elastic", "-"), ("dmm", (0, (4, 2)))):
            values = resistance(first, second, model, temperatures)
            right.loglog(temperatures, values, color=colour, ls=dashes)
        law = low_temperature_resistance(first, second, "amm-elastic", temperatures)
        right.loglog(temperatures, law, color=colour, lw=0.5)
        right.plot([], [], color=colour, label=label)
    right.plot([], [], color=INK, label="acoustic")
    right.plot([], [], color=INK, ls=(0, (4, 2)), label="diffuse")
    right.set(xlabel="Temperature (K)", ylabel=r"$R_K$ (m$^2$ K W$^{-1}$)")
    right.set(xlim=(4, 500), ylim=(8e-10, 5e-5))
    right.legend()
    figure.savefig(folder / "mismatch.png")

# %% [markdown]
# ## Electrons and phonons of a gold film
# $10^9$ W/m$^2$ enter the electrons at the free face of a film on a substrate; at the interface
# ($R_K = 5\times10^{-9}$ m$^2$K/W) only phonons pass.

# %%
depth, flux, base, interface = 100e-9, 1e9, 300.0, 5e-9
inside = np.linspace(-depth, 0.0, 401)
film = film_profile(inside, gold, flux, base + interface * flux, depth)
assert np.allclose(film.flux_of_electrons + film.flux_of_phonons, flux, rtol=1e-12, atol=0.0)
assert np.all(film.electrons >= film.phonons)
assert abs(film.flux_of_electrons[-1]) < 1e-9 * flux
depths = np.logspace(-9, -5.5, 200)
curves = {
    name: electron_phonon_resistance(gold, depths, definition=name)
    for name in ("extrapolated", "electron")
}
thick = float(electron_phonon_resistance(gold))
limit = 1 / np.sqrt(2.4e16 * 2.6)
assert np.isclose(curves["extrapolated"][-1], thick, rtol=1e-9, atol=0.0)
assert 0.95 < thick / limit < 1.0  # k_p << k_e
assert 0.5 < thick / interface < 2.0

# both definitions for metals whose phonons conduct better and better
ratios = np.logspace(-2, 1, 100)
metals = Metal(electron_conductivity=310.0, phonon_conductivity=310.0 * ratios, coupling=2.4e16)
relative = {
    name: electron_phonon_resistance(metals, definition=name) * np.sqrt(2.4e16 * 310.0 * ratios)
    for name in ("extrapolated", "electron")
}
assert np.allclose(relative["extrapolated"], (1 + ratios) ** -1.5, rtol=1e-12, atol=0.0)
assert np.allclose(relative["electron"], (1 + ratios) ** -0.5, rtol=1e-12, atol=0.0)

with style():
    figure = new_figure(9.6, 3.2)
    left, middle, right = figure.subplots(1, 3)
    left.plot(inside * 1e9, film.electrons, color=STEADY_COLOUR, label="electrons")
    left.plot(inside * 1e9, film.phonons, color=BLUE, label="phonons")
    left.plot(inside * 1e9, film.mean, color=INK, lw=0.8, ls=(0, (4, 3)), label="mean")
    left.plot([0, 0, 40], [base + interface * flux, base, base], color=GREY, label="substrate")
    left.set(xlabel="Position (nm)", ylabel="Temperature (K)", xlim=(-100, 40))
    left.legend(loc="lower left")
    middle.loglog(depths * 1e9, curves["electron"] * 1e9, color=STEADY_COLOUR, label="gold film")
    middle.loglog(depths * 1e9, 1e9 / (2.4e16 * depths), color=GREY, lw=0.8, label=r"$1/(Gd)$")
    middle.axhline(limit * 1e9, color=INK, lw=0.8, ls=(0, (4, 3)), label=r"$1/\sqrt{Gk_p}$")
    middle.axvline(float(coupling_length(gold)) * 1e9, color=GREY, lw=0.5)
    middle.set(xlabel="Film thickness (nm)", ylabel=r"$R_{ep}$ ($10^{-9}$ m$^2$ K W$^{-1}$)")
    middle.set_ylim(2, 100)
    middle.legend()
    for (name, values), colour in zip(relative.items(), (STEADY_COLOUR, BLUE), strict=True):
        right.semilogx(ratios, values, color=colour, label=name)
    right.set(xlabel=r"$k_p/k_e$", ylabel=r"$R_{ep}\sqrt{Gk_p}$", ylim=(0, 1.02))
    right.legend(title="definition", alignment="left")
    figure.savefig(folder / "electrons_and_phonons.png")
