"""Which crystal each region of the mesh is made of, and the interface model where two meet."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from pbte.case.case import Case
from pbte.case.interfaces import InterfaceChoice
from pbte.case.materials import AnyMaterial
from pbte.core.errors import InputError

ONLY = "material"
"""Name of the crystal of a case with one table [material]."""

Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class ChosenModel:
    """The interface model between two materials.

    Attributes:
        key: Under which name the case gives it.
        choice: The interface model.
        swapped: Whether its first side is the second of the two materials that were asked for.
    """

    key: str
    choice: InterfaceChoice
    swapped: bool


def materials_of(case: Case) -> dict[str, AnyMaterial]:
    """Return the crystals of a case by name."""
    return dict(case.materials) if case.material is None else {ONLY: case.material}


def materials_of_regions(case: Case, regions: Iterable[str]) -> dict[str, str]:
    """Return the material of each region: the one the case gives it, or the one of its name.

    A case with one material makes all regions of it.

    Args:
        case: The case.
        regions: Names of the regions of the mesh.

    Raises:
        InputError: An unknown region or material, a region without a material, or a material that
            no region is made of.
    """
    known, materials = list(regions), materials_of(case)
    for region, material in case.regions.items():
        if region not in known:
            raise InputError(
                f"regions.{region}: the mesh {case.mesh.file} has no such region; "
                f"{meant(region, known, 'its regions are')}"
            )
        if material not in materials:
            raise InputError(
                f"regions.{region} = {material!r}: there is no such material; "
                f"{meant(material, materials, 'the materials are')}"
            )
    found = {}
    for region in known:
        name = case.regions.get(region, next(iter(materials)) if len(materials) == 1 else region)
        if name not in materials:
            raise InputError(
                f"regions: no material for the region {region!r} of the mesh {case.mesh.file}; add "
                f'{region} = "{next(iter(materials))}" to the table [regions] (or another of '
                f"{listed(materials)})"
            )
        found[region] = name
    unused = [name for name in materials if name not in found.values()]
    if unused:
        raise InputError(
            f"materials.{unused[0]}: no region of the mesh {case.mesh.file} is made of it; name a "
            f"region in the table [regions], or remove it (the regions are {listed(known)})"
        )
    return found


def chosen_model(case: Case, interface: str, materials: Pair) -> ChosenModel | None:
    """Return the interface model between two materials, None inside one crystal without any.

    A model for the interface itself comes before one for the pair of materials.

    Args:
        case: The case.
        interface: Name of the interface in the mesh.
        materials: The material on either side.

    Raises:
        InputError: Two materials meet, and the case has no interface model for them.
    """
    one, other = materials
    if interface in case.interfaces:
        return ChosenModel(key=interface, choice=case.interfaces[interface], swapped=False)
    for key, swapped in ((f"{one}|{other}", False), (f"{other}|{one}", True)):
        if key in case.interfaces:
            return ChosenModel(key=key, choice=case.interfaces[key], swapped=swapped)
    if one == other:
        return None
    raise InputError(
        f"interfaces: no interface model for {one!r} and {other!r}, which meet at the interface "
        f"{interface!r} of the mesh {case.mesh.file}; add a table such as "
        f'[interfaces."{one}|{other}"] with kind = "dmm"'
    )


def meant(name: str, known: Collection[str], listing: str) -> str:
    """Return the known name that a wrong one resembles, or all of them after `listing`."""
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"{listing} {listed(known)}"


def listed(names: Iterable[str]) -> str:
    """Return names in quotes, separated by commas."""
    return ", ".join(repr(name) for name in names) or "none"
