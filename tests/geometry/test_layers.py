"""Layers: exact volumes, one interface between each pair of regions, finer cells beside it."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.domain import read_domain
from pbte.geometry.layers import layers
from pbte.geometry.meshfile import read_mesh_file
from pbte.geometry.periodic import match_walls
from pbte.geometry.report import mesh_report

NM = 1e-9
SI_GE = {"regions": ("si", "ge"), "thicknesses": (50 * NM, 30 * NM)}


def report_of(path):
    return mesh_report(read_domain(path, MPI.COMM_SELF))


def measures(parts):
    return {part.name: part.measure for part in parts}


def walls_of(path):
    """Return the corners of the facets of each named surface in a file."""
    data = read_mesh_file(path)
    return {
        name: data.points[data.facets[data.facet_tags == tag]]
        for name, tag in data.facet_groups.items()
    }


def cell_sizes(path):
    """Return x of each cell's centre and its size from its volume, in one and two dimensions."""
    data = read_mesh_file(path)
    corners = data.points[data.cells]
    edges = corners[:, 1:] - corners[:, :1]
    volumes = np.abs(np.linalg.det(edges))
    dim = data.points.shape[1]
    return corners.mean(axis=1)[:, 0], volumes if dim == 1 else np.sqrt(2 * volumes / np.sqrt(3))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_two_blocks_of_silicon_and_germanium_share_one_interface(tmp_path, dim):
    path = layers(
        tmp_path / "l.msh",
        regions=("si", "ge"),
        thicknesses=(500 * NM, 500 * NM),
        size=250 * NM,
        dim=dim,
    )
    report = report_of(path)
    face = (500 * NM) ** (dim - 1)
    assert measures(report.regions) == pytest.approx(
        {"si": 500 * NM * face, "ge": 500 * NM * face}, rel=1e-9
    )
    assert measures(report.interfaces) == pytest.approx({"si-ge": face}, rel=1e-9)
    walls = {"left": face, "right": face}
    if dim > 1:
        walls["sides"] = 2 * (dim - 1) * 1000 * NM * (500 * NM) ** (dim - 2)
    assert measures(report.walls) == pytest.approx(walls, rel=1e-9)
    np.testing.assert_allclose(walls_of(path)["si-ge"][..., 0], 500 * NM, rtol=1e-9)


def test_layers_of_one_name_are_one_region_and_one_interface(tmp_path):
    path = layers(tmp_path / "l.msh", **SI_GE, repeat=5, size=10 * NM)
    report = report_of(path)
    assert measures(report.regions) == pytest.approx({"si": 250 * NM, "ge": 150 * NM}, rel=1e-9)
    assert measures(report.interfaces) == {"si-ge": 9.0}
    assert {part.name: part.count for part in report.regions} == {"si": 25, "ge": 15}
    planes = np.sort(walls_of(path)["si-ge"].ravel())
    np.testing.assert_allclose(planes / NM, [50, 80, 130, 160, 210, 240, 290, 320, 370], rtol=1e-9)


def test_numbered_interfaces_follow_each_other_from_left_to_right(tmp_path):
    path = layers(tmp_path / "l.msh", **SI_GE, repeat=2, size=20 * NM, dim=2, numbered=True)
    walls = walls_of(path)
    for k, x in enumerate((50, 80, 130), 1):
        np.testing.assert_allclose(walls[f"interface-{k}"][..., 0], x * NM, rtol=1e-9)


def test_the_name_of_an_interface_puts_the_region_first_that_comes_first(tmp_path):
    path = layers(
        tmp_path / "l.msh",
        regions=("lead", "si", "lead", "ge", "si"),
        thicknesses=(10 * NM,) * 5,
        size=10 * NM,
    )
    assert measures(report_of(path).interfaces) == {"lead-si": 2.0, "lead-ge": 1.0, "si-ge": 1.0}


@pytest.mark.parametrize("dim", [1, 2])
def test_cells_grow_away_from_the_interface(tmp_path, dim):
    path = layers(
        tmp_path / "l.msh",
        regions=("si", "ge"),
        thicknesses=(200 * NM, 200 * NM),
        size=40 * NM,
        size_at_interface=4 * NM,
        dim=dim,
    )
    x, sizes = cell_sizes(path)
    distance = np.abs(x - 200 * NM)
    near, far = distance < 6 * NM, distance > 140 * NM
    assert sizes[near].mean() == pytest.approx(5 * NM, rel=0.3)
    assert sizes[far].mean() == pytest.approx(40 * NM, rel=0.3)
    middle = (distance > 30 * NM) & (distance < 60 * NM)
    expected = 4 * NM + 0.3 * distance[middle].mean()
    assert sizes[middle].mean() == pytest.approx(expected, rel=0.3)


def test_a_thin_layer_between_thick_ones_needs_small_cells_only_beside_it(tmp_path):
    path = layers(
        tmp_path / "l.msh",
        regions=("si", "ge", "si"),
        thicknesses=(5e-4, 5 * NM, 5e-4),
        size=1e-5,
        size_at_interface=1 * NM,
    )
    report = report_of(path)
    assert report.num_cells < 300
    assert measures(report.regions)["ge"] == pytest.approx(5 * NM, rel=1e-6)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_corrugated_interface_is_a_sine_and_leaves_the_volumes(tmp_path, dim):
    path = layers(
        tmp_path / "l.msh",
        **SI_GE,
        size=8 * NM,
        size_at_interface=3 * NM,
        dim=dim,
        width=40 * NM,
        amplitude=6 * NM,
        **({"height": 10 * NM} if dim == 3 else {}),
    )
    points = walls_of(path)["si-ge"].reshape(-1, dim)
    wave = 50 * NM + 6 * NM * np.sin(2 * np.pi * points[:, 1] / (40 * NM))
    # The cubic spline is off the sine by less than 1e-4 of its amplitude.
    np.testing.assert_allclose(points[:, 0], wave, atol=1e-3 * NM)
    depth = 10 * NM if dim == 3 else 1.0
    report = report_of(path)
    assert measures(report.regions) == pytest.approx(
        {"si": 2000 * NM**2 * depth, "ge": 1200 * NM**2 * depth}, rel=2e-3
    )
    assert report.volume == pytest.approx(3200 * NM**2 * depth, rel=1e-9)
    # Arc length of the sine by the trapezoidal rule, exact for a period.
    phase = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    length = 40 * NM * np.hypot(1, 6 * 2 * np.pi / 40 * np.cos(phase)).mean()
    assert measures(report.interfaces)["si-ge"] == pytest.approx(length * depth, rel=0.01)


def test_waves_may_be_cut_off_where_the_width_is_not_periodic(tmp_path):
    path = layers(
        tmp_path / "l.msh", **SI_GE, size=4 * NM, dim=2, width=25 * NM, amplitude=5 * NM,
        period=20 * NM,
    )  # fmt: skip
    points = walls_of(path)["si-ge"].reshape(-1, 2)
    wave = 50 * NM + 5 * NM * np.sin(2 * np.pi * points[:, 1] / (20 * NM))
    np.testing.assert_allclose(points[:, 0], wave, atol=0.02 * NM)


FLAT = {2: {"width": 20 * NM}, 3: {"width": 20 * NM, "height": 12 * NM}}
WAVY = {dim: extent | {"amplitude": 5 * NM} for dim, extent in FLAT.items()}


@pytest.mark.parametrize(
    ("dim", "options"), [(1, {}), (2, FLAT[2]), (2, WAVY[2]), (3, FLAT[3]), (3, WAVY[3])]
)
def test_the_period_of_a_superlattice_has_all_interfaces_inside(tmp_path, dim, options):
    path = layers(
        tmp_path / "l.msh", **SI_GE, size=10 * NM, dim=dim, periodic="xyz"[:dim], **options
    )
    report, walls = report_of(path), walls_of(path)
    share = measures(report.regions)["si"] / report.volume
    assert share == pytest.approx(50 / 80, rel=0.02)
    for name in ("left", "right"):  # both ends lie in the first region
        assert match_walls(walls[name], walls[name]).mismatch == 0.0
    planes = walls["si-ge"][..., 0]
    assert abs(planes.mean() - 40 * NM) < 2 * NM and planes.min() > 19 * NM
    shift = match_walls(walls["left"], walls["right"]).translation
    np.testing.assert_allclose(shift, [80 * NM, 0, 0][:dim], atol=1e-18)
    for axis in "yz"[: dim - 1]:
        match_walls(walls[f"{axis}_min"], walls[f"{axis}_max"])


def test_a_superlattice_that_ends_as_it_begins_stays_as_it_is(tmp_path):
    path = layers(
        tmp_path / "l.msh", regions=("si", "ge", "si"), thicknesses=(10 * NM,) * 3, size=5 * NM,
        periodic="x",
    )  # fmt: skip
    np.testing.assert_allclose(np.sort(walls_of(path)["si-ge"].ravel()), [10 * NM, 20 * NM])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"thicknesses": (1 * NM,)}, "2 regions and 1 thicknesses given"),
        ({"regions": (), "thicknesses": ()}, "0 regions and 0 thicknesses"),
        ({"thicknesses": (50 * NM, -1 * NM)}, "thickness of layer 2 = -1e-09 m; it must be pos"),
        ({"regions": ("si", "si")}, "layers 1 and 2 are both 'si', with no interface between them"),
        ({"regions": ("si", 'g"e')}, "is no name of a region"),
        ({"repeat": 0}, "repeat = 0"),
        ({"dim": 4}, "dim = 4; it must be 1, 2 or 3"),
        ({"amplitude": 1 * NM}, "amplitude has no meaning with dim = 1"),
        ({"height": 1 * NM, "dim": 2}, "height has no meaning with dim = 2"),
        ({"size": 40 * NM}, "size = 4e-08 m is larger than thickness of layer 2"),
        ({"size_at_interface": 20 * NM}, "size_at_interface = 2e-08 m is larger than size"),
        ({"size_at_interface": 1 * NM, "growth": 3.0}, "growth = 3; the size must grow by 0.01"),
        (
            {"dim": 2, "amplitude": 40 * NM},
            "leaves less than a quarter of a cell of the outer layer of 3e",
        ),
        ({"dim": 2, "amplitude": 28 * NM}, "give smaller waves or smaller cells at the interface"),
        ({"dim": 2, "amplitude": -1 * NM}, "amplitude = -1e-09 m; it must be at least 0"),
        (
            {"dim": 2, "amplitude": 1 * NM, "period": 21 * NM, "periodic": "y"},
            "must hold a whole number of periods",
        ),
        ({"periodic": "y"}, "periodic = 'y'; in 1D it must be"),
        ({"size_at_interface": 1e-14, "dim": 2}, "would make about .* cells"),
    ],
)
def test_layers_that_make_no_sense_are_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        layers(tmp_path / "l.msh", **{**SI_GE, "size": 10 * NM, **changes})
    assert list(tmp_path.iterdir()) == []
