"""Notes on the conditions of a case: far from T0, out of all proportion, or driven by nothing."""

from __future__ import annotations

from collections.abc import Mapping

from pbte.simulation.conditions import Conditions

# Deviation from T0, relative to it, that is noticeable, and that is beyond a linear equation. From
# 300 to 315 K the heat capacity of Si-9 grows by 1.9 %, and phonon-phonon rates by about 5 %: they
# are proportional to T where hbar omega < k T.
NOTICEABLE, FAR = 0.05, 0.2
# Walls this far below T0 [K] that would be right in degrees Celsius.
CELSIUS = 273.15
# Knudsen numbers of the domain beyond which a unit is probably wrong: from 10 nm to 1 mm in
# crystals with mean free paths of 1 nm to 10 um they lie between 1e-6 and 1e3.
SMALLEST_KNUDSEN, LARGEST_KNUDSEN = 1e-7, 1e5


def linearity_notes(
    conditions: Conditions, solved: Mapping[str, float] | None = None
) -> tuple[str, ...]:
    """Return a note where temperatures are not close to T0, of the worst one.

    Args:
        conditions: T0, and the temperatures of isothermal walls.
        solved: Largest deviation from T0 of each solution, by its name [K].
    """
    reference = conditions.temperature
    deviations = {f"wall '{name}'": value for name, value in conditions.deviations.items()}
    deviations |= solved or {}
    if not deviations:
        return ()
    name, worst = max(deviations.items(), key=lambda item: abs(item[1]))
    share = abs(worst) / reference
    if not share > NOTICEABLE:
        return ()
    found = (
        f"{name} is {abs(worst):.4g} K {'above' if worst > 0.0 else 'below'} T0 = {reference:g} K"
    )
    if worst <= -reference:
        return (
            f"{found}, below absolute zero: these are no temperatures. The equation is linear in "
            "the deviation from T0; reduce what drives the heat, results scale with it.",
        )
    if share > FAR:
        hint = ""
        if abs(worst + CELSIUS) < 0.2 * reference:
            hint = " Is it in degrees Celsius? Temperatures are in kelvin."
        return (
            f"{found}, {100.0 * share:.0f} % of it: these are numbers of the linear equation at "
            "T0, NOT of a crystal at such temperatures, whose heat capacities and scattering "
            f"rates are others. Reduce what drives the heat (results scale with it).{hint}",
        )
    return (
        f"{found}, {100.0 * share:.0f} % of it; heat capacities and scattering rates are those at "
        "T0 (the equation is linearised about it).",
    )


def condition_notes(conditions: Conditions) -> tuple[str, ...]:
    """Return notes on walls far from T0, and on a case that nothing drives."""
    notes = linearity_notes(conditions)
    if not conditions.is_driven:
        notes += (
            f"Nothing drives the case: no heat source, and no wall is warmer or colder than T0 = "
            f"{conditions.temperature:g} K; the solution is zero everywhere.",
        )
    return notes


def knudsen_notes(paths: Mapping[str, float], extent: float) -> tuple[str, ...]:
    """Return notes on mean free paths out of all proportion to the domain.

    Args:
        paths: Mean free path of each crystal, by its name [m].
        extent: Largest extent of the domain [m].
    """
    notes = []
    for name, path in paths.items():
        number = path / extent
        if not SMALLEST_KNUDSEN < number < LARGEST_KNUDSEN:
            notes.append(
                f"The mean free path of {name} is {path:.3g} m and the domain {extent:.3g} m: are "
                "the unit of the mesh (mesh.scale), speeds [m/s] and relaxation times [s] right?"
            )
    return tuple(notes)
