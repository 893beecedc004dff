# %% [markdown]
# # A hot spot in a silicon sphere: time against scattering orders
# At $t = 0$ all phonons of a silicon sphere of 50 nm have a Gaussian of temperature around its
# centre; the surface absorbs. How does it fade, and what do the scattering orders say about it?
#
# The orders count events, not seconds. The two meet in the integral over time: with the population
# as source of the steady equation,
#
# $$ \int_0^\infty \theta(t)\,dt = (L - M)^{-1} \theta(0) = \sum_m \theta^{(m)}, $$
#
# so the orders are the time that phonons spend between one event and the next. Expected: the
# integral of the transient and the sum of the orders agree everywhere, and most of the spot has
# left after some ten picoseconds, the time of flight to the surface (compare figure 2b of
# Varnavides, Jermyn, Anikeeva & Narang, Phys. Rev. B 100, 115402 (2019)).
#
# About a minute on two cores: `mpirun -n 2 python demos/population.py results/population`

# %%
import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI

from pbte.case.case import parse_case
from pbte.core.types import Array
from pbte.observables.profiles import radial_profile
from pbte.output.plots.style import (
    INK,
    STEADY_COLOUR,
    OrderColours,
    new_figure,
    style,
    time_colours,
)
from pbte.simulation.bodies import geometry_of
from pbte.simulation.problem import build_problem
from pbte.transport.body import with_past, with_self_scattering
from pbte.transport.orders import scattering_orders
from pbte.transport.sources import gaussian, project
from pbte.transport.step_control import StepControl
from pbte.transport.system import StreamedBlock
from pbte.transport.transient import WEIGHTS, TimeStepper, march

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/population")
comm = MPI.COMM_WORLD
if comm.rank == 0:
    folder.mkdir(parents=True, exist_ok=True)
comm.barrier()

# %% Parameters (SI)
diameter, width = 50e-9, 8e-9
case = parse_case(
    f"""
    temperature = 300.0
    [material]
    file = "Si-5"
    [mesh]
    file = "population.msh"
    [mesh.builder]
    shape = "nanoparticle"
    diameter = {diameter}
    size = 10e-9
    [walls.surface]
    kind = "isothermal"
    temperature = 300.0
    """,
    folder=folder,
)
problem = build_problem(case, comm)
body, leading = problem.body, problem.leading
mesh, capacity = body.mesh, body.modes.heat_capacity
spot = project(mesh, gaussian(np.zeros(3), width))
population = np.tile(spot, (body.mode_partition.num_modes, 1))


class Thermometer:
    """Adds up the temperature of the body over the modes."""

    def __init__(self) -> None:
        self.sum = np.zeros(mesh.num_dofs)

    def accumulate(self, block: StreamedBlock) -> None:
        """Add some modes."""
        heat = body.heat_capacities[block.modes] / body.modes.heat_capacity
        self.sum += heat @ block.theta

    def read(self) -> Array:
        """Return what was added up on all ranks, and begin anew [K]."""
        whole, self.sum = body.mode_partition.sum_over_ranks(self.sum), np.zeros(mesh.num_dofs)
        return whole


# %% [markdown]
# ## In time
# Adaptive steps of second order. With the weights of the stages the integral over a step is that
# of the equation, whatever the size of the step.

# %%
stops = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 200.0, 1000.0]) * 1e-12
fields = (population.copy(),)
stepper = TimeStepper(lambda time: body, leading, fields, tolerance=1e-7)
thermometer = Thermometer()


def measure(blocks, time: float) -> Array:
    """Return the temperature of the body in a stage [K]."""
    for block in blocks:
        thermometer.accumulate(block)
    return thermometer.read()


times, energies, shown = [0.0], [stepper.energy], [spot]
integral = np.zeros(mesh.num_dofs)
for step in march(stepper, stops, StepControl(size=1e-13, tolerance=3e-3), measure):
    if step.accepted:
        for weight, stage in zip(WEIGHTS, step.measured, strict=True):
            integral += step.size * weight * stage
        times.append(stepper.time)
        energies.append(stepper.energy)
        if stepper.time in stops[:7]:
            shown.append(step.measured[1])
held = np.array(energies) / energies[0]
assert abs(held[-1]) < 1e-5
assert np.all(np.diff(held)[held[1:] > 1e-4] < 0.0)  # the body only loses energy

# %% [markdown]
# ## In events
# The same population as the source of order 0. Fictitious self-scattering lets the orders fade.

# %%
slowed = with_self_scattering(with_past(body, 0.0, population), 0.2)
orders = []
for _ in scattering_orders(slowed, 150, thermometer):
    orders.append(thermometer.read())
together = np.sum(orders, axis=0)
distance = float(np.abs(together - integral).max() / np.abs(integral).max())
assert distance < 5e-3, distance  # what is left in time, and beyond order 150

# %%
if comm.rank == 0:
    geometry = geometry_of(problem.bodies)

    def profile(values: Array) -> tuple[Array, Array]:
        """Return radii [nm] and means over shells."""
        found = radial_profile(geometry, values.reshape(-1, 4), centre=np.zeros(3))
        return found.positions * 1e9, found.values

    with style():
        figure = new_figure(11.0, 3.4)
        first, second, third = figure.subplots(1, 3)
        colours = time_colours(figure, first, np.array([0.0, *stops[:7]]))
        for values, colour in zip(shown, colours, strict=True):
            first.plot(*profile(values), color=colour)
        first.set(xlabel="Radius (nm)", ylabel="Temperature rise (K)")
        second.loglog(np.array(times[1:]) * 1e12, np.abs(held[1:]), color=INK)
        second.set(xlabel="Time (ps)", ylabel="Share of the energy left", ylim=(1e-4, 2.0))
        sums = np.cumsum(orders, axis=0)
        kept = OrderColours(16, 0.2)
        for number in range(16):
            third.plot(
                *(v * f for v, f in zip(profile(sums[number]), (1.0, 1e12), strict=True)),
                color=kept[number],
            )
        radii, values = profile(integral)
        third.plot(radii, values * 1e12, color=STEADY_COLOUR, label="integral over time")
        third.set(xlabel="Radius (nm)", ylabel="Sum of orders (K ps)")
        third.legend()
        kept.add_bar(figure, [third])
        figure.savefig(folder / "population.png")
