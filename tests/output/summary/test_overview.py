"""The summary reports conductivity and slip in units that read well, and in SI in its data."""

from __future__ import annotations

import dataclasses
from math import nan

import pytest
from rich.console import Console

from pbte.output.summary.data import as_data
from pbte.output.summary.overview import summary


def text_of(results):
    console = Console(width=200, record=True, file=None, quiet=True)
    with console.capture() as capture:
        console.quiet = False
        console.print(summary(results))
    return " ".join(capture.get().split())


def test_conductivity_and_slip_are_reported_with_their_units(make):
    results = make("interval")
    text = text_of(results)
    k = results.conductivity
    expected = f"Effective conductivity: {k.value:.5g} W/m K along (1, 0, 0), 2 K over 100 nm"
    assert f"{expected}; bulk: 140 W/m K." in text
    assert "Half of it is carried by mean free paths of up to" in text
    beside = (
        "300 mK warmer than the domain next to it, resistance 1.5e-09 m^2 K/W, slip length 210 nm"
    )
    assert f"Wall left: {beside}." in text


def test_a_wall_without_heat_has_no_resistance_in_the_summary(make):
    results = make("interval")
    cold = dataclasses.replace(
        results.slips[1], wall_temperature=0.5, body_temperature=0.6, resistance=nan, length=nan
    )
    results = dataclasses.replace(results, slips=(results.slips[0], cold))
    assert "Wall right: 100 mK colder than the domain next to it." in text_of(results)
    data = as_data(results)["slips"]
    assert [slip["wall"] for slip in data] == ["left", "right"]
    assert data[1]["resistance"] is None and data[1]["slip"] == pytest.approx(-0.1)


def test_results_without_conductivity_report_none(make):
    bare = dataclasses.replace(make("sphere", num_orders=1), conductivity=None, slips=())
    text = text_of(bare)
    assert "conductivity" not in text and "next to it" not in text
    data = as_data(bare)
    assert data["conductivity"] is None and data["slips"] == []


def test_the_data_carry_the_curves_in_si_units(make):
    k = make("film").conductivity
    data = as_data(make("film"))["conductivity"]
    assert data["value"] == k.value and data["gradient"]["direction"] == [1.0, 0.0, 0.0]
    for name in ("mean_free_path", "frequency"):
        curve = data[f"accumulation_{name}"]
        assert curve["conductivity"][-1] == pytest.approx(k.value, rel=1e-12)
        assert curve["bulk"][-1] == pytest.approx(k.bulk, rel=1e-12)
        assert len(curve[name]) == 40
    assert data["accumulation_mean_free_path"]["mean_free_path"][-1] == pytest.approx(2e-6)
    values = data["suppression"]["suppression"]
    assert values == sorted(values, reverse=True) and 0.0 < values[-1] < values[0] < 1.0
