"""Records come back from the disk to the last bit."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest

from pbte.observables.snapshot import Balance, Snapshot
from pbte.output.record_file import read_record, write_record


def test_a_snapshot_and_all_kinds_of_numbers_come_back(make, tmp_path):
    snapshot = make("film").orders[0]
    numbers = {"none": None, "yes": True, "third": 1.0 / 3.0, "z": 1j / 3.0, "nan": float("nan")}
    write_record({"list": (snapshot, numbers, np.float64(0.1), "text")}, tmp_path)
    (again, others, tenth, text), *_ = read_record(tmp_path, (Snapshot, Balance)).values()
    for field in fields(Snapshot):
        one, other = getattr(snapshot, field.name), getattr(again, field.name)
        np.testing.assert_equal(other, one)
    np.testing.assert_equal(others, numbers)
    assert (tenth, text) == (0.1, "text")


def test_what_is_of_no_known_kind_is_refused(tmp_path):
    @dataclass
    class Foreign:
        value: Any

    with pytest.raises(TypeError, match="cannot hold a set"):
        write_record(Foreign({1}), tmp_path)
    write_record(Foreign(1), tmp_path)
    with pytest.raises(KeyError, match="Foreign"):
        read_record(tmp_path, (Snapshot,))
