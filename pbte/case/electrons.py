"""The electrons of a metal as a case gives them."""

from __future__ import annotations

from pydantic import Field

from pbte.case.record import Positive, Record, Text
from pbte.case.transients import Constant, Profile


class Absorption(Record):
    """Light that the electrons absorb at a wall of the metal."""

    wall: Text = Field(description="Wall at which it is absorbed")
    flux: Positive = Field(description="Heat flux that is absorbed, where profile is 1 [W/m^2]")
    profile: Profile = Field(
        default=Constant(kind="on"),
        description="When it is on, in a transient; always by default",
    )


class ElectronsChoice(Record):
    """The electrons of a metal, coupled to its phonons: the two-temperature model."""

    material: Text | None = Field(
        default=None, description="Material that is the metal; the only one by default"
    )
    conductivity: Positive = Field(description="Heat conductivity of the electrons [W/m K]")
    coupling: Positive = Field(
        description="Power to the phonons per volume and temperature difference [W/m^3 K]"
    )
    heat_capacity: Positive | None = Field(
        default=None, description="Heat capacity of the electrons, for a transient [J/m^3 K]"
    )
    absorbed: Absorption | None = Field(default=None, description="Light that heats them")
