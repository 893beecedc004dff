"""Bodies inside others: both parts whole, one surface between them."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.domain import read_domain
from pbte.geometry.inclusions import core_shell, inclusion
from pbte.geometry.meshfile import read_mesh_file
from pbte.geometry.periodic import match_walls
from pbte.geometry.report import mesh_report

NM = 1e-9


def report_of(path):
    return mesh_report(read_domain(path, MPI.COMM_SELF))


def measures(parts):
    return {part.name: part.measure for part in parts}


def test_a_core_shell_sphere_has_both_volumes_and_the_surface_between_them(tmp_path):
    path = core_shell(
        tmp_path / "c.msh", diameter=60 * NM, core_diameter=36 * NM, size=10 * NM,
        size_at_interface=4 * NM,
    )  # fmt: skip
    report = report_of(path)
    outer, inner = np.pi / 6 * (60 * NM) ** 3, np.pi / 6 * (36 * NM) ** 3
    volumes = measures(report.regions)
    assert volumes["core"] == pytest.approx(inner, rel=0.03)
    assert volumes["shell"] == pytest.approx(outer - inner, rel=0.08)
    assert measures(report.walls) == pytest.approx({"surface": np.pi * (60 * NM) ** 2}, rel=0.04)
    assert measures(report.interfaces) == pytest.approx(
        {"core-shell": np.pi * (36 * NM) ** 2}, rel=0.02
    )
    data = read_mesh_file(path)
    radii = np.linalg.norm(
        data.points[data.facets[data.facet_tags == data.facet_groups["core-shell"]]], axis=2
    )
    np.testing.assert_allclose(radii, 18 * NM, rtol=1e-6)


@pytest.mark.parametrize(
    ("lengths", "inside", "volume", "area"),
    [
        ((60, 50), {"diameter": 30 * NM}, np.pi * 15**2, np.pi * 30),
        ((60, 50, 40), {"diameter": 24 * NM}, np.pi / 6 * 24**3, np.pi * 24**2),
        ((60, 50), {"inclusion_lengths": (30 * NM, 20 * NM)}, 600, 100),
        ((60, 50, 40), {"inclusion_lengths": (30 * NM, 20 * NM, 10 * NM)}, 6000, 2200),
    ],
)
@pytest.mark.parametrize("periodic", [False, True])
def test_an_inclusion_fills_the_middle_of_its_matrix(
    tmp_path, lengths, inside, volume, area, periodic
):
    dim = len(lengths)
    path = inclusion(
        tmp_path / "i.msh",
        lengths=tuple(length * NM for length in lengths),
        size=10 * NM,
        size_at_interface=4 * NM,
        periodic="xyz"[:dim] if periodic else "",
        **inside,
    )
    report = report_of(path)
    total = float(np.prod(lengths)) * NM**dim
    # Flat sides are exact, round ones lose about (h/R)^2 / 6.
    close = 1e-9 if "inclusion_lengths" in inside else 0.05
    volumes = measures(report.regions)
    assert report.volume == pytest.approx(total, rel=1e-9)
    assert volumes["inclusion"] == pytest.approx(volume * NM**dim, rel=close)
    assert measures(report.interfaces) == pytest.approx(
        {"matrix-inclusion": area * NM ** (dim - 1)}, rel=close
    )
    assert len(report.walls) == 2 * dim and report.min_quality > 0.1
    if periodic:
        data = read_mesh_file(path)
        for axis in "xyz"[:dim]:
            match_walls(
                *(
                    data.points[data.facets[data.facet_tags == data.facet_groups[f"{axis}_{end}"]]]
                    for end in ("min", "max")
                )
            )


def test_cells_are_finer_at_a_box_shaped_inclusion(tmp_path):
    path = inclusion(
        tmp_path / "i.msh", lengths=(200 * NM, 200 * NM), inclusion_lengths=(60 * NM, 40 * NM),
        size=20 * NM, size_at_interface=4 * NM,
    )  # fmt: skip
    data = read_mesh_file(path)
    corners = data.points[data.facets]
    edges = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    inner = data.facet_tags == data.facet_groups["matrix-inclusion"]
    assert edges[inner].mean() == pytest.approx(4 * NM, rel=0.1)
    assert edges[~inner].mean() == pytest.approx(20 * NM, rel=0.2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lengths": (60 * NM,)}, "1 lengths given; 2 or 3 were expected"),
        ({"diameter": None}, "give either a diameter .* or inclusion_lengths"),
        ({"inclusion_lengths": (NM, NM)}, "give either a diameter"),
        (
            {"diameter": None, "inclusion_lengths": (NM, NM, NM)},
            "3 inclusion_lengths given; 2 were expected",
        ),
        ({"diameter": 50 * NM}, "the inclusion is 5e-08 m wide in y; it must be smaller than the"),
        ({"diameter": -NM}, "inclusion's extent in x = -1e-09 m; it must be positive"),
        ({"size": 55 * NM}, "size = 5.5e-08 m is larger than extent in y"),
        ({"size": 35 * NM}, "size = 3.5e-08 m is larger than inclusion's extent in x"),
        ({"periodic": "z"}, "periodic = 'z'; in 2D it must be"),
        ({"size_at_interface": 20 * NM}, "size_at_interface = 2e-08 m is larger than size"),
    ],
)
def test_an_inclusion_that_makes_no_sense_is_refused(tmp_path, changes, message):
    arguments = {"lengths": (60 * NM, 50 * NM), "diameter": 30 * NM, "size": 10 * NM}
    with pytest.raises(InputError, match=message):
        inclusion(tmp_path / "i.msh", **{**arguments, **changes})
    assert list(tmp_path.iterdir()) == []


def test_a_core_larger_than_its_sphere_is_refused(tmp_path):
    with pytest.raises(InputError, match="core_diameter = 6e-08 m; it must be smaller than the di"):
        core_shell(tmp_path / "c.msh", diameter=60 * NM, core_diameter=60 * NM, size=10 * NM)
