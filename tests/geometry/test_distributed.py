"""A body cut into parts: every cell and facet on exactly one rank, with its number and its tag."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.distributed import distribute, read_domain_part
from pbte.geometry.domain import cell_nodes, read_domain
from pbte.geometry.session import gmsh_session
from pbte.geometry.shapes import film, nanoparticle

NM = 1e-9


def two_squares(path):
    """Write two squares of silicon and germanium that share the line "contact"."""
    with gmsh_session() as gmsh:
        occ = gmsh.model.occ
        left, right = occ.addRectangle(0, 0, 0, 20, 20), occ.addRectangle(20, 0, 0, 20, 20)
        occ.fragment([(2, left)], [(2, right)])
        occ.synchronize()
        gmsh.model.addPhysicalGroup(2, [left], 7, "silicon")
        gmsh.model.addPhysicalGroup(2, [right], 5, "germanium")
        outer = []
        for _, tag in gmsh.model.getEntities(1):
            if len(gmsh.model.getAdjacencies(1, tag)[0]) == 2:
                gmsh.model.addPhysicalGroup(1, [tag], 9, "contact")
            else:
                outer.append(tag)
        gmsh.model.addPhysicalGroup(1, outer[:1], 3, "first")
        gmsh.model.addPhysicalGroup(1, outer[1:], 4, "others")
        gmsh.option.setNumber("Mesh.MeshSizeMax", 4)
        gmsh.model.mesh.generate(2)
        gmsh.write(str(path))


WRITERS = {
    "film": lambda path: film(path, thickness=100 * NM, size=5 * NM),
    "squares": two_squares,
    "sphere": lambda path: nanoparticle(path, diameter=100 * NM, size=20 * NM),
}
SCALES = {"squares": NM}


@pytest.fixture(params=WRITERS)
def parts(request, comm, shared_tmp_path, once):
    """Return the whole body, on every rank, and the part of this rank."""
    path = shared_tmp_path / "body.msh"
    once(lambda: WRITERS[request.param](path))
    scale = SCALES.get(request.param, 1.0)
    part, first = read_domain_part(path, comm, scale=scale)
    assert (first is not None) == (comm.rank == 0)
    return read_domain(path, comm, scale=scale), part


def corners_of(part, faces):
    """Return the ascending vertices of some faces of a part."""
    cells, opposite = np.divmod(faces, part.dim + 1)
    keep = np.arange(part.dim + 1) != opposite[:, None]
    return np.sort(part.vertices[cells][keep].reshape(-1, part.dim), axis=1)


def test_every_cell_is_on_one_rank_with_its_points_and_region(parts, comm):
    whole, part = parts
    everywhere = np.concatenate(comm.allgather(part.cells))
    np.testing.assert_array_equal(np.sort(everywhere), np.arange(part.num_cells))
    assert part.num_cells == len(whole.cell_regions)
    assert (np.diff(part.cells) > 0).all()
    nodes = cell_nodes(whole.mesh)[part.cells]
    np.testing.assert_array_equal(part.vertices, nodes)
    np.testing.assert_array_equal(part.points, whole.mesh.geometry.x[nodes][:, :, : part.dim])
    np.testing.assert_array_equal(part.cell_regions, whole.cell_regions[part.cells])
    assert (part.regions, part.walls) == (whole.regions, whole.walls)
    assert part.interfaces == whole.interfaces


def test_parts_are_of_equal_size(parts, comm):
    """The partitioner may be off by a few per cent, and by a cell or two on tiny meshes."""
    _, part = parts
    assert comm.allreduce(len(part.cells), MPI.MAX) <= 1.1 * part.num_cells / comm.size + 2


def test_every_boundary_facet_is_on_one_rank_with_its_wall(parts, comm):
    whole, part = parts
    everywhere = np.concatenate(comm.allgather(part.facets))
    np.testing.assert_array_equal(np.sort(everywhere), np.arange(len(whole.boundary_facets)))
    assert part.num_facets == len(whole.boundary_facets)
    np.testing.assert_array_equal(part.facet_walls, whole.facet_walls[part.facets])
    expected = whole_corners(whole, whole.boundary_facets[part.facets])
    np.testing.assert_array_equal(corners_of(part, part.boundary), expected)


def test_both_sides_of_an_interface_are_found(parts, comm):
    whole, part = parts
    everywhere = np.concatenate(comm.allgather(part.interior_facets))
    twice = np.repeat(np.arange(part.num_interior_facets), 2)
    np.testing.assert_array_equal(np.sort(everywhere), twice)
    tags = whole.facet_interfaces[part.interior_facets]
    np.testing.assert_array_equal(part.facet_interfaces, tags)
    expected = whole_corners(whole, whole.interior_facets[part.interior_facets])
    np.testing.assert_array_equal(corners_of(part, part.interior), expected)


def whole_corners(whole, facets):
    """Return the ascending points of facets of the whole mesh."""
    from dolfinx.mesh import entities_to_geometry

    dim = whole.mesh.topology.dim
    if not len(facets):
        return np.empty((0, dim), dtype=np.int64)
    whole.mesh.topology.create_connectivity(dim - 1, dim)
    nodes = entities_to_geometry(whole.mesh, dim - 1, facets.astype(np.int32))
    return np.sort(np.asarray(nodes).reshape(len(facets), dim), axis=1)


def test_copies_of_a_part_are_the_same(comm, shared_tmp_path, once):
    """All ranks hold one and the same part: the whole body, handed on by the first of them."""
    path = shared_tmp_path / "body.msh"
    once(lambda: WRITERS["sphere"](path))
    part, whole = read_domain_part(path, comm.Split(comm.rank), comm)
    assert (whole is not None) == (comm.rank == 0)
    assert len(part.cells) == part.num_cells
    for array in (part.points, part.vertices, part.boundary, part.facet_walls):
        np.testing.assert_array_equal(array, comm.bcast(array))


def test_a_mesh_with_fewer_cells_than_parts_is_refused_on_all_ranks(comm, shared_tmp_path, once):
    path = shared_tmp_path / "film.msh"
    once(lambda: film(path, thickness=10 * NM, size=10 * NM))
    whole = read_domain(path, comm)
    if len(whole.cell_regions) >= comm.size:
        part = distribute(whole, comm)
        assert len(part.cells) > 0
    else:
        with pytest.raises(InputError, match="without cells; use fewer parts"):
            distribute(whole if comm.rank == 0 else None, comm)


def test_a_missing_mesh_file_is_refused_on_all_ranks_and_copies(comm, shared_tmp_path):
    for space, copies in ((comm, comm.Split(comm.rank)), (comm.Split(comm.rank), comm)):
        with pytest.raises(InputError, match="no such mesh file"):
            read_domain_part(shared_tmp_path / "nothing.msh", space, copies)
