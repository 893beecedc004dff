"""The command line: output, exit status, and that only rank 0 prints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cases import SPHERE

from pbte.cli.terminal import length
from pbte.core.errors import InputError
from pbte.observables.results import Results, SpectralEstimate, SteadyReport
from pbte.observables.snapshot import Balance, MeshGeometry, Snapshot
from pbte.output.hdf5.results import read_results, write_results_file


@pytest.fixture
def case_file(comm, shared_tmp_path) -> Path:
    path = shared_tmp_path / "sphere.toml"
    write(comm, path, SPHERE)
    return path


def write(comm, path: Path, text: str) -> None:
    if comm.rank == 0:
        path.write_text(text)
    comm.barrier()


def rewrite(comm, path: Path, old: str, new: str) -> None:
    assert SPHERE.count(old) == 1
    write(comm, path, SPHERE.replace(old, new))


# --- the command line itself


def test_help_names_every_command(pbte):
    outcome = pbte("--help")
    assert outcome.status == 0
    assert all(name in outcome.out for name in ("run", "check", "mesh", "material", "show"))


def test_help_needs_neither_mpi_nor_dolfinx():
    """It must return at once, on a login node too."""
    program = """
        import sys
        from pbte.cli.main import main
        try:
            main(["--help"])
        except SystemExit:
            heavy = {"mpi4py.MPI", "dolfinx", "numba", "h5py", "scipy", "gmsh"} & set(sys.modules)
            sys.exit(", ".join(heavy) or 0)
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    environment = {key: value for key, value in os.environ.items() if "MPI" not in key[:5]}
    environment = {key: value for key, value in environment.items() if key[:3] != "PMI"}
    outcome = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_version_names_what_decides_about_numbers(pbte):
    lines = pbte("--version").out.splitlines()
    assert {"pbte", "python", "numpy", "numba", "dolfinx", "petsc4py"} <= {
        line.split()[0] for line in lines
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "No such command 'fly'"),
        (["run"], "Missing argument 'CASE'"),
        (["check"], "no case file given"),
        (["run", "a.toml", "--fast"], "No such option"),
        (["mesh", "film", "a.msh", "--size", "1nm"], "Missing option '--thickness'"),
        (["mesh", "film", "a.msh", "--size", "1nm", "--thickness", "9parsec"], "not a length"),
        (["material", "from-phono3py", "a.yaml", "--output", "a.h5", "--mesh", "9x9"], "9x9x9"),
    ],
)
def test_wrong_use_ends_with_one_sentence_and_status_2(pbte, arguments, message):
    outcome = pbte(*arguments)
    assert outcome.status == 2
    assert message.lower() in outcome.err.lower()  # Typer changed the case of argument names
    assert len(outcome.err.splitlines()) == 1 and outcome.out == ""


@pytest.mark.parametrize(
    ("text", "metres"),
    [("200e-9", 2e-7), ("200nm", 2e-7), ("0.2 um", 2e-7), ("0.2µm", 2e-7), ("2e2nm", 2e-7),
     ("5A", 5e-10), ("1mm", 1e-3), ("-3nm", -3e-9), ("1m", 1.0), ("10pm", 1e-11)],
)  # fmt: skip
def test_a_length_is_in_metres_or_has_a_unit(text, metres):
    assert length(text) == pytest.approx(metres, rel=1e-15)


@pytest.mark.parametrize("text", ["", "nm", "20km", "20nmm", "1e", "20 n m", "twenty"])
def test_what_is_no_length_is_refused(text):
    with pytest.raises(InputError, match="not a length"):
        length(text)


def test_an_unexpected_error_is_one_sentence_unless_a_traceback_is_asked_for(pbte, monkeypatch):
    def broken() -> None:
        raise KeyError("lost")

    monkeypatch.setattr("pbte.materials.storage.shipped_materials", broken)
    outcome = pbte("material", "list")
    assert outcome.status == 1
    assert outcome.err.startswith("Error: unexpected error: KeyError: 'lost'; run again with")
    assert len(outcome.err.splitlines()) == 1
    detailed = pbte("material", "list", "--traceback")
    assert detailed.status == 1 and "Traceback" in detailed.err and "in broken" in detailed.err
    monkeypatch.setenv("PBTE_TRACEBACK", "1")
    assert "Traceback" in pbte("material", "list").err


def test_a_missing_module_is_named_with_the_remedy(pbte, monkeypatch):
    def without() -> None:
        raise ModuleNotFoundError("No module named 'h5py'", name="h5py")

    monkeypatch.setattr("pbte.materials.storage.shipped_materials", without)
    outcome = pbte("material", "list")
    assert outcome.status == 1
    assert "module 'h5py' is not installed; run the command in the environment" in outcome.err


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_sentence(pbte, monkeypatch):
    def warns() -> dict[str, Path]:
        warnings.warn("the plot could not be drawn", stacklevel=1)
        return {}

    monkeypatch.setattr("pbte.materials.storage.shipped_materials", warns)
    outcome = pbte("material", "list")
    assert (outcome.status, outcome.err) == (0, "Warning: the plot could not be drawn\n")


# --- several ranks, and being stopped

PROGRAM = """
import time
from pbte.cli.main import app, main
from pbte.core.errors import InputError
from pbte.cli.terminal import show, world

@app.command("task")
def task() -> None:
    show("working")
    {body}
    world().barrier()

main(["task"])
"""


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        ("InputError('bad')", 2, "Error: bad"),
        ("ValueError('bad')", 1, "Error: unexpected error: ValueError: bad"),
    ],
)
def test_an_error_on_one_rank_stops_all_with_one_message(mpirun, error, status, message):
    body = f"if world().rank == 1: raise {error}"
    outcome = mpirun(2, "-c", PROGRAM.format(body=body))
    assert outcome.returncode == status
    assert outcome.stderr.count(message) == 1
    assert "Traceback" not in outcome.stderr
    assert outcome.stdout.count("working") == 1


def test_a_bad_case_under_mpirun_gives_one_message_and_status_2(mpirun, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text(SPHERE.replace("sigma", "sgima"))
    # Both fail, however far one falls behind the other on a busy machine.
    program = "from pbte.core import parallel; parallel.PATIENCE = 60.0; import pbte.cli.main as m"
    outcome = mpirun(2, "-c", f"{program}; m.main()", "run", str(path))
    assert outcome.returncode == 2
    assert outcome.stderr.count("source.sgima: unknown key; did you mean 'sigma'?") == 1
    assert "MPI_ABORT" not in outcome.stderr and "Traceback" not in outcome.stderr


def test_help_under_mpirun_is_printed_once(mpirun):
    outcome = mpirun(2, "-m", "pbte", "--help")
    assert outcome.returncode == 0
    assert outcome.stdout.count("Usage") == 1


def test_ctrl_c_ends_with_status_130_and_no_traceback(comm):
    if comm.size > 1:
        pytest.skip("stops a process of its own")
    command = [sys.executable, "-c", PROGRAM.format(body="time.sleep(60)")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "working\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 130
        assert process.stderr.read().strip() == "Stopped."


# --- meshes


def test_a_mesh_is_made_and_described(pbte, shared_tmp_path):
    path = shared_tmp_path / "new" / "film.msh"
    outcome = pbte("mesh", "film", path, "--thickness", "100nm", "--size", "20e-9")
    assert outcome.status == 0 and path.exists()
    assert "[walls.left], [walls.right]" in outcome.out
    report = json.loads(pbte("mesh", "info", path, "--json").out)
    assert report["num_cells"] == 5
    assert report["volume"] == pytest.approx(100e-9, rel=1e-12)


@pytest.mark.parametrize(
    ("shape", "options", "walls"),
    [
        ("nanoparticle", ["--diameter", "40nm", "--size", "20nm", "--core-size", "10nm"], 1),
        ("wire", ["--diameter", "20nm", "--length", "40nm", "--size", "10nm"], 3),
        ("block", ["--lengths", "20nm,20nm,10nm", "--size", "10nm"], 6),
        ("film", ["--thickness", "20nm", "--size", "10nm", "--dim", "2", "--width", "10nm"], 3),
    ],
)
def test_every_shape_can_be_made(pbte, shared_tmp_path, shape, options, walls):
    path = shared_tmp_path / "body.msh"
    assert pbte("mesh", shape, path, *options).status == 0
    assert len(json.loads(pbte("mesh", "info", path, "--json").out)["walls"]) == walls


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--thickness", "-2nm", "--size", "1nm"], "film: thickness = -2e-09: must be greater"),
        (["--thickness", "2nm", "--size", "1nm", "--dim", "4"], "film: dim = 4: must be 1, 2 or 3"),
        (["--thickness", "2nm", "--size", "5nm"], "larger than"),
    ],
)
def test_a_shape_that_makes_no_sense_is_refused(pbte, shared_tmp_path, options, message):
    outcome = pbte("mesh", "film", shared_tmp_path / "a.msh", *options)
    assert outcome.status == 2 and message in outcome.err
    assert list(shared_tmp_path.iterdir()) == []


def test_a_mesh_of_another_program_is_converted(comm, pbte, shared_tmp_path):
    source, target = shared_tmp_path / "square.vtu", shared_tmp_path / "square.msh"
    if comm.rank == 0:
        import meshio

        points = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
        meshio.Mesh(points, [("triangle", [[0, 1, 2], [0, 2, 3]])]).write(source)
    comm.barrier()
    outcome = pbte("mesh", "convert", source, target, "--scale", "10nm")
    assert outcome.status == 0
    report = json.loads(pbte("mesh", "info", target, "--json").out)
    assert report["volume"] == pytest.approx(1e-16, rel=1e-12)


def test_a_missing_mesh_is_refused(pbte, shared_tmp_path):
    outcome = pbte("mesh", "info", shared_tmp_path / "none.msh")
    assert outcome.status == 2 and "no such mesh file" in outcome.err


# --- materials


def test_the_shipped_materials_are_listed(pbte):
    listed = json.loads(pbte("material", "list", "--json").out)
    assert {"Si-5", "Si-9", "Ge-5", "Ge-9"} <= set(listed)


def test_a_material_is_checked_and_its_conductivity_shown(pbte):
    outcome = pbte("material", "info", "si-5")
    assert outcome.status == 0
    assert "Conductivity, full matrix" in outcome.out and "VIOLATED" not in outcome.out
    data = json.loads(pbte("material", "info", "Si-5", "--json").out)
    assert data["checks"]["is_sound"]
    assert np.allclose(data["conductivity"], data["stored_conductivity"], rtol=1e-9)


def test_an_unknown_material_is_refused_with_the_nearest_name(pbte):
    outcome = pbte("material", "info", "Si-6")
    assert outcome.status == 2 and "Si-" in outcome.err


def test_a_material_that_breaks_a_law_is_shown_and_ends_with_status_1(pbte, monkeypatch):
    from dataclasses import replace

    from pbte.materials import kernel

    sound = kernel.check_kernel
    monkeypatch.setattr(kernel, "check_kernel", lambda k: replace(sound(k), energy_residual=0.1))
    outcome = pbte("material", "info", "Si-5")
    assert outcome.status == 1
    assert "1.0e-01  VIOLATED" in outcome.out and "violates a conservation law" in outcome.err


# --- summary of results


def snapshot(level: float, scattered_power: float) -> Snapshot:
    temperature = np.full((2, 3), level)
    temperature[0, 0] = -3.0 * level
    return Snapshot(
        temperature=temperature,
        heat_flux=np.zeros((2, 3, 3)),
        outgoing_spectrum={"surface": np.array([1.0, 2.0])},
        outgoing_current=np.zeros(4),
        balance=Balance(
            deposited=2.0,
            absorbed={"surface": 2.0 - scattered_power},
            scattered_power=scattered_power,
        ),
    )


@pytest.fixture
def results() -> Results:
    triangle = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    return Results(
        title="Two triangles",
        case="",
        versions={"pbte": "0"},
        geometry=MeshGeometry(
            points=np.array([triangle, triangle + 1.0]),
            volumes=np.array([0.5, 0.5]),
            facets=np.zeros((4, 2, 2)),
            facet_areas=np.ones(4),
            facet_normals=np.zeros((4, 2)),
            facet_walls=np.ones(4, dtype=np.int64),
            walls={"surface": 1},
        ),
        frequency_edges=np.array([0.0, 1.0, 2.0]),
        reference_temperature=300.0,
        num_modes=7,
        num_unknowns=42,
        power=2.0,
        self_scattering=0.1,
        eigenvalues=(
            SpectralEstimate(
                self_scattering=0.0, eigenvalues=(complex(-1.1),), dominant=-1.1,
                most_negative=-1.1, num_orders=9,
            ),
            SpectralEstimate(
                self_scattering=0.1, eigenvalues=(complex(0.9),), dominant=0.9,
                most_negative=float("nan"), num_orders=9,
            ),
        ),
        orders=(snapshot(1.0, 1.5), snapshot(0.5, 0.25)),
        steady=snapshot(2.0, 0.0),
        steady_report=SteadyReport(
            converged=False, iterations=2, sweeps=9, residuals=np.array([1e-2, 3e-5]),
            tolerance=1e-8, rank=3,
        ),
        notes=("The plain series [of orders] diverges.",),
    )  # fmt: skip


@pytest.fixture
def results_folder(comm, shared_tmp_path, results) -> Path:
    folder = shared_tmp_path / "results"
    if comm.rank == 0:
        folder.mkdir()
        write_results_file(results, folder / "results.h5")
    comm.barrier()
    return folder


def test_the_summary_says_what_was_solved_and_where_the_heat_went(pbte, results_folder):
    outcome = pbte("show", results_folder)
    assert outcome.status == 0
    text = " ".join(outcome.out.split())
    assert "Phonon modes 7" in text and "Unknowns 42" in text
    assert "0 -1.1000 -1.1000 diverges" in text
    assert "+0.9000" in text and "converges (0.9 per order)" in text
    assert (
        "Orders 0 to 1: 2.25 W/m left through the walls, 0.25 W/m scattered into later orders"
        in text
    )
    last = "NOT the steady state, the last step: 2 W/m leave through the walls (surface 2 W/m)"
    assert f"{last}, 2 W/m put in" in text
    assert "DID NOT CONVERGE after 2 corrections" in text
    assert "Note: The plain series [of orders] diverges." in text


def test_heat_that_only_passes_through_is_the_measure_of_what_is_missing(
    pbte, results, shared_tmp_path, comm
):
    """Nothing is put in, 4 W/m pass from wall to wall, 4e-9 W/m are missing: 1e-9, not 4e-9."""
    balance = Balance(
        deposited=0.0, absorbed={"hot": -4.0, "cold": 4.0 - 4e-9}, scattered_power=0.0
    )
    steady = replace(results.steady, balance=balance)
    geometry = replace(results.geometry, walls={"hot": 1, "cold": 2})
    if comm.rank == 0:
        write_results_file(
            replace(results, power=0.0, steady=steady, geometry=geometry),
            shared_tmp_path / "results.h5",
        )
    comm.barrier()
    text = " ".join(pbte("show", shared_tmp_path).out.split())
    assert "0 W/m put in (relative difference 1.0e-09)" in text


def test_the_temperatures_of_largest_size_keep_their_sign(pbte, results_folder):
    """Order 0 peaks at -3 K, order 1 at -1.5 K, both at the same corner: cumulated -4.5 K."""
    data = json.loads(pbte("show", results_folder, "--json").out)
    assert [order["extreme_temperature"] for order in data["orders"]] == [-3.0, -1.5]
    assert data["cumulated_extreme_temperature"] == -4.5


def test_the_json_summary_carries_the_balances_and_survives_what_is_not_finite(
    pbte, results_folder
):
    data = json.loads(pbte("show", results_folder / "results.h5", "--json").out)
    assert data["orders"][0]["balance"]["scattered_power"] == 1.5
    assert data["orders"][0]["balance"]["absorbed"] == {"surface": 0.5}
    assert data["eigenvalues"][1]["most_negative"] is None
    assert data["steady_report"]["residuals"] == [1e-2, 3e-5]
    assert data["orders"][0]["outgoing_spectrum"]["surface"] == [1.0, 2.0]


def test_results_that_do_not_exist_are_refused(pbte, shared_tmp_path):
    outcome = pbte("show", shared_tmp_path / "nothing")
    assert outcome.status == 2 and "no such file" in outcome.err


# --- checking and running a case


def test_a_case_is_checked_without_solving(pbte, case_file, shared_tmp_path):
    outcome = pbte("check", case_file, "--output", shared_tmp_path / "results")
    assert outcome.status == 0
    assert "The case is valid." in outcome.out and "'surface' isothermal 300 K" in outcome.out
    assert sorted(path.name for path in shared_tmp_path.iterdir()) == ["sphere.msh", "sphere.toml"]


def test_a_check_counts_modes_cells_unknowns_and_memory(comm, pbte, case_file, shared_tmp_path):
    output = shared_tmp_path / "results"
    data = json.loads(pbte("check", case_file, "--output", output, "--json").out)
    assert data["num_modes"] == 747
    assert data["num_unknowns"] == 747 * data["num_cells"] * 4
    assert data["memory"]["total"] > 8 * data["num_unknowns"]
    assert 0.5 <= data["state_bytes_per_unknown"] < 17.0
    assert data["seconds_per_order"] > 1e-9 * data["num_unknowns"] / comm.size
    assert 0.0 < data["seconds_per_sweep"] < 2.0 * data["seconds_per_order"]
    assert data["setup_seconds"] > 0.0
    assert (data["walls"], data["regions"]) == (["surface"], ["body"])


def test_a_case_too_large_for_the_machine_is_reported(pbte, case_file, monkeypatch):
    monkeypatch.setattr("pbte.simulation.memory.memory_estimate", lambda *_: {"fields": 10**18})
    outcome = pbte("check", case_file, "--output", case_file.parent / "results")
    assert "MORE than the" in outcome.out


def test_the_model_of_a_case_can_be_chosen_when_it_is_run(pbte, case_file, shared_tmp_path):
    """No modes are followed: the heat equation alone."""
    output = shared_tmp_path / "results"
    outcome = pbte("run", case_file, "--model", "fourier", "--output", output)
    assert outcome.status == 0 and "Heat equation (Si" in outcome.out
    data = json.loads(pbte("show", output, "--json").out)
    assert (data["model"], data["orders"], data["steady"]) == ("fourier", [], None)
    assert abs(data["fourier"]["balance"]["imbalance"]) < 1e-9
    refused = pbte("run", case_file, "--model", "fourrier", "--output", output)
    assert refused.status == 2 and "must be transport or fourier" in refused.err


def test_the_schema_and_the_resolved_case_can_be_written(pbte, case_file):
    schema = json.loads(pbte("check", "--schema").out)
    assert schema["properties"]["temperature"]["description"].startswith("Reference temperature T0")
    resolved = pbte("check", case_file, "--resolved").out
    assert "max_order = 2  #" in resolved and 'folder = "results/sphere"  #' in resolved


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"Si-5"', '"Si-6"', "Si-6"),
        ('"Si-5"', '"none.h5"', "none.h5"),
        ('"Si-5"', '"sphere.toml.h5"', "sphere.toml.h5"),
        ("temperature = 300.0\n[material]", "temperature = 200.0\n[material]", "at 300 K"),
        ("temperature = 300.0\n[material]", "temperature = -1.0\n[material]", "greater than 0"),
        ("[walls.surface]", "[walls.surfcae]", "did you mean 'surface'"),
        ("sigma = 5e-9", "sigma = 5e-9\ncentre = [30e-9, 0, 0]", "outside of the body"),
        ("builder =", "#", "sphere.msh: no such mesh file"),
        ("diameter = 50e-9", "diameter = 50", "nanoparticle: diameter = 50 m"),
        ('"sphere.msh"', '"sphere.vtk"', "must end in .msh"),
    ],
)
def test_wrong_input_is_one_sentence_with_status_2(
    comm, pbte, case_file, shared_tmp_path, command, old, new, message
):
    rewrite(comm, case_file, old, new)
    write(comm, shared_tmp_path / "sphere.toml.h5", "this is no HDF5")
    outcome = pbte(command, case_file, "--output", shared_tmp_path / "results")
    assert outcome.status == 2
    errors = [line for line in outcome.err.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and message in errors[0]
    assert "Traceback" not in outcome.err
    assert not (shared_tmp_path / "results").exists()


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_result_folder_that_cannot_be_written_is_refused_before_the_run(
    comm, pbte, case_file, command
):
    outcome = pbte(command, case_file, "--output", case_file / "results")
    assert outcome.status == 2
    assert "sphere.toml is a file" in outcome.err and "order" not in outcome.err


def test_a_run_writes_its_results_and_accounts_for_the_heat(pbte, case_file, shared_tmp_path):
    folder = shared_tmp_path / "results"
    outcome = pbte("run", case_file, "--output", folder)
    assert outcome.status == 0
    assert "A small sphere" in outcome.out and str(folder / "results.h5") in outcome.out
    data = json.loads(pbte("show", folder, "--json").out)
    assert len(data["orders"]) == 3
    assert all(abs(order["balance"]["imbalance"]) < 1e-12 for order in data["orders"])
    leaving = data["steady"]["balance"]["absorbed"]["surface"]
    assert leaving == pytest.approx(data["power"], rel=1e-6)
    assert data["power"] == pytest.approx(1e-6, rel=1e-12)
    assert "max_order = 2" in data["case"] and data["versions"]["pbte"]


def test_two_ranks_give_the_numbers_of_one(mpirun, tmp_path):
    # Ranks agree as well as the steady state is known.
    case = SPHERE.replace('scattering = "rta"', "") + "[steady]\ntolerance = 1e-12\n"
    (tmp_path / "sphere.toml").write_text(case)
    folders = [tmp_path / "one", tmp_path / "two"]
    for size, folder in enumerate(folders, start=1):
        outcome = mpirun(size, "-m", "pbte", "run", "sphere.toml", "--output", folder, cwd=tmp_path)
        assert outcome.returncode == 0, outcome.stderr
        assert outcome.stdout.count("A small sphere") == 1
    one, two = (read_results(folder) for folder in folders)
    for a, b in zip((*one.orders, one.steady), (*two.orders, two.steady), strict=True):
        scale = np.abs(a.temperature).max()
        assert np.abs(a.temperature - b.temperature).max() < 1e-10 * scale
        assert a.balance.absorbed["surface"] == pytest.approx(
            b.balance.absorbed["surface"], rel=1e-10
        )
