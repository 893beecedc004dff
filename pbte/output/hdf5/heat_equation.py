"""The steady state by the heat equation in the file results.h5."""

from __future__ import annotations

from typing import Any

import numpy as np

from pbte.observables.heat_equation import HeatState
from pbte.observables.snapshot import Balance
from pbte.output.hdf5.datasets import put, scalar, strings, texts
from pbte.output.hdf5.interfaces import get_interfaces, get_stack, put_interfaces, put_stack


def put_heat_state(group: Any, state: HeatState) -> None:
    """Write the fields and the numbers of a solution of the heat equation."""
    put(group, "temperature", state.temperature, "K", "deviation from T0 at the cells' vertices")
    put(group, "heat_flux", state.heat_flux, "W/m^2", "heat flux at the vertices of each cell")
    put(group, "jump", state.jump, "", "how the temperature jumps at isothermal walls")
    materials = group.create_group("conductivities")
    put(materials, "materials", texts(list(state.conductivities)), "", "names, in this order")
    tensors = np.stack(list(state.conductivities.values()))
    put(materials, "tensors", tensors, "W/m K", "bulk conductivity of each material")
    if state.effective is not None:
        put(group, "effective", state.effective, "W/m K", "conductivity along the drive")
    beside = group.create_group("wall_temperatures")
    put(beside, "walls", texts(list(state.wall_temperatures)), "", "wall axis of values")
    values = np.array(list(state.wall_temperatures.values()))
    put(beside, "values", values, "K", "mean deviation of the body beside each wall")
    balance = group.create_group("balance")
    put(balance, "deposited", state.balance.deposited, "W", "power that entered")
    put(balance, "walls", texts(list(state.balance.absorbed)), "", "wall axis of absorbed")
    absorbed = np.array(list(state.balance.absorbed.values()))
    put(balance, "absorbed", absorbed, "W", "net power that left through each wall")
    if state.interfaces:
        put_interfaces(group.create_group("interfaces"), state.interfaces)
    if state.series is not None:
        put_stack(group.create_group("stack"), state.series)


def get_heat_state(group: Any) -> HeatState:
    """Return the solution that was written."""
    materials, beside, balance = (
        group[name] for name in ("conductivities", "wall_temperatures", "balance")
    )
    return HeatState(
        temperature=group["temperature"][()],
        heat_flux=group["heat_flux"][()],
        jump=strings(group["jump"]),
        conductivities=dict(
            zip(strings(materials["materials"]), materials["tensors"][()], strict=True)
        ),
        effective=scalar(group["effective"]) if "effective" in group else None,
        wall_temperatures=_numbers(beside, "values"),
        balance=Balance(
            deposited=scalar(balance["deposited"]),
            absorbed=_numbers(balance, "absorbed"),
            scattered_power=0.0,
        ),
        interfaces=get_interfaces(group["interfaces"]) if "interfaces" in group else (),
        series=get_stack(group["stack"]) if "stack" in group else None,
    )


def _numbers(group: Any, name: str) -> dict[str, float]:
    return dict(zip(strings(group["walls"]), group[name][()].tolist(), strict=True))
