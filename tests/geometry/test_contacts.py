"""Regions that touch make an interface, whether the file names it or not."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.geometry.convert import convert_mesh
from pbte.geometry.domain import read_domain
from pbte.geometry.layers import layers
from pbte.geometry.report import mesh_report
from pbte.geometry.session import gmsh_session

NM = 1e-9
# A square cut by both diagonals into four triangles around its centre, from the bottom leftward.
POINTS = NM * np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [1, 1, 0]])
CORNERS = [[1, 2, 5], [2, 3, 5], [3, 4, 5], [4, 1, 5]]
RIM = [(1, 9, 9, [1, 2]), (1, 9, 9, [2, 3]), (1, 9, 9, [3, 4]), (1, 9, 9, [4, 1])]


@pytest.fixture
def square(comm, shared_tmp_path, once, gmsh22):
    """Return a reader of the square: regions of the four triangles, further edges, and names."""

    def read(regions, edges, names):
        path = shared_tmp_path / "square.msh"
        cells = [(2, tag, tag, corners) for tag, corners in zip(regions, CORNERS, strict=True)]
        names = {(1, 9): "rim", **names}
        once(lambda: gmsh22(path, POINTS, [*cells, *RIM, *edges], names))
        return read_domain(path, comm)

    return read


def lengths(domain):
    return {part.name: part.measure / NM for part in mesh_report(domain).interfaces}


def test_a_nameless_contact_is_called_after_its_regions_the_smaller_tag_first(square):
    domain = square([5, 5, 3, 3], [], {(2, 5): "si", (2, 3): "ge"})
    assert lengths(domain) == {"ge-si": pytest.approx(2 * np.sqrt(2))}
    assert domain.automatic_interfaces == {"ge-si"}
    # Its tag is taken by no other surface.
    assert domain.interfaces == {"ge-si": 10} and domain.walls == {"rim": 9}
    assert domain.facet_interfaces.tolist() == [10, 10]


def test_each_pair_of_regions_has_an_interface_of_its_own(square):
    domain = square([1, 2, 3, 2], [], {(2, 1): "a", (2, 2): "b", (2, 3): "c"})
    assert lengths(domain) == {
        "a-b": pytest.approx(2 * np.sqrt(2)),
        "b-c": pytest.approx(2 * np.sqrt(2)),
    }
    assert len(set(domain.interfaces.values())) == 2


def test_a_named_contact_keeps_its_name_and_the_rest_of_it_gets_one(square):
    edge = (1, 4, 4, [5, 2])
    names = {(2, 1): "si", (2, 2): "ge", (1, 4): "bonded"}
    domain = square([1, 2, 2, 1], [edge], names)
    assert lengths(domain) == {
        "bonded": pytest.approx(np.sqrt(2)),
        "si-ge": pytest.approx(np.sqrt(2)),
    }
    assert domain.automatic_interfaces == {"si-ge"}


def test_a_named_surface_within_one_region_stays_an_interface(square):
    edges = [(1, 4, 4, [5, 1]), (1, 4, 4, [5, 3])]
    domain = square([1, 1, 1, 1], edges, {(2, 1): "si", (1, 4): "twin"})
    assert lengths(domain) == {"twin": pytest.approx(2 * np.sqrt(2))}
    assert not domain.automatic_interfaces


def test_one_region_without_a_named_surface_has_no_interface(square):
    domain = square([1, 1, 1, 1], [], {(2, 1): "si"})
    assert not domain.interfaces and len(domain.interior_facets) == 0


def test_a_name_for_several_pairs_of_regions_is_kept(square):
    edges = [(1, 4, 4, [5, k]) for k in (1, 2, 3, 4)]
    names = {(2, 1): "a", (2, 2): "b", (2, 3): "c", (1, 4): "grain boundaries"}
    domain = square([1, 2, 3, 2], edges, names)
    assert lengths(domain) == {"grain boundaries": pytest.approx(4 * np.sqrt(2))}


def test_a_surface_partly_between_regions_and_partly_within_one_is_refused(square):
    edges = [(1, 4, 4, [5, k]) for k in (1, 2, 3)]
    names = {(2, 1): "a", (2, 2): "b", (1, 4): "cut"}
    with pytest.raises(InputError, match="'cut' has 1 facets between two regions and 2 within one"):
        square([1, 1, 1, 2], [(1, 4, 4, [5, 4]), *edges[1:]], names)


def test_a_contact_whose_name_is_taken_must_be_named(square):
    names = {(2, 1): "si", (2, 2): "ge", (1, 4): "si-ge"}
    message = (
        r"1 facets between the regions 'si' and 'ge' are in no group, and 'si-ge', as they would be"
        r" called, is taken; name them in gmsh: Physical Curve"
    )
    with pytest.raises(InputError, match=message):
        square([1, 2, 2, 1], [(1, 4, 4, [5, 2])], names)


def test_two_contacts_that_would_have_the_same_name_must_be_named(square):
    names = {(2, 1): "a", (2, 2): "b-c", (2, 3): "a-b", (2, 4): "c"}
    with pytest.raises(InputError, match="'a-b-c', as they would be called, is taken"):
        square([1, 2, 4, 3], [], names)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_layers_without_named_interfaces_have_the_same_ones(comm, shared_tmp_path, once, dim):
    paths = [shared_tmp_path / name for name in ("named.msh", "nameless.msh", "copy.msh")]

    def write():
        layers(
            paths[0], regions=("si", "ge", "si"), thicknesses=(20 * NM,) * 3, size=10 * NM, dim=dim
        )
        with gmsh_session() as gmsh:
            gmsh.merge(str(paths[0]))
            for d, tag in gmsh.model.getPhysicalGroups(dim - 1):
                if gmsh.model.getPhysicalName(d, tag) == "si-ge":
                    gmsh.model.removePhysicalGroups([(d, tag)])
            gmsh.write(str(paths[1]))
        convert_mesh(paths[1], paths[2])

    once(write)
    named, nameless, copy = (read_domain(path, comm) for path in paths)
    assert not named.automatic_interfaces
    assert nameless.automatic_interfaces == copy.automatic_interfaces == {"si-ge"}
    np.testing.assert_array_equal(nameless.interior_facets, named.interior_facets)
    for other in (nameless, copy):
        assert lengths(other) == pytest.approx(lengths(named), rel=1e-12)
