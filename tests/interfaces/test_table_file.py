"""Transmission tables from text files: units, branches, and what is wrong with a line."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.interfaces.table_file import read_transmission_table

GOOD = """\
# Si | Ge, made up
frequency [THz], transmission
0.0, 0.5

# a comment in between
4.0, 0.25
"""


def table(path, text):
    path.write_text(text)
    return read_transmission_table(path)


def test_a_file_gives_a_transmission_against_angular_frequency(tmp_path):
    found = table(tmp_path / "t.csv", GOOD)
    np.testing.assert_allclose(found.frequencies, [0.0, 8e12 * np.pi], rtol=1e-15)
    np.testing.assert_allclose(found(np.array([4e12 * np.pi])), [0.375], rtol=1e-14)


@pytest.mark.parametrize(
    ("unit", "value"), [("THz", "2"), ("Hz", "2e12"), ("rad/s", f"{4e12 * np.pi}")]
)
def test_frequencies_may_be_in_three_units(tmp_path, unit, value):
    found = table(tmp_path / "t.csv", f"frequency [{unit}], transmission [-]\n{value}, 0.5\n")
    np.testing.assert_allclose(found.frequencies, [4e12 * np.pi], rtol=1e-12)


def test_several_columns_are_the_branches(tmp_path):
    found = table(tmp_path / "t.csv", "frequency [THz], TA, LA\n0, 0.1, 0.2\n5, 0.3, 0.4\n")
    np.testing.assert_array_equal(found.values, [[0.1, 0.3], [0.2, 0.4]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n", "t.csv: empty; expected a line that names the columns"),
        (GOOD.split("0.0")[0], "t.csv: no values after line 2"),
        (GOOD.replace("[THz]", "[meV]"), r"t.csv:2: the first column is 'frequency \[meV\]'"),
        (GOOD.replace("frequency [THz], transmission\n", ""), "t.csv:2: the first column is '0.0'"),
        (GOOD.replace("transmission", "transmision"), "t.csv:2: unknown column 'transmision'"),
        (GOOD.replace(", transmission", ""), "t.csv:2: one column only"),
        (GOOD.replace("0.25", "0.25, 7"), "t.csv:6: 3 entries for 2 columns"),
        (GOOD.replace("0.25", "a quarter"), "t.csv:6: 'a quarter' is not a number"),
        (GOOD.replace("0.25", "1.25"), r"t.csv: .* outside 0 to 1 \(worst: 1.25"),
        (GOOD.replace("4.0", "-4.0"), "t.csv: .* do not ascend"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        table(tmp_path / "t.csv", text)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such transmission table"):
        read_transmission_table(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"\xe9\xff")
    with pytest.raises(InputError, match="not a text file"):
        read_transmission_table(tmp_path / "b.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_transmission_table(tmp_path)
