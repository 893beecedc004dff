"""Implicit steps through time: laws, known answers, and what they have to do with steady states."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.mode_partition import partition_modes
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.perfect import PerfectInterface
from pbte.materials.kernel import rta_kernel, truncated_kernel
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import line_rule
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.reference.closed_forms.grating import gray_grating
from pbte.transport.body import make_body, with_self_scattering
from pbte.transport.boundary import make_surface, wall_side, wall_surface
from pbte.transport.sources import gaussian, project, wall_inflow
from pbte.transport.steady.steady import solve_steady
from pbte.transport.step_control import StepControl
from pbte.transport.transient import WEIGHTS, TimeStepper, march
from pbte.verification.validation._interval import interval

WAVE = 2.0 * np.pi  # of a period of length 1


def gray(knudsen, polar=16):
    """Return a crystal of speed 1 whose mean free path is the Knudsen number."""
    return gray_crystal(
        speed=1.0, relaxation_time=knudsen, heat_capacity=4.0, quadrature=line_rule(polar)
    ).kernel


def ring(domain, kernel, comm):
    """Return an interval whose ends are joined."""
    mesh, modes = sweep_mesh_of(domain), kernel.modes
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    model = PerfectInterface()
    surface = make_surface(
        "left-right",
        [wall_side(mesh, domain.walls[name], mode_partition) for name in ("left", "right")],
        mesh.boundary_normals[mesh.boundary_walls == domain.walls["left"]],
        lambda normal: model.flux_matrix(modes, modes, normal),
    )
    nothing = np.zeros(mesh.num_dofs), np.zeros(mesh.boundary_dofs.size)
    return make_body(mesh, kernel, *nothing, mode_partition=mode_partition, surfaces=(surface,))


def all_modes_at(problem, temperature):
    """Return the field in which every mode has the same temperature."""
    return np.tile(temperature, (problem.mode_partition.num_modes, 1))


def amplitude_of(problem, wave):
    """Return a measure of the amplitude of a wave in the temperature."""

    def measure(blocks, time):
        total = np.zeros(problem.mesh.num_dofs)
        for block in blocks:
            total += problem.heat_capacities[block.modes] @ block.theta
        temperature = problem.mode_partition.sum_over_ranks(total) / problem.modes.heat_capacity
        weights = problem.mesh.dof_weights * wave
        return float(temperature @ weights / (wave @ weights))

    return measure


def nothing(blocks, time):
    """Measure nothing."""


def grating(comm, *, stops, control, knudsen=1.0 / WAVE, cells=40, polar=32):
    """Return the amplitudes of a decaying grating at some times, and the steps."""
    domain = interval(np.linspace(0.0, 1.0, cells + 1))
    problem = ring(domain, gray(knudsen, polar), comm)
    wave = project(problem.mesh, lambda points: np.cos(WAVE * points[:, 0]))
    kernel, start = gray(knudsen, polar), all_modes_at(problem, wave)
    stepper = TimeStepper(lambda time: problem, (kernel,), (start,))
    measure = amplitude_of(problem, wave)
    steps = list(march(stepper, np.asarray(stops) * knudsen, control, measure))
    ends = {step.start + step.size: step.measured[1] for step in steps if step.accepted}
    return np.array([ends[min(ends, key=lambda e: abs(e - s * knudsen))] for s in stops]), steps


@pytest.mark.parametrize("tolerance", [None, 2e-4])
def test_a_gray_grating_decays_as_the_closed_form_says(comm, tolerance):
    """The values of the literature at 2 pi Kn = 1, to 0.1 %; cosines and cells cost 1e-5."""
    knudsen, stops = 1.0 / WAVE, np.array([1.0, 2.5, 5.0, 10.0])
    control = StepControl(
        size=knudsen / (12.0 if tolerance is None else 100.0), tolerance=tolerance
    )
    found, steps = grating(comm, stops=stops, control=control)
    np.testing.assert_allclose(
        gray_grating(stops, 1.0), [0.88250, 0.57219, 0.23620, 0.039405], rtol=2e-5
    )
    np.testing.assert_allclose(found, gray_grating(stops, 1.0), rtol=1e-3)
    assert all(report.converged for step in steps for report in step.reports)
    if tolerance is not None:
        assert max(step.error for step in steps if step.accepted) <= tolerance


def test_the_error_falls_with_the_square_of_the_step(comm):
    """Of the amplitude after 2.5 relaxation times, against steps sixteen times as short."""
    found = []
    for steps in (5, 10, 20, 160):
        control = StepControl(size=2.5 / WAVE / steps)
        amplitudes, _ = grating(comm, stops=[2.5], control=control, cells=12, polar=12)
        found.append(amplitudes[0])
    errors = np.abs(np.array(found[:3]) - found[3])
    ratios = errors[:2] / errors[1:]
    assert ((ratios > 3.3) & (ratios < 4.7)).all()


def test_the_error_falls_with_the_tolerance(comm):
    found, counts = [], []
    for tolerance in (3e-2, 3e-3, 3e-5):
        control = StepControl(size=0.02, tolerance=tolerance)
        amplitudes, steps = grating(comm, stops=[2.5], control=control, cells=12, polar=12)
        found.append(amplitudes[0])
        counts.append(len(steps))
    errors = np.abs(np.array(found[:2]) - found[2])
    assert errors[0] < 3e-2
    assert errors[1] < 0.3 * errors[0]
    assert counts[1] < 4.5 * counts[0]  # 10^(1/2) times as many steps


def heated_film(body, kernel, comm, *, thickness=100e-9, cells=6):
    """Return a film with heat inside, a warm black wall and a rough adiabatic one."""
    domain = body("film", thickness=thickness, size=thickness / cells)
    mesh, modes = sweep_mesh_of(domain), kernel.modes
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    rough = wall_surface("right", mesh, domain.walls["right"], modes, mode_partition, DiffuseWall())
    density = 1e16 * (1.0 + np.linspace(0.0, 1.0, mesh.num_dofs))
    inflow = wall_inflow(mesh, domain.walls, {"left": 0.7, "right": 0.0})
    problem = make_body(
        mesh, kernel, density, inflow, mode_partition=mode_partition, surfaces=(rough,)
    )
    edges = frequency_bins(modes.frequencies, 2)
    tally = FieldTally(system=problem, walls=domain.walls, frequency_edges=edges)

    def measure(blocks, time):
        for block in blocks:
            tally.accumulate(block)
        return tally.snapshot(problem.heat_power, scatters=False)

    return SimpleNamespace(problem=problem, measure=measure)


def crystal(silicon, scattering):
    """Return the kernel and its leading part."""
    if scattering == "full":
        return silicon.kernel, truncated_kernel(silicon.kernel, 30)
    kernel = rta_kernel(silicon.modes)
    return kernel, kernel


@pytest.mark.parametrize("scattering", ["full", "rta"])
def test_what_is_stored_is_what_went_in_less_what_went_out(body, silicon, comm, scattering):
    """To round-off in every step, although the stages are solved to 1e-3 only."""
    kernel, leading = crystal(silicon, scattering)
    film = heated_film(body, kernel, comm)
    start = all_modes_at(film.problem, np.linspace(1.0, 0.0, film.problem.mesh.num_dofs))
    stepper = TimeStepper(lambda time: film.problem, (leading,), (start,), tolerance=1e-3)
    before = stepper.energy
    for step in march(stepper, np.array([1e-12, 2e-11]), StepControl(size=6e-12), film.measure):
        powers = [m.balance.deposited - sum(m.balance.absorbed.values()) for m in step.measured]
        gained = step.size * float(np.dot(WEIGHTS, powers))
        assert stepper.energy - before == pytest.approx(gained, rel=1e-9, abs=1e-11 * abs(before))
        before = stepper.energy


@pytest.mark.parametrize("scattering", ["full", "rta"])
def test_a_transient_ends_in_the_steady_state(body, silicon, comm, scattering):
    kernel, leading = crystal(silicon, scattering)
    film = heated_film(body, kernel, comm)
    steady = solve_steady(film.problem, leading, tolerance=1e-10)
    expected = film.measure(steady.streamed_blocks(), 0.0)
    stepper = TimeStepper(lambda time: film.problem, (leading,), (film.problem.new_field(),))
    control = StepControl(size=1e-13, tolerance=0.1)
    *_, step = march(stepper, np.array([1e-6]), control, film.measure)
    scale = np.abs(expected.temperature).max()
    difference = np.abs(step.measured[1].temperature - expected.temperature).max()
    assert difference < 1e-7 * scale
    absorbed, wanted = step.measured[1].balance.absorbed, expected.balance.absorbed
    assert absorbed["left"] == pytest.approx(wanted["left"], rel=1e-6)


def test_a_closed_body_of_one_temperature_stays_so(body, silicon, comm):
    kernel, leading = crystal(silicon, "full")
    film = heated_film(body, kernel, comm)
    mesh, modes = film.problem.mesh, kernel.modes
    tags = np.unique(mesh.boundary_walls)
    walls = tuple(
        wall_surface(str(tag), mesh, tag, modes, film.problem.mode_partition, DiffuseWall())
        for tag in tags
    )
    closed = replace(
        film.problem,
        surfaces=walls,
        heat_sources=np.zeros_like(film.problem.heat_sources),
        inflow=np.zeros_like(film.problem.inflow),
    )
    start = all_modes_at(closed, np.full(mesh.num_dofs, 2.5))
    stepper = TimeStepper(lambda time: closed, (leading,), (start,))
    before = stepper.energy
    list(march(stepper, np.array([2e-11]), StepControl(size=1e-11), nothing))
    # As good as the stages are solved; the energy to round-off.
    assert np.abs(stepper.fields[0] - 2.5).max() < 1e-8
    assert stepper.energy == pytest.approx(before, rel=1e-13)


@pytest.mark.parametrize("scattering", ["full", "rta"])
def test_the_integral_over_time_is_the_steady_state_of_the_population_as_source(
    body, silicon, comm, order_fields, scattering
):
    """Equally of all scattering orders: figure 2b sums what a Gaussian population goes through.

    h sum_i b_i U_i of all steps is exact for any step, because u_0 - u_end = A h sum_i b_i U_i with
    the operator A of the steady state; the steps here are far too long to follow the decay.
    """
    kernel, leading = crystal(silicon, scattering)
    problem, seconds = pulsed_film(body, kernel, comm), 1e-12
    dark = replace(problem, heat_sources=np.zeros_like(problem.heat_sources))
    start = seconds * problem.source()
    stepper = TimeStepper(lambda time: dark, (leading,), (start,), tolerance=1e-11)
    heat = problem.heat_capacities
    weights = np.stack([heat, heat * problem.velocities[:, 0]])

    def moments(blocks, time):
        found = np.zeros((2, problem.mesh.num_dofs))
        for block in blocks:
            found += weights[:, block.modes] @ block.theta
        return problem.mode_partition.sum_over_ranks(found)

    integral = 0.0
    for step in march(stepper, np.array([1e-11, 1e-10, 2e-9]), StepControl(size=2e-10), moments):
        integral += step.size * np.tensordot(WEIGHTS, step.measured, axes=1)
    steady = solve_steady(problem, leading, tolerance=1e-11)
    expected = seconds * moments(steady.streamed_blocks(), 0.0)
    for found, wanted in zip(integral, expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0.0, atol=1e-7 * np.abs(wanted).max())
    summed, left = np.zeros_like(integral), []
    for order in order_fields(with_self_scattering(problem, 0.2), 120):
        summed += seconds * problem.mode_partition.sum_over_ranks(weights @ order.theta)
        left.append(np.abs(summed[0] - integral[0]).max() / integral[0].max())
    assert left[120] < 2e-3
    assert left[120] < 0.2 * left[60] < 0.2 * left[0]


def pulsed_film(body, kernel, comm):
    """Return a film of 30 nm between black walls, heated in its middle."""
    domain = body("film", thickness=30e-9, size=5e-9)
    mesh, modes = sweep_mesh_of(domain), kernel.modes
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    profile = 1e17 * project(mesh, gaussian(np.array([15e-9]), 6e-9))
    return make_body(
        mesh, kernel, profile, np.zeros(mesh.boundary_dofs.size), mode_partition=mode_partition
    )


def test_populations_fly_with_their_group_velocity(comm):
    """Without scattering each mode keeps its shape: its centre moves by v t, its width stays."""
    kernel = gray(1e9, polar=12)
    domain = interval(np.linspace(0.0, 1.0, 61))
    mesh, modes = sweep_mesh_of(domain), kernel.modes
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    problem = make_body(
        mesh,
        kernel,
        np.zeros(mesh.num_dofs),
        np.zeros(mesh.boundary_dofs.size),
        mode_partition=mode_partition,
    )
    shape = project(mesh, gaussian(np.array([0.5]), 0.05))
    stepper = TimeStepper(lambda time: problem, (kernel,), (all_modes_at(problem, shape),))
    list(march(stepper, np.array([0.2]), StepControl(size=0.005), nothing))
    place = mesh.points.reshape(-1) * mesh.dof_weights
    square = np.square(mesh.points.reshape(-1)) * mesh.dof_weights
    mass = stepper.fields[0] @ mesh.dof_weights
    centre = stepper.fields[0] @ place / mass
    width = np.sqrt(stepper.fields[0] @ square / mass - centre**2)
    np.testing.assert_allclose(centre, 0.5 + 0.2 * problem.velocities[:, 0], atol=1e-3)
    np.testing.assert_allclose(width, 0.05, rtol=0.03)


def test_a_refused_step_leaves_no_trace(body, silicon, comm):
    kernel, leading = crystal(silicon, "rta")
    film = heated_film(body, kernel, comm)
    start = all_modes_at(film.problem, np.linspace(1.0, 0.0, film.problem.mesh.num_dofs))
    stepper = TimeStepper(lambda time: film.problem, (leading,), (start.copy(),))
    tried = stepper.attempt(1e-9, nothing)
    assert not tried.accepted
    assert stepper.time == 0.0
    np.testing.assert_array_equal(stepper.fields[0], start)
    control = StepControl(size=1e-9, tolerance=1e-3)
    steps = list(march(stepper, np.array([1e-11]), control, nothing))
    assert not steps[0].accepted
    assert steps[0].error > 1e-3
    assert stepper.time == 1e-11
    times = [step.start for step in steps if step.accepted]
    np.testing.assert_allclose(np.diff(times), [s.size for s in steps if s.accepted][:-1])


def test_a_march_may_be_taken_up_from_its_state(body, silicon, comm):
    kernel, leading = crystal(silicon, "full")
    film = heated_film(body, kernel, comm)
    stops, size = np.array([1e-11, 3e-11]), 4e-12

    def stepper(fields, time):
        return TimeStepper(lambda t: film.problem, (leading,), fields, time=time, tolerance=1e-12)

    through = stepper((film.problem.new_field(),), 0.0)
    sizes = [step.size for step in march(through, stops, StepControl(size=size), nothing)]
    first = stepper((film.problem.new_field(),), 0.0)
    for number, _ in enumerate(march(first, stops, StepControl(size=size), nothing)):
        if number == 4:
            break
    then = stepper(first.fields, first.time)
    rest = [step.size for step in march(then, stops, StepControl(size=size), nothing)]
    np.testing.assert_allclose(sizes[5:], rest, rtol=1e-9)
    largest = np.abs(through.fields[0]).max()
    np.testing.assert_allclose(then.fields[0], through.fields[0], rtol=0.0, atol=1e-10 * largest)


def test_ranks_that_share_the_modes_agree_with_one(body, silicon, comm):
    kernel, leading = crystal(silicon, "full")
    found = []
    for ranks in (MPI.COMM_SELF, comm):
        film = heated_film(body, kernel, ranks)
        stepper = TimeStepper(
            lambda time, film=film: film.problem, (leading,), (film.problem.new_field(),)
        )
        control = StepControl(size=5e-12, tolerance=1e-2)
        *_, step = march(stepper, np.array([2e-11]), control, film.measure)
        found.append((step.measured[1].temperature, stepper.energy, step.error))
    scale = np.abs(found[0][0]).max()
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=0.0, atol=1e-8 * scale)
    assert found[1][1] == pytest.approx(found[0][1], rel=1e-9)
    assert found[1][2] == pytest.approx(found[0][2], rel=1e-5)
