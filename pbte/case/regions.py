"""Which crystal each region of the mesh is made of, and the interface model where two meet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from pbte.case.case import Case, check_temperature
from pbte.case.interfaces import InterfaceChoice
from pbte.case.materials import AnyMaterial
from pbte.core.errors import InputError

ONLY = "material"
"""What the crystal of a case with one table [material] is called."""

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
                f"{_meant(region, known, 'its regions are')}"
            )
        if material not in materials:
            raise InputError(
                f"regions.{region} = {material!r}: there is no such material; "
                f"{_meant(material, materials, 'the materials are')}"
            )
    found = {}
    for region in known:
        name = case.regions.get(region, next(iter(materials)) if len(materials) == 1 else region)
        if name not in materials:
            raise InputError(
                f"regions: no material for the region {region!r} of the mesh {case.mesh.file}; add "
                f'{region} = "{next(iter(materials))}" to the table [regions] (or another of '
                f"{_listed(materials)})"
            )
        found[region] = name
    unused = [name for name in materials if name not in found.values()]
    if unused:
        raise InputError(
            f"materials.{unused[0]}: no region of the mesh {case.mesh.file} is made of it; name a "
            f"region in the table [regions], or remove it (the regions are {_listed(known)})"
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


def check_interfaces(case: Case, contacts: Mapping[str, Collection[Pair]]) -> None:
    """Check that each interface model of the case has an interface in the mesh.

    Args:
        case: The case.
        contacts: For each interface of the mesh, the materials that it has on its two sides.

    Raises:
        InputError: A model for an interface or a pair of materials that the mesh does not have.
    """
    materials = materials_of(case)
    meeting = {frozenset(pair) for pairs in contacts.values() for pair in pairs}
    for key in case.interfaces:
        if key in contacts:
            continue
        one, bar, other = key.partition("|")
        if not bar:
            pairs = [f"{a}|{b}" for a, b in (sorted(p)[:1] + sorted(p)[-1:] for p in meeting)]
            raise InputError(
                f"interfaces.{key}: the mesh {case.mesh.file} has no such interface; "
                f"{_meant(key, [*contacts, *pairs], 'an interface model may be for')}"
            )
        for name in (one, other):
            if name not in materials:
                raise InputError(
                    f'interfaces."{key}": there is no material {name!r}; '
                    f"{_meant(name, materials, 'the materials are')}"
                )
        if f"{other}|{one}" in case.interfaces and one != other:
            raise InputError(
                f'interfaces."{key}": the pair is described twice, also as "{other}|{one}"; remove '
                "one of them"
            )
        if frozenset((one, other)) not in meeting:
            raise InputError(
                f'interfaces."{key}": these materials meet nowhere in the mesh {case.mesh.file}; '
                f"remove the table (its interfaces are {_listed(contacts)})"
            )


def check_temperatures(case: Case, temperatures: Mapping[str, float]) -> None:
    """Check that the crystals and the case speak of the same temperature.

    Args:
        case: The case.
        temperatures: That of each material's modes, by the name that messages use [K].

    Raises:
        InputError: Two of them, or one and the case, differ by more than 1e-6 relative.
    """
    (first, expected), *others = temperatures.items()
    for name, temperature in others:
        if abs(temperature - expected) > 1e-6 * expected:
            raise InputError(
                f"materials.{name}: it was computed at {temperature:g} K and {first!r} at "
                f"{expected:g} K; all crystals of a case need one temperature"
            )
    check_temperature(case, expected, first)


def _meant(name: str, known: Collection[str], listing: str) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"{listing} {_listed(known)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
