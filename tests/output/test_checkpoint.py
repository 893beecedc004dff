"""Checkpoints come back to the last bit, or are refused in a sentence."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.distributed_array import DistributedArray
from pbte.core.errors import InputError
from pbte.core.quantity import quantity, record
from pbte.core.types import Array
from pbte.observables.snapshot import Snapshot
from pbte.output import checkpoint as checkpoint_file
from pbte.output.checkpoint import (
    Checkpoint,
    StageKinds,
    read_arrays,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)

ALONE = MPI.COMM_SELF


@record
class Progress:
    number: int = quantity("1", "a number")
    third: float = quantity("1", "another one")
    missing: float | None = quantity("1", "nothing")
    sums: tuple[Array, ...] = quantity("W", "arrays of several sizes", axes=("part",))
    snapshots: tuple[Snapshot, ...] = quantity("", "states", axes=("order",))


KINDS = {"orders": StageKinds(progress=Progress, finished=Progress)}


def array_of(values):
    numbers = np.arange(values.shape[0]), np.arange(values.shape[1])
    return {"field": DistributedArray(axes=("mode", "cell"), numbers=numbers, values=values)}


@pytest.fixture
def written(make, tmp_path):
    progress = Progress(
        number=3,
        third=1.0 / 3.0,
        missing=None,
        sums=(np.zeros((2, 3)), np.full(4, np.pi), np.zeros((0, 2))),
        snapshots=make("film").orders,
    )
    state = Checkpoint(case="digest", stage="orders", progress=progress, finished={})
    field = np.random.default_rng(1).normal(size=(4, 6))
    write_checkpoint(tmp_path / "c", state, array_of(field), ALONE, 2)
    return tmp_path / "c", progress, field


def slot_of(folder):
    return folder / (folder / "latest").read_text()


def read(folder, case="digest"):
    return read_checkpoint(folder, case, KINDS, ALONE)


def write_another(folder, number):
    """Write a checkpoint of another number and field."""
    progress = Progress(number=number, third=0.0, missing=None, sums=(), snapshots=())
    state = Checkpoint(case="digest", stage="orders", progress=progress, finished={})
    write_checkpoint(folder, state, array_of(np.full((4, 6), float(number))), ALONE, 2)


def test_all_kinds_of_numbers_come_back(written):
    folder, progress, field = written
    found = read(folder)
    assert (found.stage, found.ranks, found.finished) == ("orders", 1, {})
    again = found.progress
    assert (again.number, again.third, again.missing) == (3, 1.0 / 3.0, None)
    np.testing.assert_equal(again.sums, progress.sums)
    for one, other in zip(progress.snapshots, again.snapshots, strict=True):
        for each in fields(Snapshot):
            np.testing.assert_equal(getattr(other, each.name), getattr(one, each.name))
    values = np.zeros_like(field)
    read_arrays(found, array_of(values), ALONE)
    np.testing.assert_array_equal(values, field)


def test_between_stages_there_is_no_progress(written):
    folder, progress, _ = written
    state = Checkpoint(case="digest", stage="", progress=None, finished={"orders": progress})
    write_checkpoint(folder, state, {}, ALONE, 2)
    found = read(folder)
    assert (found.stage, found.progress) == ("", None)
    assert found.finished["orders"].number == 3
    remove_checkpoint(folder)
    assert not folder.exists()


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    """Flip one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, flip, lambda path: path.unlink()])
@pytest.mark.parametrize("name", ["rank-0.npz", "progress.h5", "checksums"])
def test_any_damage_is_noticed_and_the_one_before_taken(written, damage, name, caplog):
    folder, _, _ = written
    damage(slot_of(folder) / name)
    with pytest.raises(InputError, match="not a readable checkpoint") as caught:
        read(folder)
    assert "\n" not in str(caught.value)
    for number in (7, 8):  # the damaged one is written over by the second
        write_another(folder, number)
    damage(slot_of(folder) / name)
    caplog.clear()
    found = read(folder)
    assert found.progress.number == 7
    assert "the checkpoint before it is whole" in caplog.text
    values = np.zeros((4, 6))
    read_arrays(found, array_of(values), ALONE)
    assert (values == 7.0).all()


@pytest.mark.parametrize("content", ["", "../victim", "2", "0\n1", "\x00", "/tmp"])
def test_a_name_that_pbte_does_not_make_is_not_followed(written, content, tmp_path):
    """The checkpoint itself is found all the same, and neither it nor the victim is removed."""
    folder, _, _ = written
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "progress.h5").write_text("precious")
    (folder / "latest").write_text(content)
    assert read(folder).progress.number == 3
    write_another(folder, 7)
    assert read(folder).progress.number == 7
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 2
    assert (victim / "progress.h5").read_text() == "precious"


def test_files_of_others_are_never_removed(written, tmp_path):
    folder, _, _ = written
    notes = [folder / "notes.txt", folder / "0" / "notes.txt", folder / "1" / "rank-0.npz.bak"]
    for path in notes:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    for number in (7, 8, 9):
        write_another(folder, number)
    remove_checkpoint(folder)
    assert all(path.read_text() == "mine" for path in notes)
    assert sorted(path for path in folder.rglob("*") if path.is_file()) == sorted(notes)


def test_a_link_is_not_followed(written, tmp_path):
    folder, _, _ = written
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "progress.h5").write_text("mine")
    other = folder / ("1" if slot_of(folder).name == "0" else "0")
    other.symlink_to(precious)
    with pytest.raises(OSError, match="is a link"):
        write_another(folder, 7)
    remove_checkpoint(folder)
    assert (precious / "progress.h5").read_text() == "mine"


def test_what_does_not_fit_is_refused(written):
    folder, _, field = written
    found = read(folder)
    with pytest.raises(InputError, match="of another case"):
        read(folder, "another")
    with pytest.raises(InputError, match="does not hold all of field"):
        read_arrays(found, array_of(np.zeros((5, 6))), ALONE)
    other = array_of(np.zeros_like(field))["field"]
    other = DistributedArray(axes=("moment", "cell"), numbers=other.numbers, values=other.values)
    with pytest.raises(InputError, match="axes mode, cell instead of moment, cell"):
        read_arrays(found, {"field": other}, ALONE)


def test_another_version_is_refused_unless_told(written, monkeypatch):
    folder, _, _ = written
    monkeypatch.setattr(checkpoint_file, "__version__", "99.0")
    with pytest.raises(InputError, match=r"is of pbte .*, and this is 99\.0.*--any-version"):
        read(folder)
    found = read_checkpoint(folder, "digest", KINDS, ALONE, any_version=True)
    assert found.progress.number == 3


def test_another_format_is_refused(written, monkeypatch):
    folder, _, _ = written
    monkeypatch.setattr(checkpoint_file, "FORMAT", "pbte-checkpoint-9")
    with pytest.raises(InputError, match="of another version, pbte-checkpoint-3"):
        read(folder)


def test_a_folder_of_the_format_before_is_told(tmp_path):
    folder = tmp_path / "old.checkpoint"
    (folder / "0").mkdir(parents=True)
    (folder / "0" / "form.json").write_text("{}")
    (folder / "latest").write_text("0")
    with pytest.raises(InputError, match="not a readable checkpoint"):
        read(folder)


def test_no_folder_is_no_checkpoint(tmp_path):
    assert read(tmp_path / "missing") is None
    (tmp_path / "empty").mkdir()
    assert read(tmp_path / "empty") is None
