"""Heat sources as a case gives them: one record for each kind."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from pbte.case.record import Index, NonNegative, Number, Positive, Record, Switch, Text
from pbte.core.errors import InputError
from pbte.core.expressions import parse_expression

COORDINATES = ("x", "y", "z")

_KIND = "Form of the source"
_POWER = "Total power [W], in 2D [W/m], in 1D [W/m^2]"
_SINKS = "Whether the density may be negative, which removes heat"


class ModeSelection(Record):
    """Which modes the source heats: all, unless limited by frequency or branch."""

    min_frequency: NonNegative = Field(default=0.0, description="Lowest frequency heated [Hz]")
    max_frequency: Positive | None = Field(default=None, description="Highest frequency [Hz]")
    branches: tuple[Index, ...] | None = Field(
        default=None, min_length=1, description="Branch numbers heated, 0 is the lowest"
    )

    @model_validator(mode="after")
    def _ordered(self) -> ModeSelection:
        if self.max_frequency is not None and self.max_frequency < self.min_frequency:
            raise ValueError(
                f"max_frequency = {self.max_frequency:g} lies below "
                f"min_frequency = {self.min_frequency:g}; no mode would be heated"
            )
        return self


class _Source(Record):
    """Common keys of all sources; the heat is split over the modes by heat capacity."""

    regions: tuple[Text, ...] | None = Field(
        default=None, min_length=1, description="Regions of the mesh that are heated; all if none"
    )
    modes: ModeSelection = Field(
        default_factory=ModeSelection, description="Modes that receive the heat"
    )

    @property
    def may_cool(self) -> bool:
        """Whether the density may be negative on purpose."""
        return False


class GaussianSource(_Source):
    """Heat density Q0 exp(-r^2 / 2 sigma^2)."""

    kind: Literal["gaussian"] = Field(default="gaussian", description=_KIND)
    centre: tuple[Number, Number, Number] = Field(
        default=(0.0, 0.0, 0.0), description="Centre of the source, x y z [m]"
    )
    sigma: Positive = Field(description="Standard deviation of the profile [m]")
    power: Positive | None = Field(default=None, description=f"{_POWER} (instead of peak)")
    peak: Positive | None = Field(
        default=None, description="Heat density Q0 at the centre [W/m^3] (instead of power)"
    )

    @model_validator(mode="after")
    def _one_strength(self) -> GaussianSource:
        _one_of(self.power, "peak", self.peak)
        return self


class UniformSource(_Source):
    """A constant heat density, everywhere or in some regions."""

    kind: Literal["uniform"] = Field(description=_KIND)
    power: Number | None = Field(
        default=None, description=f"{_POWER}, negative to remove heat (instead of density)"
    )
    density: Number | None = Field(
        default=None,
        description="Heat density [W/m^3], negative to remove heat (instead of power)",
    )

    @property
    def may_cool(self) -> bool:
        """Whether heat is taken out."""
        return (self.power or self.density or 0.0) < 0.0

    @model_validator(mode="after")
    def _one_strength(self) -> UniformSource:
        _one_of(self.power, "density", self.density)
        if not (self.power or self.density):
            raise ValueError("a strength of 0 heats nothing; leave the source out")
        return self


class ExpressionSource(_Source):
    """A heat density given by an arithmetic expression of the position."""

    kind: Literal["expression"] = Field(description=_KIND)
    density: Text = Field(
        description="Heat density [W/m^3] from x, y, z [m], such as '1e18*exp(-(x/2e-8)^2)'"
    )
    power: Number | None = Field(
        default=None, description=f"{_POWER}; the density is then scaled to it"
    )
    sinks: Switch = Field(default=False, description=_SINKS)

    @property
    def may_cool(self) -> bool:
        """Whether the density may be negative on purpose."""
        return self.sinks

    @field_validator("density")
    @classmethod
    def _arithmetic(cls, value: str) -> str:
        try:
            parse_expression(value, COORDINATES)
        except InputError as error:
            raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _has_power(self) -> ExpressionSource:
        _some_power(self.power, self.sinks)
        return self


class FieldSource(_Source):
    """A heat density computed by another program, interpolated linearly."""

    kind: Literal["field"] = Field(description=_KIND)
    file: Text = Field(
        description="File of the field, relative to the case file: a mesh with data (.vtu, .xdmf, "
        "...), columns x y z value (.npy), or 'points' and 'values' (.npz, .h5)"
    )
    name: Text | None = Field(
        default=None, description="Name of the data, where the file holds several"
    )
    scale: Positive = Field(default=1.0, description="Metres per unit of length in the file [m]")
    factor: Number = Field(default=1.0, description="Heat density per unit of the values [W/m^3]")
    power: Number | None = Field(
        default=None, description=f"{_POWER}; the density is then scaled to it"
    )
    outside: Literal["refuse", "zero", "nearest"] = Field(
        default="refuse",
        description="Heat where the domain exceeds the field: 'refuse' it, 'zero', or that of the "
        "'nearest' point",
    )
    sinks: Switch = Field(default=False, description=_SINKS)

    @property
    def may_cool(self) -> bool:
        """Whether the density may be negative on purpose."""
        return self.sinks

    @model_validator(mode="after")
    def _has_power(self) -> FieldSource:
        _some_power(self.power, self.sinks)
        return self


def _some_power(power: float | None, sinks: bool) -> None:
    if power is not None and (power == 0.0 or (power < 0.0 and not sinks)):
        raise ValueError(
            f"power = {power:g}: must be greater than 0, or less than 0 with sinks = true"
        )


def _one_of(power: float | None, name: str, other: float | None) -> None:
    if (power is None) == (other is None):
        found = "neither" if power is None else "both"
        raise ValueError(f"{found} of power [W] and {name} [W/m^3] given; give exactly one of them")


def _gaussian_by_default(value: Any) -> Any:
    return {"kind": "gaussian", **value} if isinstance(value, dict) else value


AnySource = Annotated[
    Annotated[
        GaussianSource | UniformSource | ExpressionSource | FieldSource,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_gaussian_by_default),
]
