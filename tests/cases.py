"""What many tests say of cases: layers of model crystals between two walls, and how to run them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpi4py import MPI

from pbte.case.case import Case, parse_case
from pbte.observables.results import Results
from pbte.run import run_case

Table = Mapping[str, Any]

GRAY_FILM = """\
temperature = 300.0
[material]
kind = "gray"
relaxation_time = 4e-12
speed = 5000.0
heat_capacity = 2e6
directions = { family = "line", polar = 16, axis = "x" }
[mesh]
file = "film.msh"
builder = { shape = "film", thickness = 1e-7, size = 1e-8 }
[orders]
max_order = 2
"""  # mean free path 20 nm
# Warmed by the left wall, which may be replaced by one at T0; nothing passes the right one.
WARMED = """
[walls.left]
kind = "isothermal"
temperature = 301.0
[walls.right]
kind = "diffuse"
"""
SPHERE = """\
title = "A small sphere"
temperature = 300.0
[material]
file = "Si-5"
scattering = "rta"
[mesh]
file = "sphere.msh"
builder = { shape = "nanoparticle", diameter = 50e-9, size = 25e-9 }
[source]
sigma = 5e-9
power = 1e-6
[walls.surface]
kind = "isothermal"
temperature = 300.0
[orders]
max_order = 2
"""
DMM: Table = {"kind": "dmm"}


def gray(
    name: str = "gray", *, speed: float, life: float, heat: float, **directions: object
) -> dict[str, Any]:
    """Return a crystal of one speed [m/s], life [s] and heat capacity [J/m^3 K]."""
    return {
        "kind": "gray",
        "name": name,
        "speed": speed,
        "relaxation_time": life,
        "heat_capacity": heat,
        "directions": directions or {"family": "line", "polar": 16},
    }


def isothermal(**temperatures: float) -> dict[str, dict[str, Any]]:
    """Return black walls by name and temperature [K]."""
    return {
        name: {"kind": "isothermal", "temperature": value} for name, value in temperatures.items()
    }


def layers(
    folder: Path,
    materials: Mapping[str, Table],
    *,
    mesh: Table | None = None,
    temperatures: tuple[float, float] | None = (301.0, 300.0),
    interface: Table = DMM,
    walls: Table | None = None,
    **more: Any,
) -> Case:
    """Return the case of two layers a and b along x, 40 and 60 nm thick unless said otherwise.

    Args:
        folder: Where the mesh is kept.
        materials: The crystals by name; a single one without a name, {"": crystal}, is [material].
        mesh: More of the builder of layers, or another one with its shape.
        temperatures: Of black walls on the left and on the right [K]; None without them.
        interface: Model of the interface between the materials a and b.
        walls: Other walls.
        more: Other tables of the case.
    """
    named = {name: crystal for name, crystal in materials.items() if name}
    builder = {"shape": "layers", "size": 10e-9, **(mesh or {})}
    if builder["shape"] == "layers":
        builder = {"regions": ("a", "b"), "thicknesses": (40e-9, 60e-9), **builder}
    name = f"{zlib.crc32(repr(builder).encode())}.msh"
    held = {} if temperatures is None else isothermal(left=temperatures[0], right=temperatures[1])
    return Case.model_validate(
        {
            "temperature": 300.0,
            "mesh": {"file": str(folder / name), "builder": builder},
            **({"materials": named} if named else {"material": materials[""]}),
            **({"interfaces": {"a|b": interface}} if {"a", "b"} <= named.keys() else {}),
            "walls": held | dict(walls or {}),
            "output": {"frequency_bins": 5},
            **more,
        }
    )


def run_text(text: str, folder: Path, comm: MPI.Intracomm = MPI.COMM_WORLD) -> Results:
    """Return the results of a case in TOML."""
    return run_case(parse_case(text, folder=folder), comm)
