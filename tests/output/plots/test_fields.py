"""The figures show the numbers of the results, in units a reader can read."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.observables.conductivity import suppression_curve
from pbte.observables.profiles import axis_profile, radial_profile
from pbte.observables.transient import start_of
from pbte.output.hdf5.results import write_results_file
from pbte.output.plots.conductivity import plot_accumulation, plot_suppression
from pbte.output.plots.fields import (
    is_film,
    plot_arrival_spectrum,
    plot_cumulated_temperature,
    plot_temperature,
    profile_axis,
    write_plots,
)
from pbte.output.plots.maps import is_round, plot_arrival_map
from pbte.output.plots.style import scaled
from pbte.output.plots.transients import plot_energy

NAMES = {
    "sphere": ["temperature", "temperature_cumulated", "arrival_spectrum", "arrival_map"],
    "block": ["temperature", "temperature_cumulated", "arrival_spectrum", "arrival_map"],
    "film": ["temperature", "temperature_cumulated", "arrival_spectrum"],
    "interval": ["temperature", "temperature_cumulated", "arrival_spectrum"],
}
CONDUCTION = ["conductivity_accumulation", "suppression"]  # of every steady state made up here


@pytest.mark.parametrize("shape", list(NAMES))
def test_each_body_gets_the_figures_that_make_sense_for_it(make, shape, tmp_path):
    from matplotlib.image import imread

    written = write_plots(make(shape, num_orders=3), tmp_path / "plots")
    assert [path.stem for path in written] == NAMES[shape] + CONDUCTION
    for path in written:
        picture = imread(path)
        assert picture.shape[0] > 400 and picture.shape[1] > 800
        assert 0.02 < np.mean(picture[..., :3].min(axis=2) < 0.9) < 0.9  # neither blank nor full


def test_the_shape_decides_between_radius_and_x(make):
    assert is_round(make("sphere").geometry) and not is_film(make("sphere").geometry)
    for shape in ("block", "film", "interval"):
        assert is_film(make(shape).geometry) and not is_round(make(shape).geometry)
    assert plot_temperature(make("sphere")).axes[0].get_xlabel() == "Radius (nm)"
    assert plot_temperature(make("film")).axes[0].get_xlabel() == "x (nm)"


def test_heat_that_is_driven_along_an_axis_has_its_profile_there(make):
    """As in a porous cell, whose walls are not called left and right."""
    film = make("film")
    names = {"x_min" if name == "left" else name: tag for name, tag in film.geometry.walls.items()}
    cell = replace(film, geometry=replace(film.geometry, walls=names))
    assert not is_film(cell.geometry) and profile_axis(cell) == 0
    gradient = replace(film.conductivity.gradient, direction=np.array([0.0, -1.0, 0.0]))
    across = replace(cell, conductivity=replace(film.conductivity, gradient=gradient))
    axes = plot_temperature(across).axes[0]
    assert axes.get_xlabel() == "y (nm)"
    expected = axis_profile(across.geometry, across.orders[0].temperature, axis=1)
    np.testing.assert_allclose(axes.lines[0].get_xdata(), expected.positions * 1e9, rtol=1e-9)
    np.testing.assert_allclose(axes.lines[0].get_ydata(), expected.values * 1e3, rtol=1e-9)
    assert profile_axis(replace(cell, conductivity=None)) is None


def test_the_curves_are_the_radial_averages_of_each_order_and_of_the_sums(sphere_results):
    results = sphere_results
    axes = plot_temperature(results).axes[0]
    assert axes.get_ylabel() == "$T - T_0$ per order (mK)"
    for order, line in zip(results.orders, axes.lines, strict=False):
        profile = radial_profile(results.geometry, order.temperature)
        np.testing.assert_allclose(line.get_xdata(), profile.positions * 1e9, rtol=1e-9)
        np.testing.assert_allclose(line.get_ydata(), profile.values * 1e3, rtol=1e-9)
    axes = plot_cumulated_temperature(results).axes[0]
    last, steady = axes.lines[len(results.orders) - 1], axes.lines[len(results.orders)]
    summed = np.sum([order.temperature for order in results.orders], axis=0)
    expected = radial_profile(results.geometry, summed).values * 1e3
    np.testing.assert_allclose(last.get_ydata(), expected, rtol=1e-9)
    expected = radial_profile(results.geometry, results.steady.temperature).values * 1e3
    np.testing.assert_allclose(steady.get_ydata(), expected, rtol=1e-9)
    assert steady.get_label() == "steady state"
    fourier = axes.lines[len(results.orders) + 1]
    expected = radial_profile(results.geometry, results.fourier.temperature).values * 1e3
    np.testing.assert_allclose(fourier.get_ydata(), expected, rtol=1e-9)
    assert fourier.get_label() == "heat equation"


def test_the_area_under_a_spectrum_is_the_arriving_power(sphere_results):
    """Bins of different width keep it so, because the curve is power per frequency."""
    edges = np.sort(np.random.default_rng(3).uniform(0.0, 1e14, 41))
    results = dataclasses.replace(sphere_results, frequency_edges=edges)
    axes = plot_arrival_spectrum(results).axes[0]
    assert axes.get_ylabel().endswith("W/THz)")
    factor = {"p": 1e-12, "n": 1e-9, "f": 1e-15}[axes.get_ylabel().split("(")[1][0]]
    patch = axes.patches[-1]  # drawn last: order 0
    values, shown_edges, _ = patch.get_data()  # type: ignore[attr-defined]
    np.testing.assert_allclose(shown_edges, edges / (2e12 * np.pi), rtol=1e-12)
    power = np.nansum(values * np.diff(shown_edges)) * factor
    np.testing.assert_allclose(power, results.orders[0].outgoing_spectrum["surface"].sum())


@pytest.mark.parametrize(
    ("shape", "power", "energy", "spectrum"),
    [
        ("sphere", "W", "J", "W/THz"),
        ("film", "W/m", "J/m", "W/m THz"),
        ("interval", "W/m$^2$", "J/m$^2$", "W/m$^2$ THz"),
    ],
)
def test_powers_and_energies_are_labelled_by_the_dimension_of_the_mesh(
    make, shape, power, energy, spectrum
):
    results = make(shape, num_orders=2)
    steps = np.array([1e-12, 2e-12])
    transient = replace(
        start_of(results.steady, energy=3.0),
        ends=np.cumsum(steps),
        sizes=steps,
        energies=np.array([3.0, 2.0, 1.0]),
        deposited=np.zeros(2),
        absorbed={name: np.ones(2) for name in results.geometry.walls},
    )
    above, below = plot_energy(replace(results, transient=transient)).axes
    assert above.get_ylabel() == f"Stored energy ({energy})"
    assert below.get_ylabel() == f"Power ({power})"
    label = plot_arrival_spectrum(results).axes[0].get_ylabel()
    assert re.fullmatch(rf"Arriving power \([pnµmkfMG]?{re.escape(spectrum)}\)", label)


def test_densities_are_per_area_in_any_dimension(make):
    bars = [axes.get_ylabel() for axes in plot_arrival_map(make("block")).axes]
    assert any(re.fullmatch(r"Arriving power\n\([pnµmkMG]?W/m\$\^2\$\)", bar) for bar in bars)
    for shape in ("block", "film", "interval"):
        assert plot_accumulation(make(shape)).axes[0].get_ylabel() == "Accumulated k (W/m K)"


def test_each_wall_with_arrivals_gets_a_panel(make):
    figure = plot_arrival_spectrum(make("film"))
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles[:3] == ["wall left", "wall right", "wall sides"]


def test_the_map_shows_order_0_the_sum_and_the_steady_state_of_the_surface(sphere_results):
    figure = plot_arrival_map(sphere_results)
    maps = [axes for axes in figure.axes if axes.name == "mollweide"]
    titles = [axes.get_title("left") for axes in maps]
    assert titles == ["order 0", "sum of orders 0 to 5", "steady state"]
    shown = maps[0].collections[0].get_array() * 1e3  # kW/m^2
    arrivals = sphere_results.orders[0].outgoing_current
    assert shown.min() >= arrivals.min() and shown.max() <= arrivals.max()
    # Made-up arrivals are strongest along the axes of the cube, weakest along its diagonals.
    east, diagonal = shown[90, 180], shown[90 + 35, 180 + 45]
    assert east > 0.95 * arrivals.max() and diagonal < 1.1 * arrivals.min()
    weights = np.cos(np.radians(np.arange(-89.5, 90.0)))[:, None] * np.ones(360)
    mean = np.average(arrivals, weights=sphere_results.geometry.facet_areas)
    np.testing.assert_allclose(np.average(shown, weights=weights), mean, rtol=0.01)


def test_a_uniform_map_stays_uniform(sphere_results):
    uniform = np.full_like(sphere_results.orders[0].outgoing_current, 7.0)
    order = dataclasses.replace(sphere_results.orders[0], outgoing_current=uniform)
    figure = plot_arrival_map(dataclasses.replace(sphere_results, orders=(order,), steady=None))
    (image,) = figure.axes[0].collections
    np.testing.assert_allclose(image.get_array(), 7.0, rtol=1e-12)
    low, high = image.get_clim()
    assert high - low > 1e-3


def test_self_scattering_is_named_next_to_the_orders(make):
    results = make("interval")
    bar = plot_temperature(results).axes[-1]
    assert bar.get_ylabel() == "Scattering order (self-scattering 0.1)"
    bar = plot_temperature(dataclasses.replace(results, self_scattering=0.0)).axes[-1]
    assert bar.get_ylabel() == "Scattering order"


@pytest.mark.parametrize("shape", ["sphere", "film"])
def test_a_single_order_a_lone_steady_state_and_zero_fields_can_be_drawn(make, shape, tmp_path):
    write_plots(make(shape, num_orders=1, steady=False), tmp_path / "one")
    alone = write_plots(make(shape, num_orders=0), tmp_path / "steady")
    assert [path.stem for path in alone] == NAMES[shape][1:] + CONDUCTION
    assert write_plots(make(shape, num_orders=0, steady=False), tmp_path / "none") == []
    results = make(shape, num_orders=2)
    dark = dataclasses.replace(
        results.orders[0],
        temperature=0.0 * results.orders[0].temperature,
        outgoing_current=0.0 * results.orders[0].outgoing_current,
        outgoing_spectrum={k: 0.0 * v for k, v in results.orders[0].outgoing_spectrum.items()},
    )
    zero = dataclasses.replace(results, orders=(dark, dark), steady=dark)
    write_plots(zero, tmp_path / "zero")


def test_figures_without_orders_and_maps_of_flat_bodies_are_refused(make):
    with pytest.raises(InputError, match="no scattering orders"):
        plot_temperature(make("film", num_orders=0))
    with pytest.raises(InputError, match="no scattering orders"):
        plot_arrival_spectrum(make("film", num_orders=0, steady=False))
    with pytest.raises(InputError, match="needs a body in 3 dimensions"):
        plot_arrival_map(make("film"))


@pytest.mark.parametrize(
    ("largest", "shown", "unit"),
    [
        (2e-7, 200.0, "nW"),
        (0.04, 40.0, "mW"),
        (999.0, 999.0, "W"),
        (1000.0, 1.0, "kW"),
        (0, 0, "W"),
    ],
)
def test_units_get_the_prefix_that_keeps_numbers_short(largest, shown, unit):
    factor, label = scaled(np.array([0.1 * largest, -largest]), "W")
    assert label == unit
    np.testing.assert_allclose(largest * factor, shown, rtol=1e-12)


def test_the_accumulated_conductivity_rises_to_that_of_body_and_bulk(make):
    conductivity = make("interval").conductivity
    by_path, by_frequency = plot_accumulation(make("interval")).axes
    assert by_path.get_xscale() == "log" and by_path.get_xlabel() == "Mean free path (µm)"
    assert by_frequency.get_xlabel() == "Frequency (THz)"
    effective = make("interval").fourier.effective
    for axes in (by_path, by_frequency):
        *steps, fourier = axes.lines
        assert fourier.get_label() == "heat equation"
        assert list(fourier.get_ydata()) == [effective, effective]
        for line, value in zip(steps, (conductivity.value, conductivity.bulk), strict=True):
            heights = line.get_ydata()
            assert heights[0] == 0.0 and np.all(np.diff(heights) >= 0.0)
            assert heights[-1] == pytest.approx(value, rel=1e-12)
            low, high = axes.get_xlim()
            assert line.get_xdata()[-2] < high and line.get_xdata()[1] < high and low < high
    assert by_path.lines[0].get_xdata().min() == pytest.approx(
        conductivity.mean_free_paths.min() * 1e6, rel=1e-12
    )


def test_modes_of_one_frequency_have_no_accumulation_over_it(make):
    results = make("interval")
    gray = dataclasses.replace(
        results.conductivity, frequencies=np.full_like(results.conductivity.frequencies, 4e13)
    )
    assert len(plot_accumulation(dataclasses.replace(results, conductivity=gray)).axes) == 1


def test_the_suppression_is_drawn_with_the_length_of_the_body(make):
    results = make("interval")
    (axes,) = plot_suppression(results).axes
    paths, values = suppression_curve(results.conductivity)
    curve, length, bulk, fourier = axes.lines
    share = results.fourier.effective / results.conductivity.bulk
    assert fourier.get_ydata()[0] == pytest.approx(share, rel=1e-12)
    np.testing.assert_allclose(curve.get_xdata(), paths * 1e6, rtol=1e-12)
    np.testing.assert_allclose(curve.get_ydata(), values, rtol=1e-12)
    assert length.get_xdata()[0] == pytest.approx(0.1) and bulk.get_ydata()[0] == 1.0


def test_results_without_conductivity_have_no_figures_of_it(make, tmp_path):
    bare = dataclasses.replace(make("film", num_orders=1), conductivity=None)
    assert [path.stem for path in write_plots(bare, tmp_path)] == NAMES["film"]
    for draw in (plot_accumulation, plot_suppression):
        with pytest.raises(InputError, match="no conductivity to plot"):
            draw(bare)


def test_plots_need_no_home_directory_and_no_screen(make, tmp_path, lone_environment):
    write_results_file(make("interval"), tmp_path / "results.h5")
    program = f"""
        from pathlib import Path
        from pbte.output.plots.fields import write_plots
        from pbte.output.hdf5.results import read_results
        print(len(write_plots(read_results({str(tmp_path)!r}), Path({str(tmp_path)!r}))))
    """
    hidden = ("HOME", "DISPLAY", "MPLCONFIGDIR", "MPLBACKEND", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")
    shown = {key: value for key, value in lone_environment.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        env={**shown, "HOME": "/proc/nowhere"},
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "5\n", "")
