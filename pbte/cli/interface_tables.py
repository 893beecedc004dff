"""Results of ``pbte interface`` as tables for the terminal and as plain data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pbte.core.constants import TERAHERTZ
from pbte.interfaces.report import InterfaceReport, Refinement
from pbte.simulation.interface_study import Study

if TYPE_CHECKING:
    from rich.table import Table

    from pbte.materials.storage import Material

_TO_TERAHERTZ = 1.0 / (2.0 * math.pi * TERAHERTZ)
_MEGA = 1e-6


def study_tables(study: Study, files: Sequence[Path]) -> list[Table | str]:
    """Return the results as tables: all details of one report, or a comparison of several.

    Args:
        study: Results for all models and temperatures.
        files: Figures that were written.
    """
    reports = [report for of_model in study.reports for report in of_model]
    parts: list[Table | str] = []
    if len(reports) == 1:
        parts += [_facts(study, reports[0]), "", _branch_table(study, reports[0]), ""]
        parts += [_spectrum_table(study, reports[0])]
    else:
        parts += [_comparison(study, reports), "", *_legend(study)]
    for refinements in study.refinements:
        for setting in ("bins", "width"):
            parts += _convergence_parts([item for item in refinements if item.setting == setting])
    parts += [f"Note: {note}" for note in study.notes]
    if files:
        parts.append("Written: " + "\n         ".join(str(file) for file in files))
    return parts


def study_data(study: Study, files: Sequence[Path]) -> dict[str, Any]:
    """Return the results as numbers, lists and texts in SI units (frequencies in rad/s)."""
    return {
        "first": _material_data(study.first),
        "second": _material_data(study.second),
        "normal": study.normal.tolist(),
        "grid_temperature": study.coldest,
        "reports": [_report_data(report) for reports in study.reports for report in reports],
        "convergence": [
            _refinement_data(refinement)
            for of_model in study.refinements
            for refinement in of_model
        ],
        "notes": study.notes,
        "files": [str(file) for file in files],
    }


def _facts(study: Study, report: InterfaceReport) -> Table:
    from pbte.output.summary.overview import facts_table

    first, second = study.names
    found, laws, alone = report.conductance, report.laws, report.unmatched
    normal = " ".join(f"{value:.4g}" for value in study.normal)
    rows = [
        ("Model", report.label),
        ("Temperature", f"{report.temperature:g} K"),
        ("Normal", f"{normal}  (from {first} to {second})"),
        ("Conductance h", f"{_MEGA * found.conductance:.4g} MW/m^2 K"),
        (
            "Resistance, Landauer",
            f"{found.landauer_resistance:.4g} m^2 K/W  (1/h, between the arriving phonons)",
        ),
        (
            "Resistance, local",
            f"{_local(report):.4g} m^2 K/W  (between all modes at the interface, (1 - (t12 + "
            "t21)/2)/h)",
        ),
        (
            "Mean transmission",
            f"t12 = {found.first_transmission:.4f} from {first}, "
            f"t21 = {found.second_transmission:.4f} from {second}",
        ),
        (
            "Flux above the spectrum of the other",
            f"{_percent(alone.first)} of {first}, {_percent(alone.second)} of {second}",
        ),
        (
            "Flux without modes of that energy",
            f"{_percent(alone.artefact)}  (artefact of the grid)",
        ),
        ("Energy conservation (column sums)", _verdict(laws.energy)),
        ("No flux at equal temperature (row sums)", _verdict(laws.equilibrium)),
        ("Reciprocity", _verdict(laws.reciprocity)),
        ("Positive entries", _verdict(max(laws.negativity, laws.misplaced))),
    ]
    return facts_table(rows, title=f"{first} | {second}")


def _branch_table(study: Study, report: InterfaceReport) -> Table:
    table = _table("Share of the branches in the conductance")
    first, second = study.names
    for head in ("branch, by frequency", f"leaving {first}", f"leaving {second}"):
        table.add_column(head, justify="right")
    sides = (report.first_branches, report.second_branches)
    for branch in range(max(side.size for side in sides)):
        shares = [side[branch] / side.sum() if branch < side.size else None for side in sides]
        table.add_row(str(branch + 1), *("" if s is None else _percent(s) for s in shares))
    return table


def _spectrum_table(study: Study, report: InterfaceReport) -> Table:
    table = _table(f"Spectrum by frequency in {study.names[0]}")
    for head in ("from THz", "to THz", "MW/m^2 K", "up to here", "t12", "t21"):
        table.add_column(head, justify="right")
    spectrum, whole = report.spectrum, report.conductance.conductance
    edges = spectrum.edges * _TO_TERAHERTZ
    passing = np.flatnonzero(spectrum.conductance > 1e-6 * whole)
    if not passing.size:
        return table
    for place in range(int(passing[-1]) + 1):
        shares = (spectrum.first_transmission[place], spectrum.second_transmission[place])
        table.add_row(
            f"{edges[place]:.2f}",
            f"{edges[place + 1]:.2f}",
            f"{_MEGA * spectrum.conductance[place]:.3g}",
            _percent(spectrum.conductance[: place + 1].sum() / whole),
            *("-" if math.isnan(share) else f"{share:.3f}" for share in shares),
        )
    next_one = int(passing[-1]) + 1
    if next_one < edges.size - 1:
        rest = f"{_MEGA * spectrum.conductance[next_one:].sum():.1g}"
        table.add_row(f"{edges[next_one]:.2f}", f"{edges[-1]:.2f}", rest, "100 %", "-", "-")
    return table


def _comparison(study: Study, reports: Iterable[InterfaceReport]) -> Table:
    table = _table(" | ".join(study.names))
    table.add_column("model", overflow="fold", min_width=12)
    for head in ("T [K]", "h", "R", "R local", "t12", "t21", "artefact"):
        table.add_column(head, justify="right", no_wrap=True)
    for report in reports:
        found = report.conductance
        table.add_row(
            report.label,
            f"{report.temperature:g}",
            f"{_MEGA * found.conductance:.4g}",
            f"{1e9 * found.landauer_resistance:.4g}",
            f"{1e9 * _local(report):.4g}",
            f"{found.first_transmission:.3f}",
            f"{found.second_transmission:.3f}",
            _percent(report.unmatched.artefact),
        )
    return table


def _legend(study: Study) -> list[str]:
    """Return the meaning of the columns, the flux at one-sided energies and the violations."""
    first, second = study.names
    normal = " ".join(f"{value:.4g}" for value in study.normal)
    above = "; ".join(
        f"{_percent(report.unmatched.first)} of {first}, {_percent(report.unmatched.second)} of "
        f"{second} at {report.temperature:g} K"
        for report in study.reports[0]
    )
    worst = max((r for of_model in study.reports for r in of_model), key=lambda r: r.laws.worst)
    return [
        f"h: Landauer conductance along {normal} [MW/m^2 K]. R = 1/h, between the arriving "
        "phonons; R local = (1 - (t12 + t21)/2)/h, between all modes at the interface "
        f"[1e-9 m^2 K/W]. t12, t21: mean transmission from {first} and from {second}. artefact: "
        "flux without modes of its energy on the grid of the other crystal, in the range of both.",
        f"Flux above the spectrum of the other: {above}.",
        "Energy, equilibrium and reciprocity: violated by at most "
        f"{_verdict(worst.laws.worst)} ({worst.label}).",
    ]


def _convergence_parts(refinements: Sequence[Refinement]) -> list[Table | str]:
    if not refinements:
        return []
    label, setting = refinements[0].label, refinements[0].setting
    table = _table(f"Convergence of {label}")
    head = "bins" if setting == "bins" else "width [THz]"
    for name in (head, "MW/m^2 K", "1e-9 m^2 K/W", "artefact"):
        table.add_column(name, justify="right")
    refusals = []
    for item in refinements:
        value = item.value if setting == "bins" else f"{float(item.value) / TERAHERTZ:.3g}"
        if item.conductance is None or item.artefact is None:
            table.add_row(str(value), "refused", "", "")
            refusals.append(f"Refused with {setting} = {value}: {item.refusal}")
            continue
        resistance = 1e9 / item.conductance if item.conductance > 0.0 else math.inf
        table.add_row(
            str(value),
            f"{_MEGA * item.conductance:.4g}",
            f"{resistance:.4g}",
            _percent(item.artefact),
        )
    return ["", table, *refusals]


def _table(title: str) -> Table:
    from rich import box
    from rich.table import Table

    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )


def _local(report: InterfaceReport) -> float:
    """Return the local resistance, zero where it is round-off [m^2 K/W]."""
    local, whole = report.conductance.local_resistance, report.conductance.landauer_resistance
    return 0.0 if abs(local) < 1e-12 * whole else local


def _percent(share: float) -> str:
    return f"{100.0 * share:.3g} %"


def _verdict(violation: float) -> str:
    from pbte.interfaces.base import SOUND

    return f"{violation:.1e}  {'ok' if violation <= SOUND else 'VIOLATED'}"


def _material_data(material: Material) -> dict[str, Any]:
    return {
        "name": material.name,
        "file": None if material.path is None else str(material.path),
        "temperature": material.modes.temperature,
        "num_modes": material.modes.num_modes,
    }


def _report_data(report: InterfaceReport) -> dict[str, Any]:
    found, laws, spectrum = report.conductance, report.laws, report.spectrum
    return {
        "model": report.label,
        "temperature": report.temperature,
        "conductance": found.conductance,
        "landauer_resistance": _finite(found.landauer_resistance),
        "local_resistance": _finite(_local(report)),
        "transmission": [found.first_transmission, found.second_transmission],
        "equilibrium_flux": [found.first_flux, found.second_flux],
        "flux_above_the_other_spectrum": [report.unmatched.first, report.unmatched.second],
        "flux_without_partners_on_the_grid": report.unmatched.artefact,
        "laws": {
            "energy": laws.energy,
            "equilibrium": laws.equilibrium,
            "reciprocity": laws.reciprocity,
            "negativity": laws.negativity,
            "misplaced": laws.misplaced,
            "sound": laws.is_sound,
        },
        "branches": [report.first_branches.tolist(), report.second_branches.tolist()],
        "spectrum": {
            "edges": spectrum.edges.tolist(),
            "conductance": spectrum.conductance.tolist(),
            "transmission": [
                [_finite(float(share)) for share in shares]
                for shares in (spectrum.first_transmission, spectrum.second_transmission)
            ],
        },
        "accumulation": {
            "frequencies": report.levels.tolist(),
            "conductance": report.accumulated.tolist(),
        },
    }


def _refinement_data(item: Refinement) -> dict[str, Any]:
    return {
        "model": item.label,
        "setting": item.setting,
        "value": item.value,
        "conductance": item.conductance,
        "flux_without_partners_on_the_grid": item.artefact,
        "refusal": item.refusal or None,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
