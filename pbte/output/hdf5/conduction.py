"""Conductivity and slip in the file results.h5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pbte.observables.conductivity import (
    Conductivity,
    TemperatureGradient,
    accumulation,
    suppression_curve,
)
from pbte.observables.slip import WallSlip
from pbte.output.hdf5.datasets import put, strings, texts, value

_DRIVE = (
    ("direction", "1", "unit vector from hot to cold"),
    ("length", "m", "distance over which the temperature falls"),
    ("drop", "K", "how much it falls"),
    ("area", "m^(dim-1)", "cross-section of the body, pores included"),
)
_CONDUCTIVITY = (
    ("value", "W/m K", "effective conductivity along the direction of the drive"),
    ("bulk", "W/m K", "conductivity of the endless crystal along it"),
    ("contributions", "W/m K", "share of each mode in the effective conductivity"),
    ("bulk_contributions", "W/m K", "share of each mode in that of the endless crystal"),
    ("mean_free_paths", "m", "mean free path of each mode"),
    ("frequencies", "rad/s", "angular frequency of each mode"),
)
_SLIP = (
    ("wall_temperature", "K", "deviation of the wall from T0"),
    ("body_temperature", "K", "mean deviation of the body beside the wall"),
    ("heat_flux", "W/m^2", "mean heat flux from the wall into the body"),
    ("resistance", "m^2 K/W", "slip over heat flux; nan where no heat flows"),
    ("length", "m", "slip length: resistance times bulk conductivity"),
)


def put_conductivity(group: Any, conductivity: Conductivity) -> None:
    """Write the conductivity, and curves made of it that are not read back."""
    for name, unit, description in _CONDUCTIVITY:
        put(group, name, getattr(conductivity, name), unit, description)
    gradient = group.create_group("drive")
    for name, unit, description in _DRIVE:
        put(gradient, name, getattr(conductivity.gradient, name), unit, description)
    for name, labels, unit in (
        ("mean_free_path", conductivity.mean_free_paths, "m"),
        ("frequency", conductivity.frequencies, "rad/s"),
    ):
        curve = group.create_group(f"accumulation_{name}")
        reached, total = accumulation(labels, conductivity.contributions)
        _, bulk = accumulation(labels, conductivity.bulk_contributions)
        put(curve, name, reached, unit, f"distinct values of the {name.replace('_', ' ')}")
        put(curve, "conductivity", total, "W/m K", "conductivity carried up to each of them")
        put(curve, "bulk", bulk, "W/m K", "the same in the endless crystal")
    curve = group.create_group("suppression")
    paths, values = suppression_curve(conductivity)
    put(curve, "mean_free_path", paths, "m", "mean of each bin of mean free paths")
    put(curve, "suppression", values, "1", "conductivity over that of the endless crystal")


def put_slips(group: Any, slips: Sequence[WallSlip]) -> None:
    """Write the slips, one array over the walls for each quantity."""
    put(group, "walls", texts([slip.wall for slip in slips]), "", "names of the walls")
    for name, unit, description in _SLIP:
        put(group, name, [getattr(slip, name) for slip in slips], unit, description)
    put(group, "slip", [slip.slip for slip in slips], "K", "wall less body beside it")


def get_conductivity(group: Any) -> Conductivity:
    """Return the conductivity that was written."""
    gradient = {name: value(group["drive"][name]) for name, _, _ in _DRIVE}
    values = {name: value(group[name]) for name, _, _ in _CONDUCTIVITY}
    return Conductivity(gradient=TemperatureGradient(**gradient), **values)


def get_slips(group: Any) -> tuple[WallSlip, ...]:
    """Return the slips that were written."""
    columns = {name: group[name][()].tolist() for name, _, _ in _SLIP}
    return tuple(
        WallSlip(wall=wall, **{name: column[number] for name, column in columns.items()})
        for number, wall in enumerate(strings(group["walls"]))
    )
