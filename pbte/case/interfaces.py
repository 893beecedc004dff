"""Interface models as a case or the command line gives them: one record for each kind."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import numpy as np
from pydantic import Field

from pbte.case.record import NonNegative, Number, Positive, Record, Switch, Text
from pbte.case.walls import Bins

if TYPE_CHECKING:
    from pbte.interfaces.base import InterfaceModel
    from pbte.materials.storage import Material

_KIND = "Interface model"
_BINS = "Energy bins common to both crystals: 'auto' or their number"
_HERTZ = 2.0 * np.pi
"""1 Hz as an angular frequency [rad/s]; people give ordinary frequencies."""

Reflection = Literal["diffuse", "specular"]
Excess = Literal["refuse", "reduce"]
_REFLECTION = (
    "Reflection of what is not transmitted: 'diffuse' within its energy bin, or 'specular'"
)


class PerfectChoice(Record):
    """A plane inside one crystal that transmits every mode."""

    kind: Literal["perfect"] = Field(description=_KIND)


class DiffuseChoice(Record):
    """Diffuse mismatch: a phonon forgets where it came from, within its energy bin."""

    kind: Literal["dmm"] = Field(description=_KIND)
    elastic: Switch = Field(
        default=True,
        description="Whether energy is conserved in each bin, or in total only",
    )
    bins: Bins = Field(default="auto", description=_BINS)


class SmoothChoice(Record):
    """Diffuse mismatch without bins: energies mix within a Gaussian."""

    kind: Literal["smooth-dmm"] = Field(description=_KIND)
    width: Positive | None = Field(
        default=None,
        description="Standard deviation of the ordinary frequency [Hz] (default: 1/50 of the "
        "highest)",
    )


class _Sound(Record):
    """Common keys of acoustic mismatch and its mixture with diffuse mismatch."""

    kind: str
    waves: Literal["anisotropic", "isotropic", "scalar"] = Field(
        default="anisotropic",
        description="'anisotropic' crystals, their 'isotropic' averages, or 'scalar' impedances",
    )
    beyond_sound: Literal["reflected", "diffuse"] = Field(
        default="reflected",
        description="Optical modes, and waves without modes on the grid: 'reflected', or "
        "'diffuse' as in dmm",
    )
    bounce: Literal["specular", "diffuse"] = Field(
        default="specular", description="Reflection of what is not transmitted"
    )
    bins: Bins = Field(default="auto", description=_BINS)
    angle: Positive = Field(
        default=0.15, description="Spread of directions over which a wave is distributed [rad]"
    )


class AcousticChoice(_Sound):
    """Acoustic mismatch: phonons are sound waves of two welded solids."""

    kind: Literal["amm"] = Field(description=_KIND)


class MixedChoice(_Sound):
    """Acoustic mismatch for long waves, diffuse mismatch for waves as short as the roughness."""

    kind: Literal["mixed"] = Field(description=_KIND)
    roughness: NonNegative = Field(
        description="Height eta of the interface, p = exp(-4 eta^2 q_n^2) (Ziman) [m]"
    )


class StrainChoice(Record):
    """Strain mismatch: misfit dislocations scatter phonons, the rest is reflected."""

    kind: Literal["smm"] = Field(description=_KIND)
    method: Literal["cap", "sinkhorn", "amm+strain"] = Field(
        default="cap",
        description="How probabilities above 1 are limited: 'cap', 'sinkhorn' (all phonons are "
        "scattered), or 'amm+strain' (capped, and the rest transmitted as sound waves)",
    )
    gruneisen: Positive | None = Field(
        default=None,
        description="Grueneisen parameter of all modes [-] (default: those of the materials)",
    )
    lattice_parameters: tuple[Positive, Positive] | None = Field(
        default=None,
        description="Cubic lattice parameters of both crystals [m] (default: measured)",
    )
    poisson: tuple[Positive, Positive] | None = Field(
        default=None,
        description="Poisson's ratios of both crystals [-] (default: of their elastic constants)",
    )
    bounce: Literal["specular", "diffuse"] = Field(
        default="specular", description="Reflection of what is not scattered"
    )
    bins: Bins = Field(default="auto", description="Energy bins of diffuse reflection")
    step: Positive = Field(
        default=0.5, description="Tolerance of the parallel wave vector in steps of the grid [-]"
    )
    width: Positive | None = Field(
        default=None,
        description="Tolerance of the ordinary frequency [Hz] (default: 1/50 of the highest)",
    )


class TableChoice(Record):
    """A transmission against frequency from a file, over all branches or one column for each."""

    kind: Literal["table"] = Field(description=_KIND)
    file: Text = Field(description="Path of the table: 'frequency [THz], transmission' and values")
    bins: Bins = Field(default="auto", description=_BINS)
    reflection: Reflection = Field(default="diffuse", description=_REFLECTION)
    excess: Excess = Field(
        default="refuse",
        description="Where detailed balance requires a reverse transmission above 1: 'refuse' the "
        "table or 'reduce' it there",
    )


class MediatorChoice(Record):
    """Independent quantum oscillators that couple the two crystals."""

    kind: Literal["mediator"] = Field(description=_KIND)
    density: NonNegative = Field(description="Mediators per area [1/m^2]")
    frequency: Positive = Field(description="Ordinary frequency w0/2 pi of the oscillator [Hz]")
    damping: Positive = Field(description="Total damping rate by both sides [1/s]")
    cutoff: Positive | None = Field(
        default=None, description="Ordinary cutoff frequency D/2 pi of the coupling [Hz]"
    )
    first_share: Annotated[Number, Field(ge=0.0, le=1.0)] = Field(
        default=0.5, description="Share of the first side in the damping [-]"
    )
    bins: Bins = Field(default="auto", description=_BINS)
    reflection: Reflection = Field(default="diffuse", description=_REFLECTION)
    excess: Excess = Field(
        default="refuse",
        description="Where mediators would transmit more than arrives: 'refuse' or 'reduce' the "
        "transmission there",
    )


InterfaceChoice = Annotated[
    PerfectChoice
    | DiffuseChoice
    | SmoothChoice
    | AcousticChoice
    | MixedChoice
    | StrainChoice
    | TableChoice
    | MediatorChoice,
    Field(discriminator="kind"),
]
CHOICES: dict[str, type[Record]] = {
    get_args(record.model_fields["kind"].annotation)[0]: record
    for record in get_args(get_args(InterfaceChoice)[0])
}
"""The records by their kind."""


class AnyInterface(Record):
    """An interface model by itself, outside of a case."""

    model: InterfaceChoice


def interface_model(
    choice: InterfaceChoice,
    *,
    materials: tuple[Material, Material] | None = None,
    folder: str | Path = ".",
) -> InterfaceModel:
    """Return the interface model that a case names, of any kind.

    Args:
        choice: Kind of interface and its numbers.
        materials: The two crystals, first the one from which normals point; for models that need
            more of them than their modes.
        folder: Where relative paths start.

    Raises:
        InputError: A file is missing or wrong, or a value makes no sense.
    """
    if isinstance(choice, DiffuseChoice):
        from pbte.interfaces.dmm import DiffuseMismatch

        return DiffuseMismatch(elastic=choice.elastic, bins=choice.bins)
    if isinstance(choice, SmoothChoice):
        from pbte.interfaces.dmm import SmoothMismatch

        return SmoothMismatch(width=None if choice.width is None else choice.width * _HERTZ)
    if isinstance(choice, AcousticChoice | MixedChoice):
        return _sound(choice)
    if isinstance(choice, StrainChoice):
        return _strain(choice, materials)
    if isinstance(choice, TableChoice):
        from pbte.interfaces.table import TransmissionTable
        from pbte.interfaces.table_file import read_transmission_table

        return TransmissionTable(
            table=read_transmission_table(Path(folder) / Path(choice.file).expanduser()),
            bins=choice.bins,
            reflection=choice.reflection,
            excess=choice.excess,
        )
    if isinstance(choice, MediatorChoice):
        return _mediator(choice)
    from pbte.interfaces.perfect import PerfectInterface

    return PerfectInterface()


def _sound(choice: AcousticChoice | MixedChoice) -> InterfaceModel:
    from pbte.interfaces.amm import AcousticMismatch

    sound = AcousticMismatch(**choice.model_dump(exclude={"kind", "roughness"}))
    if isinstance(choice, AcousticChoice):
        return sound
    from pbte.interfaces.mixed import MixedMismatch

    return MixedMismatch(roughness=choice.roughness, sound=sound)


def _strain(choice: StrainChoice, materials: tuple[Material, Material] | None) -> InterfaceModel:
    from pbte.core.errors import InputError
    from pbte.interfaces.smm import strain_mismatch

    if materials is None:
        raise InputError("the strain mismatch model needs the two materials, not only their modes")
    options = choice.model_dump(exclude={"kind", "width"})
    width = None if choice.width is None else choice.width * _HERTZ
    return strain_mismatch(*materials, width=width, **options)


def _mediator(choice: MediatorChoice) -> InterfaceModel:
    from functools import partial

    from pbte.interfaces.mediator import MediatorInterface
    from pbte.reference.mediator.mediator import Mediator, transmission

    oscillator = Mediator(
        frequency=choice.frequency * _HERTZ,
        damping=choice.damping,
        cutoff=np.inf if choice.cutoff is None else choice.cutoff * _HERTZ,
        first_share=choice.first_share,
    )
    return MediatorInterface(
        transmission=partial(transmission, oscillator),
        density=choice.density,
        bins=choice.bins,
        reflection=choice.reflection,
        excess=choice.excess,
    )
