"""The benchmark: that it measures what it says. No test asserts a time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from pbte.cli.main import main
from pbte.core.errors import InputError
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.storage import read_material
from pbte.verification.bench import (
    QUICK,
    SECTIONS,
    BenchReport,
    BenchSettings,
    choose_sections,
    run_bench,
)
from pbte.verification.benchmarks.bodies import array_bytes, band_table, sampled_modes, sphere
from pbte.verification.benchmarks.clock import measure, timing
from pbte.verification.benchmarks.mixing import num_products
from pbte.verification.benchmarks.superlattices import superlattice_figures
from pbte.verification.benchmarks.sweeping import num_directions

TINY: dict[str, Any] = {
    **QUICK,
    "material": "Si-5",
    "cells": 60,
    "large_cells": 200,
    "petsc_cells": 200,
    "order_modes": 40,
    "sampled_modes": 60,
    "columns": 64,
    "product_size": 64,
}


@pytest.fixture(scope="module")
def report() -> BenchReport:
    return run_bench(BenchSettings(**TINY), MPI.COMM_WORLD)


def on_first_rank(comm: MPI.Intracomm) -> bool:
    return comm.rank == 0


def test_every_section_reports_and_scaling_only_on_several_ranks(comm, report):
    assert (report.scaling is None) == (comm.size == 1)
    if on_first_rank(comm):
        sections = {name for name in SECTIONS if getattr(report, name)}
        assert sections | {"scaling"} == set(SECTIONS)


def test_all_figures_are_positive_and_finite(comm, report):
    def check(value: object, where: str) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                check(inner, f"{where}.{name}")
        elif isinstance(value, tuple):
            for inner in value:
                check(inner, where)
        elif isinstance(value, float):
            # A symbolic factorisation is a difference of two times, so it may be below zero.
            signed = where.endswith((".symbolic", ".load"))
            assert math.isfinite(value) and (value > 0.0 or signed), where

    check(asdict(report), "report")
    json.dumps(asdict(report), allow_nan=False)


def test_the_least_time_is_not_above_the_median():
    found = timing([(3.0, 5.0), (1.0, 9.0), (2.0, 7.0)])
    assert (found.cpu_min, found.cpu_median, found.wall_min, found.wall_median) == (1, 2, 5, 7)
    assert found.repeats == 3


def test_preparation_comes_before_each_repeat():
    calls: list[str] = []
    measure(lambda: calls.append("work"), repeats=2, prepare=lambda: calls.append("prepare"))
    assert calls == ["prepare", "work"] * 2


def test_grind_times_count_the_unknowns_of_tetrahedra(comm, report):
    if on_first_rank(comm):
        for item in (*report.sweep, *report.bands):
            expected = 1e9 * item.sweep.cpu_min / (item.num_modes * item.num_cells)
            assert item.sweep_ns_per_cell == pytest.approx(expected, rel=1e-12)
            assert item.sweep_ns_per_unknown == pytest.approx(expected / 4, rel=1e-12)
            assert item.amortised_ns_per_unknown > item.sweep_ns_per_unknown
            assert item.working_set_bytes > item.geometry_bytes > 8 * 13 * item.num_cells
        small, large = report.sweep
        assert small.num_cells < large.num_cells


def test_the_state_of_an_order_holds_the_field_and_the_kernel(comm, report):
    if on_first_rank(comm):
        full, relaxation = report.order
        assert (full.scattering, relaxation.scattering) == ("full", "rank 1")
        for item in (full, relaxation):
            assert item.num_unknowns == 4 * item.num_cells * item.num_modes
        assert full.state_bytes["emission"] == 8 * full.num_unknowns
        assert full.bytes_per_unknown > 8.0
        # One moment collected and one emitted, whatever the number of modes.
        assert relaxation.state_bytes["emission"] == 2 * 8 * 4 * relaxation.num_cells
        blocks = 8 * num_products(read_material("Si-5").kernel)
        assert full.state_bytes["kernel"] >= blocks > relaxation.state_bytes["kernel"]


def test_petsc_and_the_sweep_agree(comm, report):
    """Round-off of the direct solver; GMRES stops at a residual of 1e-10."""
    if on_first_rank(comm):
        (figures,) = report.petsc
        direct, iterative = figures.solvers
        assert direct.difference < 1e-11 and iterative.difference < 1e-7
        assert direct.iterations == 1 < iterative.iterations
        assert figures.ratio == min(direct.ratio, iterative.ratio)


def test_the_steady_state_is_reached(comm, report):
    if on_first_rank(comm):
        (figures,) = report.steady
        assert figures.converged and figures.sweeps > figures.corrections > 0


def test_superlattices_reach_their_steady_state_in_few_sweeps(comm, report):
    if on_first_rank(comm):
        diffuse, acoustic = report.superlattice
        assert (diffuse.model, acoustic.model) == ("dmm", "amm")
        for figures in (diffuse, acoustic):
            (period,) = figures.periods
            assert period.period == 2e-7 and period.corrections < period.sweeps <= 40
        assert 0.0 < acoustic.periods[0].conductivity < diffuse.periods[0].conductivity


@pytest.mark.parametrize(("model", "most"), [("dmm", 40), ("amm", 60)])
def test_thin_superlattices_take_more_sweeps_but_few(model, most):
    """No wall absorbs what acoustic interfaces bounce in layers of 10 nm."""
    (period,) = superlattice_figures(model, [2e-8]).periods
    assert period.sweeps <= most


def test_mixing_counts_the_products_of_both_parities(comm, report):
    if on_first_rank(comm):
        (figures,) = report.collide
        half = figures.num_modes / 2
        assert figures.flops == pytest.approx(2 * figures.num_columns * 2 * half**2, rel=0.05)
        assert figures.share == pytest.approx(figures.rate / figures.multiplication_rate)


# --- what it runs on


def test_a_sphere_has_about_the_cells_that_were_asked_for(comm):
    for wanted in (500, 3000):
        assert 0.75 * wanted < sweep_mesh_of(sphere(wanted, comm)).num_cells < 1.33 * wanted


def test_sampled_modes_are_pairs_of_the_table():
    modes = read_material("Si-5").modes
    few = sampled_modes(modes, 40)
    assert (few.num_modes, few.num_pairs) == (40, 20)
    assert np.isin(few.frequencies, modes.frequencies).all()
    assert sampled_modes(modes, 10**9).num_modes == 2 * modes.num_pairs


def test_a_table_of_bands_has_fifteen_modes_per_direction():
    modes = band_table(480).modes
    assert modes.num_modes == 480
    assert num_directions(modes.velocities) == 480 // 15


def test_directions_do_not_depend_on_speed_and_stillness_is_one():
    velocities = np.array([[1.0, 2, 3], [2, 4, 6], [-1, -2, -3], [0, 0, 0], [-0.0, 0, 0]])
    assert num_directions(velocities) == 3


def test_bytes_count_every_array_once():
    modes = read_material("Si-5").modes
    assert array_bytes((modes, modes, modes.velocities[2:])) == array_bytes(modes)
    assert array_bytes(modes) > modes.velocities.nbytes + modes.frequencies.nbytes


# --- choosing and the command


def test_sections_are_chosen_by_pattern():
    assert choose_sections(None) == SECTIONS
    assert choose_sections("s*") == ("sweep", "steady", "superlattice", "scaling")
    assert choose_sections("order, Sweep") == ("sweep", "order")
    with pytest.raises(InputError, match="no such section; there are sweep, bands"):
        choose_sections("sweep,swipe")


@pytest.fixture
def bench(comm, capfd) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main(["bench", *arguments])
        out, err = capfd.readouterr()
        return comm.allgather((caught.value.code or 0, out, err))[0]

    return run


def test_the_command_shows_conditions_and_figures(bench, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    status, out, _ = bench("--quick", "--material", "Si-5", "--cells", "60", "--only", "sweep")
    assert status == 0
    for text in ("Processor", "Threads", "Sweep, ns per unknown", "not figures to quote"):
        assert text in out
    assert "Scattering operator" not in out


def test_the_command_gives_data(comm, bench):
    arguments = ("--quick", "--material", "Si-5", "--cells", "60", "--only", "scaling,bands")
    status, out, _ = bench(*arguments, "--json")
    data = json.loads(out)
    assert status == 0 and data["quick"] and data["num_ranks"] == comm.size
    assert len(data["bands"]) == 2 and data["sweep"] == []
    assert (data["scaling"] is None) == (comm.size == 1)


def test_a_mesh_file_takes_the_place_of_the_sphere(comm, bench, shared_tmp_path):
    from pbte.geometry.shapes import block, film

    boxes = shared_tmp_path / "block.msh", shared_tmp_path / "film.msh"
    if comm.rank == 0:
        block(boxes[0], lengths=(20e-9, 20e-9, 20e-9), size=10e-9)
        film(boxes[1], thickness=20e-9, size=5e-9)
    comm.barrier()
    chosen = ("--quick", "--material", "Si-5", "--only", "order", "--json", "--mesh")
    status, out, _ = bench(*chosen, str(boxes[0]))
    assert status == 0 and json.loads(out)["order"][0]["num_cells"] < 200
    status, _, err = bench(*chosen, str(boxes[1]))
    assert status == 2 and "counts tetrahedra" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cells", "60", "--mesh", "a.msh"], "give one of them"),
        (["--only", "speed"], "no such section"),
        (["--threads", "100000"], "it must be between 1 and"),
        (["--material", "Si-6", "--quick"], "Si-"),
        (["--mesh", "none.msh", "--quick", "--only", "order"], "none.msh"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_is_measured(bench, arguments, message):
    status, _, err = bench(*arguments)
    assert status == 2 and message in err


def test_ranks_that_share_the_modes_are_compared_with_one(mpirun):
    arguments = ["--quick", "--material", "Si-5", "--cells", "60", "--only", "scaling", "--json"]
    outcome = mpirun(2, "-m", "pbte", "bench", *arguments)
    assert outcome.returncode == 0, outcome.stderr
    scaling = json.loads(outcome.stdout)["scaling"]
    assert scaling["num_ranks"] == 2 and scaling["num_modes"] == 747
    assert scaling["efficiency"] == pytest.approx(scaling["speedup"] / 2)
