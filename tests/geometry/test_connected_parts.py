"""Parts of a mesh that heat cannot reach from each other are counted, and told where they touch."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.checks import check_mesh
from pbte.geometry.connected_parts import connected_parts
from pbte.geometry.domain import make_domain, read_domain
from pbte.geometry.facets import facet_table
from pbte.geometry.layers import layers
from pbte.geometry.meshfile import MeshData
from pbte.geometry.shapes import film

NM = 1e-9


def rectangle(x, y, count):
    """Points and triangles of a rectangle with `count` intervals along y and 2 along x."""
    xs, ys = np.linspace(*x, 3), np.linspace(*y, count + 1)
    points = np.array([[a, b] for a in xs for b in ys])
    rows = count + 1
    cells = []
    for i in range(2):
        for j in range(count):
            a, b, c, d = i * rows + j, (i + 1) * rows + j, (i + 1) * rows + j + 1, i * rows + j + 1
            cells += [[a, b, c], [a, c, d]]
    return points, np.array(cells)


def domain_of(*pieces):
    """Return the domain of pieces meshed by themselves, each with a region and a wall."""
    points, cells, tags, facets, walls = [], [], [], [], []
    for number, (own, corners) in enumerate(pieces, start=1):
        start = sum(map(len, points))
        table = facet_table(corners)
        points.append(own)
        cells.append(corners + start)
        tags.append(np.full(len(corners), number))
        rim = table.nodes[table.num_cells == 1]
        facets.append(rim + start)
        walls.append(np.full(len(rim), 10 + number))
    names = range(1, len(pieces) + 1)
    data = MeshData(
        points=np.concatenate(points) * NM,
        cells=np.concatenate(cells),
        cell_tags=np.concatenate(tags),
        regions={f"r{n}": n for n in names},
        facets=np.concatenate(facets),
        facet_tags=np.concatenate(walls),
        facet_groups={f"w{n}": 10 + n for n in names},
    )
    return make_domain(check_mesh(data, "made"))


@pytest.mark.parametrize("counts", [(4, 4), (4, 7), (3, 10)])
def test_pieces_side_by_side_are_not_joined(counts):
    """With the same points twice, or with other ones; both sides of the contact count."""
    found = connected_parts(
        domain_of(rectangle((0, 50), (0, 100), counts[0]), rectangle((50, 90), (0, 100), counts[1]))
    )
    one, other = found.parts
    assert {one.num_cells, other.num_cells} == {4 * n for n in counts}
    assert one.volume + other.volume == pytest.approx(90e-9 * 100e-9)
    (pair,) = found.unjoined
    assert pair.parts == (0, 1) and pair.walls == ("w1", "w2")
    assert pair.num_facets == sum(counts)
    assert pair.place[0] == pytest.approx(50e-9)


@pytest.mark.parametrize(
    "second",
    [
        ((50.001, 90), (0, 100)),  # a gap of a picometre
        ((50, 90), (100, 200)),  # an edge to an edge
        ((0, 50), (140, 200)),
    ],
)
def test_pieces_apart_are_only_counted(second):
    found = connected_parts(
        domain_of(rectangle((0, 50), (0, 100), 5), rectangle(second[0], second[1], 5))
    )
    assert len(found.parts) == 2 and not found.unjoined
    np.testing.assert_array_equal(np.bincount(found.of_cell), [20, 20])
    assert {part.walls for part in found.parts} == {("w1",), ("w2",)}


def test_three_pieces_touch_in_two_places_and_the_largest_is_the_first():
    found = connected_parts(
        domain_of(
            rectangle((0, 10), (0, 100), 5),
            rectangle((10, 50), (0, 100), 9),
            rectangle((50, 90), (0, 50), 4),
        )
    )
    assert [part.num_cells for part in found.parts] == [36, 20, 16]
    assert [pair.parts for pair in found.unjoined] == [(0, 1), (0, 2)]
    x = [part.place[0] for part in found.parts]
    assert x == pytest.approx([30e-9, 5e-9, 70e-9], abs=12e-9)


def test_the_place_of_a_part_is_inside_it():
    """Also where the middle of the part is not: an L of three quarters of a square."""
    points, cells = rectangle((0, 100), (0, 100), 2)
    corner = (points[cells].mean(axis=1) > 50.0).all(axis=1)
    used, numbers = np.unique(cells[~corner], return_inverse=True)
    (part,) = connected_parts(domain_of((points[used], numbers.reshape(-1, 3)))).parts
    assert part.num_cells == 6 and min(part.place) < 50e-9


def test_interfaces_and_periodic_walls_connect(tmp_path):
    path = layers(
        tmp_path / "h.msh", regions=("a", "b"), thicknesses=(40 * NM, 40 * NM), size=20 * NM, dim=2
    )
    assert len(connected_parts(read_domain(path, MPI.COMM_SELF)).parts) == 1
    domain = domain_of(rectangle((0, 50), (0, 100), 5), rectangle((60, 110), (0, 100), 5))
    assert len(connected_parts(domain).parts) == 2
    assert len(connected_parts(domain, [("w1", "w2")]).parts) == 1


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_mesh_in_one_piece_is_one_part(tmp_path, dim):
    path = film(tmp_path / f"film{dim}.msh", thickness=50 * NM, size=15 * NM, dim=dim)
    found = connected_parts(read_domain(path, MPI.COMM_SELF))
    assert len(found.parts) == 1 and not found.unjoined and not found.of_cell.any()
    assert found.parts[0].place[0] == pytest.approx(25 * NM, abs=15 * NM)


def test_periodic_walls_that_do_not_match_are_refused():
    domain = domain_of(rectangle((0, 50), (0, 100), 5), rectangle((60, 110), (0, 90), 5))
    with pytest.raises(InputError, match="do not match"):
        connected_parts(domain, [("w1", "w2")])


def test_a_shattered_mesh_is_counted_too():
    """Every cell a part of its own: the work grows with the cells, not with their square."""
    points, cells = rectangle((0, 100), (0, 100), 40)
    pieces = [(points[cell], np.array([[0, 1, 2]])) for cell in cells]
    found = connected_parts(domain_of(*pieces))
    assert len(found.parts) == len(cells) == 160
    assert sum(pair.num_facets for pair in found.unjoined) == 3 * len(cells) - 84  # on the rim
