"""Files for ParaView: temperature and heat flux in the body, arrivals on its surface.

    orders.pvd           the scattering orders as a time series (time = order): each order and the
                         sum of all orders up to it
    steady.pvd           the steady state
    arrivals.pvd         power arriving at the boundary facets, per order and summed up
    steady_arrivals.pvd  the same of the steady state
    transient.pvd        the body at the times of a transient [ps]
    transient_arrivals.pvd  power arriving at the boundary facets at these times
    fourier.pvd          the steady state by the heat equation
    fourier_transient.pvd  the transient by the heat equation, beside that of phonons

The fields are linear in each cell and jump between cells: every cell owns its vertices, so ParaView
shows exactly what the solver computed (its filter "Clean to Grid" joins the cells).
Coordinates are in nanometres, see LENGTH_UNIT.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

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

_CELL_TYPES = {0: VERTEX, 1: LINE, 2: TRIANGLE, 3: TETRAHEDRON}


def write_paraview(results: Results, folder: Path) -> list[Path]:
    """Write the files for ParaView.

    Point arrays of the body: `temperature` [K, deviation from T0], `heat_flux` [W/m^2] and, for
    orders, both with `_cumulated`: summed over the orders up to this one. Of several materials also
    the cell array `material`. Cell arrays of the surface: `arrivals`, `arrivals_cumulated` [W/m^2]
    and `wall` (the wall's tag). Points stand in the order of Results.geometry: vertex k of cell c
    is point c (dim + 1) + k.

    Args:
        results: What the run reports.
        folder: Folder to write into; made when missing.

    Returns:
        The .pvd files, the ones to open.

    Raises:
        OSError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    body = _BodyWriter(results)
    surface = _SurfaceWriter(results)
    indices = []
    if results.orders:
        for name in ("orders", "arrivals"):
            (folder / name).mkdir(exist_ok=True)
        files: dict[str, list[tuple[float, Path]]] = {"orders": [], "arrivals": []}
        for number, (order, total) in enumerate(_with_sums(results.orders)):
            body_file = folder / "orders" / f"order_{number:04d}.vtu"
            body.write(body_file, order, total, f"scattering order {number}")
            surface_file = folder / "arrivals" / f"order_{number:04d}.vtu"
            surface.write(surface_file, order, total, f"scattering order {number}")
            files["orders"].append((float(number), body_file))
            files["arrivals"].append((float(number), surface_file))
        indices += [_index(folder / f"{name}.pvd", files[name]) for name in files]
    if results.steady is not None:
        fields = _fields(results.steady)
        body.write(folder / "steady.vtu", fields, None, results.steady_name)
        surface.write(folder / "steady_arrivals.vtu", fields, None, results.steady_name)
        for name in ("steady", "steady_arrivals"):
            indices.append(_index(folder / f"{name}.pvd", [(0.0, folder / f"{name}.vtu")]))
    if results.fourier is not None:
        state = results.fourier
        fields = {"temperature": state.temperature, "heat_flux": state.heat_flux}
        body.write(folder / "fourier.vtu", fields, None, "steady state by the heat equation")
        indices.append(_index(folder / "fourier.pvd", [(0.0, folder / "fourier.vtu")]))
    if results.transient is not None:
        writers: dict[str, _BodyWriter | _SurfaceWriter] = {"transient": body}
        if results.model != "fourier":  # which knows of no arrivals
            writers["transient_arrivals"] = surface
        indices += _write_transient(results.transient, writers, folder)
    if results.fourier_transient is not None:
        indices += _write_transient(results.fourier_transient, {"fourier_transient": body}, folder)
    return indices


def _write_transient(
    transient: TransientResult, writers: Mapping[str, _BodyWriter | _SurfaceWriter], folder: Path
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
    return {
        "temperature": snapshot.temperature,
        "heat_flux": snapshot.heat_flux,
        "arrivals": snapshot.outgoing_current,
    }


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
        self._cell_type = _CELL_TYPES[dim]
        self._texts = _texts(results)
        self._cell_data, legend = _materials(results.geometry)
        self._texts |= legend

    def write(self, path: Path, fields: _Fields, total: _Fields | None, what: str) -> None:
        data = []
        for suffix, source in (("", fields), ("_cumulated", total)):
            if source is not None:
                temperature = source["temperature"].reshape(-1)
                flux = source["heat_flux"].reshape(-1, 3)
                data += [
                    _array(f"temperature{suffix}", "K", temperature),
                    _array(f"heat_flux{suffix}", "W/m^2", flux),
                ]
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
    """Writes arrivals on the boundary facets; the grid is prepared once."""

    def __init__(self, results: Results) -> None:
        geometry = results.geometry
        num_facets, per_facet, dim = geometry.facets.shape
        cells = np.arange(num_facets * per_facet, dtype=np.int64).reshape(num_facets, per_facet)
        self._cells = _positive(cells, _facing(geometry)) if dim == 3 else cells
        self._points = _in_space(geometry.facets.reshape(-1, dim))
        self._cell_type = _CELL_TYPES[dim - 1]
        self._walls = geometry.facet_walls
        names = ", ".join(f"{tag}: {name}" for name, tag in geometry.walls.items())
        self._texts = {**_texts(results), "walls": names}

    def write(self, path: Path, fields: _Fields, total: _Fields | None, what: str) -> None:
        data = [_array("arrivals", "W/m^2", fields["arrivals"])]
        if total is not None:
            data.append(_array("arrivals_cumulated", "W/m^2", total["arrivals"]))
        walls = NamedArray(name="wall", unit="", values=self._walls.astype(np.int32))
        grid = Grid(
            points=self._points,
            cells=self._cells,
            cell_type=self._cell_type,
            cell_data=[*data, walls],
            texts={"content": what, **self._texts},
        )
        write_vtu(path, grid)


def _materials(geometry: MeshGeometry) -> tuple[list[NamedArray], dict[str, str]]:
    """Return the material of each cell as a number, and what the numbers mean."""
    if not geometry.materials:
        return [], {}
    names = list(dict.fromkeys(geometry.materials))
    numbers = np.array([names.index(name) for name in geometry.materials], dtype=np.int32)
    legend = ", ".join(f"{number}: {name}" for number, name in enumerate(names))
    values = numbers[geometry.components]
    return [NamedArray(name="material", unit="", values=values)], {"materials": legend}


def _array(name: str, unit: str, values: Array) -> NamedArray:
    """Single precision: seven digits are more than a picture shows, at half the size."""
    return NamedArray(name=name, unit=unit, values=values.astype(np.float32))


def _positive(cells: IntArray, orientation: Array) -> IntArray:
    """Swap two vertices of the cells that VTK would see inside out."""
    turned = cells.copy()
    wrong = orientation < 0.0
    turned[wrong, -2], turned[wrong, -1] = cells[wrong, -1], cells[wrong, -2]
    return turned


def _facing(geometry: MeshGeometry) -> Array:
    """Positive where the vertices of a triangle run counter-clockwise seen from outside."""
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
        "units": "temperature: K, deviation from T0; heat_flux and arrivals: W/m^2",
        "reference_temperature": f"{results.reference_temperature:.10g} K",
        "self_scattering": f"{results.self_scattering:.10g}",
    }
