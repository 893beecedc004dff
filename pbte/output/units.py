"""Units of everything in a `Results`, from the description of its quantities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from pbte.core.quantity import quantities, unit_of
from pbte.observables.results import Results
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult
from pbte.output.hdf5.records import is_record, is_row, without_none


def units_of_results(dim: int) -> dict[str, str]:
    """Return the unit of each quantity by its name, on a mesh of this dimension.

    Quantities of any field ("heat_flux", "balance.absorbed") have the names they have in a
    `Snapshot`, all others ("power", "transient.energies", "conductivity.value") those they have in
    `Results`. Pure numbers have the unit "1"; texts have none and are left out.
    """
    times = {"times": unit_of(TransientResult, "times", dim)}
    return {**dict(_units(Snapshot, dim)), **times, **dict(_units(Results, dim))}


def _units(kind: type, dim: int, path: str = "", factor: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and unit of each quantity of a record and of the records inside it."""
    for item in quantities(kind):
        inner, name = without_none(item.type), f"{path}{item.name}"
        each = get_args(inner)[0] if is_row(inner) else inner
        if is_record(each):
            yield from _units(each, dim, f"{name}.", item.unit or factor)
        elif item.unit:
            yield name, item.unit_in(dim, factor)
