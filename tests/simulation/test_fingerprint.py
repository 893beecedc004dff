"""A run continues only with what it began with: the case, and the content of all its files."""

from __future__ import annotations

import pytest

from pbte.case.case import parse_case
from pbte.simulation import fingerprint
from pbte.simulation.fingerprint import fingerprint_of

CASE = """
title = "t"
temperature = 300.0
[mesh]
file = "two.msh"
[materials.a]
file = "a.h5"
[materials.b]
kind = "bands"
table = "tables/b.csv"
[regions]
left = "a"
right = "b"
[interfaces."a|b"]
kind = "table"
file = "t.csv"
[source]
kind = "field"
file = "heat.npz"
[walls.left]
kind = "isothermal"
temperature = 301.0
[output]
folder = "one"
"""
FILES = ["two.msh", "a.h5", "tables/b.csv", "t.csv", "heat.npz"]


@pytest.fixture
def written(tmp_path):
    (tmp_path / "tables").mkdir()
    for name in FILES:
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def digest(folder, text=CASE):
    return fingerprint_of(parse_case(text, folder=folder)).digest()


@pytest.mark.parametrize("name", FILES)
def test_the_content_of_every_file_counts(written, name):
    before = digest(written)
    assert digest(written) == before
    (written / name).write_bytes(name.upper().encode())
    assert digest(written) != before


def test_files_do_not_stand_for_each_other(written):
    before = digest(written)
    one, other = (written / name for name in ("a.h5", "t.csv"))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert digest(written) != before


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("301.0", "302.0", False),
        ('title = "t"', 'title = "u"', False),
        ('folder = "one"', 'folder = "other"', True),
        ('folder = "one"', 'folder = "one"\ncheckpoint_interval = 1.0', True),
        ("[output]", "[parallel]\nspace_parts = 1\nbalance = 'measured'\n[output]", True),
        ('folder = "one"', 'folder = "one"\nfrequency_bins = 7', False),
    ],
)
def test_only_what_changes_no_number_is_free(written, old, new, same):
    assert (digest(written, CASE.replace(old, new)) == digest(written)) is same


def test_shipped_materials_count_by_their_content(written, monkeypatch):
    """Another version of pbte, which may be told to go on, may ship other numbers."""
    text = CASE.replace('file = "a.h5"', 'file = "si-5"')
    before = digest(written, text)
    assert len(fingerprint_of(parse_case(text, folder=written)).files) == len(FILES)
    monkeypatch.setattr(fingerprint, "shipped_materials", lambda: {"Si-5": written / "a.h5"})
    assert digest(written, text) != before
