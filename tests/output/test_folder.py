"""The result folder is complete or absent, and never costs files that are not pbte's."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from pbte.core.errors import InputError, RunError
from pbte.output import folder as folder_module
from pbte.output.folder import (
    check_disk_space,
    prepare_folder,
    result_folder,
    run_lock,
    write_results,
)
from pbte.output.hdf5.results import read_results, write_results_file


def names_in(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def files_in(path: Path) -> list[str]:
    return sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file())


def test_a_run_leaves_results_plots_and_paraview_files_and_nothing_else(make, tmp_path):
    written = write_results(make("block", num_orders=2), tmp_path / "a" / "run")
    assert names_in(tmp_path / "a") == ["run"]
    assert all(path.is_file() and path.is_absolute() for path in written)
    assert [path.relative_to(tmp_path / "a/run").as_posix() for path in written] == [
        "results.h5",
        "paraview/orders.pvd",
        "paraview/outgoing_current.pvd",
        "paraview/steady.pvd",
        "paraview/steady_outgoing_current.pvd",
        "paraview/fourier.pvd",
        "plots/temperature.png",
        "plots/temperature_cumulated.png",
        "plots/arrival_spectrum.png",
        "plots/arrival_map.png",
        "plots/conductivity_accumulation.png",
        "plots/suppression.png",
    ]
    for name in files_in(tmp_path / "a/run"):
        assert folder_module._OWN_FILES.fullmatch(name), name


def test_plots_and_paraview_files_can_be_left_out(make, tmp_path):
    write_results(make("interval"), tmp_path / "run", plots=False, paraview=False)
    assert files_in(tmp_path / "run") == ["results.h5"]


def test_old_results_are_replaced_by_new_ones(make, tmp_path):
    write_results(make("film", num_orders=4), tmp_path / "run")
    write_results(make("film", num_orders=2), tmp_path / "run", plots=False)
    assert len(read_results(tmp_path / "run").orders) == 2
    assert not (tmp_path / "run/paraview/orders/order_0003.vtu").exists()
    assert not (tmp_path / "run/plots").exists()
    assert names_in(tmp_path) == ["run"]


def test_an_empty_folder_is_used_and_a_link_stays(make, tmp_path):
    (tmp_path / "disk/empty").mkdir(parents=True)
    (tmp_path / "run").symlink_to(tmp_path / "disk/empty")
    write_results(make("interval"), tmp_path / "run", plots=False, paraview=False)
    assert (tmp_path / "run").is_symlink()
    assert files_in(tmp_path / "disk/empty") == ["results.h5"]
    assert names_in(tmp_path / "disk") == ["empty"]


@pytest.mark.parametrize("foreign", ["notes.txt", "plots/mine.png", "paraview/view.pvsm"])
def test_a_folder_with_files_of_the_user_is_refused(make, tmp_path, foreign):
    write_results(make("interval", num_orders=1), tmp_path / "run")
    (tmp_path / "run" / foreign).write_text("precious")
    for attempt in (
        lambda: prepare_folder(tmp_path / "run"),
        lambda: write_results(make("interval"), tmp_path / "run"),
    ):
        with pytest.raises(InputError, match=f"holds {foreign}, which pbte did not write"):
            attempt()
    assert (tmp_path / "run" / foreign).read_text() == "precious"
    assert names_in(tmp_path) == ["run"]


def test_a_folder_without_results_and_a_file_are_refused(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/thesis.tex").write_text("precious")
    with pytest.raises(InputError, match=r"holds no results\.h5 of pbte"):
        prepare_folder(tmp_path / "home")
    with pytest.raises(InputError, match="this is a file"):
        prepare_folder(tmp_path / "home/thesis.tex")
    with pytest.raises(InputError, match=r"thesis\.tex is a file|Not a directory"):
        prepare_folder(tmp_path / "home/thesis.tex/run")
    with pytest.raises(InputError, match="root of a mounted disk"):
        prepare_folder("/")


def test_files_that_appear_while_a_run_writes_stay(tmp_path):
    refused = pytest.raises(InputError, match=r"holds no results\.h5")
    with refused, result_folder(tmp_path / "run") as partial:
        (partial / "results.h5").write_text("new")
        (tmp_path / "run").mkdir()
        (tmp_path / "run/notes.txt").write_text("precious")
    assert files_in(tmp_path) == ["run/notes.txt"]


def test_preparing_leaves_nothing_behind(tmp_path):
    assert prepare_folder(tmp_path / "a/b/run") == tmp_path / "a/b/run"
    assert names_in(tmp_path) == []


def test_a_disk_is_refused_only_when_the_results_surely_do_not_fit(tmp_path, monkeypatch, caplog):
    """The size is known to a factor of two."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with pytest.raises(InputError, match=r"need about 2\.1 MB, and 1\.0 MB are free in .*; make"):
        check_disk_space(tmp_path / "a/run", 2_100_000)
    check_disk_space(tmp_path / "a/run", 490_000)
    assert not caplog.messages
    check_disk_space(tmp_path / "a/run", 1_900_000)
    (warning,) = caplog.messages
    assert "may be too little" in warning


def test_a_folder_that_cannot_be_written_is_refused_before_the_run(tmp_path):
    if os.geteuid() == 0:
        with pytest.raises(InputError, match="cannot write in /proc"):
            prepare_folder("/proc/pbte-run")
        return
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(InputError, match=r"cannot write in .*locked.*Permission denied"):
        prepare_folder(tmp_path / "locked/run")


def test_a_name_that_is_too_long_is_refused_before_the_run(tmp_path):
    with pytest.raises(InputError, match="too long"):
        prepare_folder(tmp_path / ("x" * 254))


def test_a_second_run_of_the_same_process_number_does_not_mix(tmp_path):
    """Two containers can give their processes the same number."""
    with result_folder(tmp_path / "run") as first:
        (first / "who").write_text("first")
        with (
            pytest.raises(RunError, match="Input/output"),
            result_folder(first.parent / "run") as second,
        ):
            assert second != first and names_in(second) == []
            raise OSError(errno.EIO, "broken disk")
        assert (first / "who").read_text() == "first"
    assert files_in(tmp_path / "run") == ["who"]


KILLED = """
    import os, pathlib, signal
    from pbte.output import folder
    rename = pathlib.Path.rename
    def killed(self, target):
        if ".{at}-" in self.name or ".{at}-" in str(target):
            rename(self, target) if ".old-" in str(target) else None
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(self, target)
    pathlib.Path.rename = killed
    with folder.result_folder({final!r}) as partial:
        (partial / "results.h5").write_text("half")
"""


@pytest.mark.parametrize("at", ["partial", "old"])
def test_files_of_a_killed_run_are_removed_by_the_next(make, tmp_path, lone_environment, at):
    """Killed before the new folder gets its name, and before that with old results put aside."""
    write_results(make("interval", num_orders=3), tmp_path / "run", plots=False)
    if at == "partial":
        shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    program = textwrap.dedent(KILLED.format(at=at, final=str(tmp_path / "run")))
    done = subprocess.run([sys.executable, "-c", program], env=lone_environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert any(f".{at}-" in name for name in names_in(tmp_path)) and not (tmp_path / "run").exists()
    prepare_folder(tmp_path / "run")
    assert names_in(tmp_path) == (["elsewhere"] if at == "partial" else ["run"])
    kept = tmp_path / ("elsewhere" if at == "partial" else "run")
    assert len(read_results(kept).orders) == 3


def test_files_of_a_running_process_or_not_of_pbte_are_not_removed(tmp_path):
    (tmp_path / "run.partial-notes").mkdir()
    (tmp_path / "run.partial-notes/mine.txt").write_text("precious")
    (tmp_path / "run.checkpoint").mkdir()
    with result_folder(tmp_path / "run") as partial:
        (partial / "results.h5").write_text("half")
        prepare_folder(tmp_path / "run")
        assert (partial / "results.h5").read_text() == "half"
    assert names_in(tmp_path) == ["run", "run.checkpoint", "run.partial-notes"]


def test_an_error_inside_removes_the_unfinished_folder_and_keeps_old_results(make, tmp_path):
    write_results(make("interval", num_orders=3), tmp_path / "run", plots=False)
    before = files_in(tmp_path)
    with pytest.raises(KeyboardInterrupt), result_folder(tmp_path / "run") as partial:
        (partial / "results.h5").write_text("half")
        raise KeyboardInterrupt
    assert files_in(tmp_path) == before
    assert len(read_results(tmp_path / "run").orders) == 3


def test_old_results_come_back_when_the_last_renaming_fails(make, tmp_path, monkeypatch):
    write_results(make("interval", num_orders=3), tmp_path / "run", plots=False)
    rename = Path.rename

    def fail(self, target):
        if ".partial-" in self.name:
            raise OSError(errno.EIO, "broken disk")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(RunError, match=r"writing failed \(Input/output error\)"):
        write_results(make("interval"), tmp_path / "run", plots=False)
    assert names_in(tmp_path) == ["run"]
    assert len(read_results(tmp_path / "run").orders) == 3


@pytest.mark.parametrize("step", ["write_results_file", "write_paraview", "write_plots"])
def test_a_disk_that_fills_is_one_sentence_and_keeps_old_results(make, tmp_path, monkeypatch, step):
    write_results(make("interval", num_orders=3), tmp_path / "run")

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder_module, step, full)
    with pytest.raises(RunError, match=r"the disk is full .* older ones are untouched"):
        write_results(make("interval"), tmp_path / "run")
    assert names_in(tmp_path) == ["run"]
    assert len(read_results(tmp_path / "run").orders) == 3


@pytest.mark.parametrize("limit", [20_000, 400_000, 1_500_000])
def test_a_real_refusal_to_write_ends_in_a_sentence_and_a_clean_exit(
    make, tmp_path, limit, lone_environment
):
    """A limit on file sizes stands for the full disk: HDF5 itself would crash at exit."""
    write_results_file(make("sphere", num_orders=12), tmp_path / "results.h5")
    assert (tmp_path / "results.h5").stat().st_size > 1_500_000
    program = f"""
        import resource, sys
        from pbte.core.errors import RunError
        from pbte.output.folder import write_results
        from pbte.output.hdf5.results import read_results
        results = read_results({str(tmp_path / "results.h5")!r})
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
        try:
            write_results(results, {str(tmp_path / "run")!r}, plots=False)
        except RunError as error:
            print(error)
            sys.exit(1)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        env=lone_environment,
        check=False,
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert "the disk is full (File too large)" in done.stdout
    assert names_in(tmp_path) == ["results.h5"]


def test_plots_that_fail_cost_a_warning_and_not_the_run(make, tmp_path, monkeypatch):
    def broken(results, folder):
        folder.mkdir()
        (folder / "temperature.png").write_text("half")
        raise ZeroDivisionError("no orders")

    monkeypatch.setattr(folder_module, "write_plots", broken)
    with pytest.warns(RuntimeWarning, match="could not be drawn"):
        write_results(make("interval"), tmp_path / "run", paraview=False)
    assert files_in(tmp_path / "run") == ["results.h5"]


def test_a_second_run_into_one_folder_is_refused(tmp_path):
    """As long as the first one holds the lock, which leaves nothing behind."""
    final = tmp_path / "new" / "deeper" / "run"
    with run_lock(final):
        told = r"another run is writing it \(it holds run.lock\)"
        with pytest.raises(InputError, match=told), run_lock(final):
            pass
        with run_lock(final.with_name("other")):
            pass
        assert names_in(final.parent) == ["run.lock"]
    assert not (tmp_path / "new").exists()
    with run_lock(final):
        (final.parent / "run").mkdir()
    assert names_in(final.parent) == ["run"]


def test_the_lock_of_a_killed_run_does_not_count(tmp_path):
    (tmp_path / "run.lock").write_text("")
    with run_lock(tmp_path / "run"):
        pass
    assert not (tmp_path / "run.lock").exists()


def test_a_lock_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "run.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(InputError, match="cannot write in"), run_lock(tmp_path / "run"):
        pass
    assert (tmp_path / "precious").read_text() == "mine"
