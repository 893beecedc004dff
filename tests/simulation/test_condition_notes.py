"""A run says where it leaves what its equation is for: near T0, and driven by something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pbte.materials.models import gray_crystal
from pbte.simulation.condition_notes import (
    condition_notes,
    knudsen_notes,
    linearity_notes,
)
from pbte.simulation.conditions import Conditions, Period

QUIET = Conditions(
    temperature=300.0, held={"left": 300.0}, periods=(), num_closed=0, has_sources=False
)


@pytest.mark.parametrize(
    ("deviation", "said"),
    [
        (1.0, ""),
        (-14.9, ""),
        (15.1, "15.1 K above T0 = 300 K, 5 % of it; heat capacities"),
        (-59.0, "59 K below T0 = 300 K, 20 % of it; heat"),
        (100.0, "33 % of it: these are numbers of the linear equation"),
        (-272.0, "in degrees Celsius"),
        (-300.0, "below absolute zero"),
        (-400.0, "below absolute zero"),
    ],
)
def test_temperatures_far_from_the_reference_are_noted(deviation, said):
    walls = replace(QUIET, held={"left": 300.0 + deviation, "right": 300.5})
    for conditions, solved, name in (
        (walls, {}, "wall 'left'"),
        (QUIET, {"the steady temperature": deviation}, "the steady temperature"),
    ):
        notes = linearity_notes(conditions, solved)
        assert len(notes) == bool(said)
        assert all(said in note and name in note for note in notes)


def test_only_a_case_that_nothing_drives_is_told_so():
    (note,) = condition_notes(QUIET)
    assert "Nothing drives the case" in note
    drop = Period(name="left", partner="right", drop=1.0)
    for driven in (
        replace(QUIET, held={"left": 300.0, "right": 300.1}),
        replace(QUIET, has_sources=True),
        replace(QUIET, starts_away=True),
        replace(QUIET, periods=(drop,)),
    ):
        assert not condition_notes(driven)
    assert condition_notes(replace(QUIET, periods=(replace(drop, drop=0.0),)))


def test_the_mean_free_path_of_a_gray_crystal_is_its_own():
    crystal = gray_crystal(speed=5e3, relaxation_time=4e-12, heat_capacity=2e6)
    path = crystal.modes.mean_free_path
    assert path == pytest.approx(20e-9)
    assert not knudsen_notes({"gray": path}, 100e-9)
    (note,) = knudsen_notes({"gray": 1e12 * path}, 100e-9)
    assert "mean free path of gray is 2e+04 m" in note and "relaxation times [s]" in note
    (note,) = knudsen_notes({"gray": path}, 100.0)
    assert "mesh.scale" in note


def test_check_and_summary_tell_of_walls_in_celsius(pbte, shared_tmp_path):
    """And of the proportions of domain, cells and mean free path."""
    path = shared_tmp_path / "celsius.toml"
    path.write_text(
        """
temperature = 300.0
[mesh]
file = "film.msh"
builder = { shape = "film", thickness = 1e-7, size = 2e-8 }
[material]
kind = "gray"
speed = 5000.0
relaxation_time = 4e-12
heat_capacity = 2e6
[walls]
left = { kind = "isothermal", temperature = 27.5 }
right = { kind = "isothermal", temperature = 26.5 }
[orders]
max_order = 0
[output]
plots = false
paraview = false
"""
    )
    told = " ".join(pbte("check", path, "--output", shared_tmp_path / "out").out.split())
    assert "Note: wall 'right' is 273.5 K below T0 = 300 K" in told and "degrees Celsius" in told
    assert "mean free path 2e-08 m, 0.2 of the domain and 1 of the mean edge" in told
    outcome = pbte("run", path, "--output", shared_tmp_path / "out")
    assert "degrees Celsius" in " ".join(outcome.out.split())
