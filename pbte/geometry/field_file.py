"""Fields of other programs: values at points or in cells of a foreign mesh, interpolated.

    mesh with data (.vtu, .xdmf, .vtk, ...)   what meshio reads; data of points or of cells
    columns x y z value (.npy)                shape (num_points, 2 to 4)
    datasets "points" and "values" (.npz, .h5)

Between points the field is interpolated linearly: in the cells of the mesh if it has any (values of
cells are constant there), on the grid if the points form one, and otherwise on a Delaunay
triangulation.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray

# meshio's names of simplices by dimension.
_SIMPLICES = {1: "line", 2: "triangle", 3: "tetra"}
# Coordinates of a grid are equal up to this part of its extent.
_SAME = 1e-9


@dataclass(frozen=True, kw_only=True)
class ForeignField:
    """Values at points, or in the cells of a mesh.

    Attributes:
        points: Shape (num_points, dim) [m].
        values: One for each point, or for each cell.
        cells: Corners of simplices as rows of `points`, shape (num_cells, dim + 1); None for
            points without a mesh.
        path: The file, for messages.
    """

    points: Array
    values: Array
    cells: IntArray | None
    path: Path

    @property
    def of_cells(self) -> bool:
        """True if the values are those of the cells."""
        return self.cells is not None and len(self.values) != len(self.points)


def read_field(
    path: str | Path, dim: int, *, name: str | None = None, scale: float = 1.0
) -> ForeignField:
    """Return the field in a file, its points in metres.

    Args:
        path: The file, of a form named above.
        dim: Dimension of the mesh that the field is for; further coordinates must be constant.
        name: Name of the data where there are several; of a dataset in .npz and .h5.
        scale: Length of one unit of the file [m].

    Raises:
        InputError: The file is missing, damaged, of an unknown form, or its shapes do not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such field file")
    reader = {".npy": _read_columns, ".npz": _read_npz, ".h5": _read_hdf5, ".hdf5": _read_hdf5}
    points, values, cells = reader.get(path.suffix.lower(), _read_mesh)(path, name)
    points = np.atleast_2d(np.asarray(points, dtype=np.float64))
    values = np.asarray(values, dtype=np.float64).squeeze()
    count = len(points) if cells is None or len(values) == len(points) else len(cells)
    if values.shape != (count,):
        raise InputError(f"{path}: {count} values are needed, one for each point; found an array"
                         f" of shape {values.shape}")  # fmt: skip
    if not (np.isfinite(points).all() and np.isfinite(values).all()):
        raise InputError(f"{path}: some points or values are not finite; repair the file")
    return ForeignField(
        points=_of_dimension(points, dim, path) * scale, values=values, cells=cells, path=path
    )


def _of_dimension(points: Array, dim: int, path: Path) -> Array:
    """Return the first `dim` coordinates, having checked that the others are constant."""
    if points.shape[1] < dim:
        raise InputError(
            f"{path}: its points have {points.shape[1]} coordinates, the mesh has {dim} dimensions"
        )
    if np.ptp(points[:, dim:], axis=0).max(initial=0.0) > _SAME * np.ptp(points, axis=0).max():
        raise InputError(
            f"{path}: its points have {points.shape[1]} coordinates that differ, the mesh has {dim}"
            " dimensions; give a cut through the field"
        )
    return points[:, :dim]


_Found = tuple[Any, Any, IntArray | None]


def _read_columns(path: Path, name: str | None) -> _Found:
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    if table.ndim != 2 or not 2 <= table.shape[1] <= 4 or not np.isrealobj(table):
        raise InputError(
            f"{path}: must be real columns x y z value (in 2D x y value, in 1D x value); found "
            f"shape {table.shape} of {table.dtype}"
        )
    return table[:, :-1], table[:, -1], None


def _read_npz(path: Path, name: str | None) -> _Found:
    try:
        with np.load(path, allow_pickle=False) as file:
            data = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    return _named(data, name or "values", path)


def _read_hdf5(path: Path, name: str | None) -> _Found:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            wanted = ("points", name or "values")
            data = {key: item[()] for key, item in file.items() if key in wanted}
            missing = {key: None for key in file if key not in wanted}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    return _named({**missing, **data}, name or "values", path)


def _named(data: dict[str, Any], name: str, path: Path) -> _Found:
    for wanted in ("points", name):
        if data.get(wanted) is None:
            raise InputError(
                f"{path}: no dataset '{wanted}'; it holds {', '.join(data) or 'nothing'}"
            )
    return data["points"], data[name], None


def _read_mesh(path: Path, name: str | None) -> _Found:
    from pbte.geometry.convert import read_foreign

    mesh = read_foreign(path)
    names = [*mesh.point_data, *(key for key in mesh.cell_data if key not in mesh.point_data)]
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        listed = ", ".join(repr(each) for each in names) or "none"
        near = get_close_matches(str(name), names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"its data are {listed}"
        what = "several data, give the name of one" if name is None else f"no data '{name}'"
        raise InputError(f"{path}: {what}; {hint}")
    dims = [d for d, kind in _SIMPLICES.items() if any(b.type == kind for b in mesh.cells)]
    blocks = [i for i, b in enumerate(mesh.cells) if dims and b.type == _SIMPLICES[max(dims)]]
    cells = [np.asarray(mesh.cells[i].data, dtype=np.int64) for i in blocks]
    # Cells of other kinds fill a part of the body: only their points are of use then.
    volumes = max((b.dim for b in mesh.cells), default=0)
    solid = all(b.type in _SIMPLICES.values() for b in mesh.cells if b.dim == volumes)
    if name in mesh.point_data:
        whole = np.concatenate(cells) if cells and solid else None
        return mesh.points, mesh.point_data[name], whole
    if not (cells and solid):
        raise InputError(
            f"{path}: data of cells are read from lines, triangles and tetrahedra only; turn "
            f"'{name}' into data of points"
        )
    values = [np.asarray(mesh.cell_data[name][i]) for i in blocks]
    return mesh.points, np.concatenate(values), np.concatenate(cells)


def interpolator(field: ForeignField, *, nearest: bool = False) -> Callable[[Array], Array]:
    """Return an interpolant, points of shape (n, dim) [m] -> values (n,); nan outside the field.

    Args:
        field: The field.
        nearest: Outside, take the value of the nearest point or cell instead of nan.
    """
    # In units of the field's extent: lengths of 1e-8 are below the tolerances of geometry.
    low, size = field.points.min(axis=0), float(np.ptp(field.points, axis=0).max()) or 1.0
    points = (field.points - low) / size
    inside = _in_cells(field, points) if field.cells is not None else _between(field, points)
    if not nearest:
        return lambda where: inside((where - low) / size)
    from scipy.spatial import cKDTree

    of_cells = field.of_cells and field.cells is not None
    centres = points[field.cells].mean(axis=1) if of_cells else points
    tree = cKDTree(centres)

    def everywhere(where: Array) -> Array:
        there = (where - low) / size
        values = inside(there)
        lost = np.flatnonzero(np.isnan(values))
        if lost.size:
            values[lost] = field.values[tree.query(there[lost])[1]]
        return values

    return everywhere


def _between(field: ForeignField, points: Array) -> Callable[[Array], Array]:
    """Return the linear interpolant on the grid of the points, or on their triangulation."""
    from scipy.interpolate import LinearNDInterpolator, RegularGridInterpolator
    from scipy.spatial import QhullError

    axes, places = [], []
    for coordinate in points.T:
        steps, place = np.unique(np.round(coordinate / _SAME), return_inverse=True)
        axes.append(steps * _SAME)
        places.append(place)
    shape = tuple(len(axis) for axis in axes)
    if min(shape) < 2:
        raise InputError(f"{field.path}: its points lie in one plane; no interpolation is possible")
    if np.prod(shape, dtype=float) == len(points):
        number = np.ravel_multi_index(tuple(places), shape)
        if len(np.unique(number)) == len(points):
            grid = np.empty(len(points))
            grid[number] = field.values
            linear = RegularGridInterpolator(
                axes, grid.reshape(shape), bounds_error=False, fill_value=np.nan
            )
            # A mesh point on the boundary of the grid may lie outside by round-off.
            ends = np.array([[axis[0], axis[-1]] for axis in axes])

            def on_grid(where: Array) -> Array:
                clipped = np.clip(where, ends[:, 0], ends[:, 1])
                near = np.all(np.abs(clipped - where) <= 2.0 * _SAME, axis=1, keepdims=True)
                return np.asarray(linear(np.where(near, clipped, where)))

            return on_grid
    if len(shape) == 1:
        raise InputError(f"{field.path}: a point is given twice; remove one of them")
    try:
        scattered = LinearNDInterpolator(points, field.values)
    except QhullError:
        raise InputError(
            f"{field.path}: its points lie in one plane; no interpolation is possible"
        ) from None
    return lambda where: np.asarray(scattered(where), dtype=np.float64)


def _in_cells(field: ForeignField, points: Array) -> Callable[[Array], Array]:
    """Return the linear, or constant, interpolant in the cells of the foreign mesh."""
    import basix.ufl
    from dolfinx import geometry
    from dolfinx import mesh as dmesh
    from mpi4py import MPI

    cells, dim = field.cells, points.shape[1]
    assert cells is not None
    if cells.shape[1] != dim + 1:
        raise InputError(
            f"{field.path}: its cells have {cells.shape[1]} corners, a mesh of {dim} dimensions "
            f"needs {dim + 1}"
        )
    shape = {1: "interval", 2: "triangle", 3: "tetrahedron"}[dim]
    element = basix.ufl.element("Lagrange", shape, 1, shape=(dim,))
    mesh = dmesh.create_mesh(MPI.COMM_SELF, cells=cells, x=points, e=element)
    tree = geometry.bb_tree(mesh, dim)
    number = np.asarray(mesh.topology.original_cell_index)
    corners = points[cells]
    into = np.linalg.inv(np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2))

    def linear(where: Array) -> Array:
        there = np.zeros((len(where), 3))
        there[:, :dim] = where
        candidates = geometry.compute_collisions_points(tree, there)
        found = geometry.compute_colliding_cells(mesh, candidates, there)
        starts = np.asarray(found.offsets)
        hit = np.flatnonzero(np.diff(starts) > 0)
        own = number[np.asarray(found.array)[starts[hit]]]
        values = np.full(len(where), np.nan)
        if field.of_cells:
            values[hit] = field.values[own]
            return values
        rest = np.einsum("nij,nj->ni", into[own], where[hit] - corners[own, 0])
        weights = np.column_stack([1.0 - rest.sum(axis=1), rest])
        values[hit] = np.einsum("ni,ni->n", weights, field.values[cells[own]])
        return values

    return linear
