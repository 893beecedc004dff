# %% [markdown]
# # The Kapitza paradox, and how it goes away
# Cut a crystal in two and join it again perfectly. What is the resistance of the interface?
#
# A phonon that runs into it comes from a warm film, one from the other side from a cold one. Over
# the difference of these two streams the resistance is $1/\sum f$, with the flux weights
# $f_\mu = c_\mu |v_\mu \cdot n|$ of the modes: finite, although nothing is there. That is the
# definition of *emission*, or of *Landauer* where the streams come from reservoirs. Between the
# temperatures of *all* modes on both sides, of which half have just come through, there is none.
# Diffuse mismatch in one crystal lets half of the phonons pass, wherever they come from: it has a
# resistance by every definition, between the streams twice that of no interface.
#
# Shown against the size of the cells, for a gray crystal, a table of bands and the full matrix of
# silicon: two films of 50 nm between walls one kelvin apart, the resistances times $\sum f$.
# *Elements* is what a reader of the temperature field sees: its values on both sides of the
# interface, in the discontinuous linear elements.
#
# Sources: W. A. Little, Can. J. Phys. 37, 334 (1959); E. T. Swartz and R. O. Pohl, Rev. Mod. Phys.
# 61, 605 (1989); A. Maassen van den Brink and H. Dekker, cond-mat/9407113. Expected: with and
# without a perfect interface the same to $10^{-12}$; 1 between the streams for a perfect and 2 for
# a diffuse one; locally 0, the elements approaching it with the square of their size, and for
# diffuse mismatch twice the slip of a film between black walls, known in closed form for bands.
#
# About a minute and a half on one core: `python demos/paradox.py results/paradox`

# %%
import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case
from pbte.materials.band_table import read_band_table
from pbte.observables.results import Results
from pbte.output.plots.style import INK, new_figure, style
from pbte.reference.closed_forms.slab import IsotropicBands, solve_slab
from pbte.run import run_case

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/paradox")
folder.mkdir(parents=True, exist_ok=True)
comm = MPI.COMM_WORLD

# %% Parameters (SI)
thickness, temperature, drop = 50e-9, 300.0, 1.0
numbers_of_cells = (8, 16, 32, 64)  # in each film
line = {"family": "line", "polar": 32}
gray = {"speed": 2677.0, "relaxation_time": 3.99e-11, "heat_capacity": 1.627e6}
crystals = {
    "gray": {"kind": "gray", **gray, "directions": line},
    "Si-bands": {"kind": "bands", "table": "Si-bands", "directions": line},
    "Si-9, full matrix": {"file": "Si-9"},
}
laws = {"perfect": "perfect", "diffuse": "dmm"}
colours = dict(zip(crystals, ("#0072b2", "#009e73", "#d55e00"), strict=True))


# %% Solve
def solve(crystal: str, law: str | None, cells: int) -> Results:
    """Return two films of one crystal with a law between them, or none."""
    case = Case.model_validate(
        {
            "title": "Two films of one crystal",
            "temperature": temperature,
            "material": crystals[crystal],
            "interfaces": {} if law is None else {"left-right": {"kind": law}},
            "mesh": {
                "file": str(folder / f"{cells}.msh"),
                "builder": {
                    "shape": "layers",
                    "regions": ("left", "right"),
                    "thicknesses": (thickness, thickness),
                    "size": thickness / cells,
                },
            },
            "walls": {
                name: {"kind": "isothermal", "temperature": temperature + sign * drop / 2.0}
                for name, sign in (("left", 1.0), ("right", -1.0))
            },
            "orders": {"max_order": 0, "self_scattering": 0.0},
            "steady": {"tolerance": 1e-13},
            "fourier": {"compare": False},
        }
    )
    results = run_case(case, comm)
    assert results.steady_report is not None and results.steady_report.converged
    return results


def jump_of_the_elements(results: Results) -> float:
    """Return the jump of the temperature field at the interface [K]."""
    points, values = results.geometry.points[..., 0], results.steady.temperature
    ends = []
    for component, choose in ((0, np.argmax), (1, np.argmin)):
        own = results.geometry.components == component
        ends.append(values[own].ravel()[choose(points[own].ravel())])
    return float(ends[0] - ends[1])


found, change = {}, {}
for crystal in crystals:
    for name, law in laws.items():
        for cells in numbers_of_cells:
            results = solve(crystal, law, cells)
            (interface,) = results.interfaces
            found[crystal, name, cells] = {
                "elements": jump_of_the_elements(results) / interface.heat_flux,
                "local": interface.local,
                "emission": interface.emission,
                "Landauer": interface.landauer,
                "between the walls": drop / interface.heat_flux,
            }
            if law == "perfect":
                whole = solve(crystal, None, cells)
                apart = np.abs(results.steady.temperature - whole.steady.temperature).max()
                change[crystal, cells] = float(apart) / drop

# %% [markdown]
# ## The closed forms
# Between equal films, what a diffuse interface sends out is halfway in temperature at every energy:
# each film lies between black walls half a kelvin apart.

# %%
table = read_band_table("Si-bands")
exact = {
    "gray": IsotropicBands(
        speeds=np.array([gray["speed"]]),
        relaxation_times=np.array([gray["relaxation_time"]]),
        heat_capacities=np.array([gray["heat_capacity"]]),
    ),
    "Si-bands": IsotropicBands(
        speeds=table.speeds,
        relaxation_times=table.relaxation_times,
        heat_capacities=table.heat_capacities,
    ),
}
flux_weights = {name: float(b.heat_capacities @ b.speeds) / 4.0 for name, b in exact.items()}
slips = {}
for name, bands in exact.items():
    film = solve_slab(bands, thickness, hot=drop)
    slip = drop - float(film.temperature(0.0)[0])
    slips[name] = 2.0 * slip / float(film.heat_flux(thickness / 2.0)[0])

# %% Compare
coarse, fine = numbers_of_cells[-2:]
columns = ("elements", "local", "emission", "Landauer", "between the walls")
rows = [f"| crystal | interface | cells [nm] | {' | '.join(columns)} |", "| - " * 8 + "|"]
for (crystal, name, cells), values in found.items():
    shown = [f"{1e9 * values[column]:.3g}" for column in columns]
    size = f"{1e9 * thickness / cells:.3g}"
    rows.append(f"| {crystal} | {name} | {size} | {' | '.join(shown)} |")
told = "\n".join(rows)


def draw() -> None:
    """Draw the resistances against the size of the cells, times the equilibrium flux."""
    sizes = 1e9 * thickness / np.array(numbers_of_cells)
    with style():
        figure = new_figure(7.0, 3.1)
        axes = figure.subplots(1, 2)
        for name, own in zip(laws, axes, strict=True):
            for crystal, colour in colours.items():
                runs = [found[crystal, name, cells] for cells in numbers_of_cells]
                unit = found[crystal, "perfect", fine]["Landauer"]
                streams, elements, local = (
                    np.array([run[kind] for run in runs]) / unit
                    for kind in ("emission", "elements", "local")
                )
                own.plot(sizes, streams, "s-", ms=6.0, mfc="none", color=colour)
                own.plot(sizes, elements, "o--", ms=3.5, color=colour, label=crystal)
                if abs(local).max() > 1e-9:  # else it is round-off
                    own.plot(sizes, local, "^-", ms=3.5, color=colour)
                if name == "diffuse" and crystal in slips:
                    own.axhline(slips[crystal] / unit, color=colour, linewidth=0.7, linestyle=":")
            own.set_xscale("log")
            own.set_xticks(sizes, [f"{size:.2g}" for size in sizes])
            own.set_xticks([], minor=True)
            own.set_xlabel("Size of the cells (nm)")
            own.set_title(f"{name} interface in one crystal")
        perfect, diffuse = axes
        perfect.set(yscale="log", ylim=(3e-8, 10.0), ylabel=r"Resistance $\times\,\sum f$")
        guide = sizes[[0, -1]]
        perfect.plot(guide, 4e-6 * (guide / guide[-1]) ** 2, color=INK, linewidth=0.7)
        diffuse.set_ylim(0.0, 2.4)
        for own, where, text in (
            (perfect, (0.8, 0.2), "between the streams: the paradox"),
            (perfect, (0.8, 4e-5), "second order"),
            (perfect, (1.5, 5e-8), "dots: elements, triangles: local"),
            (diffuse, (0.8, 1.8), "between the streams"),
            (diffuse, (0.8, 0.38), "dots: elements, triangles: local,\ndotted: black walls"),
        ):
            own.annotate(text, where, color=INK, fontsize=8)
        perfect.legend(loc="center right", bbox_to_anchor=(1.0, 0.62))
        figure.savefig(folder / "paradox.png")


if comm.rank == 0:
    (folder / "table.md").write_text(told + "\n")
    sys.stdout.write(f"Resistances [1e-9 m^2 K/W]\n{told}\n")
    draw()
    sys.stdout.write(f"an interface or none: {max(change.values()):.1e} K per K of the drop\n")

# %% The physics it shows
assert max(change.values()) < 1e-12
for (crystal, name, cells), values in found.items():
    assert np.isclose(values["emission"], values["Landauer"], rtol=1e-9, atol=0.0)
    if name == "perfect":
        assert abs(values["local"]) < 1e-4 * values["Landauer"]
        assert 0.0 < abs(values["elements"]) < 1e-3 * values["Landauer"]
        twice = found[crystal, "diffuse", cells]["Landauer"]
        assert np.isclose(twice, 2.0 * values["Landauer"], rtol=1e-10, atol=0.0)
    if crystal in exact:
        passing = 1.0 if name == "perfect" else 0.5
        expected = 1.0 / (passing * flux_weights[crystal])
        assert np.isclose(values["Landauer"], expected, rtol=1e-10, atol=0.0)
for crystal in crystals:
    jumps = [found[crystal, "perfect", cells]["elements"] for cells in (coarse, fine)]
    assert 3.0 < jumps[0] / jumps[1] < 4.5  # second order
for crystal, expected in slips.items():
    errors = [abs(found[crystal, "diffuse", c]["local"] / expected - 1.0) for c in (coarse, fine)]
    assert errors[1] < errors[0] < 5e-3
