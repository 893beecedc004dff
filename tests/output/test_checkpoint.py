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
from pbte.output.checkpoint import (
    Checkpoint,
    StageKinds,
    latest,
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
    return folder / latest(folder)


def test_all_kinds_of_numbers_come_back(written):
    folder, progress, field = written
    found = read_checkpoint(folder, "digest", KINDS, ALONE)
    assert (found.stage, found.ranks, found.finished) == ("orders", 1, {})
    again = found.progress
    assert (again.number, again.third, again.missing) == (3, 1.0 / 3.0, None)
    np.testing.assert_equal(again.sums, progress.sums)
    for one, other in zip(progress.snapshots, again.snapshots, strict=True):
        for each in fields(Snapshot):
            np.testing.assert_equal(getattr(other, each.name), getattr(one, each.name))
    values = np.zeros_like(field)
    read_arrays(folder, found, array_of(values), ALONE)
    np.testing.assert_array_equal(values, field)


def test_the_last_one_replaces_the_one_before(written):
    folder, progress, _ = written
    first = latest(folder)
    state = Checkpoint(case="digest", stage="", progress=None, finished={"orders": progress})
    write_checkpoint(folder, state, {}, ALONE, 2)
    found = read_checkpoint(folder, "digest", KINDS, ALONE)
    assert (found.stage, found.progress) == ("", None)
    assert found.finished["orders"].number == 3
    assert latest(folder) != first and not (folder / first).exists()
    remove_checkpoint(folder)
    assert not folder.exists()


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("damage", [truncate, lambda path: path.unlink()])
def test_damaged_files_are_refused(written, damage):
    folder, _, field = written
    found = read_checkpoint(folder, "digest", KINDS, ALONE)
    damage(slot_of(folder) / "rank-0.npz")
    with pytest.raises(InputError, match=r"rank-0\.npz: not a readable checkpoint"):
        read_arrays(folder, found, array_of(np.zeros_like(field)), ALONE)
    damage(slot_of(folder) / "progress.h5")
    with pytest.raises(InputError, match="not a readable checkpoint"):
        read_checkpoint(folder, "digest", KINDS, ALONE)


def test_a_flipped_bit_in_a_field_is_noticed(written):
    folder, _, field = written
    found = read_checkpoint(folder, "digest", KINDS, ALONE)
    path = slot_of(folder) / "rank-0.npz"
    content = bytearray(path.read_bytes())
    content[content.index(field.tobytes()) + 40] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a readable checkpoint"):
        read_arrays(folder, found, array_of(np.zeros_like(field)), ALONE)


def test_what_does_not_fit_is_refused(written):
    folder, _, field = written
    found = read_checkpoint(folder, "digest", KINDS, ALONE)
    with pytest.raises(InputError, match="of another case"):
        read_checkpoint(folder, "another", KINDS, ALONE)
    with pytest.raises(InputError, match="does not hold all of field"):
        read_arrays(folder, found, array_of(np.zeros((5, 6))), ALONE)
    other = array_of(np.zeros_like(field))["field"]
    other = DistributedArray(axes=("moment", "cell"), numbers=other.numbers, values=other.values)
    with pytest.raises(InputError, match="axes mode, cell instead of moment, cell"):
        read_arrays(folder, found, {"field": other}, ALONE)


def test_older_formats_are_refused(written):
    folder, _, _ = written
    path = slot_of(folder) / "progress.h5"
    path.write_bytes(path.read_bytes().replace(b"pbte-checkpoint-3", b"pbte-checkpoint-9"))
    with pytest.raises(InputError, match="of another version, pbte-checkpoint-9"):
        read_checkpoint(folder, "digest", KINDS, ALONE)
    path.rename(path.with_name("form.json"))
    with pytest.raises(InputError, match="not a readable checkpoint"):
        read_checkpoint(folder, "digest", KINDS, ALONE)
