"""Gmsh files as plain arrays: points, simplices and named groups."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.geometry.session import gmsh_session

_SIMPLEX = {0: "Point", 1: "Line", 2: "Triangle", 3: "Tetrahedron"}
_BODY = {1: "curve", 2: "surface", 3: "volume"}
_LARGEST_BODY = 0.1  # [m]
_SMALLEST_BODY = 1e-11  # [m]


@dataclass(frozen=True, kw_only=True)
class MeshData:
    """Content of a mesh file, as arrays."""

    points: Array
    """Shape (num_points, dim) [m]; every point belongs to a cell."""
    cells: IntArray
    """Corners of each cell, shape (num_cells, dim + 1)."""
    cell_tags: IntArray
    """Region of each cell, shape (num_cells,); 0 = in no named group."""
    regions: dict[str, int]
    """Named groups of cells."""
    facets: IntArray
    """Corners of each facet in a named group, shape (num_facets, dim)."""
    facet_tags: IntArray
    """Group of each of these facets, shape (num_facets,)."""
    facet_groups: dict[str, int]
    """Named groups of facets."""


def describe_point(point: Array) -> str:
    """Return a position as text, such as ``(1.2e-08, 0, 3e-09) m``."""
    return "(" + ", ".join(f"{float(x) + 0.0:.4g}" for x in point) + ") m"


def read_mesh_file(path: str | Path, *, scale: float = 1.0) -> MeshData:
    """Return the mesh in a gmsh file as arrays in metres (not collective, no DOLFINx).

    Args:
        path: A ``.msh`` file of format 2.2 to 4.1, ASCII or binary.
        scale: Length of one unit of the file [m], such as 1e-9 for a file in nanometres.

    Raises:
        InputError: No such file, not a gmsh file, damaged, no volume elements, curved cells, or
            cells other than intervals, triangles and tetrahedra.
    """
    path = Path(path)
    if not (np.isfinite(scale) and scale > 0):
        raise InputError(f"{path}: scale = {scale:g}; it must be a positive length in metres")
    _check_file(path)
    with gmsh_session() as gmsh:
        try:
            gmsh.merge(str(path))
            data = _read_model(gmsh, path, scale)
        except InputError:
            raise
        except Exception as error:  # gmsh raises bare Exceptions
            raise InputError(f"{path}: damaged mesh file ({error}); write it again") from error
    return data


def _check_file(path: Path) -> None:
    """Raise InputError for anything but a complete gmsh file, before gmsh reads it."""
    if not path.exists():
        raise InputError(f"{path}: no such mesh file; 'pbte mesh' makes one")
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not a mesh file")
    if path.suffix.lower() != ".msh":
        raise InputError(
            f"{path}: not a gmsh .msh file; convert it with"
            f" 'pbte mesh convert {path.name} {path.stem}.msh'"
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    if content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(
            f"{path}: begins with a byte order mark, which gmsh does not read; save it as plain "
            "ASCII or UTF-8 without one"
        )
    if b"$MeshFormat" not in content[:4096]:
        raise InputError(f"{path}: not a gmsh mesh file ($MeshFormat is missing)")
    for section in (b"Nodes", b"Elements"):
        if b"$" + section not in content:
            raise InputError(f"{path}: the mesh file has no ${section.decode()}; mesh the geometry")
        if b"$End" + section not in content:
            raise InputError(
                f"{path}: the mesh file is damaged or cut off"
                f" (no $End{section.decode()}); write it again"
            )


def _read_model(gmsh: ModuleType, path: Path, scale: float) -> MeshData:
    """Return the arrays of the model gmsh has just read."""
    dim = _cell_dimension(gmsh, path)
    node_tags, coordinates, _ = gmsh.model.mesh.getNodes()
    points: Array = np.asarray(coordinates, dtype=np.float64).reshape(-1, 3)
    cells, cell_tags, regions = _read_groups(gmsh, path, dim)
    facets, facet_tags, facet_groups = _read_groups(gmsh, path, dim - 1)
    facets, facet_tags = facets[facet_tags > 0], facet_tags[facet_tags > 0]

    order = np.argsort(node_tags)
    used, cells = np.unique(cells, return_inverse=True)
    place = order[np.minimum(np.searchsorted(node_tags, used, sorter=order), len(order) - 1)]
    if not np.array_equal(np.asarray(node_tags)[place], used):
        raise InputError(f"{path}: elements refer to nodes that the file does not hold")
    points = scale * drop_flat_axes(points[place], dim, path)
    check_extent(points, path)
    # A facet with a node that no cell has gets the number after the last, so it matches none.
    corner = np.searchsorted(used, facets)
    known = np.isin(facets, used)
    return MeshData(
        points=points,
        cells=cells.reshape(-1, dim + 1).astype(np.int64),
        cell_tags=cell_tags,
        regions=regions,
        facets=np.where(known, corner, len(used)).astype(np.int64).reshape(-1, dim),
        facet_tags=facet_tags,
        facet_groups=facet_groups,
    )


def _cell_dimension(gmsh: ModuleType, path: Path) -> int:
    """Return the highest dimension with elements; raise InputError if there are none."""
    for dim in (3, 2, 1):
        if len(gmsh.model.mesh.getElementTypes(dim)):
            break
    else:
        raise InputError(f"{path}: the mesh has no elements; mesh the geometry (gmsh -3)")
    _check_kinds(gmsh, path, dim)
    return dim


def _check_kinds(gmsh: ModuleType, path: Path, dim: int) -> None:
    """Raise InputError for curved cells and cells that are not simplices."""
    for kind in gmsh.model.mesh.getElementTypes(dim):
        name, _, order, *_ = gmsh.model.mesh.getElementProperties(kind)
        family = str(name).split()[0]
        if family != _SIMPLEX[dim]:
            raise InputError(
                f"{path}: the mesh has {family.lower()} cells; only intervals, triangles and"
                " tetrahedra are supported: mesh without recombination or split the cells"
            )
        if order != 1:
            raise InputError(
                f"{path}: the mesh has curved cells (order {order}); make it linear"
                f" (gmsh -order 1, or Mesh.ElementOrder = 1)"
            )


def _read_groups(
    gmsh: ModuleType, path: Path, dim: int
) -> tuple[IntArray, IntArray, dict[str, int]]:
    """Return corners, tag and names of the elements of one dimension.

    Elements in no named group come with tag 0.
    """
    names, owner = _named_entities(gmsh, path, dim)
    corners, tags = [np.empty((0, dim + 1), dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for _, entity in gmsh.model.getEntities(dim):
        tag = owner.get(entity, 0)
        for kind in gmsh.model.mesh.getElementTypes(dim, entity):
            num_nodes = gmsh.model.mesh.getElementProperties(kind)[3]
            nodes = gmsh.model.mesh.getElementsByType(kind, entity)[1]
            nodes = np.asarray(nodes, dtype=np.int64).reshape(-1, num_nodes)[:, : dim + 1]
            corners.append(nodes)
            tags.append(np.full(len(nodes), tag, dtype=np.int64))
    return np.concatenate(corners), np.concatenate(tags), names


def _named_entities(
    gmsh: ModuleType, path: Path, dim: int
) -> tuple[dict[str, int], dict[int, int]]:
    """Return the named groups of one dimension and the group of each entity."""
    names: dict[str, int] = {}
    owner: dict[int, int] = {}
    for _, number in gmsh.model.getPhysicalGroups(dim):
        name = str(gmsh.model.getPhysicalName(dim, number)).strip()
        if not name:
            continue
        tag = names.setdefault(name, int(number))
        for entity in gmsh.model.getEntitiesForPhysicalGroup(dim, number):
            other = owner.setdefault(int(entity), tag)
            if other != tag:
                first = next(key for key, value in names.items() if value == other)
                raise InputError(
                    f"{path}: the groups {first!r} and {name!r} overlap; each part of the mesh"
                    " must belong to one named group"
                )
    return names, owner


def drop_flat_axes(points: Array, dim: int, path: Path) -> Array:
    """Return the first ``dim`` coordinates, having checked that the others are constant."""
    if dim == 3:
        return points
    spread = np.ptp(points, axis=0)
    tolerance = 1e-10 * max(float(spread.max()), float(np.abs(points).max()))
    if np.any(spread[dim:] > tolerance):
        plane = "plane z = const" if dim == 2 else "line y = const, z = const"
        raise InputError(
            f"{path}: the mesh has no volume elements, only {_BODY[dim]} elements that do not lie"
            f" in a {plane}; mesh the volume (gmsh -3), or move a flat mesh into this {plane}"
        )
    return np.ascontiguousarray(points[:, :dim])


def check_extent(points: Array, path: Path) -> None:
    """Raise InputError for a mesh metres wide or smaller than an atom, hence in a wrong unit."""
    if not np.all(np.isfinite(points)):
        raise InputError(f"{path}: some coordinates are not numbers; the mesh file is damaged")
    extent = float(np.ptp(points, axis=0).max())
    if extent > _LARGEST_BODY:
        raise InputError(
            f"{path}: the mesh is {extent:.4g} m wide; if the file is in nanometres give"
            " scale = 1e-9 (metres per unit of the file)"
        )
    if extent < _SMALLEST_BODY:
        raise InputError(
            f"{path}: the mesh is {extent:.4g} m wide, less than an atom; correct scale (metres per"
            " unit of the file)"
        )
