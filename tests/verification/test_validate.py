"""The cases whose answer is known: found, run, judged, reported."""

from __future__ import annotations

import json
import math
import re

import pytest

from pbte.cli.main import main
from pbte.core.errors import InputError, RunError
from pbte.core.parallel import under_launcher
from pbte.verification.report import HEADS, html_report, verdict, write_report
from pbte.verification.validate import all_cases, choose_cases, run_case, run_cases
from pbte.verification.validation._case import ValidationCase


def case(name="made up/case", **changes):
    values = {
        "source": "by hand",
        "quantity": "number",
        "unit": "W",
        "expected": 2.0,
        "tolerance": 1e-3,
        "run": lambda comm: 2.001,
    }
    return ValidationCase(name=name, **{**values, **changes})


def fails(comm):
    raise RunError("it did not converge: residuals 1e-1, 1e-1")


def test_every_case_says_what_it_compares():
    cases = all_cases()
    subjects = {c.name.partition("/")[0] for c in cases}
    assert {
        "film",
        "in plane",
        "porous",
        "sphere",
        "wire",
        "bulk",
        "mediator",
        "strings",
        "jump",
        "heat equation",
        "times",
    } <= subjects
    assert len({c.name for c in cases}) == len(cases)
    for one in cases:
        assert one.source and one.quantity
        assert one.tolerance <= 0.05
        # A case that compares a number with itself would not be one.
        assert one.run is not one.expected


def test_patterns_choose_cases_by_name_or_beginning():
    cases = all_cases()
    films = choose_cases(cases, "film")
    assert films and all(c.name.startswith("film/") for c in films)
    both = choose_cases(cases, "film/gray*, MEDIATOR/interface*overdamped")
    assert {c.name.partition("/")[0] for c in both} == {"film", "mediator"}
    assert len(choose_cases(cases)) == sum(not c.slow for c in cases)
    with pytest.raises(InputError, match="no such validation case; the subjects are bulk, film"):
        choose_cases(cases, "flim")
    with pytest.raises(InputError, match="no such validation case"):
        choose_cases(cases, "film,")


def test_slow_cases_run_when_asked_for():
    cases = [case("a/quick"), case("a/slow", slow=True)]
    assert [c.name for c in choose_cases(cases)] == ["a/quick"]
    assert [c.name for c in choose_cases(cases, "a")] == ["a/quick"]
    assert len(choose_cases(cases, slow=True)) == 2
    assert [c.name for c in choose_cases(cases, "a/slow")] == ["a/slow"]


@pytest.mark.parametrize(
    ("changes", "passed", "error"),
    [
        ({}, True, 5e-4),
        ({"tolerance": 1e-4}, False, 5e-4),
        ({"expected": lambda: 2.001}, True, 0.0),
        ({"expected": 0.0, "absolute": True, "run": lambda comm: 1e-4}, True, 1e-4),
        ({"absolute": True, "tolerance": 5e-4}, False, 1e-3),
    ],
)
def test_the_error_is_judged_by_the_tolerance(comm, changes, passed, error):
    result = run_case(case(**changes), comm)
    assert result.passed is passed
    assert result.error == pytest.approx(error, rel=1e-9, abs=1e-16)
    assert not result.failure


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"run": fails}, "it did not converge: residuals 1e-1, 1e-1"),
        ({"run": lambda comm: 1 / 0}, "ZeroDivisionError"),
        ({"run": lambda comm: math.nan}, "no error can be given for nan where 2 is expected"),
        ({"expected": 0.0}, "where 0 is expected"),
    ],
)
def test_a_case_without_a_number_has_not_passed_and_says_why(comm, changes, message):
    result = run_case(case(**changes), comm)
    assert not result.passed
    assert message in result.failure
    json.dumps(result.as_dict(), allow_nan=False)


def test_a_failure_on_one_rank_fails_the_case_on_all(comm):
    def run(comm):
        if comm.rank == comm.size - 1:
            raise RunError("this rank is out of luck")
        return 2.0

    assert "out of luck" in run_case(case(run=run), comm).failure


def test_a_case_must_be_complete():
    with pytest.raises(InputError, match="a name is 'subject/case'"):
        case("nameless")
    with pytest.raises(InputError, match="tolerance = 0; it must be positive"):
        case(tolerance=0.0)
    with pytest.raises(InputError, match="where the expected number is from"):
        case(source="")


def test_the_page_holds_every_row_and_loads_nothing(comm, shared_tmp_path):
    results = run_cases([case("a/<good>"), case("b/bad", run=fails)], comm)
    page = html_report(results)
    assert all(f"<th>{head}</th>" in page for head in HEADS)
    assert "a/&lt;good&gt;" in page
    assert "FAILED: it did not converge" in page
    assert not re.search(r"(src|href)\s*=|@import|url\(", page)
    assert verdict(results).startswith("1 of 2 cases FAILED")
    if comm.rank == 0:
        write_report(shared_tmp_path / "report.html", results)
        assert (shared_tmp_path / "report.html").read_text() == page
        with pytest.raises(RunError, match="the report cannot be written"):
            write_report(shared_tmp_path / "none" / "report.html", results)


QUICK = (
    "in plane/convergence*,in plane/*mirrors,film/gray*,film/heated*0.25,"
    "mediator/interface*overdamped,"
    "paradox/gray*none,paradox/gray*diffuse*"
)


def test_quick_cases_hold(comm):
    """All of the rest run in `pbte validate`, which takes minutes."""
    results = run_cases(choose_cases(all_cases(), QUICK), comm)
    assert len(results) >= 12
    assert not [(r.name, r.error, r.failure) for r in results if not r.passed]


@pytest.fixture
def command(comm, capfd):
    """Return a function that runs `pbte validate` in this process: status, output."""

    def run(*arguments):
        with pytest.raises(SystemExit) as caught:
            main(["validate", *arguments])
        return caught.value.code or 0, capfd.readouterr().out

    return run


def test_the_command_prints_a_table_and_writes_json_and_a_page(command, comm, shared_tmp_path):
    report = shared_tmp_path / "report.html"
    status, out = command("--only", "bulk/Si-bands", "--report", str(report))
    assert status == 0
    comm.barrier()
    assert "bulk/Si-bands" in report.read_text()
    if comm.rank == 0:
        assert "1 case holds" in out
        assert "bulk conductivity [W/m K]" in out
    status, out = command("--only", "bulk/Si-bands", "--json")
    assert status == 0
    if comm.rank == 0:
        (row,) = json.loads(out)
        assert row["passed"] and row["unit"] == "W/m K" and row["error"] <= row["tolerance"]


def test_the_command_lists_cases_without_running_them(command, comm):
    status, out = command("--list", "--only", "bulk")
    assert status == 0
    if comm.rank == 0:
        assert "bulk/Si-bands" in out


@pytest.mark.skipif(under_launcher(), reason="a failing command stops all ranks")
def test_a_case_that_fails_makes_the_command_fail(command, monkeypatch):
    monkeypatch.setattr(
        "pbte.verification.validate.all_cases", lambda: [case("made up/bad", run=fails)]
    )
    status, out = command()
    assert status == 1
    assert "FAILED" in out and "it did not converge" in out
    status, _ = command("--only", "nothing")
    assert status == 2
