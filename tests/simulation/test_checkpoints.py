"""A run that is interrupted anywhere goes on from there and gives the same numbers."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from mpi4py import MPI

from pbte.case.case import parse_case
from pbte.core.errors import InputError
from pbte.core.parallel import under_launcher
from pbte.materials.kernel import truncated_kernel
from pbte.output.hdf5.results import read_results
from pbte.run import run_case
from pbte.simulation import problem as problem
from pbte.simulation.checkpoints import CheckpointManager

FILM = """\
temperature = 300.0
[mesh]
file = "film.msh"
builder = { shape = "film", thickness = 2e-7, size = 2e-8 }
[orders]
max_order = 4
self_scattering = "auto"
[walls.left]
kind = "isothermal"
temperature = 301.0
[walls.right]
kind = "diffuse"
[source]
kind = "uniform"
density = 1e17
[steady]
tolerance = 1e-11
rank = 20
[fourier]
compare = false
"""
SILICON = '[material]\nfile = "Si-5"\n'
CUT = '[material]\nfile = "Si-5"\nscattering = 20\n'
RELAXING = '[material]\nfile = "Si-5"\nscattering = "rta"\n'
OSCILLATING = "[harmonic]\nfrequencies = [1e8, 1e9, 1e10]\ntolerance = 1e-11\n"
LAYERS = (
    FILM.replace(
        '{ shape = "film", thickness = 2e-7, size = 2e-8 }',
        '{ shape = "layers", thicknesses = [5e-8, 5e-8], regions = ["si", "ge"], size = 1e-8 }',
    ).replace("film.msh", "layers.msh")
    + '[materials.si]\nfile = "Si-5"\nscattering = 20\n'
    '[materials.ge]\nfile = "Ge-5"\nscattering = "rta"\n'
    '[interfaces."si|ge"]\nkind = "amm"\n'
)


@pytest.fixture(scope="module", autouse=True)
def one_decomposition():
    """Let the eigenvalues of a matrix be found once: most of the time of these small runs."""
    known = {}

    def remembered(kernel, rank):
        key = kernel.modes.num_modes, float(kernel.even.sum()), rank
        if key not in known:
            known[key] = truncated_kernel(kernel, rank)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problem, "truncated_kernel", remembered)
        yield


class Stopper(CheckpointManager):
    """Is told to stop when it has been asked a number of times in a stage."""

    def __init__(self, folder, stage, after, *, resume=False):
        super().__init__(folder, resume=resume)
        self.stage, self.left = stage, after
        self.before = {"orders": None, "steady": "orders", "harmonic": "steady"}[stage]

    def checkpoint_due(self):
        self.left -= self.before is None or self.finished(self.before) is not None
        return self.left <= 0

    def write(self, stage, progress, arrays):
        assert stage == self.stage
        super().write(stage, progress, arrays)
        raise KeyboardInterrupt


def assert_same(one, other, rtol=1e-8):
    """Assert that all snapshots agree."""
    pairs = list(zip(one.orders, other.orders, strict=True))
    if one.steady is not None:
        pairs.append((one.steady, other.steady))
    for a, b in zip(one.harmonic, other.harmonic, strict=True):
        pairs += [(a.real, b.real), (a.imaginary, b.imaginary)]
    for a, b in pairs:
        for name in ("temperature", "heat_flux", "outgoing_current"):
            expected = getattr(a, name)
            scale = np.abs(expected).max()
            np.testing.assert_allclose(getattr(b, name), expected, rtol=0.0, atol=rtol * scale)
        powers = list(a.balance.absorbed.values())
        assert list(b.balance.absorbed.values()) == pytest.approx(
            powers, abs=rtol * max(map(abs, powers))
        )
    for a, b in zip(one.eigenvalues, other.eigenvalues, strict=True):
        assert (a.self_scattering, a.num_orders) == (b.self_scattering, b.num_orders)
        assert b.most_negative == pytest.approx(a.most_negative, rel=1e-6)
    for a, b in zip(one.interfaces, other.interfaces, strict=True):
        assert b.local == pytest.approx(a.local, rel=rtol)
        np.testing.assert_allclose(b.spectrum.heat_flux, a.spectrum.heat_flux, rtol=1e-6, atol=1e-3)


def resumed(case, comm, out):
    """Return the results of a run that restarts from its checkpoint."""
    return run_case(case, comm, checkpoints=CheckpointManager(out, resume=True))


def taken(caplog):
    """Return the lines logged since the last call."""
    lines = caplog.messages[:]
    caplog.clear()
    return lines


def followed(lines):
    """Return how many orders, corrections and oscillations were told of."""
    return tuple(sum(text in line for line in lines) for text in ("order ", "correction", "Hz"))


@pytest.mark.parametrize(
    ("crystal", "asked"), [(SILICON, (14, 15)), (CUT, (14, 12)), (RELAXING, (3, 12))]
)
def test_a_run_is_interrupted_twice_and_gives_the_same_numbers(
    folder, comm, caplog, crystal, asked
):
    """In the second trial of its orders, and on the way to the steady state."""
    case, out = parse_case(FILM + crystal, folder=folder), folder / str(asked)
    caplog.set_level(logging.INFO, "pbte")
    through = run_case(case, comm)
    lines = taken(caplog)
    with pytest.raises(KeyboardInterrupt):
        run_case(case, comm, checkpoints=Stopper(out, "orders", asked[0]))
    first = taken(caplog)
    with pytest.raises(KeyboardInterrupt):
        stopper = Stopper(out, "steady", asked[1], resume=True)
        run_case(case, comm, checkpoints=stopper)
    second = taken(caplog)
    again = resumed(case, comm, out)
    third = taken(caplog)
    assert_same(through, again)
    assert any("interrupted" in note for note in again.notes)
    # Nothing is followed twice.
    orders = [followed(told)[0] for told in (lines, first, second, third)]
    assert orders[0] == orders[1] + orders[2] and orders[3] == 0
    report, corrections = again.steady_report, through.steady_report.iterations
    assert report.converged
    assert report.iterations == followed(second)[1] + followed(third)[1]
    if crystal == SILICON:
        assert followed(second)[1] == asked[1] - 1 and abs(report.iterations - corrections) <= 2
    else:  # one Krylov solve, in two parts
        assert report.sweeps <= through.steady_report.sweeps + 12
    comm.barrier()


def test_layers_go_on_through_their_interface(folder, comm):
    case, out = parse_case(LAYERS, folder=folder), folder / "layers"
    through = run_case(case, comm)
    with pytest.raises(KeyboardInterrupt):
        run_case(case, comm, checkpoints=Stopper(out, "orders", 3))
    with pytest.raises(KeyboardInterrupt):
        run_case(case, comm, checkpoints=Stopper(out, "steady", 5, resume=True))
    again = resumed(case, comm, out)
    assert through.interfaces
    assert_same(through, again)
    comm.barrier()


def test_frequencies_that_are_finished_are_not_repeated(folder, comm, caplog):
    case = parse_case(FILM + RELAXING + OSCILLATING, folder=folder)
    out = folder / "oscillating"
    caplog.set_level(logging.INFO, "pbte")
    through = run_case(case, comm)
    with pytest.raises(KeyboardInterrupt):
        run_case(case, comm, checkpoints=Stopper(out, "harmonic", 2))
    caplog.clear()
    again = resumed(case, comm, out)
    assert followed(taken(caplog)) == (0, 0, 1)
    assert_same(through, again)
    assert again.steady_report.sweeps == through.steady_report.sweeps
    comm.barrier()


@pytest.mark.parametrize("stage", ["orders", "steady"])
def test_other_ranks_go_on(folder, comm, stage):
    """Begun by all ranks, gone on with by one; on one rank the same once more."""
    case, out = parse_case(FILM + SILICON, folder=folder), folder / f"handed-on-{stage}"
    through = run_case(case, comm)
    with pytest.raises(KeyboardInterrupt):
        run_case(case, comm, checkpoints=Stopper(out, stage, 6))
    alone = comm.Split(comm.rank)
    if comm.rank == 0:
        again = resumed(case, alone, out)
        assert_same(through, again)
    comm.barrier()


def test_parts_of_space_go_on_as_a_whole(folder, comm):
    """The mesh is cut into as many parts as there are ranks, and then into none."""
    cut = f"[parallel]\nspace_parts = {comm.size}\n"
    out = folder / "parts"
    for stage in ("orders", "steady"):
        through = run_case(parse_case(FILM + CUT, folder=folder), comm)
        with pytest.raises(KeyboardInterrupt):
            stopper = Stopper(out, stage, 6)
            run_case(parse_case(FILM + CUT + cut, folder=folder), comm, checkpoints=stopper)
        again = run_case(
            parse_case(FILM + CUT, folder=folder),
            comm,
            checkpoints=CheckpointManager(out, resume=True),
        )
        if comm.rank == 0:
            assert_same(through, again)
        comm.barrier()


def test_another_case_mesh_or_material_is_refused(folder, comm, caplog):
    case, out = parse_case(FILM + RELAXING, folder=folder), folder / "refused"
    with pytest.raises(KeyboardInterrupt):
        run_case(case, comm, checkpoints=Stopper(out, "orders", 2))
    for old, new in (("301.0", "302.0"), ('"rta"', "10"), ("size = 2e-8", "size = 1e-8")):
        text = (FILM + RELAXING).replace(old, new).replace("film.msh", f"film{len(new)}.msh")
        with pytest.raises(InputError, match=r"refused\.checkpoint: .* of another case"):
            run_case(
                parse_case(text, folder=folder),
                comm,
                checkpoints=CheckpointManager(out, resume=True),
            )
    caplog.set_level(logging.INFO, "pbte")
    run_case(case, comm, checkpoints=CheckpointManager(out))
    assert "--resume would continue from it" in caplog.text
    run_case(case, comm, checkpoints=CheckpointManager(folder / "no", resume=True))
    assert "starts from the beginning" in caplog.text


PBTE = """
    import logging, os, signal, sys
    from pbte.cli.main import main
    class Stop(logging.Handler):
        def emit(self, record):
            if "correction {at}," in record.getMessage():
                os.kill(os.getpid(), signal.{signal})
    logging.getLogger("pbte").addHandler(Stop())
    main(sys.argv[1:])
"""


@pytest.mark.skipif(under_launcher(), reason="starts processes of its own")
def test_a_process_is_told_to_stop_and_then_killed(folder, lone_environment):
    """SIGTERM in the fifth correction, and SIGKILL in the tenth."""
    text = FILM + SILICON + "[output]\nparaview = false\nplots = false\n"
    often = text + "checkpoint_interval = 1e-3\n"
    for name, content in (("seldom", text), ("often", often)):
        (folder / f"{name}.toml").write_text(content)

    def pbte(at, number, name, *options):
        program = textwrap.dedent(PBTE.format(at=at, signal=number))
        out = str(folder / "processes" / "out")
        command = [sys.executable, "-c", program, "run", str(folder / f"{name}.toml")]
        return subprocess.run(
            [*command, "--output", out, *options],
            env=lone_environment,
            capture_output=True,
            text=True,
            check=False,
        )

    stopped = pbte(5, "SIGTERM", "seldom")
    assert stopped.returncode == 130
    assert "under way: steady" in stopped.stderr and "correction 6" not in stopped.stderr
    killed = pbte(10, "SIGKILL", "often", "--resume")
    assert killed.returncode == -signal.SIGKILL
    assert "self-scattering" not in killed.stderr and "correction 5" not in killed.stderr
    assert "correction 6" in killed.stderr
    finished = pbte(0, "SIGTERM", "often", "--resume")
    assert finished.returncode == 0, finished.stderr
    assert "correction 9" not in finished.stderr and "correction 11" in finished.stderr
    assert "Note: The run was interrupted" in finished.stdout
    assert [path.name for path in (folder / "processes").iterdir()] == ["out"]
    case = parse_case(text, folder=folder)
    assert_same(run_case(case, MPI.COMM_SELF), read_results(folder / "processes" / "out"))
