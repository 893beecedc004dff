"""Boundary conditions as a case gives them: one record for each kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from pbte.case.record import Count, NonNegative, Number, Positive, Record, Switch, Text


def _bins(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError("must be 'auto' or a number of bins of at least 1")


Bins = Annotated[Literal["auto"] | Count, BeforeValidator(_bins)]
_BINS = "Energy bins in which energy is conserved: 'auto' or their number"


class IsothermalWallChoice(Record):
    """A black wall: absorbs what arrives and emits phonons in equilibrium at its temperature."""

    kind: Literal["isothermal"] = Field(description="Boundary condition")
    temperature: Positive = Field(description="Temperature of the wall [K]")


class DiffuseWallChoice(Record):
    """An adiabatic wall that sends phonons back in all directions."""

    kind: Literal["diffuse"] = Field(description="Boundary condition")
    elastic: Switch = Field(
        default=True, description="Whether energy is conserved in each bin, or in total only"
    )
    bins: Bins = Field(default="auto", description=_BINS)


class SpecularWallChoice(Record):
    """An adiabatic mirror."""

    kind: Literal["specular"] = Field(description="Boundary condition")
    bins: Bins = Field(default="auto", description=_BINS)


class SymmetricWallChoice(Record):
    """A plane of symmetry of the body; must be a mirror plane of the crystal's grid as well."""

    kind: Literal["symmetric"] = Field(description="Boundary condition")


class RoughWallChoice(Record):
    """An adiabatic wall, specular for a part of each mode and diffuse for the rest."""

    kind: Literal["rough"] = Field(description="Boundary condition")
    roughness: NonNegative | None = Field(
        default=None, description="Height eta of the wall, p = exp(-4 eta^2 q_n^2) (Ziman) [m]"
    )
    specularity: Annotated[Number, Field(ge=0.0, le=1.0)] | None = Field(
        default=None, description="Specular share p of every mode [-] (instead of roughness)"
    )
    elastic: Switch = Field(
        default=True, description="Whether diffuse reflection conserves the energy of each bin"
    )
    bins: Bins = Field(default="auto", description=_BINS)

    @model_validator(mode="after")
    def _one_measure(self) -> RoughWallChoice:
        if (self.roughness is None) == (self.specularity is None):
            found = "neither" if self.roughness is None else "both"
            raise ValueError(f"{found} of roughness [m] and specularity given; give one of them")
        return self


class PeriodicWallChoice(Record):
    """A wall that continues at another one, its copy by translation."""

    kind: Literal["periodic"] = Field(description="Boundary condition")
    partner: Text = Field(description="Wall on the opposite side of the period; it needs no table")
    temperature_drop: Number = Field(
        default=0.0, description="Temperature drop from this wall to the partner [K]"
    )


WallChoice = Annotated[
    IsothermalWallChoice
    | DiffuseWallChoice
    | SpecularWallChoice
    | SymmetricWallChoice
    | RoughWallChoice
    | PeriodicWallChoice,
    Field(discriminator="kind"),
]
