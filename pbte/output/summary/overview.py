"""A finished run in one screen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pbte.core.quantity import unit_of
from pbte.core.types import Array
from pbte.observables.conductivity import accumulation, reached_at
from pbte.observables.electrons import ElectronResult
from pbte.observables.results import STEADY, Results
from pbte.observables.snapshot import Balance, Snapshot, extreme
from pbte.output.plots.style import scaled
from pbte.output.summary.heat import fourier_sentences
from pbte.output.summary.interfaces import interface_tables
from pbte.output.summary.transients import harmonic_tables, transient_lines


def summary(
    results: Results, *, files: Sequence[Path] = (), peak_memory: int | None = None
) -> RenderableType:
    """Return the summary of a run for the terminal.

    Args:
        results: The finished run.
        files: Files that were written, those to open first.
        peak_memory: Most memory that the run held, all ranks together [bytes].
    """
    parts: list[RenderableType] = [_overview(results, peak_memory), ""]
    if results.eigenvalues:
        parts.append(_eigenvalue_table(results))
    if results.orders:
        parts.append(_order_table(results))
    parts += [Text(line) for line in _account(results)]
    parts += [Text(line) for line in _conduction(results)]
    if results.electrons is not None:
        parts += [Text(line) for line in _electrons(results.electrons, _power_unit(results))]
    if results.transient is not None:
        parts += [Text(line) for line in transient_lines(results)]
    if results.harmonic:
        parts += harmonic_tables(results)
    parts += [Text(x) if isinstance(x, str) else x for x in interface_tables(results)]
    parts += [Text(line) for line in fourier_sentences(results, _power_unit(results))]
    parts += [Text(f"Note: {note}") for note in results.notes]
    if files:
        parts.append(Text("Written: " + "\n         ".join(str(file) for file in files)))
    return Group(*parts)


def result_files(path: Path) -> list[Path]:
    """Return the files of a run to open first: results.h5, the .pvd files and the plots.

    Args:
        path: The result folder, or the results.h5 in it.
    """
    if path.is_file():
        return [path]
    return [path / "results.h5", *sorted(path.glob("*/*.pvd")), *sorted(path.glob("*/*.png"))]


def memory_text(num_bytes: float) -> str:
    """Return an amount of memory in the unit that suits it."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(num_bytes) < 1000.0 or unit == "GB":
            break
        num_bytes /= 1000.0
    return f"{num_bytes:.3g} {unit}"


def facts_table(rows: list[tuple[str, str]], *, title: str = "") -> Table:
    """Return a table of names and values."""
    table = Table(
        title=title or None, title_justify="left", title_style="bold", show_header=False, box=None
    )
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    return table


def _electrons(electrons: ElectronResult, unit: str) -> Iterator[str]:
    """Yield the results of the electrons, in sentences."""
    if electrons.steady is not None:
        yield (
            f"Electrons of {electrons.material}: dT reaches {electrons.extreme_temperature:.4g} K, "
            f"its mean is {electrons.steady.mean_temperature:.4g} K next to "
            f"{electrons.steady.phonon_temperature:.4g} K of the phonons; "
            f"{electrons.steady.exchanged:.4g} {unit} pass to these."
        )
    if electrons.states:
        hottest = max(electrons.states, key=lambda state: abs(state.mean_temperature))
        yield (
            f"In time the mean dT of the electrons reaches {hottest.mean_temperature:.4g} K, that "
            f"of the phonons of {electrons.material} is {hottest.phonon_temperature:.4g} K then."
        )


def _overview(results: Results, peak_memory: int | None) -> Table:
    cells = len(results.geometry.volumes)
    rows = [
        ("Phonon modes", f"{results.num_modes:,}"),
        ("Cells", f"{cells:,}"),
        ("Unknowns", f"{results.num_unknowns:,}"),
        ("Reference temperature", f"{results.reference_temperature:g} K"),
        ("Heat put in", f"{results.power:.4g} {_power_unit(results)}"),
    ]
    if results.model == "fourier":
        rows.insert(0, ("Model", "heat equation"))
    else:
        rows.append(("Self-scattering used", f"s = {results.self_scattering:g}"))
    if peak_memory is not None:
        rows.append(("Peak memory", memory_text(peak_memory)))
    if results.timings:
        total = results.timings.get("total", sum(results.timings.values()))
        longest = sorted(results.timings.items(), key=lambda item: -item[1])
        parts = ", ".join(f"{name} {time:.1f} s" for name, time in longest if name != "total")
        rows.append(("Wall time", f"{total:.1f} s ({parts})"))
    return facts_table(rows, title=results.title or "Results")


def _eigenvalue_table(results: Results) -> Table:
    table = _number_table("Convergence of the scattering orders")
    table.add_column("s", justify="right")
    table.add_column("dominant eigenvalue", justify="right")
    table.add_column("most negative", justify="right")
    table.add_column("plain sum of the orders")
    for estimate in results.eigenvalues:
        size = max((abs(value) for value in estimate.eigenvalues), default=abs(estimate.dominant))
        verdict = "diverges" if size >= 1.0 else f"converges ({size:.3g} per order)"
        table.add_row(
            f"{estimate.self_scattering:g}",
            f"{estimate.dominant:+.4f}",
            f"{estimate.most_negative:+.4f}",
            verdict,
        )
    return table


def _order_table(results: Results) -> Table:
    unit = _power_unit(results)
    table = _number_table(f"Energy balance [{unit}] and extreme temperature [K] of each order")
    for name in ("order", "in", "absorbed", "scattered", "imbalance", "dT", "sum of dT"):
        table.add_column(name, justify="right", no_wrap=True)
    cumulated: Array | None = None
    for order, snapshot in enumerate(results.orders):
        temperature = snapshot.temperature
        cumulated = temperature if cumulated is None else cumulated + temperature
        table.add_row(f"{order}", *_balance_cells(snapshot), f"{extreme(cumulated):.4g}")
    if results.steady is not None:
        table.add_section()
        name = "steady" if results.steady_name == STEADY else "no result"
        table.add_row(name, *_balance_cells(results.steady), "")
    return table


def _number_table(title: str) -> Table:
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),  # the widest table fits into 80 columns
        pad_edge=False,
    )


def _balance_cells(snapshot: Snapshot) -> tuple[str, ...]:
    balance = snapshot.balance
    return (
        f"{balance.deposited:.3e}",
        f"{_absorbed(balance):.3e}",
        f"{balance.scattered_power:.3e}",
        f"{balance.imbalance:.0e}",
        f"{snapshot.extreme_temperature:.4g}",
    )


def _account(results: Results) -> Iterator[str]:
    """Yield the energy balance of the whole run, in sentences."""
    unit = _power_unit(results)
    put_in = f"{results.power:.4g} {unit} put in"
    if results.orders:
        all_taken = sum(_absorbed(snapshot.balance) for snapshot in results.orders)
        left = sum(sum(_through_walls(results, order).values()) for order in results.orders)
        within = results.orders[0].balance.absorbed.keys() - results.geometry.walls.keys()
        held = f", {all_taken - left:.4g} {unit} held by interfaces" if within else ""
        pending = results.orders[-1].balance.scattered_power
        yield (
            f"{_orders_text(results)}: {left:.4g} {unit} left through the walls, "
            f"{pending:.4g} {unit} scattered into later orders{held}, {put_in}."
        )
    if results.steady is not None:
        absorbed = _through_walls(results, results.steady)
        left = sum(absorbed.values())
        each = ", ".join(f"{wall} {value:.4g} {unit}" for wall, value in absorbed.items())
        # Between walls of different temperature more may pass through than is put in.
        passing = max(abs(power) for power in (results.power, *absorbed.values()))
        difference = abs(left - results.power) / passing if passing > 0.0 else 0.0
        reached = results.steady_name == STEADY
        state = "Steady state" if reached else "NOT the steady state, the last step"
        yield (
            f"{state}: {left:.4g} {unit} leave through the walls ({each}), {put_in} "
            f"(relative difference {difference:.1e})."
        )
    report = results.steady_report
    if report is not None:
        residual = f"{report.residuals[-1]:.1e}" if len(report.residuals) else "unknown"
        state = "converged" if report.converged else "DID NOT CONVERGE"
        yield (
            f"Steady solver: {state} after {report.iterations} corrections and {report.sweeps} "
            f"sweeps, relative residual {residual} (asked for {report.tolerance:.1e})"
            + (
                f"; arithmetic can do no better: the last bits of what is scattered, "
                f"{report.emission:.1e} times the source, are larger than the tolerance"
                if report.at_round_off and np.isfinite(report.emission)
                else ""
            )
            + (
                f"; estimated error of the temperature on this mesh {report.error_estimate:.1e} K."
                if np.isfinite(report.error_estimate)
                else "."
            )
        )


def _orders_text(results: Results) -> str:
    last = len(results.orders) - 1
    return f"Orders 0 to {last}" if last else "Order 0"


def _conduction(results: Results) -> Iterator[str]:
    """Yield conductivity and slip, in sentences."""
    conductivity = results.conductivity
    if conductivity is not None:
        gradient = conductivity.gradient
        components = np.round(gradient.direction, 9) + 0.0  # no round-off, and no minus before zero
        direction = ", ".join(f"{component:.4g}" for component in components)
        several = len(set(results.geometry.materials)) > 1
        bulk_name = "bulk, mean by volume:" if several else "bulk:"
        yield (
            f"Effective conductivity: {conductivity.value:.5g} W/m K along ({direction}), "
            f"{gradient.drop:.4g} K over {_quantity(gradient.length, 'm')}; {bulk_name} "
            f"{conductivity.bulk:.5g} W/m K."
        )
        labels = conductivity.mean_free_paths
        body, bulk = (
            _quantity(reached_at(*accumulation(labels, contributions), 0.5), "m")
            for contributions in (conductivity.contributions, conductivity.bulk_contributions)
        )
        yield f"Half of it is carried by mean free paths of up to {body}, in bulk {bulk}."
    for slip in results.slips:
        sense = "warmer" if slip.slip >= 0.0 else "colder"
        size = _quantity(abs(slip.slip), "K")
        sentence = f"Wall {slip.wall}: {size} {sense} than the domain next to it"
        if math.isfinite(slip.resistance):
            sentence += (
                f", resistance {slip.resistance:.4g} m^2 K/W, slip length "
                f"{_quantity(slip.length, 'm')}"
            )
        yield f"{sentence}."


def _quantity(value: float, unit: str) -> str:
    factor, prefixed = scaled(np.array([value]), unit)
    return f"{value * factor:.4g} {prefixed}"


def _power_unit(results: Results) -> str:
    return unit_of(Results, "power", results.geometry.dim)


def _through_walls(results: Results, snapshot: Snapshot) -> dict[str, float]:
    """Return the net power that left by wall; interfaces only hold phonons until the next order."""
    absorbed = snapshot.balance.absorbed
    return {name: absorbed[name] for name in results.geometry.walls if name in absorbed}


def _absorbed(balance: Balance) -> float:
    return float(sum(balance.absorbed.values()))
