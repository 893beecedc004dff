"""Results as a Dataset of xarray: arrays with named axes, coordinates and units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pbte.core.errors import InputError
from pbte.core.quantity import Quantity, quantities, unit_of
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.heat_equation import HeatState
from pbte.observables.results import Results
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.observables.transient import TransientResult

if TYPE_CHECKING:
    from xarray import Dataset

# Axes, values and attributes, as a Dataset takes them.
_Variable = tuple[tuple[str, ...], Any, dict[str, str]]


def as_dataset(results: Results) -> Dataset:
    """Return the fields and spectra of all states, with the mesh as coordinates.

    A variable is named by its state and quantity; see `RunResults.to_xarray`.

    Raises:
        InputError: xarray is not installed.
    """
    try:
        from xarray import Dataset
    except ImportError as error:
        raise InputError(
            f"xarray cannot be loaded ({error}); install it with \"pip install 'pbte[xarray]'\" "
            "or use 'docker/run --with xarray'"
        ) from error
    dim = results.geometry.dim
    variables: dict[str, _Variable] = {}
    coordinates = _coordinates(results)
    for state, lead, snapshots in _states(results):
        for item in quantities(type(snapshots[0])):
            values = [getattr(snapshot, item.name) for snapshot in snapshots]
            if isinstance(values[0], Mapping) and values[0]:
                labels = list(values[0])
                if not isinstance(values[0][labels[0]], np.ndarray):
                    continue
                coordinates[item.axes[0]] = ((item.axes[0],), labels, {})
                values = [np.array([each[label] for label in labels]) for each in values]
            if isinstance(values[0], np.ndarray) and values[0].size:
                array = np.stack(values) if lead else values[0]
                variables[f"{state}_{item.name}"] = (lead + item.axes, array, _texts(item, dim))
    about = {"title": results.title, "reference_temperature": results.reference_temperature}
    return Dataset(variables, coords=coordinates, attrs=about)


def _states(
    results: Results,
) -> Iterator[tuple[str, tuple[str, ...], Sequence[Snapshot | HeatState]]]:
    """Yield the name of each state, the axis that counts its snapshots, and these."""
    if results.orders:
        yield "orders", ("order",), results.orders
    for name, steady in (("steady", results.steady), ("fourier", results.fourier)):
        if steady is not None:
            yield name, (), (steady,)
    for name, axis, transient in _transients(results):
        yield name, (axis,), transient.snapshots
    for name, responses in _responses(results):
        yield f"{name}_real", ("frequency",), [each.real for each in responses]
        yield f"{name}_imaginary", ("frequency",), [each.imaginary for each in responses]


def _transients(results: Results) -> Iterator[tuple[str, str, TransientResult]]:
    """Yield name, time axis and snapshots; a stopped run may have fewer times than Fourier's."""
    one, other = results.transient, results.fourier_transient
    if one is not None:
        yield "transient", "time", one
    if other is not None:
        is_same = one is None or np.array_equal(one.times, other.times)
        yield "fourier_transient", "time" if is_same else "fourier_time", other


def _responses(results: Results) -> Iterator[tuple[str, Sequence[HarmonicResult]]]:
    for name in ("harmonic", "fourier_harmonic"):
        if responses := getattr(results, name):
            yield name, responses


def _coordinates(results: Results) -> dict[str, _Variable]:
    """Return the mesh, and the position on each axis that has one."""
    geometry = results.geometry
    found: dict[str, _Variable] = {
        "component": (("component",), ["x", "y", "z"], {}),
        "coordinate": (("coordinate",), ["x", "y", "z"][: geometry.dim], {}),
    }
    for item in quantities(MeshGeometry):
        values = getattr(geometry, item.name)
        if isinstance(values, np.ndarray) and values.size:
            found[item.name] = (_axes(item), values, _texts(item, geometry.dim))
    edges = results.frequency_edges
    middle = {"units": unit_of(Results, "frequency_edges"), "long_name": "middle of each bin"}
    found["bin"] = (("bin",), 0.5 * (edges[1:] + edges[:-1]), middle)
    if results.orders:
        found["order"] = (("order",), np.arange(len(results.orders)), {})
    for _, axis, transient in _transients(results):
        texts = {"units": unit_of(TransientResult, "times"), "long_name": "time"}
        found[axis] = ((axis,), transient.times, texts)
    for _, responses in _responses(results):
        texts = {"units": unit_of(HarmonicResult, "frequency"), "long_name": "frequency"}
        found["frequency"] = (("frequency",), [each.frequency for each in responses], texts)
    return found


def _axes(item: Quantity) -> tuple[str, ...]:
    """Return the axes of a part of the mesh; facets have fewer vertices than cells."""
    if item.axes[0] != "facet":
        return item.axes
    return tuple("facet_vertex" if axis == "vertex" else axis for axis in item.axes)


def _texts(item: Quantity, dim: int) -> dict[str, str]:
    return {"units": item.unit_in(dim), "long_name": item.doc}
