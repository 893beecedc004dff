# %% [markdown]
# # A laser heats a gold film on silicon
# A pulse heats the electrons of 60 nm of gold. They hand their heat to the phonons of the metal,
# these to silicon through a diffuse interface, and silicon carries it away, from tens of
# nanometres of free flight to diffusion. Which part of the resistance is that of the electrons?
#
# Electrons obey a heat equation with the coupling $G$, phonons the transport equation in both
# crystals (`pbte.transport.electrons.steady`). In the metal, whose phonons fly 1.6 nm, theory says
#
# $$ T_e - T_p = \frac{l}{\sinh(d/l)}\Big(\frac{\cosh(d/l)}{k_p} + \frac{1}{k_e}\Big)\,q,
#    \qquad l = \sqrt{\frac{k_e k_p}{G (k_e + k_p)}} $$
#
# at the interface (A. Majumdar and P. Reddy, Appl. Phys. Lett. 84, 4768 (2004), for a film that is
# heated at its free face). Expected: this in the steady state, and after the pulse electrons that
# are hundreds of kelvin (per absorbed J/m^2: linear theory) warmer than the phonons for some
# picoseconds; then the film cools through the interface over hundreds of picoseconds.
#
# About 15 s on one core: `python demos/laser_film.py results/laser_film`

# %%
import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI

from pbte.case.case import parse_case
from pbte.output.plots.style import INK, STEADY_COLOUR, new_figure, style
from pbte.reference.kapitza.two_temperature import Metal, coupling_length, film_differences
from pbte.simulation.problem import build_problem
from pbte.transport.electrons.electrons import Electrons
from pbte.transport.electrons.steady import solve_two_temperatures
from pbte.transport.electrons.time_stepping import follow_pulse

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/laser_film")
comm = MPI.COMM_WORLD
if comm.rank == 0:
    folder.mkdir(parents=True, exist_ok=True)
comm.barrier()
BLUE, GREY = "#2166ac", "#999999"

# %% Parameters (SI): gold at 300 K
thickness, substrate = 60e-9, 1000e-9
speed, relaxation_time, phonon_heat = 2000.0, 7.8e-13, 2.49e6
gold = Metal(
    electron_conductivity=310.0,
    phonon_conductivity=phonon_heat * speed**2 * relaxation_time / 3.0,
    coupling=2.4e16,
)
electron_heat = 2.0e4  # 67 J/m^3 K^2 times 300 K
fluence, width = 1.0, 0.05e-12  # what is absorbed [J/m^2], standard deviation of the pulse [s]

# %% [markdown]
# ## Bodies
# The phonons are those of a case with two crystals. The laser side reflects them; the far side of
# the silicon stays at 300 K.

# %%
case = parse_case(
    f"""
    temperature = 300.0
    [materials.gold]
    kind = "gray"
    speed = {speed}
    relaxation_time = {relaxation_time}
    heat_capacity = {phonon_heat}
    directions = {{ family = "line", polar = 12 }}
    [materials.silicon]
    kind = "bands"
    table = "Si-bands"
    directions = {{ family = "line", polar = 12 }}
    [regions]
    film = "gold"
    substrate = "silicon"
    [interfaces."gold|silicon"]
    kind = "dmm"
    elastic = false
    [mesh]
    file = "laser_film.msh"
    [mesh.builder]
    shape = "layers"
    regions = ["film", "substrate"]
    thicknesses = [{thickness}, {substrate}]
    size = 20e-9
    size_at_interface = 1e-9
    [walls.left]
    kind = "specular"
    [walls.right]
    kind = "isothermal"
    temperature = 300.0
    """,
    folder=folder,
)
problem = build_problem(case, comm)
system, kernels = problem.system, problem.leading
film, silicon = (body.mesh for body in system.bodies)
lit = np.abs(film.points.reshape(-1)[film.boundary_dofs[:, 0]]) < 1e-12  # the face x = 0


def electrons_with(flux: float) -> Electrons:
    """Return the electrons of the film, a flux entering them at the lit face [W/m^2]."""
    return Electrons(
        conductivity=float(gold.electron_conductivity),
        coupling=float(gold.coupling),
        heat_source=np.zeros(film.num_dofs),
        face_heat=np.where(lit, flux, 0.0),
        heat_capacity=electron_heat,
    )


# %% [markdown]
# ## Steady heating by 1 GW/m^2

# %%
flux = 1e9
steady = solve_two_temperatures(system, kernels, electrons_with(flux))
assert steady.report.converged
assert abs(steady.exchanged / flux - 1.0) < 1e-8  # all heat passes from electrons to phonons
beside = int(film.points.reshape(-1).argmax())
apart = float(steady.electrons[beside] - steady.phonons[beside])
# With electrons that take them up, phonons conduct a little less: Gamma + G/C.
slower = 1.0 + float(gold.coupling) / phonon_heat * relaxation_time
metal = Metal(
    electron_conductivity=gold.electron_conductivity,
    phonon_conductivity=gold.phonon_conductivity / slower,
    coupling=gold.coupling,
)
expected = float(film_differences(metal, thickness)[0]) * flux
assert abs(apart / expected - 1.0) < 0.05, (apart, expected)

warmth = []  # of the phonons in both bodies
for number, body in enumerate(system.bodies):
    energy = np.zeros(body.mesh.num_dofs)
    for block in steady.state.streamed_blocks():
        if block.body == number:
            energy += body.heat_capacities[block.modes] @ block.theta
    warmth.append(body.mode_partition.sum_over_ranks(energy) / body.modes.heat_capacity)

# %% [markdown]
# ## A pulse of 1 J/m^2
# Steps that grow with time. The energy that is left is what electrons and phonons hold.

# %%
lengths = (0.025e-12, 0.25e-12, 1e-12, 10e-12, 40e-12)
sizes = np.repeat(lengths, (24, 12, 12, 12, 12))


def pulse(time: float) -> float:
    """Return the power of the pulse relative to its peak [-]."""
    return float(np.exp(-0.5 * ((time - 4.0 * width) / width) ** 2))


peak = fluence / (np.sqrt(2.0 * np.pi) * width)
times, hot, warm, held = [0.0], [0.0], [0.0], [0.0]
for moment in follow_pulse(system, kernels, electrons_with(peak), pulse, sizes.tolist()):
    times.append(moment.time)
    hot.append(float(moment.electrons @ film.dof_weights) / thickness)
    warm.append(float(moment.phonons @ film.dof_weights) / thickness)
    stored = electron_heat * float(moment.electrons @ film.dof_weights)
    for body, field in zip(system.bodies, moment.fields, strict=True):
        stored += body.total(body.heat_capacities @ (field @ body.mesh.dof_weights))
    held.append(stored)
deposited = max(held)
assert abs(deposited / fluence - 1.0) < 1e-3  # two steps in a standard deviation
after = int(np.argmax(np.array(times) > 1e-12))
# Until the heat reaches the far side nothing is lost.
assert abs(held[after] / deposited - 1.0) < 1e-6
assert max(hot) > 20 * max(warm)  # electrons hold 1/120 of the heat capacity
assert abs(hot[-1] / warm[-1] - 1.0) < 0.2  # the two have become one temperature

# %%
if comm.rank == 0:
    with style():
        figure = new_figure(9.0, 3.4)
        left, right = figure.subplots(1, 2)
        x = [mesh.points.reshape(-1) * 1e9 for mesh in (film, silicon)]
        places = [np.argsort(values, kind="stable") for values in x]
        left.plot(x[0][places[0]], steady.electrons[places[0]], color=STEADY_COLOUR)
        for values, rise, where in zip(x, warmth, places, strict=True):
            left.plot(values[where], rise[where], color=BLUE)
        left.axvline(thickness * 1e9, color=GREY, linewidth=0.8)
        left.set(
            xlim=(0.0, 400.0),
            ylim=(0.0, None),
            xlabel="Position (nm)",
            ylabel="Temperature rise (K)",
        )
        left.set_title(
            f"steady, {flux * 1e-9:g} GW m$^{{-2}}$; $l$ = "
            f"{float(coupling_length(gold)) * 1e9:.0f} nm",
            fontsize=9,
        )
        picoseconds = np.array(times[1:]) * 1e12
        right.loglog(picoseconds, hot[1:], color=STEADY_COLOUR, label="electrons")
        right.loglog(picoseconds, warm[1:], color=BLUE, label="phonons of the metal")
        right.set(xlabel="Time (ps)", ylabel="Mean temperature rise of the film (K)")
        right.legend(labelcolor=INK)
        figure.savefig(folder / "laser_film.png")
