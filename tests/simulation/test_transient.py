"""A transient from the case file to the result folder."""

from __future__ import annotations

import json
import logging
import os
import signal

import h5py
import numpy as np
import pytest
from cases import GRAY_FILM, WARMED, run_text
from rich.console import Console

from pbte.case.case import parse_case, resolved_toml
from pbte.core.errors import InputError
from pbte.materials.storage import read_material
from pbte.observables.transient import TransientResult
from pbte.output.folder import write_results
from pbte.output.hdf5.results import read_results
from pbte.output.summary.data import as_data
from pbte.output.summary.overview import summary
from pbte.reference.closed_forms.grating import gray_grating
from pbte.run import run_case
from pbte.simulation.checkpoints import CheckpointManager

RING = """
[walls.left]
kind = "periodic"
partner = "right"
"""


@pytest.fixture(scope="module")
def follow(folder):
    """Return a function that runs a case with some tables more and returns its results."""

    def run(*tables):
        return run_text(GRAY_FILM + "\n".join(tables), folder)

    return run


def stored(results, snapshot):
    """Return the energy that a temperature stands for [J/m^2]."""
    return 2e6 * float(results.geometry.volumes @ snapshot.temperature.mean(axis=1))


def test_a_wall_that_is_switched_on_for_a_while_warms_the_film(follow):
    results = follow(
        WARMED,
        "[steady]\nenabled = false",
        "[transient]\nend = 1e-9\ntolerance = 2e-2\ntimes = [1e-10, 4e-10]\n"
        'walls = { left = { kind = "window", start = 1e-10, end = 4e-10 } }',
    )
    transient = results.transient
    np.testing.assert_allclose(transient.times, [0.0, 1e-10, 4e-10, 1e-9], rtol=1e-15)
    assert {1e-10, 4e-10} <= set(transient.ends)
    cold, before, hot, after = (stored(results, s) for s in transient.snapshots)
    assert cold == before == 0.0
    assert 0.0 < after < 0.5 * hot
    # Nothing but the wall heats and cools; the energy account closes to round-off.
    through = transient.sizes * transient.absorbed["left"]
    assert -through[transient.ends <= 4e-10].sum() == pytest.approx(hot, rel=1e-6)
    assert np.abs(transient.imbalances).max() < 1e-13
    assert transient.unconverged == 0


def test_a_pulse_of_a_source_brings_its_energy(follow):
    """sqrt(2 pi) sigma times the power; the walls of a ring let nothing out."""
    results = follow(
        RING,
        "[source]\ncentre = [5e-8, 0, 0]\nsigma = 1.5e-8\npower = 1e9",
        "[steady]\nenabled = false",
        "[transient]\nend = 1e-10\nstep = 2e-12\n"
        'source = { kind = "pulse", centre = 5e-11, sigma = 5e-12 }',
    )
    transient = results.transient
    brought = 1e9 * np.sqrt(2.0 * np.pi) * 5e-12
    assert transient.energies[-1] == pytest.approx(brought, rel=1e-3)
    assert transient.energies[-1] == pytest.approx(float(transient.sizes @ transient.deposited))
    assert transient.energies[0] == 0.0


def test_a_body_cools_from_its_steady_state(follow):
    """Heat sources that made it are off; no step makes it warmer."""
    results = follow(
        WARMED.replace("301", "300"),
        '[source]\nkind = "uniform"\ndensity = 1e17',
        '[transient]\nend = 1e-9\ntolerance = 2e-2\nnum_times = 5\nspacing = "logarithmic"\n'
        'initial = { kind = "steady" }',
    )
    transient = results.transient
    np.testing.assert_allclose(
        transient.snapshots[0].temperature, results.steady.temperature, rtol=1e-6, atol=1e-12
    )
    assert (np.diff(transient.energies) < 0.0).all()
    assert transient.energies[-1] < 0.05 * transient.energies[0]
    np.testing.assert_allclose(transient.times[1:] / 1e-9, 10.0 ** np.linspace(-3, 0, 5))


def test_a_grating_of_a_case_decays(follow):
    """2 pi Kn = 2 pi v tau / L."""
    results = follow(
        RING,
        "[steady]\nenabled = false",
        "[transient]\nend = 1e-11\nstep = 2.5e-13\nnum_times = 2\n"
        'initial = { kind = "grating", amplitude = 0.5, period = 1e-7 }',
    )
    points = results.geometry.points[..., 0]
    wave = np.cos(2.0 * np.pi * points / 1e-7)
    amplitudes = [
        float((wave * s.temperature).sum() / np.square(wave).sum())
        for s in results.transient.snapshots
    ]
    assert amplitudes[0] == pytest.approx(0.5, rel=0.05)  # ten cells to the period
    expected = gray_grating(results.transient.times / 4e-12, 2.0 * np.pi * 0.2)
    np.testing.assert_allclose(np.array(amplitudes) / amplitudes[0], expected, rtol=0.01)


def test_the_integral_of_what_sources_gave_at_once_is_the_steady_state(follow):
    """Integrated over all times, for every second that the sources would have needed."""
    results = follow(
        WARMED.replace("301", "300"),
        "[source]\ncentre = [5e-8, 0, 0]\nsigma = 1.5e-8\npower = 1e9",
        "[transient]\nend = 1e-7\nstep = 1e-9\nsolver_tolerance = 1e-10\n"
        'initial = { kind = "source", duration = 1e-12 }',
    )
    integral = results.transient.integral
    for name in ("temperature", "heat_flux", "outgoing_current"):
        steady = getattr(results.steady, name)
        np.testing.assert_allclose(
            1e12 * getattr(integral, name), steady, rtol=0.0, atol=1e-6 * np.abs(steady).max()
        )
    assert integral.balance.absorbed["left"] == pytest.approx(1e-3, rel=1e-6)


def test_a_gaussian_of_some_modes_holds_the_energy_of_its_temperature(folder):
    text = GRAY_FILM.replace(
        'kind = "gray"\nrelaxation_time = 4e-12\nspeed = 5000.0\n', ""
    ).replace(
        'heat_capacity = 2e6\ndirections = { family = "line", polar = 16, axis = "x" }',
        'file = "Si-5"\nscattering = "rta"',
    )
    tables = (
        "[steady]\nenabled = false\n[transient]\nend = 1e-12\nstep = 1e-12\n"
        'initial = { kind = "gaussian", centre = [5e-8, 0, 0], sigma = 1e-8, peak = 2.0, '
        "modes = { branches = [3, 4] } }"
    )
    results = run_text(text + RING + tables, folder)
    capacity = read_material("Si-5").modes.heat_capacity
    whole = 2.0 * capacity * np.sqrt(2.0 * np.pi) * 1e-8
    assert results.transient.energies[0] == pytest.approx(whole, rel=1e-4)
    means = results.transient.snapshots[0].mode_temperatures[0]
    assert np.count_nonzero(means) == pytest.approx(means.size / 3, abs=10)


def test_a_transient_is_written_and_read_back(follow, folder, comm):
    results = follow(
        WARMED,
        "[steady]\nenabled = false",
        "[transient]\nend = 2e-11\nstep = 4e-12\nnum_times = 2",
    )
    if comm.rank > 0:
        return
    write_results(results, folder / "out")
    again = read_results(folder / "out")
    assert_same(again.transient, results.transient)
    with h5py.File(folder / "out" / "results.h5") as file:
        assert file["transient/times"].attrs["unit"] == "s"
        assert file["transient/snapshots/temperature"].shape[0] == 3
    index = (folder / "out" / "paraview" / "transient.pvd").read_text()
    assert [f'timestep="{t}"' in index for t in ("0", "10", "20")] == [True] * 3
    for name in ("transient_temperature", "transient_energy"):
        assert (folder / "out" / "plots" / f"{name}.png").stat().st_size > 10_000
    write_results(results, folder / "out")  # its own files may be replaced
    console = Console(width=200)
    with console.capture() as capture:
        console.print(summary(again))
    assert "Transient: 20 ps in 6 steps of 3.333 ps" in capture.get()
    data = json.loads(json.dumps(as_data(again)))
    assert data["transient"]["absorbed"]["left"][0] < 0.0
    case = parse_case(again.case)
    assert parse_case(resolved_toml(case)) == case


def assert_same(one: TransientResult, other: TransientResult) -> None:
    """Assert that all numbers agree to the last bit."""
    for name in ("times", "ends", "sizes", "errors", "energies", "deposited"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert (one.sweeps, one.refused, one.unconverged) == (
        other.sweeps,
        other.refused,
        other.unconverged,
    )
    for a, b in zip(
        (*one.snapshots, one.integral), (*other.snapshots, other.integral), strict=True
    ):
        np.testing.assert_array_equal(a.temperature, b.temperature)
        np.testing.assert_array_equal(a.heat_flux, b.heat_flux)
        assert a.balance == b.balance
    for wall, powers in one.absorbed.items():
        np.testing.assert_array_equal(powers, other.absorbed[wall])


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ("end = 1e-9", "neither step"),
        ("end = 1e-9\nstep = 1e-12\ntimes = [2e-9]", "comes after end"),
        ('end = 1e-9\nstep = 1e-12\nwalls = { right = { kind = "off" } }', "only an isothermal"),
        (
            'end = 1e-9\nstep = 1e-12\nsource = { kind = "window", start = 2e-9, end = 1e-9 }',
            "must come after start",
        ),
        ('end = 1e-9\nstep = 1e-12\ninitial = { kind = "steady" }', "steady.enabled = true"),
        ("end = 1e-9\nstep = -1.0", "must be greater than 0"),
        ("end = 1e-9\nstep = 1e-12\ntolerence = 1.0", "did you mean 'tolerance'"),
    ],
)
def test_what_makes_no_sense_is_refused(tables, message):
    with pytest.raises(InputError, match=message):
        parse_case(GRAY_FILM + WARMED + "[steady]\nenabled = false\n[transient]\n" + tables)


@pytest.mark.parametrize(
    ("initial", "message"),
    [
        ('{ kind = "source", duration = 1e-12 }', "has no heat source"),
        ('{ kind = "grating", amplitude = 1.0, period = 1e-7, axis = "z" }', "1 dimension"),
    ],
)
def test_an_initial_state_that_does_not_fit_is_refused(follow, initial, message):
    with pytest.raises(InputError, match=message):
        follow(
            WARMED,
            "[steady]\nenabled = false",
            f"[transient]\nend = 1e-11\nstep = 1e-12\ninitial = {initial}",
        )


class Stopper(CheckpointManager):
    """Keeps a checkpoint after some steps, and then stops as a signal would."""

    def __init__(self, folder, *, after=0):
        super().__init__(folder)
        self.left = after

    def checkpoint_due(self):
        self.left -= self.finished("orders") is not None
        return self.left == 0

    def write(self, *arguments):
        super().write(*arguments)
        raise KeyboardInterrupt


@pytest.mark.parametrize("steps", ["step = 3e-12", "tolerance = 3e-2"])
def test_a_resumed_run_gives_the_numbers_of_one_that_was_not_stopped(folder, comm, steps):
    """To what is left of the tolerance of the stages; a checkpoint of another case is refused."""
    tables = (
        WARMED + "[steady]\nenabled = false\n[transient]\nend = 4e-11\ntimes = [1e-11, 3e-11]\n"
        f"solver_tolerance = 1e-12\n{steps}\n"
    )
    case = parse_case(GRAY_FILM + tables, folder=folder)
    out = folder / f"kept-{steps[0]}"
    through = run_case(case, comm).transient
    with pytest.raises(KeyboardInterrupt):
        run_case(case, comm, checkpoints=Stopper(out, after=7))
    assert CheckpointManager(out).folder.is_dir()
    other = parse_case(GRAY_FILM.replace("max_order = 2", "max_order = 1") + tables, folder=folder)
    with pytest.raises(InputError, match="of another case"):
        run_case(other, comm, checkpoints=CheckpointManager(out, resume=True))
    again = run_case(case, comm, checkpoints=CheckpointManager(out, resume=True)).transient
    for name in ("times", "ends", "sizes", "energies", "deposited"):
        one, two = getattr(through, name), getattr(again, name)
        np.testing.assert_allclose(one, two, rtol=1e-8, atol=1e-9 * np.abs(one).max())
    for a, b in zip(
        (*through.snapshots, through.integral), (*again.snapshots, again.integral), strict=True
    ):
        scale = np.abs(a.temperature).max()
        np.testing.assert_allclose(a.temperature, b.temperature, rtol=0.0, atol=1e-9 * scale)
    comm.barrier()
    if comm.rank == 0:
        CheckpointManager(out).done()
        assert not CheckpointManager(out).folder.exists()


def test_a_run_goes_on_with_other_ranks_than_it_began_with(folder, comm):
    """Begun by all ranks, gone on with by one; on one rank the same once more."""
    case = parse_case(
        GRAY_FILM + WARMED + "[steady]\nenabled = false\n[transient]\nend = 8e-12\nstep = 2e-12\n"
        "solver_tolerance = 1e-12\n",
        folder=folder,
    )
    out = folder / "handed-on"
    with pytest.raises(KeyboardInterrupt):
        run_case(case, comm, checkpoints=Stopper(out, after=2))
    through = run_case(case, comm).transient
    alone = comm.Split(comm.rank)
    if comm.rank == 0:
        again = run_case(case, alone, checkpoints=CheckpointManager(out, resume=True)).transient
        scale = np.abs(through.energies).max()
        np.testing.assert_allclose(again.energies, through.energies, atol=1e-9 * scale)
        last, other = through.snapshots[-1].temperature, again.snapshots[-1].temperature
        np.testing.assert_allclose(other, last, rtol=0.0, atol=1e-9 * np.abs(last).max())
    comm.barrier()


def test_a_signal_is_noted_and_the_state_kept(folder, comm, caplog):
    case = parse_case(
        GRAY_FILM + WARMED + "[steady]\nenabled = false\n[transient]\nend = 1e-9\nstep = 1e-12\n",
        folder=folder,
    )

    def stop(record):
        if "step 3" in record.getMessage() and comm.rank == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return True

    caplog.set_level(logging.INFO, "pbte")
    caplog.handler.addFilter(stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_case(case, comm, checkpoints=CheckpointManager(folder / "told"))
    finally:
        caplog.handler.removeFilter(stop)  # the handler is that of all tests
    assert "under way: transient" in caplog.messages[-1]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
