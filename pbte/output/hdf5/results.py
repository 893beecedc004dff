"""The file results.h5: everything a run reports, with units, readable by any HDF5 tool.

    orders/      the scattering orders; first axis of every dataset is the order, 0 first
    steady/      the steady state, the same datasets without that axis (only when it was asked for)
    geometry/    the mesh as plain arrays
    eigenvalues/ one group for each self-scattering that was tried
    conductivity/  effective conductivity, mode by mode, with its accumulation functions
    slips/       temperature slip at each isothermal wall
    transient/   snapshots at chosen times, the integral over time, and the account of each step
    interfaces/  one group for each interface: resistances, temperatures, spectra of both sides
    stack/       films between two ends, or of a period, as resistances in series
    fourier/     the steady state by the heat equation
    fourier_transient/, fourier_harmonic/   the same as without fourier_, by the heat equation
    ...

Every dataset has the attributes `unit` ("1" for pure numbers, "" for text) and `description`.
Quantities by wall have a wall axis, named by the dataset `walls` beside them. Powers in W are W/m
on a mesh in 2D and W/m^2 on one in 1D.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np

from pbte.core.errors import InputError
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.results import Results, SpectralEstimate, SteadyReport
from pbte.observables.snapshot import Balance, MeshGeometry, Snapshot
from pbte.observables.transient import TransientResult
from pbte.output.hdf5.conduction import get_conductivity, get_slips, put_conductivity, put_slips
from pbte.output.hdf5.datasets import put, scalar, strings, texts
from pbte.output.hdf5.harmonic import get_responses, put_responses
from pbte.output.hdf5.heat_equation import get_heat_state, put_heat_state
from pbte.output.hdf5.interfaces import get_interfaces, get_stack, put_interfaces, put_stack
from pbte.output.hdf5.transient import get_evolution, put_evolution

FORMAT = "pbte-results"
VERSION = 1

_SCALARS = (
    ("reference_temperature", "K", "temperature T0 of the linearisation"),
    ("num_modes", "1", "number of phonon modes"),
    ("num_unknowns", "1", "modes times degrees of freedom"),
    ("power", "W", "power of the heat source inside the mesh"),
    ("self_scattering", "1", "split s of the orders: Gamma to (1+s) Gamma, M to M + s Gamma"),
)
_GEOMETRY = (
    ("points", "m", "vertices of each cell (cell, vertex, coordinate); cells share none"),
    ("volumes", "m^dim", "volume of each cell (area in 2D, length in 1D)"),
    ("facets", "m", "vertices of each boundary facet (facet, vertex, coordinate)"),
    ("facet_areas", "m^(dim-1)", "area of each boundary facet"),
    ("facet_normals", "1", "outward unit normal of each boundary facet"),
    ("facet_walls", "1", "wall tag of each boundary facet"),
)
_COMPONENTS = (
    ("components", "1", "component of each cell: the parts that interfaces leave connected"),
    ("facet_components", "1", "component of each boundary facet"),
)
_FIELDS = (
    ("temperature", "K", "deviation from T0 at the vertices of each cell"),
    ("heat_flux", "W/m^2", "heat flux at the vertices of each cell, three components"),
    (
        "outgoing_current",
        "W/m^2",
        "power arriving at each boundary facet, before any boundary condition",
    ),
)
_ESTIMATE = (
    ("self_scattering", "1", "the split s that was tried"),
    ("eigenvalues", "1", "leading eigenvalues of L^-1 M, largest modulus first"),
    ("dominant", "1", "the eigenvalue of largest modulus (its real part)"),
    ("most_negative", "1", "most negative real part among the reliable ones"),
    ("num_orders", "1", "number of orders the estimate is made from"),
)
_STEADY_REPORT = (
    ("converged", "1", "whether the residual fell below the tolerance"),
    ("iterations", "1", "number of corrections with the full matrix"),
    ("sweeps", "1", "number of sweeps over all modes"),
    ("residuals", "1", "relative residual after each correction"),
    ("tolerance", "1", "relative residual that was asked for"),
    ("rank", "1", "rank of the kernel inside the Krylov solve"),
    ("error_estimate", "K", "estimated largest error of the temperature on this mesh"),
)


def write_results_file(results: Results, path: Path) -> None:
    """Write results.h5.

    The file is put together in memory and written in one go: HDF5 itself cannot recover from a
    disk that fills (it leaves the file open and crashes when the interpreter ends).

    Args:
        results: What the run reports.
        path: File to write; overwritten when it exists.

    Raises:
        OSError: The file cannot be written.
        ValueError: The scattering orders do not fit each other (shapes, names of walls).
    """
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        _put_all(file, results)
    path.write_bytes(image.getvalue())


def read_results(path: str | Path) -> Results:
    """Return the results of a run.

    Args:
        path: A results.h5, or the folder that holds it.

    Returns:
        The same record that was written.

    Raises:
        InputError: There is no such file, it is damaged, or it is not a pbte results file.
    """
    name = Path(path)
    file_path = name / "results.h5" if name.is_dir() else name
    if not file_path.is_file():
        raise InputError(f"{file_path}: no such file; give a results.h5 or the folder of a run")
    try:
        with h5py.File(file_path, "r") as file:
            _check_header(file, file_path)
            return _get_all(file)
    except InputError:
        raise
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError) as error:
        reason = str(error).strip("'\"").splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{file_path}: not a readable results file ({reason}); it is damaged or was not "
            "written by pbte, run the case again"
        ) from error


def is_results_file(path: Path) -> bool:
    """Return whether a file is a pbte results file of any version (its data is not checked)."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("format") == FORMAT)
    except OSError:
        return False


def _check_header(file: Any, path: Path) -> None:
    kind, version = file.attrs.get("format"), file.attrs.get("version")
    if kind != FORMAT:
        raise InputError(
            f"{path}: an HDF5 file, but not pbte results (its format attribute is {kind!r}, "
            f"expected {FORMAT!r}); give a results.h5 of a run"
        )
    if version != VERSION:
        raise InputError(
            f"{path}: results of version {version}, but this pbte reads version {VERSION}; "
            "use the pbte that wrote it or run the case again"
        )


# Writing


def _put_all(file: Any, results: Results) -> None:
    file.attrs.update(format=FORMAT, version=VERSION, title=results.title)
    file.attrs["model"] = results.model
    file.attrs["description"] = "Phonon Boltzmann transport: observables per scattering order"
    put(file, "case", results.case, "", "the resolved case, as TOML")
    put(file, "notes", texts(results.notes), "", "what a reader of these results must know")
    _put_mapping(file, "versions", results.versions, ("packages", "versions"), "")
    _put_mapping(file, "timings", results.timings, ("phases", "seconds"), "s")
    for name, unit, description in _SCALARS:
        put(file, name, getattr(results, name), unit, description)
    put(file, "frequency_edges", results.frequency_edges, "rad/s", "edges of the frequency bins")
    geometry = file.create_group("geometry")
    for name, unit, description in _GEOMETRY:
        put(geometry, name, getattr(results.geometry, name), unit, description)
    _put_mapping(geometry, "walls", results.geometry.walls, ("names", "tags"), "1")
    _put_mapping(geometry, "regions", results.geometry.regions, ("names", "tags"), "1")
    put(geometry, "cell_regions", results.geometry.cell_regions, "1", "region tag of each cell")
    if results.geometry.materials:
        for name, unit, description in _COMPONENTS:
            put(geometry, name, getattr(results.geometry, name), unit, description)
        names = texts(results.geometry.materials)
        put(geometry, "materials", names, "", "material of each component")
    for number, estimate in enumerate(results.eigenvalues):
        group = file.create_group(f"eigenvalues/{number:03d}")
        for name, unit, description in _ESTIMATE:
            put(group, name, getattr(estimate, name), unit, description)
    _put_snapshots(file.create_group("orders"), results.orders, stacked=True)
    if results.steady is not None:
        _put_snapshots(file.create_group("steady"), (results.steady,), stacked=False)
    if results.steady_report is not None:
        report = file.create_group("steady_report")
        for name, unit, description in _STEADY_REPORT:
            put(report, name, getattr(results.steady_report, name), unit, description)
    if results.conductivity is not None:
        put_conductivity(file.create_group("conductivity"), results.conductivity)
    if results.slips:
        put_slips(file.create_group("slips"), results.slips)
    if results.fourier is not None:
        put_heat_state(file.create_group("fourier"), results.fourier)
    for prefix in ("", "fourier_"):
        evolution = getattr(results, f"{prefix}transient")
        if evolution is not None:
            put_evolution(file.create_group(f"{prefix}transient"), evolution, _put_stacked)
        responses = getattr(results, f"{prefix}harmonic")
        if responses:
            put_responses(file.create_group(f"{prefix}harmonic"), responses, _put_stacked)
    if results.interfaces:
        put_interfaces(file.create_group("interfaces"), results.interfaces)
    if results.series is not None:
        put_stack(file.create_group("stack"), results.series)


def _put_stacked(group: Any, snapshots: Sequence[Snapshot]) -> None:
    _put_snapshots(group, snapshots, stacked=True)


def _put_snapshots(group: Any, snapshots: Sequence[Snapshot], *, stacked: bool) -> None:
    if not snapshots:
        return
    first = snapshots[0]
    walls, sinks = tuple(first.outgoing_spectrum), tuple(first.balance.absorbed)
    for number, snapshot in enumerate(snapshots):
        if _walls_named(snapshot) != _walls_named(first):
            raise ValueError(f"scattering order {number} names other walls than order 0")

    def add(name: str, parts: list[Any], unit: str, description: str) -> None:
        put(group, name, np.stack(parts) if stacked else parts[0], unit, description)

    for name, unit, description in _FIELDS:
        add(name, [getattr(s, name) for s in snapshots], unit, description)
    for body in range(len(first.mode_temperatures)):
        means = [s.mode_temperatures[body] for s in snapshots]
        add(f"mode_temperatures/{body}", means, "K", "mean of each mode's temperature over a body")
    spectra = [_rows([s.outgoing_spectrum[w] for w in walls]) for s in snapshots]
    add("outgoing_spectrum", spectra, "W", "power arriving at each wall in each frequency bin")
    put(group, "walls", texts(walls), "", "wall axis of outgoing_spectrum")
    beside = [_rows([s.wall_temperatures[w] for w in first.wall_temperatures]) for s in snapshots]
    add("wall_temperatures/values", beside, "K", "mean deviation of the body beside each wall")
    names = texts(list(first.wall_temperatures))
    put(group, "wall_temperatures/walls", names, "", "wall axis of values")
    group = group.create_group("balance")
    add("deposited", [s.balance.deposited for s in snapshots], "W", "power that entered")
    add(
        "scattered_power",
        [s.balance.scattered_power for s in snapshots],
        "W",
        "power for the next order",
    )
    absorbed = [_rows([s.balance.absorbed[w] for w in sinks]) for s in snapshots]
    add("absorbed", absorbed, "W", "net power that left through each wall")
    put(group, "walls", texts(sinks), "", "wall axis of absorbed")


def _walls_named(snapshot: Snapshot) -> list[set[str]]:
    by_wall = snapshot.outgoing_spectrum, snapshot.balance.absorbed, snapshot.wall_temperatures
    return [set(mapping) for mapping in by_wall]


def _put_mapping(
    parent: Any, name: str, mapping: Mapping[str, Any], axes: tuple[str, str], unit: str
) -> None:
    """Write names and values side by side: names of walls or packages may hold any character."""
    group = parent.create_group(name)
    values = list(mapping.values())
    put(group, axes[0], texts(list(mapping)), "", f"names, in the order of {axes[1]}")
    data = texts(values) if unit == "" else _rows(values)
    put(group, axes[1], data, unit, f"one for each of {axes[0]}")


def _rows(values: list[Any]) -> Any:
    """Return an array that is empty, but still of numbers, when there are no values."""
    return np.stack(values) if values else np.zeros(0)


# Reading


def _get_all(file: Any) -> Results:
    scalars = {name: scalar(file[name]) for name, _, _ in _SCALARS}
    orders = file["orders"]
    count = len(orders["temperature"]) if "temperature" in orders else 0
    estimates = file.get("eigenvalues", {})
    return Results(
        title=str(file.attrs["title"]),
        case=strings(file["case"]),
        versions=cast("dict[str, str]", _mapping(file["versions"], "packages", "versions")),
        geometry=_get_geometry(file["geometry"]),
        frequency_edges=file["frequency_edges"][()],
        eigenvalues=tuple(_get_estimate(estimates[key]) for key in sorted(estimates)),
        orders=tuple(_get_snapshot(orders, (number,)) for number in range(count)),
        steady=_get_snapshot(file["steady"], ()) if "steady" in file else None,
        steady_report=_get_report(file["steady_report"]) if "steady_report" in file else None,
        conductivity=get_conductivity(file["conductivity"]) if "conductivity" in file else None,
        slips=get_slips(file["slips"]) if "slips" in file else (),
        transient=_get_evolution(file, "transient"),
        harmonic=_get_responses(file, "harmonic"),
        fourier_transient=_get_evolution(file, "fourier_transient"),
        fourier_harmonic=_get_responses(file, "fourier_harmonic"),
        interfaces=get_interfaces(file["interfaces"]) if "interfaces" in file else (),
        series=get_stack(file["stack"]) if "stack" in file else None,
        model=str(file.attrs.get("model", "transport")),
        fourier=get_heat_state(file["fourier"]) if "fourier" in file else None,
        notes=tuple(strings(file["notes"])),
        timings=_mapping(file["timings"], "phases", "seconds"),
        **scalars,
    )


def _get_evolution(file: Any, name: str) -> TransientResult | None:
    return get_evolution(file[name], _get_snapshot) if name in file else None


def _get_responses(file: Any, name: str) -> tuple[HarmonicResult, ...]:
    return get_responses(file[name], _get_snapshot) if name in file else ()


def _get_geometry(group: Any) -> MeshGeometry:
    arrays = {name: group[name][()] for name, _, _ in _GEOMETRY}
    if "materials" in group:
        arrays |= {name: group[name][()] for name, _, _ in _COMPONENTS}
        arrays["materials"] = tuple(strings(group["materials"]))
    if "regions" in group:  # earlier versions did not write them
        arrays["cell_regions"] = group["cell_regions"][()]
        arrays["regions"] = _mapping(group["regions"], "names", "tags")
    return MeshGeometry(**arrays, walls=_mapping(group["walls"], "names", "tags"))


def _get_snapshot(group: Any, index: tuple[int, ...]) -> Snapshot:
    balance = group["balance"]
    absorbed = [float(power) for power in np.asarray(balance["absorbed"][index])]
    spectra = np.asarray(group["outgoing_spectrum"][index])
    # Results of earlier versions have neither of these.
    means, beside = group.get("mode_temperatures", {}), group.get("wall_temperatures")
    return Snapshot(
        mode_temperatures=tuple(np.asarray(means[str(n)][index]) for n in range(len(means))),
        wall_temperatures={} if beside is None else _by_wall(beside, index),
        **{name: np.asarray(group[name][index]) for name, _, _ in _FIELDS},
        outgoing_spectrum=dict(zip(strings(group["walls"]), spectra, strict=True)),
        balance=Balance(
            deposited=float(balance["deposited"][index]),
            absorbed=dict(zip(strings(balance["walls"]), absorbed, strict=True)),
            scattered_power=float(balance["scattered_power"][index]),
        ),
    )


def _by_wall(group: Any, index: tuple[int, ...]) -> dict[str, float]:
    values = [float(value) for value in np.asarray(group["values"][index])]
    return dict(zip(strings(group["walls"]), values, strict=True))


def _get_estimate(group: Any) -> SpectralEstimate:
    values = {name: scalar(group[name]) for name, _, _ in _ESTIMATE if name != "eigenvalues"}
    eigenvalues = tuple(complex(value) for value in group["eigenvalues"][()])
    return SpectralEstimate(eigenvalues=eigenvalues, **values)


def _get_report(group: Any) -> SteadyReport:
    values = {
        name: scalar(group[name])
        for name, _, _ in _STEADY_REPORT
        if name != "residuals" and name in group  # earlier versions had no error estimate
    }
    return SteadyReport(residuals=group["residuals"][()], **values)


def _mapping(group: Any, names: str, values: str) -> dict[str, Any]:
    data = group[values]
    is_text = h5py.check_string_dtype(data.dtype) is not None
    column = strings(data) if is_text else data[()].tolist()
    return dict(zip(strings(group[names]), column, strict=True))
