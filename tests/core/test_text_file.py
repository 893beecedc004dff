"""Text files from any editor are read, or refused with what is wrong about them."""

from __future__ import annotations

import pytest

from pbte.case.case import parse_case, read_case
from pbte.core.errors import InputError
from pbte.core.text_file import read_text, split_columns
from pbte.geometry.meshfile import read_mesh_file
from pbte.interfaces.table_file import read_transmission_table
from pbte.materials.band_table import read_band_table

CASE = """
title = "Größe"
temperature = 300.0
mesh = { file = "m.msh" }
material = { file = "Si-5" }
[walls.w]
kind = "diffuse"
"""
BANDS = (
    "# name = T\n# temperature = 300\n"
    "speed [km/s], relaxation_time [ps], heat_capacity [J/m^3 K]\n6.0, 20, 1e6\n"
)
SHARES = "frequency [THz], transmission\n0.0, 0.5\n10.0, 0.7\n"
READERS = {
    "case": (CASE, lambda path: read_case(path).model_dump(exclude={"output"})),
    "bands": (BANDS, lambda path: (table := read_band_table(path)).name + str(table.speeds)),
    "table": (SHARES, lambda path: str(read_transmission_table(path).values)),
}


@pytest.mark.parametrize("text, read", READERS.values(), ids=READERS)
def test_a_byte_order_mark_changes_nothing(tmp_path, text, read):
    plain, marked = tmp_path / "plain.txt", tmp_path / "marked.txt"
    plain.write_text(text, encoding="utf-8")
    marked.write_text(text, encoding="utf-8-sig")
    assert read(plain) == read(marked)


@pytest.mark.parametrize("text, read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_other_encodings_are_named_or_refused(tmp_path, text, read, encoding):
    path = tmp_path / "other.txt"
    path.write_text(f"# Grüße\n{text}", encoding=encoding)
    said = "UTF-16; save it in UTF-8" if encoding == "utf-16" else "not a text file in UTF-8"
    with pytest.raises(InputError, match=said):
        read(path)


@pytest.mark.parametrize("text, read", list(READERS.values())[1:], ids=["bands", "table"])
@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_tables_of_other_separators_are_refused_plainly(tmp_path, text, read, sign, name):
    path = tmp_path / "table.csv"
    path.write_text(text.replace(",", sign))
    with pytest.raises(InputError, match=rf"table.csv:\d: the columns are separated by {name}"):
        read(path)


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_text(tmp_path, "table")
    with pytest.raises(InputError, match="no such table"):
        read_text(tmp_path / "none", "table")
    assert split_columns("here", "a , b") == ["a", "b"]
    assert split_columns("here", "alone") == ["alone"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_mesh_with_a_byte_order_mark_is_named(tmp_path, encoding):
    path = tmp_path / "m.msh"
    path.write_text("$MeshFormat\n2.2 0 8\n$EndMeshFormat\n", encoding=encoding)
    with pytest.raises(InputError, match="byte order mark"):
        read_mesh_file(path)


def test_a_case_is_what_it_is_from_a_text(tmp_path):
    (tmp_path / "c.toml").write_text(CASE, encoding="utf-8-sig")
    assert read_case(tmp_path / "c.toml").title == parse_case(CASE).title == "Größe"
