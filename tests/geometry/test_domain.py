"""Reading a body: the same on all ranks, with every name in its place."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.domain import cell_nodes, read_domain
from pbte.geometry.facets import facet_area_vectors, signed_volumes
from pbte.geometry.session import gmsh_session
from pbte.geometry.shapes import block, film, nanoparticle, wire

NM = 1e-9


def two_layers(path):
    """Write a box of 20 nm of Si below 20 nm of Ge, sharing the surface "contact"."""
    with gmsh_session() as gmsh:
        occ = gmsh.model.occ
        lower, upper = occ.addBox(0, 0, 0, 20, 20, 20), occ.addBox(0, 0, 20, 20, 20, 20)
        occ.fragment([(3, lower)], [(3, upper)])
        occ.synchronize()
        gmsh.model.addPhysicalGroup(3, [lower], 7, "silicon")
        gmsh.model.addPhysicalGroup(3, [upper], 5, "germanium")
        outer = []
        for _, tag in gmsh.model.getEntities(2):
            up, _ = gmsh.model.getAdjacencies(2, tag)
            if len(up) == 2:
                gmsh.model.addPhysicalGroup(2, [tag], 9, "contact")
            else:
                outer.append(tag)
        gmsh.model.addPhysicalGroup(2, outer, 3, "outside")
        gmsh.option.setNumber("Mesh.MeshSizeMax", 10)
        gmsh.model.mesh.generate(3)
        gmsh.write(str(path))


def facet_corners(domain, facets):
    """Return the coordinates of the corners of some facets, shape (num, dim, dim)."""
    from dolfinx.mesh import entities_to_geometry

    mesh = domain.mesh
    dim = mesh.topology.dim
    mesh.topology.create_connectivity(dim - 1, dim)
    nodes = np.asarray(entities_to_geometry(mesh, dim - 1, facets.astype(np.int32)))
    return mesh.geometry.x[nodes.reshape(len(facets), dim)][..., :dim]


def cell_centres(domain):
    mesh = domain.mesh
    return mesh.geometry.x[cell_nodes(mesh)].mean(axis=1)


def test_every_rank_holds_the_whole_mesh_with_the_same_numbers(comm, shared_tmp_path, once):
    path = shared_tmp_path / "np.msh"
    once(lambda: nanoparticle(path, diameter=100 * NM, size=25 * NM))
    domain = read_domain(path, comm)
    mesh = domain.mesh
    assert mesh.comm.size == 1
    for array in (
        mesh.geometry.x,
        cell_nodes(mesh),
        domain.cell_regions,
        domain.boundary_facets,
        domain.facet_walls,
    ):
        np.testing.assert_array_equal(array, comm.bcast(array))
    assert domain.regions == comm.bcast(domain.regions)
    assert domain.source == path


def test_cells_and_facets_carry_their_tags_in_the_numbering_of_the_mesh(
    comm, shared_tmp_path, once
):
    path = shared_tmp_path / "layers.msh"
    once(lambda: two_layers(path))
    domain = read_domain(path, comm, scale=NM)
    assert domain.regions == {"germanium": 5, "silicon": 7}
    upper = cell_centres(domain)[:, 2] > 20 * NM
    np.testing.assert_array_equal(domain.cell_regions, np.where(upper, 5, 7))
    assert domain.walls == {"outside": 3} and set(domain.facet_walls) == {3}
    assert domain.interfaces == {"contact": 9} and set(domain.facet_interfaces) == {9}
    contact = facet_corners(domain, domain.interior_facets)
    np.testing.assert_allclose(contact[..., 2], 20 * NM, rtol=1e-12)
    areas = np.linalg.norm(
        facet_area_vectors(contact.reshape(-1, 3), np.arange(3 * len(contact)).reshape(-1, 3)),
        axis=1,
    )
    assert areas.sum() == pytest.approx((20 * NM) ** 2, rel=1e-10)


@pytest.mark.parametrize(
    "build",
    [
        lambda path: film(path, thickness=100 * NM, size=30 * NM),
        lambda path: block(path, lengths=(50 * NM, 30 * NM), size=12 * NM),
        lambda path: block(path, lengths=(50 * NM, 30 * NM, 20 * NM), size=12 * NM),
        lambda path: nanoparticle(path, diameter=50 * NM, size=15 * NM),
        lambda path: wire(path, length=60 * NM, diameter=30 * NM, size=12 * NM),
    ],
)
def test_outward_normals_of_a_closed_boundary_add_up_to_zero(comm, shared_tmp_path, once, build):
    path = shared_tmp_path / "body.msh"
    once(lambda: build(path))
    domain = read_domain(path, comm)
    dim = domain.mesh.topology.dim
    corners = facet_corners(domain, domain.boundary_facets)
    numbers = np.arange(dim * len(corners)).reshape(-1, dim)
    vectors = facet_area_vectors(corners.reshape(-1, dim), numbers)
    # These bodies are convex around their centre, which tells outward from inward.
    centre = corners.reshape(-1, dim).mean(axis=0)
    outward = np.sign(np.einsum("fd,fd->f", vectors, corners.mean(axis=1) - centre))
    vectors *= outward[:, None]
    scale = np.abs(vectors).sum()
    np.testing.assert_allclose(vectors.sum(axis=0), 0, atol=1e-13 * scale)
    # Gauss: the flux of r through the boundary is dim times the volume.
    flux = np.einsum("fd,fd->", vectors, corners.mean(axis=1))
    cells = domain.cell_nodes
    volume = np.abs(signed_volumes(domain.mesh.geometry.x[:, :dim], cells)).sum()
    assert flux / dim == pytest.approx(volume, rel=1e-12)


def test_scale_is_the_length_of_one_unit_of_the_file(comm, shared_tmp_path, once):
    path = shared_tmp_path / "layers.msh"
    once(lambda: two_layers(path))
    points = read_domain(path, comm, scale=NM).mesh.geometry.x
    np.testing.assert_allclose(np.ptp(points, axis=0), [20 * NM, 20 * NM, 40 * NM], rtol=1e-12)
    with pytest.raises(InputError, match=r"40 m wide; if the file is in nanometres give scale"):
        read_domain(path, comm)
    with pytest.raises(InputError, match="less than an atom"):
        read_domain(path, comm, scale=1e-18)
    for scale in (0.0, -1.0, float("nan")):
        with pytest.raises(InputError, match=r"scale = .*; it must be a positive length"):
            read_domain(path, comm, scale=scale)


def test_a_flat_body_at_constant_height_loses_its_third_coordinate(
    comm, shared_tmp_path, once, gmsh22
):
    path = shared_tmp_path / "square.msh"
    points = NM * np.array([[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 1, 5]])
    cells = [(2, 1, 1, [1, 2, 3]), (2, 1, 1, [1, 3, 4])]
    sides = [(1, 2, 1, [1, 2]), (1, 2, 1, [2, 3]), (1, 2, 1, [3, 4]), (1, 2, 1, [4, 1])]
    once(lambda: gmsh22(path, points, cells + sides, {(2, 1): "body", (1, 2): "rim"}))
    mesh = read_domain(path, comm).mesh
    assert (mesh.geometry.dim, mesh.topology.dim) == (2, 2)
    np.testing.assert_array_equal(mesh.geometry.x[:, 2], 0)


def test_a_binary_file_gives_the_same_body_as_a_text_file(comm, shared_tmp_path, once):
    paths = [shared_tmp_path / name for name in ("text.msh", "binary.msh", "old.msh")]

    def write():
        block(paths[0], lengths=(30 * NM, 20 * NM, 10 * NM), size=10 * NM)
        for path, binary, version in ((paths[1], 1, 4.1), (paths[2], 0, 2.2)):
            with gmsh_session() as gmsh:
                gmsh.merge(str(paths[0]))
                gmsh.option.setNumber("Mesh.Binary", binary)
                gmsh.option.setNumber("Mesh.MshFileVersion", version)
                gmsh.write(str(path))

    once(write)
    text, *others = (read_domain(path, comm) for path in paths)
    for other in others:
        assert other.walls == text.walls and other.regions == text.regions
        np.testing.assert_allclose(
            np.sort(cell_centres(other), axis=0), np.sort(cell_centres(text), axis=0), rtol=1e-12
        )
        assert np.bincount(other.facet_walls).tolist() == np.bincount(text.facet_walls).tolist()


def test_points_without_cells_are_left_out(comm, shared_tmp_path, once, gmsh22):
    path = shared_tmp_path / "line.msh"
    points = NM * np.array([[0.0, 0, 0], [7, 7, 7], [1, 0, 0], [2, 0, 0]])
    elements = [(1, 1, 1, [1, 3]), (1, 1, 1, [3, 4]), (15, 2, 1, [1]), (15, 3, 2, [4])]
    names = {(1, 1): "body", (0, 2): "hot", (0, 3): "cold"}
    once(lambda: gmsh22(path, points, elements, names))
    domain = read_domain(path, comm)
    assert domain.mesh.geometry.x.shape[0] == 3
    ends = facet_corners(domain, domain.boundary_facets)[:, 0, 0]
    wall = dict(zip(domain.facet_walls, ends, strict=True))
    assert wall == pytest.approx({2: 0.0, 3: 2 * NM})


def test_an_error_is_raised_on_every_rank(comm, shared_tmp_path):
    caught = 0
    try:
        read_domain(shared_tmp_path / "absent.msh", comm)
    except InputError as error:
        caught = int("no such mesh file" in str(error))
    assert comm.allreduce(caught, op=MPI.SUM) == comm.size
