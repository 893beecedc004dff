"""Files for ParaView: temperature and heat flux in the body, outgoing current on its surface.

    orders.pvd             the scattering orders as a time series (time = order): each order and
                           the sum of all orders up to it
    steady.pvd             the steady state
    transient.pvd          the times of a transient [ps]
    fourier.pvd            the steady state of the heat equation
    fourier_transient.pvd  the transient of the heat equation, next to that of phonons
    outgoing_current.pvd, steady_outgoing_current.pvd, transient_outgoing_current.pvd
                           power arriving at the boundary facets, for the same states

Names, units and meanings of the arrays are those of `Snapshot`.

The fields are linear in each cell and jump between cells: every cell owns its vertices, so ParaView
shows exactly what the solver computed (its filter "Clean to Grid" joins the cells).
Coordinates are in nanometres, see LENGTH_UNIT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pbte.core.quantity import quantities
from pbte.core.types import Array, IntArray
from pbte.observables.results import Results
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.observables.transient import TransientResult
from pbte.output.vtu import (
    LINE,
    TETRAHEDRON,
    TRIANGLE,
    VERTEX,
    Grid,
    NamedArray,
    write_pvd,
    write_vtu,
)

LENGTH_UNIT = 1e-9
"""Coordinates in the files are in units of this [m].

In metres ParaView shows and probes the fields correctly, but its stream tracer, which has absolute
tolerances, gives up after a few steps (ParaView 5.13).
"""

TIME_UNIT = 1e-12
"""Times of a transient in the files are in units of this [s], or its slider would show only 0."""

_BODY_FIELDS = ("temperature", "heat_flux")
_SURFACE_FIELDS = ("outgoing_current",)
_QUANTITIES = {item.name: item for item in quantities(Snapshot)}
_CELL_TYPES = {0: VERTEX, 1: LINE, 2: TRIANGLE, 3: TETRAHEDRON}


def write_paraview(results: Results, folder: Path) -> list[Path]:
    """Write the files for ParaView.

    Point arrays of the body: `temperature` [K, deviation from T0], `heat_flux` [W/m^2] and, for
    orders, both with `_cumulated`: summed over the orders up to this one. Of several materials also
    the cell array `material`. Cell arrays of the surface: `outgoing_current`,
    `outgoing_current_cumulated` [W/m^2] and `wall` (the wall's tag). Points are in the order of
    Results.geometry: vertex k of cell c is point c (dim + 1) + k.

    Args:
        results: Results of the run.
        folder: Folder to write into; made when missing.

    Returns:
        The .pvd files, the ones to open.

    Raises:
        OSError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    body: _Writer = _BodyWriter(results)
    surface: _Writer = _SurfaceWriter(results)
    indices = []
    if results.orders:
        writers = {"orders": body, "outgoing_current": surface}
        files: dict[str, list[tuple[float, Path]]] = {name: [] for name in writers}
        for name in writers:
            (folder / name).mkdir(exist_ok=True)
        for number, (order, total) in enumerate(_with_sums(results.orders)):
            for name, writer in writers.items():
                path = folder / name / f"order_{number:04d}.vtu"
                writer.write(path, order, total, f"scattering order {number}")
                files[name].append((float(number), path))
        indices += [_index(folder / f"{name}.pvd", files[name]) for name in files]
    if results.steady is not None:
        fields = _fields(results.steady)
        for name, writer in {"steady": body, "steady_outgoing_current": surface}.items():
            path = folder / f"{name}.vtu"
            writer.write(path, fields, None, results.steady_name)
            indices.append(_index(folder / f"{name}.pvd", [(0.0, path)]))
    if results.fourier is not None:
        fields = {name: getattr(results.fourier, name) for name in _BODY_FIELDS}
        body.write(folder / "fourier.vtu", fields, None, "steady state of the heat equation")
        indices.append(_index(folder / "fourier.pvd", [(0.0, folder / "fourier.vtu")]))
    if results.transient is not None:
        writers = {"transient": body}
        if results.model != "fourier":  # which has no directions, so no outgoing current
            writers["transient_outgoing_current"] = surface
        indices += _write_transient(results.transient, writers, folder)
    if results.fourier_transient is not None:
        indices += _write_transient(results.fourier_transient, {"fourier_transient": body}, folder)
    return indices


def _write_transient(
    transient: TransientResult, writers: Mapping[str, _Writer], folder: Path
) -> list[Path]:
    indices = []
    for name, writer in writers.items():
        (folder / name).mkdir(exist_ok=True)
        files = []
        for number, (time, snapshot) in enumerate(
            zip(transient.times / TIME_UNIT, transient.snapshots, strict=True)
        ):
            path = folder / name / f"time_{number:04d}.vtu"
            writer.write(path, _fields(snapshot), None, f"transient at {time:.10g} ps")
            files.append((float(time), path))
        indices.append(_index(folder / f"{name}.pvd", files))
    return indices


def _index(path: Path, files: Sequence[tuple[float, Path]]) -> Path:
    write_pvd(path, files)
    return path


_Fields = Mapping[str, Array]


def _fields(snapshot: Snapshot) -> _Fields:
    return {name: getattr(snapshot, name) for name in _BODY_FIELDS + _SURFACE_FIELDS}


def _with_sums(orders: Sequence[Snapshot]) -> Iterator[tuple[_Fields, _Fields]]:
    """Yield the fields of each order and of the sum up to it."""
    total: _Fields = {}
    for order in orders:
        fields = _fields(order)
        total = {name: total[name] + fields[name] for name in fields} if total else fields
        yield fields, total


class _BodyWriter:
    """Writes fields on the discontinuous linear space; the grid is prepared once."""

    def __init__(self, results: Results) -> None:
        points = results.geometry.points
        num_cells, per_cell, dim = points.shape
        cells = np.arange(num_cells * per_cell, dtype=np.int64).reshape(num_cells, per_cell)
        edges = points[:, 1:] - points[:, :1]
        self._cells = _positive(cells, np.linalg.det(edges)) if dim > 1 else cells
        self._points = _in_space(points.reshape(-1, dim))
        self._cell_type, self._dim = _CELL_TYPES[dim], dim
        self._texts = _texts(results)
        self._cell_data, legend = _materials(results.geometry)
        self._texts |= legend

    def write(self, path: Path, fields: _Fields, total: _Fields | None, what: str) -> None:
        data = _arrays(_BODY_FIELDS, fields, total, self._dim)
        grid = Grid(
            points=self._points,
            cells=self._cells,
            cell_type=self._cell_type,
            point_data=data,
            cell_data=self._cell_data,
            texts={"content": what, **self._texts},
        )
        write_vtu(path, grid)


class _SurfaceWriter:
    """Writes the outgoing current on the boundary facets; the grid is prepared once."""

    def __init__(self, results: Results) -> None:
        geometry = results.geometry
        num_facets, per_facet, dim = geometry.facets.shape
        cells = np.arange(num_facets * per_facet, dtype=np.int64).reshape(num_facets, per_facet)
        self._cells = _positive(cells, _facing(geometry)) if dim == 3 else cells
        self._points = _in_space(geometry.facets.reshape(-1, dim))
        self._cell_type, self._dim = _CELL_TYPES[dim - 1], dim
        self._walls = geometry.facet_walls
        names = ", ".join(f"{tag}: {name}" for name, tag in geometry.walls.items())
        self._texts = {**_texts(results), "walls": names}

    def write(self, path: Path, fields: _Fields, total: _Fields | None, what: str) -> None:
        data = _arrays(_SURFACE_FIELDS, fields, total, self._dim)
        walls = NamedArray(name="wall", unit="", values=self._walls.astype(np.int32))
        grid = Grid(
            points=self._points,
            cells=self._cells,
            cell_type=self._cell_type,
            cell_data=[*data, walls],
            texts={"content": what, **self._texts},
        )
        write_vtu(path, grid)


_Writer = _BodyWriter | _SurfaceWriter


def _arrays(
    names: Sequence[str], fields: _Fields, total: _Fields | None, dim: int
) -> list[NamedArray]:
    """Return fields and their sums, one row for each point or facet.

    Single precision: seven digits are more than a picture shows, at half the size.
    """
    arrays = []
    for suffix, source in (("", fields), ("_cumulated", total)):
        if source is None:
            continue
        for name in names:
            item, values = _QUANTITIES[name], source[name]
            shape = (-1, 3) if item.axes[-1] == "component" else (-1,)
            arrays.append(
                NamedArray(
                    name=f"{name}{suffix}",
                    unit=item.unit_in(dim),
                    values=values.reshape(shape).astype(np.float32),
                )
            )
    return arrays


def _materials(geometry: MeshGeometry) -> tuple[list[NamedArray], dict[str, str]]:
    """Return the material of each cell as a number, and what the numbers mean."""
    if not geometry.materials:
        return [], {}
    names = list(dict.fromkeys(geometry.materials))
    numbers = np.array([names.index(name) for name in geometry.materials], dtype=np.int32)
    legend = ", ".join(f"{number}: {name}" for number, name in enumerate(names))
    values = numbers[geometry.components]
    return [NamedArray(name="material", unit="", values=values)], {"materials": legend}


def _positive(cells: IntArray, orientation: Array) -> IntArray:
    """Swap two vertices of the cells that VTK would see inside out."""
    turned = cells.copy()
    wrong = orientation < 0.0
    turned[wrong, -2], turned[wrong, -1] = cells[wrong, -1], cells[wrong, -2]
    return turned


def _facing(geometry: MeshGeometry) -> Array:
    """Return positive numbers for triangles that are counter-clockwise seen from outside."""
    first, second, third = np.moveaxis(geometry.facets, 1, 0)
    normals = np.cross(second - first, third - first)
    return np.asarray(np.einsum("fd,fd->f", normals, geometry.facet_normals))


def _in_space(points: Array) -> Array:
    padded = np.zeros((len(points), 3))
    padded[:, : points.shape[1]] = points / LENGTH_UNIT
    return padded


def _texts(results: Results) -> dict[str, str]:
    return {
        "title": results.title,
        "length_unit": "nm",
        "time_unit": "ps",
        "units": "; ".join(
            f"{name}: {_QUANTITIES[name].doc} [{_QUANTITIES[name].unit_in(results.geometry.dim)}]"
            for name in _BODY_FIELDS + _SURFACE_FIELDS
        ),
        "reference_temperature": f"{results.reference_temperature:.10g} K",
        "self_scattering": f"{results.self_scattering:.10g}",
    }
