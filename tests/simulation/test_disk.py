"""The size of the results is known before they are made, and a disk too small for them refused."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from cases import GRAY_FILM, SPHERE, WARMED
from mpi4py import MPI

import pbte as package
from pbte.case.case import parse_case
from pbte.core.errors import InputError
from pbte.geometry.domain import read_domain
from pbte.simulation.checks import results_size

PULSE = "[transient]\nend = 4e-12\nstep = 2e-12\nnum_times = 2\n"
CASES = {
    "film": GRAY_FILM + WARMED,
    "film in time": GRAY_FILM + WARMED + PULSE,
    "film of many modes": GRAY_FILM.replace("polar = 16", "polar = 4096") + WARMED + PULSE,
    "fine film": GRAY_FILM.replace("size = 1e-8", "size = 2e-11") + WARMED + PULSE,
    "oscillating film": GRAY_FILM + WARMED + "[harmonic]\nfrequencies = [1e9, 1e10, 1e11]\n",
    "film by the heat equation": 'model = "fourier"\n' + GRAY_FILM + WARMED + PULSE,
    "sphere": SPHERE.replace("25e-9 }", "6e-9 }"),
    "sphere in time": SPHERE + PULSE,
    "sphere alone": SPHERE.replace("25e-9 }", "6e-9 }")
    + "[output]\nparaview = false\nplots = false\n",
}


@pytest.mark.serial
@pytest.mark.parametrize("name", CASES)
def test_the_estimate_is_within_a_factor_of_two_of_the_files(tmp_path, name):
    case = parse_case(CASES[name], folder=tmp_path)
    results = package.run(case, MPI.COMM_SELF, folder=tmp_path / "run")
    written = sum(path.stat().st_size for path in (tmp_path / "run").rglob("*") if path.is_file())
    domain = read_domain(case.mesh_path, MPI.COMM_SELF)
    estimate = results_size(case, domain, results.num_modes)
    assert 0.5 * written < estimate < 2.0 * written


@pytest.mark.parametrize("model", ["transport", "fourier"])
def test_a_full_disk_is_refused_before_the_work(pbte, shared_tmp_path, comm, monkeypatch, model):
    text = f'model = "{model}"\n' + GRAY_FILM + WARMED
    folder = shared_tmp_path / "out"
    case = parse_case(text, folder=shared_tmp_path)
    if comm.rank == 0:
        (shared_tmp_path / "case.toml").write_text(text)
    comm.barrier()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=50_000))
    with pytest.raises(InputError, match=r"need about .* kB, and 50\.0 kB are free in"):
        package.run(case, comm, folder=folder)
    for command in ("run", "check"):
        outcome = pbte(command, shared_tmp_path / "case.toml", "--output", folder)
        assert outcome.status == 2
        assert outcome.err.count("are free in") == 1
        assert "make room or choose another folder" in outcome.err
    assert not folder.exists()


def test_a_run_that_writes_nothing_needs_no_disk(comm, monkeypatch, shared_tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    case = parse_case(GRAY_FILM + WARMED, folder=shared_tmp_path)
    assert package.run(case, comm).steady is not None
