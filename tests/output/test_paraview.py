"""What ParaView and VTK's own reader see is what results.h5 holds."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from pbte.core.quantity import unit_of
from pbte.observables.profiles import line_profile
from pbte.observables.snapshot import Snapshot
from pbte.output.folder import write_results
from pbte.output.hdf5.results import read_results
from pbte.output.paraview import LENGTH_UNIT, write_paraview

SINGLE = 1e-6  # fields are written in single precision, 6e-8 relative


def read_vtu(path: Path):
    """Read with VTK's own reader."""
    xml = pytest.importorskip("vtkmodules.vtkIOXML", reason="needs VTK's reader (python3-vtk9)")
    reader = xml.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(path))
    reader.Update()
    assert reader.GetErrorCode() == 0
    return reader.GetOutput()


def array_of(data, name):
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(data.GetArray(name))


def files_of(pvd: Path) -> list[tuple[float, Path]]:
    sets = ElementTree.parse(pvd).getroot().findall("./Collection/DataSet")
    return [(float(item.get("timestep")), pvd.parent / item.get("file")) for item in sets]


@pytest.mark.parametrize("shape", ["sphere", "block", "film", "interval"])
def test_vtk_reads_back_every_order_and_its_sums(make, shape, tmp_path):
    write_results(make(shape, num_orders=4), tmp_path / "run", plots=False)
    results = read_results(tmp_path / "run")
    geometry = results.geometry
    num_cells, per_cell, dim = geometry.points.shape
    series = files_of(tmp_path / "run/paraview/orders.pvd")
    assert [time for time, _ in series] == [0.0, 1.0, 2.0, 3.0]
    total = np.zeros((num_cells, per_cell))
    flux = np.zeros((num_cells * per_cell, 3))
    for (_, file), order in zip(series, results.orders, strict=True):
        grid = read_vtu(file)
        assert grid.GetNumberOfCells() == num_cells
        points = array_of_points(grid)
        np.testing.assert_allclose(
            points[:, :dim] * LENGTH_UNIT, geometry.points.reshape(-1, dim), rtol=1e-14
        )
        assert not points[:, dim:].any()
        total, flux = total + order.temperature, flux + order.heat_flux.reshape(-1, 3)
        for name, expected in (
            ("temperature", order.temperature.ravel()),
            ("temperature_cumulated", total.ravel()),
            ("heat_flux", order.heat_flux.reshape(-1, 3)),
            ("heat_flux_cumulated", flux),
        ):
            found = array_of(grid.GetPointData(), name)
            np.testing.assert_allclose(found, expected, rtol=SINGLE, atol=1e-30)
        assert grid.GetPointData().GetScalars().GetName() == "temperature"
        assert grid.GetPointData().GetVectors().GetName() == "heat_flux"


def array_of_points(grid):
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(grid.GetPoints().GetData())


@pytest.mark.parametrize("shape", ["sphere", "block", "film", "interval"])
def test_vtk_sees_the_volume_of_the_body_and_no_cell_inside_out(make, shape, tmp_path):
    results = make(shape, num_orders=1)
    write_paraview(results, tmp_path)
    grid = read_vtu(tmp_path / "orders/order_0000.vtu")
    kinds = {grid.GetCellType(number) for number in range(grid.GetNumberOfCells())}
    dim = results.geometry.points.shape[2]
    assert kinds == {{1: 3, 2: 5, 3: 10}[dim]}
    points = array_of_points(grid)
    volumes = []
    for number in range(grid.GetNumberOfCells()):
        ids = grid.GetCell(number).GetPointIds()
        corners = points[[ids.GetId(k) for k in range(dim + 1)], :dim]
        volumes.append(np.linalg.det(corners[1:] - corners[0]) / {1: 1, 2: 2, 3: 6}[dim])
    np.testing.assert_allclose(
        np.array(volumes) * LENGTH_UNIT**dim, results.geometry.volumes, rtol=1e-9
    )


def test_the_steady_state_and_the_outgoing_current_come_back(make, tmp_path):
    results = make("sphere", num_orders=3)
    write_paraview(results, tmp_path)
    ((_, steady),) = files_of(tmp_path / "steady.pvd")
    found = array_of(read_vtu(steady).GetPointData(), "temperature")
    np.testing.assert_allclose(found, results.steady.temperature.ravel(), rtol=SINGLE)
    ((_, fourier),) = files_of(tmp_path / "fourier.pvd")
    found = array_of(read_vtu(fourier).GetPointData(), "temperature")
    np.testing.assert_allclose(found, results.fourier.temperature.ravel(), rtol=SINGLE)
    ((_, surface),) = files_of(tmp_path / "steady_outgoing_current.pvd")
    found = array_of(read_vtu(surface).GetCellData(), "outgoing_current")
    np.testing.assert_allclose(found, results.steady.outgoing_current, rtol=SINGLE)
    last = read_vtu(files_of(tmp_path / "outgoing_current.pvd")[-1][1])
    summed = np.sum([order.outgoing_current for order in results.orders], axis=0)
    found = array_of(last.GetCellData(), "outgoing_current_cumulated")
    np.testing.assert_allclose(found, summed, rtol=SINGLE)
    assert np.array_equal(array_of(last.GetCellData(), "wall"), results.geometry.facet_walls)


def test_the_surface_looks_outward(make, tmp_path):
    results = make("block", num_orders=1)
    write_paraview(results, tmp_path)
    grid = read_vtu(tmp_path / "outgoing_current/order_0000.vtu")
    points = array_of_points(grid)
    for number in range(grid.GetNumberOfCells()):
        ids = grid.GetCell(number).GetPointIds()
        first, second, third = (points[ids.GetId(k)] for k in range(3))
        normal = np.cross(second - first, third - first)
        assert normal @ results.geometry.facet_normals[number] > 0.0


def test_units_and_texts_stand_in_the_file(make, tmp_path):
    results = make("sphere", num_orders=1)
    write_paraview(results, tmp_path)
    grid = read_vtu(tmp_path / "orders/order_0000.vtu")
    core = pytest.importorskip("vtkmodules.vtkCommonCore")
    key = core.vtkDataArray.UNITS_LABEL()
    surface = read_vtu(tmp_path / "outgoing_current/order_0000.vtu")
    for data, names in (
        (grid.GetPointData(), ("temperature", "heat_flux")),
        (surface.GetCellData(), ("outgoing_current",)),
    ):
        for name in names:
            for suffix in ("", "_cumulated"):
                information = data.GetArray(name + suffix).GetInformation()
                assert information.Get(key) == unit_of(Snapshot, name)
    texts = grid.GetFieldData()
    assert texts.GetAbstractArray("length_unit").GetValue(0) == "nm"
    units = texts.GetAbstractArray("units").GetValue(0)
    assert units.startswith("temperature: deviation from T0 [K]; heat_flux: heat flux [W/m^2]")
    assert texts.GetAbstractArray("title").GetValue(0) == results.title
    assert texts.GetAbstractArray("content").GetValue(0) == "scattering order 0"


def test_the_files_are_well_formed_xml(make, tmp_path):
    write_paraview(make("film", num_orders=2), tmp_path)
    files = [*tmp_path.rglob("*.vtu"), *tmp_path.rglob("*.pvd")]
    assert len(files) == 12
    for file in files:
        assert ElementTree.parse(file).getroot().tag == "VTKFile"


def test_a_run_without_orders_or_steady_state_writes_no_files_for_them(make, tmp_path):
    indices = write_paraview(make("interval", num_orders=0), tmp_path)
    assert [path.name for path in indices] == [
        "steady.pvd",
        "steady_outgoing_current.pvd",
        "fourier.pvd",
    ]
    assert write_paraview(make("interval", num_orders=0, steady=False), tmp_path / "b") == []


@pytest.mark.paraview
def test_paraview_renders_the_temperature_and_probes_the_values_of_results_h5(
    make, tmp_path, comm, lone_environment
):
    missing = [name for name in ("pvbatch", "xvfb-run") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed (docker/packages-paraview.txt)")
    if comm.rank > 0:
        pytest.skip("ParaView is started by rank 0 alone")
    write_results(make("sphere", num_orders=3), tmp_path / "run", plots=False)
    results = read_results(tmp_path / "run")
    points = interior_points(results.geometry)
    answer = ask_paraview(tmp_path, points, lone_environment)
    assert answer["times"] == [0.0, 1.0, 2.0]
    np.testing.assert_allclose(answer["bounds"][::2], [-100] * 3, atol=1.0)
    assert "length_unit" in answer["texts"]
    # Lines of heat flow start within 20 nm of the centre and leave the body at 100 nm.
    assert np.abs(answer["stream_bounds"]).max() > 80.0
    total = np.zeros_like(results.orders[0].temperature)
    for order, row in zip(results.orders, answer["values"], strict=True):
        total = total + order.temperature
        for point, found in zip(points, row, strict=True):
            assert found["inside"]
            for name, field in (
                ("temperature", order.temperature),
                ("temperature_cumulated", total),
                ("heat_flux", order.heat_flux),
            ):
                expected = line_profile(results.geometry, field, point, point, 2).values[0]
                size = np.abs(expected).max()
                np.testing.assert_allclose(
                    found[name], np.atleast_1d(expected), rtol=0.0, atol=1e-6 * size
                )
    assert_picture(tmp_path / "picture.png")


def interior_points(geometry, count: int = 12):
    """Points well inside cells that are spread over the body, where no two cells compete."""
    cells = np.argsort(geometry.volumes)[-20 * count :: 20]
    weights = np.random.default_rng(8).dirichlet(np.full(4, 5.0), len(cells))
    return np.einsum("ck,ckd->cd", weights, geometry.points[cells])


def ask_paraview(folder: Path, points, environment) -> dict:
    """Run pvbatch, outside of any MPI job that runs these tests."""
    (folder / "points.json").write_text(json.dumps((points / LENGTH_UNIT).tolist()))
    script = Path(__file__).with_name("paraview_script.py")
    command = ["xvfb-run", "-a", "pvbatch", "--force-offscreen-rendering", str(script)]
    files = ["run/paraview/orders.pvd", "points.json", "values.json", "picture.png"]
    done = subprocess.run(
        [*command, *(str(folder / name) for name in files)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return json.loads((folder / "values.json").read_text())


def assert_picture(path: Path) -> None:
    """The middle, hot, and the rim, cold, have different colours, unlike the empty corners."""
    from matplotlib.image import imread

    picture = imread(path)[..., :3]
    height, width, _ = picture.shape
    middle = picture[height // 2 - 10 : height // 2 + 10, width // 2 - 10 : width // 2 + 10]
    middle = middle.reshape(-1, 3).mean(axis=0)
    corner = picture[2, 2]
    rim = picture[height // 2, width // 5]
    assert len(np.unique((picture * 255).astype(int).reshape(-1, 3), axis=0)) > 50
    assert middle[0] > middle[2] + 0.2, "the hot middle is not red"
    assert rim[2] > rim[0] + 0.2, "the cold rim is not blue"
    assert np.abs(middle - corner).max() > 0.2
