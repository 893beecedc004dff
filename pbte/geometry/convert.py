"""Conversion of meshes of other programs to gmsh files with named regions and walls."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from pbte.core.errors import InputError, RunError
from pbte.core.types import Array, BoolArray, IntArray
from pbte.geometry.checks import CheckedMesh, check_mesh
from pbte.geometry.faces import connected
from pbte.geometry.facets import edge_lengths, facet_table, match_rows
from pbte.geometry.files import write_atomically
from pbte.geometry.foreign_groups import name_elements
from pbte.geometry.meshfile import MeshData, check_extent, drop_flat_axes
from pbte.geometry.session import gmsh_session

# meshio's names of simplices; of curved ones the corners come first.
_SIMPLICES = {"vertex": 0, "line": 1, "triangle": 2, "tetra": 3}
_OTHERS = {"quad": 2, "polygon": 2, "hexahedron": 3, "wedge": 3, "pyramid": 3, "polyhedron": 3}
_GMSH_TYPE = {0: 15, 1: 1, 2: 2, 3: 4}


def convert_mesh(
    source: str | Path,
    target: str | Path,
    *,
    scale: float = 1.0,
    tags: str | None = None,
    merge: float | None = None,
) -> Path:
    """Write a mesh of another program as a gmsh file that ``read_domain`` accepts.

    Reads what meshio reads (vtk, vtu, xdmf, med, msh, inp, mesh, ...). Named groups are kept where
    the format carries them; otherwise each distinct number of an integer cell array becomes a group
    ("region_1", "wall_2"); the rest becomes the region "body" and the wall "surface". Boundary
    facets that the source lacks are added. Curved cells become straight.

    Args:
        source: The mesh to read.
        target: The ``.msh`` file to write.
        scale: Length of one unit of the source [m], such as 1e-9.
        tags: Name of the cell array with the numbers of regions and walls, where the source has
            several.
        merge: Points at most this far apart become one [m]; boundary facets of two cells that
            become the same facet are then interior.

    Raises:
        InputError: The source is missing, damaged, of an unknown format, holds no volume elements
            or unsupported ones, or is not a valid mesh.
        RunError: The target cannot be written.
    """
    source, target = Path(source), Path(target)
    if target.suffix.lower() != ".msh":
        raise InputError(f"{target}: the name of the converted mesh must end in .msh")
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"{source}: scale = {scale:g}; it must be a positive length in metres")
    data = _arrange(read_foreign(source), source, scale, tags, merge)
    write_gmsh(check_mesh(data, source), target)
    return target


def read_foreign(source: Path) -> Any:
    """Return the meshio mesh of a file, with printing and exiting of meshio turned into errors.

    Raises:
        InputError: The file is missing, or meshio cannot read it.
        RunError: meshio is not installed.
    """
    if not source.is_file():
        raise InputError(f"{source}: no such mesh file")
    try:
        import meshio
    except ImportError as error:
        raise RunError(f"meshio cannot be loaded ({error}); install the module meshio") from error
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            mesh = meshio.read(source)
    except (Exception, SystemExit) as error:
        reason = " ".join(said.getvalue().split()) if isinstance(error, SystemExit) else str(error)
        raise InputError(
            f"{source}: meshio cannot read this mesh ({reason or type(error).__name__}); check that"
            " the file is whole and its ending names its format"
        ) from error
    return mesh


def _arrange(
    mesh: Any, source: Path, scale: float, tags: str | None, merge: float | None
) -> MeshData:
    """Return the arrays of a meshio mesh, with every cell and boundary facet named."""
    dim = _cell_dimension(mesh, source)
    cells, cell_blocks = _elements(mesh, dim)
    facets, facet_blocks = _elements(mesh, dim - 1)
    points = np.asarray(mesh.points, dtype=np.float64)
    if cells.min() < 0 or cells.max() >= len(points):
        raise InputError(f"{source}: cells refer to points that the file does not hold")
    points = np.pad(points, ((0, 0), (0, 3 - points.shape[1])))
    used, numbers = np.unique(cells, return_inverse=True)
    cells = numbers.reshape(cells.shape).astype(np.int64)
    kept: BoolArray = np.isin(facets, used).all(axis=1).reshape(-1)
    facets = np.where(kept[:, None], np.searchsorted(used, facets), 0)  # the others go below
    points = scale * drop_flat_axes(points[used], dim, source)
    check_extent(points, source)

    if merge is not None:
        points, cells, facets = _merged(points, cells, facets, merge, source)

    cell_tags, regions = name_elements(mesh, cell_blocks, dim, "region", tags, source)
    facet_tags, walls = name_elements(mesh, facet_blocks, dim - 1, "wall", tags, source)
    if np.any(cell_tags == 0):
        cell_tags[cell_tags == 0] = regions.setdefault("body", len(regions) + 1)
    wanted = kept & (facet_tags > 0)
    if merge is not None:
        wanted &= ~_doubled(facets, cells)
    facets, facet_tags = _complete(cells, facets[wanted], facet_tags[wanted], walls, source)
    return MeshData(
        points=points,
        cells=cells,
        cell_tags=cell_tags,
        regions=regions,
        facets=facets,
        facet_tags=facet_tags,
        facet_groups=walls,
    )


def _merged(
    points: Array, cells: IntArray, facets: IntArray, distance: float, source: Path
) -> tuple[Array, IntArray, IntArray]:
    """Return points, cells and facets with points of almost the same place merged."""
    pairs = cKDTree(points).query_pairs(distance, output_type="ndarray")
    number = connected(len(points), pairs[:, 0], pairs[:, 1])
    merged = number[cells]
    if (np.diff(np.sort(merged, axis=1), axis=1) == 0).any():
        raise InputError(
            f"{source}: --merge {distance:g} would merge corners of one cell; its shortest edge is "
            f"{edge_lengths(points, cells).min():.3g} m, take a distance well below it"
        )
    first = np.unique(number, return_index=True)[1]
    return points[first], merged, number[facets]


def _doubled(facets: IntArray, cells: IntArray) -> BoolArray:
    """Return which facets are listed several times and lie between two cells."""
    table = facet_table(cells)
    place = match_rows(np.sort(facets, axis=1), table.nodes)
    counts = np.bincount(place[place >= 0], minlength=len(table.nodes))
    inside = (table.num_cells > 1) & (counts > 1)
    return np.asarray((place >= 0) & inside[place])


def _cell_dimension(mesh: Any, source: Path) -> int:
    """Return the dimension of the mesh; raise InputError for cells that are not simplices."""
    kinds = {block.type for block in mesh.cells if len(block.data)}
    dims = {kind: _dimension(kind) for kind in kinds}
    dim = max((d for d in dims.values() if d is not None), default=0)
    if dim == 0:
        raise InputError(f"{source}: the mesh has no cells; mesh the geometry first")
    for kind in sorted(kinds):
        if dims[kind] is None or (dims[kind] == dim and _family(kind) in _OTHERS):
            raise InputError(
                f"{source}: the mesh has {kind} cells; only intervals, triangles and tetrahedra are"
                " supported: split the cells first"
            )
    return dim


def _family(kind: str) -> str:
    """Return the shape of a meshio cell type: tetra10 is a tetra."""
    return kind.rstrip("0123456789")


def _dimension(kind: str) -> int | None:
    return {**_SIMPLICES, **_OTHERS}.get(_family(kind))


def _elements(mesh: Any, dim: int) -> tuple[IntArray, list[int]]:
    """Return the corners of all simplices of one dimension and the blocks they came from."""
    blocks = [i for i, block in enumerate(mesh.cells) if _SIMPLICES.get(_family(block.type)) == dim]
    corners: list[IntArray] = [np.empty((0, dim + 1), dtype=np.int64)]
    corners += [np.asarray(mesh.cells[i].data, dtype=np.int64)[:, : dim + 1] for i in blocks]
    return np.concatenate(corners), blocks


def _complete(
    cells: IntArray, facets: IntArray, facet_tags: IntArray, walls: dict[str, int], source: Path
) -> tuple[IntArray, IntArray]:
    """Return the named facets and, as the wall "surface", the boundary facets without a name."""
    table = facet_table(cells)
    boundary = table.nodes[table.num_cells == 1]
    if len(cells) > 1 and len(boundary) == len(table.nodes):
        raise InputError(
            f"{source}: no two cells share a facet; merge coincident points first (in ParaView:"
            " Clean to Grid)"
        )
    missing = boundary[match_rows(boundary, np.unique(np.sort(facets, axis=1), axis=0)) < 0]
    if len(missing) == 0:
        return facets, facet_tags
    tag = walls.setdefault("surface", max(walls.values(), default=0) + 1)
    extra = np.full(len(missing), tag, dtype=np.int64)
    return np.concatenate([facets, missing]), np.concatenate([facet_tags, extra])


def write_gmsh(mesh: CheckedMesh, target: Path) -> None:
    """Write checked mesh arrays as a gmsh file (format 4.1) with named groups.

    Contacts of regions that are not named in the source are left out; readers name them again.
    """
    dim = mesh.points.shape[1]
    coordinates: Array = np.zeros((len(mesh.points), 3))
    coordinates[:, :dim] = mesh.points
    facets = np.concatenate([mesh.boundary, mesh.interior])
    facet_tags = np.concatenate([mesh.boundary_tags, mesh.interior_tags])
    with gmsh_session() as gmsh:
        body = _add_group_entities(gmsh, dim, mesh.regions, mesh.cell_tags)
        gmsh.model.mesh.addNodes(
            dim, body[0][0], np.arange(1, len(mesh.points) + 1), coordinates.ravel()
        )
        for entity, members in body:
            _add_elements(gmsh, dim, entity, mesh.cells[members])
        named = {k: v for k, v in mesh.interfaces.items() if k not in mesh.automatic}
        groups = {**mesh.walls, **named}
        for entity, members in _add_group_entities(gmsh, dim - 1, groups, facet_tags):
            _add_elements(gmsh, dim - 1, entity, facets[members])
        write_atomically(target, lambda temporary: gmsh.write(str(temporary)))


def _add_group_entities(
    gmsh: Any, dim: int, groups: dict[str, int], tags: IntArray
) -> list[tuple[int, IntArray]]:
    """Add a discrete entity per named group, and return it with the positions of its elements.

    A gmsh entity of dimension 0 is a single point, so there each element gets its own.
    """
    entities: list[tuple[int, IntArray]] = []
    for name, tag in groups.items():
        members = np.flatnonzero(tags == tag)
        parts = np.split(members, len(members)) if dim == 0 else [members]
        numbers = [gmsh.model.addDiscreteEntity(dim) for _ in parts]
        gmsh.model.addPhysicalGroup(dim, numbers, tag, name)
        entities += zip(numbers, parts, strict=True)
    return entities


def _add_elements(gmsh: Any, dim: int, entity: int, corners: IntArray) -> None:
    gmsh.model.mesh.addElementsByType(entity, _GMSH_TYPE[dim], [], corners.ravel() + 1)
