"""Cases by the heat equation in time and frequency, alone and beside phonons."""

from __future__ import annotations

import numpy as np
import pytest
from cases import GRAY_FILM, WARMED, gray, layers, run_text
from mpi4py import MPI
from rich.console import Console

from pbte.core.errors import InputError
from pbte.core.parallel import on_all_ranks
from pbte.output.folder import write_results
from pbte.output.hdf5.results import read_results
from pbte.output.plots.fields import plot_transient
from pbte.output.plots.harmonic import plot_oscillations
from pbte.output.plots.interface_spectra import plot_interface_distributions
from pbte.output.plots.transients import plot_energy, plot_history
from pbte.output.summary.data import as_data
from pbte.output.summary.overview import summary
from pbte.run import run_case

HEAT, LENGTH = 2e6, 1e-7
BULK = HEAT * 5000.0**2 * 4e-12 / 3.0
DIFFUSIVITY = BULK / HEAT
BETWEEN = WARMED.replace('"diffuse"', '"isothermal"\ntemperature = 300.0')
RING = '\n[walls.left]\nkind = "periodic"\npartner = "right"\n'
UNIFORM = '[source]\nkind = "uniform"\npower = 1e9\n'
WITHOUT = "[steady]\nenabled = false\n"


@pytest.fixture(scope="module")
def follow(folder):
    """Return a function that runs a film by the heat equation with some tables more."""

    def run(*tables):
        text = GRAY_FILM.replace("size = 1e-8", "size = 2e-9")  # on a fine mesh
        return run_text('model = "fourier"\n' + text.replace("film.msh", "fine.msh")
                        + "\n".join(tables), folder)  # fmt: skip

    return run


def text_of(results):
    console = Console(width=300)
    with console.capture() as caught:
        console.print(summary(results))
    return caught.get()


@pytest.fixture(scope="module")
def thick(folder):
    """Return phonons of two crystals, 150 and 100 mean free paths thick, with an interface."""
    case = layers(
        folder,
        {
            "a": gray(speed=6000.0, life=0.4e-9 / 6000.0 * 2.0 / 3.0, heat=1.6e6, polar=16,
                      family="half-range"),
            "b": gray(speed=4000.0, life=0.6e-9 / 4000.0, heat=2e6, polar=16, family="half-range"),
        },
        mesh={"size": 4e-9},
        fourier={"jump": "marshak"},
        orders={"max_order": 0},
        transient={
            "end": 2e-8,
            "step": 1e-9,
            "num_times": 4,
            "walls": {"left": {"kind": "window", "end": 1e-8}},
        },
        harmonic={"frequencies": [1e6, 2e8]},
    )  # fmt: skip
    return run_case(case, MPI.COMM_WORLD)


def test_phonons_of_thick_layers_obey_the_heat_equation_in_time_and_frequency(thick):
    """With walls that let the temperature jump: what it lacks are the layers beside these and the
    interface, some 0.05 of a path."""
    results = thick
    phonons, heat = results.transient, results.fourier_transient
    np.testing.assert_array_equal(phonons.times, heat.times)
    for one, other in zip(phonons.snapshots[1:], heat.snapshots[1:], strict=True):
        np.testing.assert_allclose(one.temperature, other.temperature, rtol=0.0, atol=4e-3)
    assert phonons.snapshots[2].temperature.max() > 0.9
    np.testing.assert_allclose(
        phonons.energies, heat.energies, rtol=0.0, atol=3e-3 * heat.energies.max()
    )
    for one, other in zip(results.harmonic, results.fourier_harmonic, strict=True):
        np.testing.assert_allclose(one.temperature, other.temperature, rtol=0.0, atol=4e-3)
    assert abs(results.harmonic[1].temperature).min() < 0.05
    told = text_of(results)
    assert "By the heat equation dT reaches" in told and "The same by the heat equation" in told
    assert not any("Orders 0 to 0" in note for note in results.notes)
    # Between the bulk of both the phonons have about the resistance that the heat equation takes.
    (interface,), (thermal,) = results.interfaces, results.fourier.interfaces
    assert thermal.local == pytest.approx(interface.extrapolated, rel=0.1)
    assert thermal.landauer == interface.landauer
    assert thermal.emission == pytest.approx(thermal.landauer, rel=1e-6)
    assert thermal.mismatch < 1e-6 * abs(thermal.heat_flux)


def dotted(axes):
    """Return the lines of the heat equation, without the one that names them in a legend."""
    return [line for line in axes.lines if line.is_dashed() and len(line.get_xdata())]


def test_the_heat_equation_is_drawn_beside_the_phonons(thick):
    factor = 1e3  # all in mK
    snapshots = thick.fourier_transient.snapshots
    (profiles, _) = plot_transient(thick).axes
    drawn = dotted(profiles)
    assert len(drawn) == len(snapshots)
    highest = sorted(np.nanmax(line.get_ydata()) for line in drawn)
    expected = sorted(factor * snapshot.temperature.max() for snapshot in snapshots)
    np.testing.assert_allclose(highest, expected, rtol=1e-3, atol=1e-3)
    (history,) = plot_history(thick).axes
    for line, of in zip(dotted(history), (np.max, np.mean, np.min), strict=True):
        values = [factor * of(snapshot.temperature) for snapshot in snapshots]
        np.testing.assert_allclose(line.get_ydata(), values, rtol=0.02, atol=1e-3)
    energy, power = plot_energy(thick).axes
    (line,) = dotted(energy)
    held = thick.fourier_transient.energies
    np.testing.assert_allclose(line.get_ydata() / line.get_ydata().max(), held / held.max())
    assert len(dotted(power)) == 2
    amplitude, phase = plot_oscillations(thick).axes
    circles = [line for line in phase.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert len(dotted(amplitude)) == len(circles) == 4
    means = [each.mean_temperatures(thick.geometry)["a"] for each in thick.fourier_harmonic]
    np.testing.assert_allclose(dotted(amplitude)[0].get_ydata(), factor * np.abs(means))
    (beside,) = plot_interface_distributions(thick).axes
    values = [line.get_ydata()[0] for line in dotted(beside)]
    np.testing.assert_allclose(values, factor * np.array(thick.fourier.interfaces[0].temperatures))


def test_a_grating_decays_by_the_diffusivity(follow):
    """exp(-D k^2 t)."""
    k = 2.0 * np.pi / LENGTH
    results = follow(
        RING, WITHOUT,
        f"[transient]\nend = {1.0 / (DIFFUSIVITY * k**2)}\ntolerance = 1e-3\nnum_times = 2\n"
        f'initial = {{ kind = "grating", amplitude = 0.5, period = {LENGTH} }}',
    )  # fmt: skip
    assert results.fourier is None
    last = results.transient.snapshots[-1].temperature
    x = results.geometry.points[..., 0]
    expected = 0.5 * np.exp(-1.0) * np.cos(k * x)
    np.testing.assert_allclose(last, expected, rtol=0.0, atol=2e-3)
    stored = results.transient.energies  # nothing in all: the warm half balances the cold one
    np.testing.assert_allclose(stored, 0.0, rtol=0.0, atol=1e-14 * 0.5 * HEAT * LENGTH)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ('kind = "source", duration = 1e-12', 1e-3),
        ('kind = "gaussian", sigma = 1e-8, peak = 2.0, centre = [5e-8, 0.0, 0.0]',
         2.0 * HEAT * np.sqrt(2.0 * np.pi) * 1e-8),
        ('kind = "uniform", temperature = 301.5', 1.5 * HEAT * LENGTH),
        ('kind = "steady"', 1e9 * LENGTH**2 / (12.0 * BULK) * HEAT),
    ],
)  # fmt: skip
def test_initial_states_store_their_energy_and_lose_it(follow, kind, expected):
    """A film between cold walls; in the steady state it is heated by a uniform source."""
    results = follow(
        BETWEEN.replace("301", "300"), UNIFORM,
        f"[transient]\nend = 1e-9\ntolerance = 1e-2\nnum_times = 3\ninitial = {{ {kind} }}\n"
        'source = { kind = "off" }',
    )  # fmt: skip
    transient = results.transient
    assert transient.energies[0] == pytest.approx(expected, rel=2e-3)
    assert (np.diff(transient.energies) < 1e-5 * expected).all()
    assert abs(transient.energies[-1]) < 1e-3 * expected
    assert np.abs(transient.imbalances).max() < 1e-14
    left = transient.integral.balance.absorbed
    assert sum(left.values()) == pytest.approx(transient.energies[0] - transient.energies[-1])


def test_pulses_and_windows_are_those_of_the_phonons(follow):
    """The walls of a ring let nothing out: what a pulse brought is there. A wall that is switched
    off lets all out again."""
    pulse = follow(
        RING, UNIFORM, WITHOUT,
        "[transient]\nend = 1e-10\nstep = 2e-12\n"
        'source = { kind = "pulse", centre = 5e-11, sigma = 5e-12 }',
    ).transient  # fmt: skip
    assert pulse.energies[-1] == pytest.approx(1e9 * np.sqrt(2.0 * np.pi) * 5e-12, rel=1e-3)
    window = follow(
        WARMED, WITHOUT,
        "[transient]\nend = 4e-9\ntolerance = 1e-2\ntimes = [2e-9]\n"
        'walls = { left = { kind = "window", end = 2e-9 } }',
    ).transient  # fmt: skip
    assert window.energies.max() == pytest.approx(HEAT * LENGTH, rel=1e-3)
    assert window.energies[-1] < 1e-3 * HEAT * LENGTH
    assert window.snapshots[1].wall_temperatures == pytest.approx(
        {"left": 1.0, "right": 1.0}, abs=1e-3
    )


def test_a_film_answers_as_its_closed_form(follow):
    """Warmed at the left, closed at the right: cosh(kappa (L - x)) / cosh(kappa L)."""
    results = follow(WARMED, WITHOUT, "[harmonic]\nfrequencies = [1e8, 1e10]")
    x = results.geometry.points[..., 0]
    for response in results.harmonic:
        kappa = np.sqrt(2j * np.pi * response.frequency / DIFFUSIVITY)
        expected = np.cosh(kappa * (LENGTH - x)) / np.cosh(kappa * LENGTH)
        np.testing.assert_allclose(response.temperature, expected, rtol=0.0, atol=2e-3)
        assert response.imbalance < 1e-11
        through = response.absorbed["left"]
        assert -through == pytest.approx(BULK * kappa * np.tanh(kappa * LENGTH), rel=2e-3)
        assert response.wall_temperatures["left"] == 1.0


def test_only_what_is_named_oscillates(follow):
    """A uniform source of density Q in a ring: T = Q / i omega C, and nothing of the walls."""
    table = "[harmonic]\nfrequencies = [1e9]\n"
    heated = follow(BETWEEN, UNIFORM, WITHOUT, table + "walls = []").harmonic[0]
    driven = follow(BETWEEN, UNIFORM, WITHOUT, table + "source = false").harmonic[0]
    both = follow(BETWEEN, UNIFORM, WITHOUT, table).harmonic[0]
    assert heated.wall_temperatures == {"left": 0.0, "right": 0.0} and driven.deposited == 0.0
    np.testing.assert_allclose(
        both.temperature, heated.temperature + driven.temperature, rtol=0.0, atol=1e-9
    )


def test_a_fourier_run_tells_its_interfaces(folder):
    """Films in series: interface by the local resistance of the model; all drops add up."""
    case = layers(
        folder,
        {
            "a": gray(speed=6000.0, life=1e-11, heat=1.6e6, polar=16, family="half-range"),
            "b": gray(speed=2000.0, life=4e-11, heat=2e6, polar=16, family="half-range"),
        },
        fourier={"jump": "marshak"},
        model="fourier",
    )
    results = run_case(case, MPI.COMM_WORLD)
    (interface,), series = results.interfaces, results.series
    sent = np.array([1.6e6 * 6000.0, 2e6 * 2000.0]) / 4.0
    assert interface.local == pytest.approx(interface.landauer - 0.5 * (1.0 / sent).sum(), rel=1e-6)
    assert interface.extrapolated == pytest.approx(interface.local, rel=1e-6)
    assert interface.emission == pytest.approx(interface.landauer, rel=1e-6)
    assert interface.entropy == pytest.approx(
        interface.heat_flux * interface.jump / 300.0**2, rel=1e-9
    )
    assert [part.kind for part in series.parts] == [
        "boundary", "film", "interface", "film", "boundary"
    ]  # fmt: skip
    assert series.total == pytest.approx(1.0 / results.fourier.heat_flux[..., 0].mean(), rel=1e-6)
    boundaries = [part.resistance for part in series.parts if part.kind == "boundary"]
    np.testing.assert_allclose(boundaries, 0.5 / sent, rtol=1e-6)
    assert "Resistance of the interfaces [m^2 K/W], by the heat equation" in text_of(results)


def test_a_run_in_time_and_frequency_is_written_and_read_back(follow, folder):
    comm = MPI.COMM_WORLD
    results = follow(
        WARMED,
        "[transient]\nend = 1e-10\nstep = 2e-11\nnum_times = 2\n",
        "[harmonic]\nfrequencies = [1e8, 1e9]",
    )
    with on_all_ranks(comm):
        if comm.rank == 0:
            written = write_results(results, folder / "results")
            assert [str(path.relative_to(folder / "results")) for path in written] == [
                "results.h5",
                "paraview/fourier.pvd",
                "paraview/transient.pvd",
                "plots/temperature.png",
                "plots/transient_temperature.png",
                "plots/transient_history.png",
                "plots/transient_energy.png",
                "plots/oscillations.png",
            ]
    read = read_results(folder / "results")
    assert as_data(read) == as_data(results) | {"timings": as_data(read)["timings"]}
    np.testing.assert_array_equal(read.harmonic[1].temperature, results.harmonic[1].temperature)
    told = text_of(read)
    assert "Transient: 100 ps in 6 steps of 16.67 ps to 16.67 ps, output at 3 times" in told
    assert "sweeps" not in told


def test_the_comparison_is_written_and_read_back(folder):
    comm = MPI.COMM_WORLD
    results = run_text(
        GRAY_FILM + WARMED
        + "[transient]\nend = 1e-10\nstep = 2e-11\nnum_times = 2\n[harmonic]\nfrequencies = [1e9]",
        folder,
    )  # fmt: skip
    with on_all_ranks(comm):
        if comm.rank == 0:
            written = write_results(results, folder / "compared", plots=False)
            assert folder / "compared/paraview/fourier_transient.pvd" in written
            write_results(results, folder / "compared", plots=False)  # it knows its own files
    read = read_results(folder / "compared")
    assert as_data(read) == as_data(results) | {"timings": as_data(read)["timings"]}
    assert as_data(read)["fourier_transient"]["times"] == [0.0, 5e-11, 1e-10]
    assert [r["frequency"] for r in as_data(read)["fourier_harmonic"]] == [1e9]


def test_a_state_of_sources_needs_sources(follow):
    with pytest.raises(InputError, match="the case has no heat source"):
        follow(
            WARMED,
            "[transient]\nend = 1e-9\nstep = 1e-10\n"
            'initial = { kind = "source", duration = 1e-12 }',
        )
