"""Notes on the conditions of a case: far from T0, out of all proportion, or driven by nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pbte.materials.modes import ModeTable
from pbte.simulation.conditions import Conditions

# Deviation from T0, relative to it, that is noticeable, and that is beyond a linear equation:
# between 300 and 315 K the heat capacity of silicon changes by 2 %, phonon-phonon rates by 5 %.
NOTICEABLE, FAR = 0.05, 0.2
# Walls this far below T0 [K] that would be right in degrees Celsius.
CELSIUS = 273.15
# Knudsen numbers of the domain beyond which a unit is probably wrong: from 10 nm to 1 mm in
# crystals with mean free paths of 1 nm to 10 um they lie between 1e-6 and 1e3.
SMALLEST_KNUDSEN, LARGEST_KNUDSEN = 1e-7, 1e5


def linearity_notes(reference: float, deviations: Mapping[str, float]) -> tuple[str, ...]:
    """Return a note where temperatures are not close to T0, of the worst one.

    Args:
        reference: T0 [K].
        deviations: Deviation from it of anything that has a name [K].
    """
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


def condition_notes(conditions: Conditions, *, starts_away: bool) -> tuple[str, ...]:
    """Return notes on walls far from T0, and on a case that nothing drives.

    Args:
        conditions: Conditions that drive heat.
        starts_away: Whether a transient starts away from T0, or light heats electrons.
    """
    walls = {f"wall '{name}'": value for name, value in conditions.deviations.items()}
    notes = linearity_notes(conditions.temperature, walls)
    driven = (
        conditions.has_sources
        or starts_away
        or any(conditions.deviations.values())
        or any(period.drop != 0.0 for period in conditions.periods)
    )
    if not driven:
        notes += (
            f"Nothing drives the case: no heat source, and no wall is warmer or colder than T0 = "
            f"{conditions.temperature:g} K; the solution is zero everywhere.",
        )
    return notes


def mean_free_path(modes: ModeTable) -> float:
    """Return the mean of the mean free paths, weighted by c |v|: that of arriving heat [m]."""
    weights = modes.heat_capacities * np.linalg.norm(modes.velocities, axis=1)
    return float(weights @ modes.mean_free_paths / weights.sum())


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
