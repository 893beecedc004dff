"""Files with a transmission against frequency.

Lines that start with # are comments. Then one line names the columns, frequency with its unit
first, and one line follows for each frequency:

    # Si | Ge, from molecular dynamics
    frequency [THz], transmission
    0.0, 0.52
    1.5, 0.47

Instead of the column `transmission` there may be one column for each branch of the first crystal,
in ascending order of the branches and with any names: `frequency [THz], TA, TA, LA, TO, TO, LO`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pbte.core.errors import InputError
from pbte.core.text_file import read_text, split_columns
from pbte.core.types import Array
from pbte.interfaces.table import TERAHERTZ, TabulatedTransmission

_UNITS = {"THz": TERAHERTZ, "Hz": TERAHERTZ / 1e12, "rad/s": 1.0}


def read_transmission_table(path: str | Path) -> TabulatedTransmission:
    """Return the transmission in a text file, with angular frequencies.

    Args:
        path: File in the format above.

    Raises:
        InputError: No such file, or a line of it is wrong; the message gives file and line.
    """
    path = Path(path).expanduser()
    rows = _rows(path)
    if not rows:
        raise InputError(
            f"{path}: empty; expected a line that names the columns, 'frequency [THz], "
            "transmission', and one line for each frequency"
        )
    number, heads = rows[0]
    factor = _factor(f"{path}:{number}", heads)
    if len(rows) == 1:
        raise InputError(f"{path}: no values after line {number} with the names of the columns")
    values = np.array([_numbers(path, row, len(heads)) for row in rows[1:]])
    by_branch: Array = values[:, 1:].T
    shares = by_branch if len(heads) > 2 else by_branch[0]
    try:
        return TabulatedTransmission(frequencies=factor * values[:, 0], values=shares)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the lines that are no comments, numbered and cut at commas."""
    lines = read_text(path, "transmission table").splitlines()
    stripped = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    return [
        (number, split_columns(f"{path}:{number}", line))
        for number, line in stripped
        if line and not line.startswith("#")
    ]


def _factor(where: str, heads: list[str]) -> float:
    """Return the factor from the unit of the frequencies to rad/s."""
    name, _, rest = heads[0].partition("[")
    unit = rest.rstrip("] ").strip()
    if name.strip() != "frequency" or unit not in _UNITS:
        raise InputError(
            f"{where}: the first column is '{heads[0]}'; expected 'frequency [THz]' (or "
            f"{' or '.join(other for other in _UNITS if other != 'THz')}) in a line that names the "
            "columns"
        )
    if len(heads) == 1:
        raise InputError(f"{where}: one column only; expected 'transmission', or one per branch")
    if len(heads) == 2 and heads[1].partition("[")[0].strip() != "transmission":
        raise InputError(f"{where}: unknown column '{heads[1]}'; expected 'transmission'")
    return _UNITS[unit]


def _numbers(path: Path, row: tuple[int, list[str]], num_columns: int) -> list[float]:
    number, entries = row
    if len(entries) != num_columns:
        raise InputError(f"{path}:{number}: {len(entries)} entries for {num_columns} columns")
    values = []
    for entry in entries:
        try:
            values.append(float(entry))
        except ValueError:
            raise InputError(f"{path}:{number}: '{entry}' is not a number") from None
    return values
