"""Interfaces, and films in series, in the file results.h5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pbte.observables.resistance import (
    InterfaceResult,
    InterfaceSpectrum,
    SeriesPart,
    SeriesResistance,
)
from pbte.output.hdf5.datasets import put, scalar, strings, texts

_SCALARS = (
    ("area", "m^(dim-1)", "area of the interface"),
    ("heat_flux", "W/m^2", "mean heat flux from side 1 to side 2"),
    ("mismatch", "W/m^2", "largest difference of the fluxes on the two sides at one node"),
    ("local", "m^2 K/W", "resistance by the jump of the temperature of all modes"),
    ("extrapolated", "m^2 K/W", "by profiles of the bulk; nan where the layers are not bulk"),
    ("emission", "m^2 K/W", "by the temperatures of the streams that run into the interface"),
    ("landauer", "m^2 K/W", "of the interface model alone, between reservoirs"),
    ("entropy", "W/m^2 K", "mean entropy production; nan of a sum of orders"),
    ("least_entropy", "W/m^2 K", "smallest entropy production at any node"),
)
_PAIRS = (
    ("temperatures", "K", "mean deviation of all modes from T0 on side 1 and side 2"),
    ("streams", "K", "the same of the streams that run into the interface"),
)
_SPECTRUM = (
    ("outgoing", "K", "temperature of the modes that run into the interface (side, bin)"),
    ("incoming", "K", "temperature of the modes that come out of it (side, bin)"),
    ("heat_flux", "W/m^2", "net heat flux out of the crystal (side, bin)"),
)
_PART = (
    ("thickness", "m", "thickness of a film, else 0"),
    ("drop", "K", "how much the temperature falls"),
    ("resistance", "m^2 K/W", "drop over heat flux"),
    ("bulk", "m^2 K/W", "resistance of a film of bulk, else 0"),
)


def put_interfaces(group: Any, interfaces: Sequence[InterfaceResult]) -> None:
    """Write a group for each interface."""
    for number, interface in enumerate(interfaces):
        own = group.create_group(f"{number:03d}")
        put(own, "name", interface.name, "", "name of the interface")
        put(own, "model", interface.model, "", "kind of its interface model")
        put(own, "materials", texts(interface.materials), "", "materials of side 1 and side 2")
        for name, unit, description in (*_SCALARS, *_PAIRS):
            put(own, name, getattr(interface, name), unit, description)
        spectrum = own.create_group("spectrum")
        for name, unit, description in _SPECTRUM:
            put(spectrum, name, getattr(interface.spectrum, name), unit, description)


def get_interfaces(group: Any) -> tuple[InterfaceResult, ...]:
    """Return the interfaces that were written."""
    return tuple(_interface(group[key]) for key in sorted(group))


def _interface(group: Any) -> InterfaceResult:
    one, other = strings(group["materials"])
    values: dict[str, Any] = {name: float(scalar(group[name])) for name, _, _ in _SCALARS}
    values |= {name: tuple(group[name][()].tolist()) for name, _, _ in _PAIRS}
    spectrum = {name: group["spectrum"][name][()] for name, _, _ in _SPECTRUM}
    return InterfaceResult(
        name=strings(group["name"]),
        model=strings(group["model"]),
        materials=(one, other),
        spectrum=InterfaceSpectrum(**spectrum),
        **values,
    )


def put_stack(group: Any, series: SeriesResistance) -> None:
    """Write the resistances in series, one array over the parts for each quantity."""
    put(group, "kinds", texts([part.kind for part in series.parts]), "", "kind of each part")
    put(group, "names", texts([part.name for part in series.parts]), "", "name of each part")
    for name, unit, description in _PART:
        put(group, name, [getattr(part, name) for part in series.parts], unit, description)
    put(group, "heat_flux", series.heat_flux, "W/m^2", "mean flux from the hot end to the cold one")


def get_stack(group: Any) -> SeriesResistance:
    """Return the stack that was written."""
    columns = {name: group[name][()].tolist() for name, _, _ in _PART}
    parts = tuple(
        SeriesPart(kind=kind, name=name, **{key: values[n] for key, values in columns.items()})
        for n, (kind, name) in enumerate(
            zip(strings(group["kinds"]), strings(group["names"]), strict=True)
        )
    )
    return SeriesResistance(parts=parts, heat_flux=float(scalar(group["heat_flux"])))
