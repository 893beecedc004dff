"""The way in from Python: what `import pbte` gives, and what results hand out."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cases import gray, isothermal, layers

import pbte
from pbte.core.errors import InputError
from pbte.run import run_case

ROOT = Path(pbte.__file__).parents[1]
SILICON = gray("silicon", speed=6000.0, life=4e-12, heat=1.6e6)
GERMANIUM = gray("germanium", speed=3500.0, life=6e-12, heat=1.7e6)
PULSE = {
    "end": 2e-11,
    "step": 5e-12,
    "num_times": 4,
    "initial": {"kind": "uniform", "temperature": 301.0},
}


@pytest.fixture(scope="module")
def case(folder) -> pbte.Case:
    """Two layers between black walls, with orders, a steady state and a transient."""
    return layers(
        folder,
        {"a": SILICON, "b": GERMANIUM},
        walls=isothermal(left=301.0, right=300.0),
        orders={"max_order": 4},
        transient=PULSE,
    )


@pytest.fixture(scope="module")
def results(case, folder) -> pbte.Results:
    """The results of that case, read back from the folder that the run wrote."""
    from mpi4py import MPI

    pbte.run(case, MPI.COMM_WORLD, folder=folder / "results")
    return pbte.load(folder / "results")


# --- the package


@pytest.mark.serial
def test_importing_costs_next_to_nothing():
    program = """
        import sys, time
        before, start = set(sys.modules), time.process_time()
        import pbte
        assert time.process_time() - start < 0.3
        assert pbte.__version__ and callable(pbte.run)
        heavy = {"numpy", "numba", "scipy", "h5py", "dolfinx", "matplotlib", "mpi4py", "pydantic"}
        loaded = {name.split(".")[0] for name in set(sys.modules) - before}
        sys.exit(", ".join(heavy & loaded) or 0)
    """
    command = [sys.executable, "-c", program.replace("\n        ", "\n")]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_every_name_is_there():
    assert all(getattr(pbte, name) is not None for name in pbte.__all__)
    assert set(pbte.__all__) <= set(dir(pbte))
    with pytest.raises(AttributeError, match="no attribute 'solve'"):
        pbte.solve  # noqa: B018


def test_the_file_run_does_not_take_the_place_of_the_function():
    import pbte.run

    assert pbte.run.__name__ == "run" and callable(pbte.run) and callable(run_case)


def test_types_are_packaged():
    assert (ROOT / "pbte" / "py.typed").is_file()
    assert '"py.typed"' in (ROOT / "pyproject.toml").read_text()


def test_a_material_and_an_interface_are_at_hand():
    assert pbte.material("Si-5", scattering="rta").modes.num_modes == 747
    found = pbte.interface("Si-5", "Ge-5", bins=10)
    assert found.reports[0][0].conductance.conductance > 0.0


def test_a_case_is_read_or_refused(folder):
    assert pbte.load_case(ROOT / "demos" / "film-across.toml").temperature == 300.0
    with pytest.raises(InputError, match="no such case file"):
        pbte.run(folder / "none.toml")


# --- results


def test_the_temperature_is_that_of_the_steady_state_or_the_sum_of_the_orders(results):
    assert results.temperature is results.steady.temperature
    assert results.heat_flux is results.steady.heat_flux
    alone = replace(results, steady=None)
    np.testing.assert_array_equal(alone.temperature, alone.cumulated(4).temperature)
    sums = sum(order.temperature for order in results.orders)
    np.testing.assert_allclose(alone.temperature, sums, rtol=1e-13, atol=1e-16)
    assert results.order(2) is results.orders[2]
    for number in (-1, 5):
        with pytest.raises(InputError, match=f"order {number}: .* the orders 0 to 4"):
            results.order(number)
    with pytest.raises(InputError, match="neither scattering orders nor a steady state"):
        _ = replace(alone, orders=(), fourier=None).temperature


def test_a_transient_is_linear_between_its_times(results):
    first, second = results.times[1:3]
    one, other = results.at(first), results.at(second)
    assert one is results.transient.snapshots[1]
    middle = results.at(0.25 * first + 0.75 * second)
    expected = 0.25 * one.temperature + 0.75 * other.temperature
    np.testing.assert_allclose(middle.temperature, expected, rtol=1e-12, atol=1e-15)
    with pytest.raises(InputError, match="written from 0 to 2e-11 s"):
        results.at(1e-9)
    with pytest.raises(InputError, match="hold no transient"):
        _ = replace(results, transient=None).times


def test_points_get_the_linear_field_of_their_cell(results):
    vertices = results.geometry.points[:, :, 0]
    inside = vertices @ [0.3, 0.7]
    expected = results.temperature @ [0.3, 0.7]
    np.testing.assert_allclose(results.sample(inside), expected, rtol=1e-9)
    np.testing.assert_allclose(results.sample(inside[:, None]), expected, rtol=1e-9)
    flux = results.sample(inside.reshape(2, -1), results.heat_flux)
    assert flux.shape == (2, inside.size // 2, 3)
    assert results.sample(20e-9).shape == ()


def test_a_point_outside_is_refused_by_its_coordinates(results):
    with pytest.raises(InputError, match=r"point \(2e-07\) m: outside of the mesh, as 1 of 2 poi"):
        results.sample([20e-9, 200e-9])
    with pytest.raises(InputError, match="give one value per cell"):
        results.sample(20e-9, np.zeros(3))


def test_a_line_and_the_regions_see_the_same_field(results):
    line = results.line(0.0, 40e-9 * (1.0 - 1e-9), 1001)
    assert line.values[0] == pytest.approx(results.sample(0.0), rel=1e-9)
    steps = 0.5 * (line.values[1:] + line.values[:-1])
    assert results.region_mean("a") == pytest.approx(steps.mean(), rel=1e-5)
    both = 0.4 * results.region_mean("a") + 0.6 * results.region_mean("b")
    weights = results.geometry.volumes / results.geometry.volumes.sum()
    assert both == pytest.approx(weights @ results.temperature.mean(axis=1), rel=1e-12)
    assert results.region_mean("b", results.heat_flux).shape == (3,)
    with pytest.raises(InputError, match=r"region 'c': .* are 'a', 'b'"):
        results.region_mean("c")


def test_results_show_themselves(results):
    assert "Effective conductivity" in repr(results)
    assert results._repr_html_().startswith("<pre") and "Effective" in results._repr_html_()
    data = json.loads(json.dumps(results.to_dict(), allow_nan=False))
    assert data["geometry"]["num_cells"] == len(results.geometry.volumes)


def test_units_go_by_the_dimension_of_the_mesh(results):
    """What is in W in 3D is in W/m^2 on this interval."""
    units = results.units
    assert (units["temperature"], units["heat_flux"], units["times"]) == ("K", "W/m^2", "s")
    assert units["power"] == units["balance.absorbed"] == "W/m^2"
    assert units["steady.outgoing_spectrum"] == "W/m^2"
    assert units["geometry.volumes"] == "m" and units["conductivity.value"] == "W/m K"
    assert units["transient.energies"] == units["transient.integral.balance.deposited"] == "J/m^2"
    assert units["transient.integral.heat_flux"] == "J/m^2"
    assert units["num_modes"] == "1" and "title" not in units


def test_a_dataset_has_all_states_with_named_axes_and_units(results):
    pytest.importorskip("xarray")
    data = results.to_xarray()
    flux = data.orders_heat_flux.sel(order=3, component="x")
    np.testing.assert_array_equal(flux, results.order(3).heat_flux[..., 0])
    assert flux.dims == ("cell", "vertex") and flux.attrs["units"] == "W/m^2"
    np.testing.assert_array_equal(data.points[..., 0], results.geometry.points[..., 0])
    at_time = data.transient_temperature.sel(time=results.times[2])
    np.testing.assert_array_equal(at_time, results.at(results.times[2]).temperature)
    arriving = data.steady_outgoing_spectrum.sel(wall="left")
    np.testing.assert_array_equal(arriving, results.steady.outgoing_spectrum["left"])
    assert arriving.attrs["long_name"].startswith("power of the carriers arriving at each wall")
    for name in ("steady_outgoing_spectrum", "steady_outgoing_current", "steady_temperature"):
        assert data[name].attrs["units"] == results.units[name.removeprefix("steady_")]
    assert data.volumes.attrs == {"units": "m", "long_name": "volume of each cell"}
    mean = (data.steady_temperature.mean("vertex") * data.volumes).sum() / data.volumes.sum()
    weights = results.geometry.volumes / results.geometry.volumes.sum()
    assert float(mean) == pytest.approx(weights @ results.temperature.mean(axis=1), rel=1e-12)
    bare = replace(results, steady=None, orders=(), transient=None).to_xarray()
    assert all(name.startswith("fourier") for name in bare.data_vars)


def test_a_missing_xarray_is_named(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(InputError, match=r"xarray cannot be loaded .*pip install 'pbte\[xarray\]'"):
        results.to_xarray()


def test_every_figure_is_a_method(results):
    from matplotlib.figure import Figure

    plot = results.plot
    for draw in (plot.temperature, plot.temperature_of_orders, plot.arrival_spectrum,
                 plot.accumulation, plot.suppression, plot.transient, plot.history, plot.energy,
                 plot.interface_distributions, plot.interface_flux):  # fmt: skip
        assert isinstance(draw(), Figure)
    with pytest.raises(InputError):
        plot.arrival_map()  # one dimension


@pytest.mark.serial
def test_the_lines_of_the_readme_run(tmp_path, monkeypatch):
    section = (ROOT / "README.md").read_text().split("## From Python\n")[1].split("\n## ")[0]
    (lines,) = re.findall(r"((?:^    .*\n|^\n)+)", section, flags=re.MULTILINE)[:1]
    monkeypatch.chdir(ROOT)
    program = re.sub("^    ", "", lines, flags=re.MULTILINE)
    exec(program.replace("figures/", f"{tmp_path}/"), {})
