"""A metal with two temperatures: closed forms of the diffusive limit, conservation, time."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.core.mode_partition import partition_modes
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.perfect import PerfectInterface
from pbte.interfaces.specular import SpecularWall
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import line_rule
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.reference.kapitza.two_temperature import (
    Metal,
    coupling_length,
    electron_phonon_resistance,
    film_profile,
)
from pbte.transport.body import make_body
from pbte.transport.boundary import wall_surface
from pbte.transport.electrons.electrons import Electrons
from pbte.transport.electrons.steady import solve_two_temperatures
from pbte.transport.electrons.time_stepping import TwoTemperatureStepper
from pbte.transport.sources import wall_inflow
from pbte.transport.transient import NODES, WEIGHTS
from pbte.verification.validation._interval import interval
from pbte.verification.validation._pair import Pair, fields_of, kernels_of, pair_state, pair_system


def metal_film(comm, ratio, lengths, *, cells=60, more=20.0):
    """A film of some coupling lengths in units of mean free path, time and heat capacity.

    A mirror on the left, where heat enters the electrons, a black wall on the right. `ratio` is
    the rate of the coupling over that of scattering.
    """
    phonon = 1.0 / (3.0 * (1.0 + ratio))
    metal = Metal(electron_conductivity=more * phonon, phonon_conductivity=phonon, coupling=ratio)
    depth = lengths * float(coupling_length(metal))
    crystal = gray_crystal(
        speed=1.0, relaxation_time=1.0, heat_capacity=1.0, quadrature=line_rule(12)
    )
    modes = crystal.modes
    domain = interval(np.linspace(-depth, 0.0, cells + 1))
    mesh = sweep_mesh_of(domain)
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    mirror = wall_surface("left", mesh, domain.walls["left"], modes, mode_partition, SpecularWall())
    cold = wall_inflow(mesh, domain.walls, {"left": 0.0, "right": 0.0})
    heated = mesh.boundary_walls == domain.walls["left"]
    return SimpleNamespace(
        domain=domain,
        mesh=mesh,
        metal=metal,
        depth=depth,
        x=mesh.points.reshape(-1),
        kernel=crystal.kernel,
        problem=make_body(
            mesh,
            crystal.kernel,
            np.zeros(mesh.num_dofs),
            cold,
            mode_partition=mode_partition,
            surfaces=(mirror,),
        ),
        electrons=Electrons(
            conductivity=more * phonon,
            coupling=ratio,
            heat_source=np.zeros(mesh.num_dofs),
            face_heat=heated.astype(float),
            heat_capacity=0.1,
        ),
    )


def follow_pulse(problem, kernels, electrons, pulse, steps):
    """Yield the state and both stages after each step."""
    stepper = TwoTemperatureStepper(lambda _: problem, kernels, electrons, pulse)
    for size in steps:
        step = stepper.accept(stepper.attempt(size, lambda stage, _: stage))
        yield SimpleNamespace(
            time=stepper.time,
            electrons=stepper.temperature,
            phonons=step.measured[1].phonons,
            fields=stepper.fields,
            stages=step.measured,
            error=step.error,
        )


def observed(film, state):
    edges = frequency_bins(film.problem.modes.frequencies, 1)
    tally = FieldTally(system=film.problem, walls=film.domain.walls, frequency_edges=edges)
    for block in state.streamed_blocks():
        tally.accumulate(block)
    return tally.snapshot(0.0, scatters=False)


@pytest.mark.parametrize("lengths", [0.5, 5.0])
def test_a_diffusive_film_has_the_profile_of_the_two_heat_equations(comm, lengths):
    """D5 with phonons of 56 mean free paths per coupling length: to 2e-3."""
    film = metal_film(comm, 1e-4, lengths)
    found = solve_two_temperatures(film.problem, [film.kernel], film.electrons)
    assert found.report.converged
    assert found.report.iterations <= 8
    base = found.phonons[np.argmax(film.x)]
    exact = film_profile(film.x, film.metal, 1.0, 300.0, film.depth)
    largest = np.max(exact.electrons - 300.0)
    for ours, theirs in ((found.electrons, exact.electrons), (found.phonons, exact.phonons)):
        np.testing.assert_allclose(ours - base, theirs - 300.0, atol=2e-3 * largest)


def test_the_profile_approaches_that_of_the_heat_equations_with_the_mean_free_path(comm):
    """T_e - T_p at the interface: the error falls with the mean free path per coupling length."""
    errors = []
    for ratio in (1e-2, 1e-3, 1e-4):
        film = metal_film(comm, ratio, 5.0)
        found = solve_two_temperatures(film.problem, [film.kernel], film.electrons)
        known = float(electron_phonon_resistance(film.metal, film.depth, definition="electron"))
        at = np.argmax(film.x)
        errors.append(abs(found.electrons[at] - found.phonons[at] - known) / known)
    assert errors[0] < 0.02
    assert errors[1] < errors[0] / 3.0
    assert errors[2] < errors[1] / 3.0


def test_a_thick_metal_resists_like_another_interface(comm):
    """R_ep = (k_e/(k_e + k_p))^(3/2)/sqrt(G k_p): the straight mean temperature, drawn on to 0."""
    film = metal_film(comm, 1e-4, 12.0, cells=120)
    found = solve_two_temperatures(film.problem, [film.kernel], film.electrons)
    k_e, k_p, _ = (float(number) for number in film.metal.numbers)
    mean = (k_e * found.electrons + k_p * found.phonons) / (k_e + k_p)
    inside = (film.x > -0.6 * film.depth) & (film.x < -0.3 * film.depth)
    slope, at_zero = np.polyfit(film.x[inside], mean[inside], 1)
    assert slope == pytest.approx(-1.0 / (k_e + k_p), rel=1e-3)
    resistance = at_zero - found.phonons[np.argmax(film.x)]
    assert resistance == pytest.approx(float(electron_phonon_resistance(film.metal)), rel=5e-3)


def test_energy_is_balanced(comm):
    """What enters the electrons passes to the phonons and leaves through the wall, to 1e-9."""
    film = metal_film(comm, 1e-2, 3.0)
    found = solve_two_temperatures(film.problem, [film.kernel], film.electrons, tolerance=1e-10)
    assert found.exchanged == pytest.approx(1.0, rel=1e-10)
    absorbed = observed(film, found.state).balance.absorbed
    assert absorbed["right"] == pytest.approx(1.0, rel=1e-9)
    assert absorbed["left"] == pytest.approx(0.0, abs=1e-12)


def metal_on_substrate(comm, ratio, lengths, model, *, cells=60):
    """The same film on a crystal of the same phonons without electrons, black at its far end."""
    film = metal_film(comm, ratio, lengths, cells=cells)
    crystal = gray_crystal(
        speed=1.0, relaxation_time=1.0, heat_capacity=1.0, quadrature=line_rule(12)
    )
    edges = np.linspace(-film.depth, 0.0, cells + 1), np.linspace(0.0, 100.0, 41)
    pair = Pair(edges=edges, crystals=(crystal, crystal), model=model, walls=(0.0, 0.0))
    system = pair_system(pair, comm)
    metal, substrate = system.bodies
    film.problem = replace(
        system, bodies=(replace(metal, surfaces=film.problem.surfaces), substrate)
    )
    film.kernels = kernels_of(pair)
    return film


def test_a_film_on_a_substrate_is_a_resistance_in_series(comm):
    """D5 above T_p at the interface; all of the heat goes through the substrate, q = k dT/L."""
    film = metal_on_substrate(comm, 1e-4, 2.0, PerfectInterface())
    found = solve_two_temperatures(film.problem, film.kernels, film.electrons, tolerance=1e-10)
    assert found.exchanged == pytest.approx(1.0, rel=1e-9)
    fields = fields_of(film.problem, found.state)
    state = pair_state(film.problem, fields)
    beyond = slice(state.num_left, None)
    np.testing.assert_allclose(state.flux[beyond].mean(axis=1), 1.0, rtol=1e-7)
    exact = film_profile(film.x, film.metal, 1.0, 300.0, film.depth)
    largest = np.max(exact.electrons - 300.0)
    np.testing.assert_allclose(
        found.electrons - state.joint[1], exact.electrons - 300.0, atol=3e-3 * largest
    )
    # 3 L = 300 across the substrate, and the slip of 0.71 mean free paths at its black end
    assert state.joint[1] == pytest.approx(300.0 + 3.0 * 0.7104, rel=2e-3)


def test_a_pulse_reaches_the_substrate(comm):
    """Through an interface too, electrons + phonons + what has left = what the pulse brought."""
    film = metal_on_substrate(comm, 1e-2, 1.0, DiffuseMismatch(bins=1), cells=12)
    metal, substrate = film.problem.bodies
    steps, heat = [20.0] * 6, film.electrons.heat_capacity
    for moment in follow_pulse(
        film.problem, film.kernels, film.electrons, lambda time: float(time <= 40.0), steps
    ):
        stored = metal.mesh.dof_weights @ (heat * moment.electrons + moment.phonons)
        crystal = substrate.mode_partition.sum_over_ranks(
            substrate.heat_capacities @ moment.fields[1]
        )
        stored += substrate.mesh.dof_weights @ crystal
    # nothing has arrived at the far end, 100 mean free paths away, after 120 mean free times
    assert stored == pytest.approx(40.0, rel=1e-4)
    assert substrate.mesh.dof_weights @ crystal > 10.0


def test_a_sink_of_the_electrons_takes_its_share(comm):
    """Electrons that leak into the right wall as well: both ways together carry everything."""
    film = metal_film(comm, 1e-2, 3.0)
    given = film.electrons
    sink = np.where(film.mesh.boundary_walls == film.domain.walls["right"], 0.05, 0.0)
    leaking = Electrons(
        conductivity=given.conductivity,
        coupling=given.coupling,
        heat_source=given.heat_source,
        face_heat=given.face_heat,
        sink=sink,
    )
    found = solve_two_temperatures(film.problem, [film.kernel], leaking, tolerance=1e-10)
    assert 0.1 < found.drained < 0.9
    assert found.drained + found.exchanged == pytest.approx(1.0, rel=1e-9)


def test_electrons_that_own_the_phonons_radiate_like_a_black_body(comm):
    """Coupling a hundred times as fast as scattering: C v T_e/4 leaves the metal, to 0.5 %."""
    film = metal_film(comm, 100.0, 40.0, more=1e4)
    found = solve_two_temperatures(film.problem, [film.kernel], film.electrons)
    assert found.report.converged
    assert found.report.iterations <= 8
    np.testing.assert_allclose(found.electrons, 4.0, rtol=5e-3)


def test_a_pulse_is_kept_in_time(comm):
    """Electrons + phonons + what has left = what the pulse brought, to 1e-7, in every step."""
    film = metal_film(comm, 1e-2, 1.0, cells=24)
    weights, heat = film.mesh.dof_weights, film.electrons.heat_capacity
    duration, brought, left = 40.0, 0.0, 0.0
    steps = [10.0] * 12

    def pulse(time):
        return 1.0 if time <= duration else 0.0

    start = 0.0
    for moment in follow_pulse(film.problem, [film.kernel], film.electrons, pulse, steps):
        length = moment.time - start
        for weight, node, stage in zip(WEIGHTS, NODES, moment.stages, strict=True):
            time = start + node * length
            brought += weight * length * pulse(time)
            left += weight * length * sum(observed(film, stage.state).balance.absorbed.values())
        stored = weights @ (heat * moment.electrons + moment.phonons)
        assert stored + left == pytest.approx(brought, rel=1e-7)
        start = moment.time
    assert 0.2 * brought < left < brought


def test_a_uniform_film_relaxes_to_one_temperature_at_the_rate_of_both(comm):
    """Between mirrors T_e - T_p decays with G (1/C_e + 1/C), and steps are of second order."""
    film = metal_film(comm, 1e-2, 1.0, cells=4)
    given, modes = film.electrons, film.kernel.modes
    walls = [
        wall_surface(
            name,
            film.mesh,
            film.domain.walls[name],
            modes,
            film.problem.mode_partition,
            SpecularWall(),
        )
        for name in ("left", "right")
    ]
    problem = make_body(
        film.mesh,
        film.kernel,
        np.zeros(film.mesh.num_dofs),
        np.zeros(film.mesh.boundary_dofs.size),
        mode_partition=film.problem.mode_partition,
        surfaces=walls,
    )
    even = Electrons(
        conductivity=given.conductivity,
        coupling=given.coupling,
        heat_source=np.ones(film.mesh.num_dofs),
        heat_capacity=0.1,
    )
    rate, end = 1e-2 * (1.0 / 0.1 + 1.0), 8.0
    # Heated evenly from rest: C_e T_e + C T_p = t, and the difference follows (1 - e^-rate t).
    difference = (1.0 - np.exp(-rate * end)) / (0.1 * rate)
    errors = []
    for number in (4, 8):
        *_, last = follow_pulse(
            problem, [film.kernel], even, lambda time: 1.0, [end / number] * number
        )
        total = 0.1 * last.electrons + last.phonons
        np.testing.assert_allclose(total, end, rtol=1e-7)
        errors.append(float(np.abs(last.electrons - last.phonons - difference).max()))
    assert errors[1] < errors[0] / 3.5
    assert errors[1] < 1e-3 * difference


def test_nonsense_is_refused(comm):
    film = metal_film(comm, 1e-2, 1.0, cells=4)
    zeros = np.zeros(film.mesh.num_dofs)
    with pytest.raises(InputError, match="conductivity = -1 W/m K; it must be positive"):
        Electrons(conductivity=-1.0, coupling=1.0, heat_source=zeros)
    with pytest.raises(InputError, match="coupling = 0 W/m\\^3 K; it must be positive"):
        Electrons(conductivity=1.0, coupling=0.0, heat_source=zeros)
    with pytest.raises(InputError, match="heat source has shape \\(3,\\), expected"):
        wrong = Electrons(conductivity=1.0, coupling=1.0, heat_source=np.zeros(3))
        solve_two_temperatures(film.problem, [film.kernel], wrong)
    with pytest.raises(InputError, match="heat capacity is missing"):
        cold = Electrons(conductivity=1.0, coupling=1.0, heat_source=zeros)
        next(follow_pulse(film.problem, [film.kernel], cold, lambda time: 1.0, [1.0]))
