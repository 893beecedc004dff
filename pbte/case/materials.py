"""The crystals a case may name, and the directions of flight of those that are isotropic.

A material file brings its own modes. A gray crystal or a table of bands is isotropic: each band
spreads over the directions of a quadrature.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from pbte.case.record import Count, Positive, Record, Text

if TYPE_CHECKING:
    from pbte.core.types import Array
    from pbte.materials.modes import ModeTable
    from pbte.materials.quadrature import Quadrature
    from pbte.materials.storage import Material

Axis = Literal["x", "y", "z"]
Share = Annotated[Positive, Field(le=1.0)]


class _Directions(Record):
    """Base of the families: what they say is tried at once."""

    @model_validator(mode="after")
    def _exists(self) -> _Directions:
        quadrature_of(self)  # type: ignore[arg-type]
        return self


class ProductDirections(_Directions):
    """Gauss-Legendre in the cosine to an axis times equal steps of azimuth."""

    family: Literal["product"] = Field(default="product", description="Family of directions")
    polar: Count = Field(default=8, description="Number of cosines to the axis, at least 2")
    azimuthal: Count = Field(default=8, description="Number of azimuths, even, at least 4")
    axis: Axis = Field(default="z", description="Axis of the cosines: 'x', 'y' or 'z'")


class HalfRangeDirections(_Directions):
    """The same with Gauss nodes on each half of the cosine: for films, exact flux at the walls."""

    family: Literal["half-range"] = Field(description="Family of directions")
    polar: Count = Field(default=8, description="Number of cosines to the axis, even, at least 4")
    azimuthal: Count = Field(default=8, description="Number of azimuths, even, at least 4")
    axis: Axis = Field(default="x", description="Axis of the cosines, the normal of the walls")


class LineDirections(_Directions):
    """One direction for each cosine: for heat along a mesh of one dimension."""

    family: Literal["line"] = Field(description="Family of directions")
    polar: Count = Field(default=32, description="Number of cosines, even, at least 12")
    axis: Axis = Field(default="x", description="Direction of the line")


class PlaneDirections(_Directions):
    """Directions without their mirror images: for meshes in the plane without specular walls."""

    family: Literal["plane"] = Field(description="Family of directions")
    polar: Count = Field(default=8, description="Number of cosines to the axis, even")
    azimuthal: Count = Field(default=14, description="Number of azimuths, twice an odd number")
    axis: Axis = Field(default="z", description="Normal of the plane")


class LebedevDirections(_Directions):
    """The rule with the symmetry of the cube, exact up to a degree."""

    family: Literal["lebedev"] = Field(description="Family of directions")
    degree: Count = Field(default=11, description="Degree of exactness: 3, 5, 7, ... 31, 35, ...")


def _product_by_default(value: Any) -> Any:
    return {"family": "product", **value} if isinstance(value, dict) else value


Directions = Annotated[
    Annotated[
        ProductDirections
        | HalfRangeDirections
        | LineDirections
        | PlaneDirections
        | LebedevDirections,
        Field(discriminator="family"),
    ],
    BeforeValidator(_product_by_default),
]


def _scattering(value: object) -> object:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if value in ("full", "rta", "callaway") or whole:
        return value
    raise ValueError(
        "must be 'full', 'rta' or a rank (a whole number of at least 1), or 'callaway'"
    )


class FileMaterial(Record):
    """A crystal from a material file, and how much of its scattering matrix."""

    kind: Literal["file"] = Field(default="file", description="Kind of crystal")
    file: Text = Field(description="Shipped material (such as 'Si-9') or path of a material file")
    scattering: Annotated[
        Literal["full", "rta", "callaway"] | int, BeforeValidator(_scattering)
    ] = Field(
        default="full",
        description="Scattering matrix: 'full', 'rta' (relaxation times), a rank to truncate to, "
        "or 'callaway'",
    )
    normal_share: Share | None = Field(
        default=None, description="Share of normal processes in each loss rate, for 'callaway'"
    )

    @model_validator(mode="after")
    def _share_fits(self) -> FileMaterial:
        _check_share(self.scattering, self.normal_share, needed=True)
        return self


class GrayMaterial(Record):
    """A crystal with one speed and one mean free path."""

    kind: Literal["gray"] = Field(description="Kind of crystal")
    name: Text = Field(default="gray", description="Name of the material")
    speed: Positive = Field(description="Group speed [m/s]")
    relaxation_time: Positive = Field(description="Time between two scattering events [s]")
    heat_capacity: Positive = Field(description="Heat capacity per volume [J/m^3 K]")
    scattering: Literal["rta", "callaway"] = Field(
        default="rta", description="Collisions: 'rta' (relaxation times) or 'callaway'"
    )
    normal_share: Share | None = Field(
        default=None, description="Share of normal processes in the scattering, for 'callaway'"
    )
    directions: Directions = Field(default_factory=ProductDirections)

    @model_validator(mode="after")
    def _share_fits(self) -> GrayMaterial:
        _check_share(self.scattering, self.normal_share, needed=True)
        return self


class BandMaterial(Record):
    """A crystal of isotropic bands, from a table."""

    kind: Literal["bands"] = Field(description="Kind of crystal")
    table: Text = Field(description="Shipped table (such as 'Si-bands') or path of a band table")
    scattering: Literal["rta", "callaway"] = Field(
        default="rta", description="Collisions: 'rta' (relaxation times) or 'callaway'"
    )
    normal_share: Share | None = Field(
        default=None,
        description="Share of normal processes, for 'callaway' with a table without them",
    )
    directions: Directions = Field(default_factory=ProductDirections)

    @model_validator(mode="after")
    def _share_fits(self) -> BandMaterial:
        _check_share(self.scattering, self.normal_share, needed=False)
        return self


def _file_by_default(value: Any) -> Any:
    return {"kind": "file", **value} if isinstance(value, dict) else value


AnyMaterial = Annotated[
    Annotated[FileMaterial | GrayMaterial | BandMaterial, Field(discriminator="kind")],
    BeforeValidator(_file_by_default),
]


def quadrature_of(directions: Directions) -> Quadrature:
    """Return the directions and weights that a case asks for.

    Raises:
        InputError: There is no such rule.
    """
    from pbte.materials.quadrature import lebedev_rule, line_rule, plane_rule, product_rule

    if isinstance(directions, LebedevDirections):
        return lebedev_rule(directions.degree)
    if isinstance(directions, LineDirections):
        return line_rule(directions.polar, axis=directions.axis)
    rule = plane_rule if isinstance(directions, PlaneDirections) else product_rule
    more = {"half_range": True} if isinstance(directions, HalfRangeDirections) else {}
    return rule(directions.polar, directions.azimuthal, axis=directions.axis, **more)


def material_from_choice(
    choice: FileMaterial | GrayMaterial | BandMaterial,
    *,
    folder: str | Path = ".",
    temperature: float | None = None,
) -> Material:
    """Return the material that a case names: the one door for all kinds of crystals.

    Args:
        choice: Kind of crystal and its numbers.
        folder: Where relative paths start.
        temperature: Temperature of the case [K]: the reference temperature of a gray crystal, and
            of a band table that says none. A file keeps its own.

    Returns:
        Modes and kernel: full, of some rank, of relaxation times, or Callaway's.

    Raises:
        InputError: A file is missing or wrong, or the choice does not fit it.
    """
    if isinstance(choice, FileMaterial):
        return _from_file(choice, Path(folder))
    if isinstance(choice, BandMaterial):
        return _from_bands(choice, Path(folder), temperature)
    from pbte.core.errors import InputError
    from pbte.materials.models import gray_crystal

    if temperature is None:
        raise InputError(f"{choice.name}: a gray crystal has no temperature of its own; give one")
    material = gray_crystal(
        name=choice.name,
        temperature=temperature,
        speed=choice.speed,
        relaxation_time=choice.relaxation_time,
        heat_capacity=choice.heat_capacity,
        quadrature=quadrature_of(choice.directions),
    )
    return _with_normal_share(material, choice.normal_share)


def _from_file(choice: FileMaterial, folder: Path) -> Material:
    from pbte.materials.storage import read_material

    source = _source(choice.file, folder, (".h5", ".hdf5"))
    if choice.scattering == "callaway":
        return _with_normal_share(read_material(source, scattering="rta"), choice.normal_share)
    return read_material(source, scattering=choice.scattering)


def _from_bands(choice: BandMaterial, folder: Path, temperature: float | None) -> Material:
    from pbte.core.errors import InputError
    from pbte.materials.band_table import band_crystal, read_band_table

    table = read_band_table(_source(choice.table, folder, (".csv", ".txt")))
    quadrature = quadrature_of(choice.directions)
    material = band_crystal(table, temperature=temperature, quadrature=quadrature)
    if choice.scattering == "rta":
        return material
    if (table.normal_times is None) == (choice.normal_share is None):
        found = "has no" if table.normal_times is None else "has a"
        raise InputError(
            f"{choice.table}: scattering = 'callaway' and the table {found} column normal_time; "
            "give either that column or normal_share"
        )
    if table.normal_times is None:
        return _with_normal_share(material, choice.normal_share)
    times = table.normal_times[material.modes.bands]
    return _with_normal_rates(material, np.asarray(1.0 / times, dtype=np.float64))


def _with_normal_share(material: Material, share: float | None) -> Material:
    """Return the material with Callaway's collisions; without a share it stays as it is."""
    if share is None:
        return material
    return _with_normal_rates(material, share * material.modes.loss_rates)


def _with_normal_rates(material: Material, normal_rates: Array) -> Material:
    from dataclasses import replace

    from pbte.materials.callaway import callaway_kernel

    modes: ModeTable = material.modes
    # The rest, never below zero by round-off.
    resistive = (modes.loss_rates - normal_rates).clip(min=0.0)
    kernel = callaway_kernel(modes, normal_rates=normal_rates, resistive_rates=resistive)
    return replace(material, modes=kernel.modes, kernel=kernel)


def _check_share(scattering: object, share: float | None, *, needed: bool) -> None:
    if share is not None and scattering != "callaway":
        raise ValueError(f"normal_share = {share:g}: only for scattering = 'callaway'")
    if needed and scattering == "callaway" and share is None:
        raise ValueError("normal_share is missing; scattering = 'callaway' needs it")


def _source(name: str, folder: Path, endings: tuple[str, ...]) -> str | Path:
    """Return the name of something shipped, or the path of a file."""
    is_path = Path(name).suffix.lower() in endings or "/" in name or "\\" in name
    return folder / name if is_path else name
