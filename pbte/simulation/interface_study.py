"""Conductance of interface models without a mesh: a study of several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pbte.core.errors import InputError

if TYPE_CHECKING:
    from pbte.case.interfaces import InterfaceChoice
    from pbte.core.types import Array
    from pbte.interfaces.report import InterfaceReport, Refinement
    from pbte.materials.modes import ModeTable
    from pbte.materials.storage import Material


BIN_NUMBERS = (5, 10, 20, 50, 100, 200)


WIDTHS = (10, 20, 50, 100, 200)
"""Widths of smooth mixing tried: the highest frequency divided by these."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """Results of one call of the command.

    Attributes:
        first: First material, as read.
        second: Second material.
        normal: Unit vector from first to second, shape (3,).
        reports: By model, and for each by temperature.
        refinements: By model; empty when not asked for.
        coldest: Temperature below which the grids lack the modes that carry heat [K].
    """

    first: Material
    second: Material
    normal: Array
    reports: tuple[tuple[InterfaceReport, ...], ...]
    refinements: tuple[tuple[Refinement, ...], ...]
    coldest: float

    @property
    def names(self) -> tuple[str, str]:
        """Names of the two sides, distinct even when they are the same crystal."""
        first, second = self.first.name, self.second.name
        return (first, second) if first != second else (f"{first} (1)", f"{second} (2)")

    @property
    def notes(self) -> list[str]:
        """Limits of validity of the results, in sentences."""
        temperatures = [report.temperature for report in self.reports[0]]
        own = {self.first.modes.temperature, self.second.modes.temperature}
        notes = []
        if own != set(temperatures) or len(own) > 1:
            notes.append(
                "Heat capacities of the modes are rescaled to each temperature, frequencies stay; "
                "loss rates are not rescaled and not needed here."
            )
        cold = [f"{value:g}" for value in temperatures if value < self.coldest]
        if cold:
            notes.append(
                f"{', '.join(cold)} K: below about {self.coldest:.0f} K the grids lack the long "
                "waves that carry the heat; towards zero their conductance falls exponentially, "
                "not with the third power of the temperature."
            )
        return notes


def study(
    first: str,
    second: str,
    *,
    models: Sequence[str] = ("dmm",),
    temperatures: Sequence[float] = (),
    normal: Sequence[float] = (1.0, 0.0, 0.0),
    bins: str = "auto",
    convergence: bool = False,
) -> Study:
    """Return conductance and spectrum of an interface; `pbte.interface` has the arguments."""
    from pbte.case.interfaces import interface_model
    from pbte.interfaces.bins import energy_bins
    from pbte.interfaces.report import lowest_temperature, report_interface
    from pbte.materials.storage import read_material
    from pbte.materials.temperature import at_temperature

    direction = unit_normal(normal)
    choices = {text: parse_model(text, bins) for text in dict.fromkeys(models)}
    sides = read_material(first, scattering="rta"), read_material(second, scattering="rta")
    kelvins = list(temperatures) or [sides[0].modes.temperature]
    tables = [
        (at_temperature(sides[0].modes, kelvin), at_temperature(sides[1].modes, kelvin))
        for kelvin in kelvins
    ]
    shown = energy_bins(tables[0], parse_bins(bins))
    found = {text: interface_model(choice, materials=sides) for text, choice in choices.items()}
    reports = tuple(
        tuple(report_interface(text, model, *pair, direction, shown) for pair in tables)
        for text, model in found.items()
    )
    varied = choices if convergence else {}
    refinements = tuple(
        refine(text, choice, sides, *tables[-1], direction) for text, choice in varied.items()
    )
    return Study(
        first=sides[0],
        second=sides[1],
        normal=direction,
        reports=reports,
        refinements=refinements,
        coldest=lowest_temperature(*tables[0], direction),
    )


def refine(
    label: str,
    choice: InterfaceChoice,
    materials: tuple[Material, Material],
    first: ModeTable,
    second: ModeTable,
    normal: Array,
) -> tuple[Refinement, ...]:
    """Return the conductance with more and more bins, or with smaller and smaller widths.

    Args:
        label: Name of the model.
        choice: The model; those without bins and width have nothing to vary.
        materials: The two crystals.
        first: Mode table of the first crystal.
        second: Mode table of the second crystal.
        normal: Unit vector from first to second, shape (3,).
    """
    from math import pi

    from pbte.case.interfaces import DiffuseChoice, StrainChoice, interface_model
    from pbte.interfaces.landauer import conductances_of
    from pbte.interfaces.report import Refinement, unmatched_flux

    if isinstance(choice, DiffuseChoice) and not choice.elastic:
        return ()  # one bin holds all modes
    varied = ("width",) if isinstance(choice, StrainChoice) else ("bins", "width")
    top = float(max(modes.frequencies.max() for modes in (first, second))) / (2.0 * pi)
    settings: dict[str, Sequence[str | int | float]] = {
        "bins": ("auto", *BIN_NUMBERS),
        "width": [top / divisor for divisor in WIDTHS],
    }
    found = []
    for setting, values in settings.items():
        known = setting in varied and setting in type(choice).model_fields
        for value in values if known else ():
            model = interface_model(choice.model_copy(update={setting: value}), materials=materials)
            conductance = artefact = None
            refusal = ""
            try:
                (passing,) = conductances_of([model], first, second, normal)
                conductance = passing.conductance
                artefact = unmatched_flux(model, first, second, normal).artefact
            except InputError as error:  # a table may contradict detailed balance in fine bins
                refusal = str(error)
            found.append(
                Refinement(
                    label=label,
                    setting=setting,
                    value=value,
                    conductance=conductance,
                    artefact=artefact,
                    refusal=refusal,
                )
            )
    return tuple(found)


def unit_normal(normal: Sequence[float]) -> Array:
    """Return the unit vector of a direction, shape (3,).

    Raises:
        InputError: It is zero or not finite.
    """
    import numpy as np

    vector = np.asarray(normal, dtype=np.float64)
    length = float(np.linalg.norm(vector))
    if not (np.isfinite(length) and length > 0.0):
        given = " ".join(f"{value:g}" for value in vector)
        raise InputError(f"normal {given}: no direction; give three numbers, such as 1 1 0")
    return np.asarray(vector / length, dtype=np.float64)


def parse_model(text: str, bins: str = "auto") -> InterfaceChoice:
    """Return the record of a model given as "kind" or "kind:key=value,key=value".

    Args:
        text: As on the command line.
        bins: Energy bins of models that do not give their own.

    Raises:
        InputError: The kind or a key is unknown, or a value is wrong.
    """
    from pydantic import ValidationError

    from pbte.case.errors import explain
    from pbte.case.interfaces import CHOICES, AnyInterface

    kind, _, options = text.partition(":")
    given: dict[str, Any] = {"kind": kind.strip()}
    for option in filter(None, (part.strip() for part in options.split(","))):
        key, equals, value = option.partition("=")
        if not equals:
            raise InputError(
                f"model {text}: '{option}' is no option; write key=value after the colon, "
                "such as dmm:bins=20"
            )
        given[key.strip()] = _value(value.strip())
    record = CHOICES.get(given["kind"])
    if record is not None and "bins" in record.model_fields:
        given.setdefault("bins", parse_bins(bins))
    try:
        return AnyInterface.model_validate({"model": given}).model
    except ValidationError as error:
        lines = explain(error, AnyInterface).replace("model.", "").splitlines()
        raise InputError(f"model {text}: {'; '.join(lines)}") from None


def parse_bins(text: str) -> Any:
    """Return "auto" or a number of energy bins.

    Raises:
        InputError: It is neither.
    """
    value = _value(text)
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise InputError(f"bins {text}: expected 'auto' or a number of bins of at least 1")


def _value(text: str) -> bool | int | float | str | tuple[Any, ...]:
    """Return the value of a text on the command line: boolean, number, numbers, or the text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    parts = [_value(part) for part in text.split(":")] if ":" in text else [text]
    return text if any(isinstance(part, str) for part in parts) else tuple(parts)
