# %% [markdown]
# # How much does a network of misfit dislocations resist?
# Germanium on silicon does not fit: every 9.6 nm a dislocation takes up the misfit. Its strain
# shifts the frequencies of the phonons by $-\gamma\Delta$ ($\Delta$ the dilatation, $\gamma$
# Grueneisen's parameter) and so scatters them, with golden-rule probabilities $\propto \gamma^2$.
# In the strain mismatch model they pass the interface only by being scattered. What the golden rule
# leaves alone bounces ("cap"), or passes as sound of a welded interface ("amm+strain"); in
# "sinkhorn" nothing is left alone; "heitler" sums the Born series to a unitary matrix.
#
# Shown is $R = 1/G$ (Landauer) at 300 K against $\gamma$: in the isotropic continuum, sound of
# three branches up to the Debye frequency, and with the modes of both crystals on grids of
# 9 x 9 x 9 wave vectors. G. Varnavides, A. S. Jermyn, P. Anikeeva and P. Narang, Phys. Rev. B 100,
# 115402 (2019), give $5.77\cdot10^{-9}$ m$^2$ K/W (173.2 MW/m$^2$ K) and no $\gamma$.
#
# Expected: strain resists more than diffuse mismatch, less the larger $\gamma$. The continuum meets
# the published value at $\gamma = 2$. The grids resist about three times as much at every
# $\gamma$: below 4 THz, where crystals have sound, they pass more than the continuum, but above
# 5 THz germanium's bands are flat, and its modes arrive with a third of the flux of sound.
#
# About a minute on one core: `python demos/strain_mismatch.py results/strain_mismatch`. With a last
# word `heitler` that method is added, dense matrices of five thousand channels: four minutes for
# each $\gamma$.

# %%
import sys
from pathlib import Path

import numpy as np

from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.landauer import conductances_of, mode_transmission
from pbte.interfaces.smm import strain_mismatch
from pbte.interfaces.strain_channels import StrainedInterface, StrainedSolid, diffuse_conductance
from pbte.interfaces.strain_field import misfit_array
from pbte.materials.statistics import mode_heat_capacity
from pbte.materials.storage import read_material
from pbte.output.plots.style import INK, new_figure, style

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/strain_mismatch")
folder.mkdir(parents=True, exist_ok=True)

# %% Parameters (SI)
temperature, published = 300.0, 1.0 / 173.2e6
gammas = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
lattices, poisson = (5.431e-10, 5.658e-10), (0.22, 0.21)  # silicon, germanium
methods = ("cap", "amm+strain", "sinkhorn", *(["heitler"] if "heitler" in sys.argv[2:] else []))
normal = np.array([1.0, 0.0, 0.0])
colours = {"cap": "#0072b2", "amm+strain": "#009e73", "sinkhorn": "#cc79a7", "heitler": "#e69f00"}


# %% Solve: the continuum
def interface(gamma: float, method: str = "cap") -> StrainedInterface:
    """Return silicon on germanium with one Grueneisen parameter."""
    silicon = StrainedSolid(
        density=2329.0,
        longitudinal=8952.0,
        transverse=5346.0,
        atom_density=8.0 / lattices[0] ** 3,
        gruneisen=gamma,
    )
    germanium = StrainedSolid(
        density=5323.0,
        longitudinal=5266.0,
        transverse=3198.0,
        atom_density=8.0 / lattices[1] ** 3,
        gruneisen=gamma,
    )
    field = misfit_array(*lattices, poisson)
    return StrainedInterface(first=silicon, second=germanium, field=field, method=method)


# Scaled to unit sums, probabilities do not depend on their size: one gamma is enough.
continuum = {
    method: np.array(
        [
            1.0 / interface(gamma, method).conductance(temperature)
            for gamma in (gammas[:1] if method == "sinkhorn" else gammas)
        ]
    )
    for method in methods
}
solids = interface(1.0)
diffuse = 1.0 / diffuse_conductance(solids.first, solids.second, temperature)
finer = 1.0 / interface(2.0).conductance(temperature, offsets=2)

# %% Solve: the modes of both crystals
silicon, germanium = (read_material(name, scattering="rta") for name in ("Si-9", "Ge-9"))
pair = silicon.modes, germanium.modes


def on_the_grid(method: str, gamma: float | None) -> float:
    """Return R with one Grueneisen parameter for all modes, or with those of the materials."""
    law = strain_mismatch(silicon, germanium, method=method, gruneisen=gamma)
    return conductances_of([law], *pair, normal)[0].landauer_resistance


grid = {
    method: np.array([on_the_grid(method, float(gamma)) for gamma in gammas])
    for method in ("cap", "amm+strain")
}
own = on_the_grid("cap", None)
grid_diffuse = conductances_of([DiffuseMismatch()], *pair, normal)[0].landauer_resistance

# %% Compare
names = (*(f"continuum, {m}" for m in methods if m != "sinkhorn"), *(f"grid, {m}" for m in grid))
columns = [*(continuum[m] for m in methods if m != "sinkhorn"), *grid.values()]
rows = [f"| gamma | {' | '.join(names)} |", "| - " * (1 + len(names)) + "|"]
for number, gamma in enumerate(gammas):
    cells = " | ".join(f"{1e9 * column[number]:.3g}" for column in columns)
    rows.append(f"| {gamma:g} | {cells} |")
told = "\n".join(rows)
(folder / "table.md").write_text(told + "\n")
print(f"R [1e-9 m^2 K/W], published {1e9 * published:.3g}\n{told}")
print(
    f"diffuse mismatch: continuum {1e9 * diffuse:.3g}, grid {1e9 * grid_diffuse:.3g}; sinkhorn "
    f"{1e9 * continuum['sinkhorn'][0]:.3g}; grid with the materials' own gamma {1e9 * own:.4g}"
)
print(f"cap at gamma = 2 with four times the wave vectors: {1e9 * finer:.4g}")

# %% [markdown]
# ## Where the continuum and the crystals part
# The conductance at $\gamma = 1$ by frequency, and the flux with which the modes of germanium
# arrive, the number of their channels.

# %%
edges = np.array([0.0, 1.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.2]) * 2e12 * np.pi
cutoff = min(solids.first.debye_frequency, solids.second.debye_frequency)
nodes, weights = np.polynomial.legendre.leggauss(4)
passing, arriving = np.zeros((2, edges.size - 1))
for number, (low, high) in enumerate(zip(edges, np.minimum(edges[1:], cutoff), strict=False)):
    if high > low:
        frequencies = low + 0.5 * (high - low) * (nodes + 1.0)
        heat = mode_heat_capacity(frequencies, temperature) * weights * (high - low) / (4.0 * np.pi)
        channels = np.array([solids.transmission(float(w)) for w in frequencies])
        passing[number], arriving[number] = heat @ channels[:, 0], heat @ channels[:, 2]
matrix = strain_mismatch(silicon, germanium, gruneisen=1.0).flux_matrix(*pair, normal)
num = silicon.modes.num_modes
flux = np.where(matrix.outgoing, matrix.flux, 0.0)
from_silicon = (flux * mode_transmission(matrix, num))[:num]
grid_passing = np.histogram(silicon.modes.frequencies, edges, weights=from_silicon)[0]
grid_arriving = np.histogram(germanium.modes.frequencies, edges, weights=flux[num:])[0]
low, high = edges[1:] <= 4e12 * 2.0 * np.pi, edges[:-1] >= 5e12 * 2.0 * np.pi
for name, part in (("below 4 THz", low), ("above 5 THz", high)):
    print(
        f"{name}: the continuum passes {1e-6 * passing[part].sum():.3g}, the grid "
        f"{1e-6 * grid_passing[part].sum():.3g} MW/m^2 K, of {1e-6 * arriving[part].sum():.3g} and "
        f"{1e-6 * grid_arriving[part].sum():.3g} that arrive in germanium"
    )

# %% Write
with style():
    figure = new_figure(7.0, 3.2)
    left, right = figure.subplots(1, 2)
    for method, values in continuum.items():
        if method != "sinkhorn":
            left.semilogy(gammas, 1e9 * values, "o-", ms=3.5, color=colours[method], label=method)
    for method, values in grid.items():
        left.semilogy(gammas, 1e9 * values, "s--", ms=3.5, color=colours[method], mfc="none")
    left.axhline(1e9 * published, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
    left.annotate("published", (3.0, 1.04e9 * published), color=INK, fontsize=7.5, ha="right")
    for value, where in ((diffuse, "continuum"), (grid_diffuse, "grid")):
        left.axhline(1e9 * value, color="#999999", linewidth=0.8, linestyle=":")
        left.annotate(f"diffuse, {where}", (0.5, 1.04e9 * value), color="#777777", fontsize=7.5)
    left.set(xlabel=r"Grueneisen parameter $\gamma$", ylabel="R ($10^{-9}$ m$^2$ K/W)")
    left.set_title("solid: continuum, dashed: grid")
    left.legend(loc="upper right")
    terahertz = edges / (2e12 * np.pi)
    per_terahertz = 1e-6 / np.diff(terahertz)
    for values, colour, label in (
        (passing, "#0072b2", "continuum"),
        (grid_passing, "#d55e00", "grid"),
    ):
        right.stairs(values * per_terahertz, terahertz, color=colour, label=label, linewidth=1.3)
    right.set(xlabel="Frequency (THz)", ylabel="MW m$^{-2}$ K$^{-1}$ per THz", ylim=(0.0, None))
    right.set_title(r"conductance, cap, $\gamma = 1$")
    right.legend(loc="upper left")
    figure.savefig(folder / "strain_mismatch.png")

# %% The physics it shows
for columns_of, least in ((continuum, diffuse), (grid, grid_diffuse)):
    assert np.all(np.diff(columns_of["cap"]) < 0.0) and np.all(columns_of["cap"] > least)
(at_two,) = continuum["cap"][gammas == 2.0]
assert np.isclose(at_two, published, rtol=0.1)
assert np.isclose(at_two, finer, rtol=2e-2)
assert np.all((grid["cap"] > 2.0 * continuum["cap"]) & (grid["cap"] < 4.0 * continuum["cap"]))
assert grid_passing[low].sum() > passing[low].sum()
assert grid_passing[high].sum() < 0.5 * passing[high].sum()
assert grid_arriving[high].sum() < 0.5 * arriving[high].sum()
