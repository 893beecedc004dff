"""The page of the file format, docs/results.md, from the description of the quantities.

python3 -m pbte.output.hdf5.format_page > docs/results.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import get_args

from pbte.core.quantity import quantities
from pbte.observables.results import Results
from pbte.output.hdf5.records import is_record, is_row, without_none

_HEAD = """\
# The file results.h5

Every run writes its results into one HDF5 file. Groups and datasets are the fields of
`pbte.Results` and of the records in it; this page is made from the same descriptions
(`python3 -m pbte.output.hdf5.format_page`). Each dataset has the attributes `unit`, `description`
and `axes`; where its first axis counts names (walls, regions, materials), the attribute `labels`
holds them. What a case does not ask for is not there.

Units are those in 3D. Those marked * are per metre of depth in 2D and per square metre in 1D: W
becomes W/m and W/m^2, m^3 becomes m^2 and m.

| dataset | unit | axes | meaning |
| --- | --- | --- | --- |
"""


def format_page() -> str:
    """Return the page as Markdown."""
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in _rows(Results))


def _rows(
    kind: type, path: str = "", lead: tuple[str, ...] = (), factor: str = ""
) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, unit, axes and meaning of each dataset of a record and of those inside it."""
    for item in quantities(kind):
        inner, name = without_none(item.type), f"{path}{item.name}"
        several = is_row(inner)
        each = get_args(inner)[0] if several else inner
        if is_record(each):
            counted = lead + item.axes if several else lead
            yield f"**{name}/**", "", "", item.doc
            yield from _rows(each, f"{name}/", counted, item.unit or factor)
            continue
        unit = item.unit_in(3, factor) + (" *" if item.per_extent else "")
        yield f"`{name}{'/N' if several else ''}`", unit, ", ".join(lead + item.axes), item.doc


if __name__ == "__main__":
    sys.stdout.write(format_page())
