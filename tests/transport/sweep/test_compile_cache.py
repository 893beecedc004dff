"""Compiled loops are found again, but never those of other sources."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numba
import pytest

from pbte.transport.sweep import compile_cache as compiled


def test_compilations_go_to_a_folder_named_after_the_sources():
    assert Path(numba.config.CACHE_DIR).name == compiled.sources_digest()


def test_any_change_of_a_source_changes_the_folder(tmp_path, monkeypatch):
    (tmp_path / "compiled.py").write_text("a = 1\n")
    monkeypatch.setattr(compiled, "ROOM", tmp_path)
    before = compiled.sources_digest()
    (tmp_path / "other.py").write_text("b = 2\n")
    after = compiled.sources_digest()
    assert before != after
    (tmp_path / "other.py").write_text("b = 3\n")
    assert compiled.sources_digest() not in (before, after)


@pytest.mark.serial
def test_a_home_that_cannot_be_written_is_no_obstacle():
    program = (
        "import pbte.transport.sweep.kernels, numba; print(numba.config.CACHE_DIR or 'default')"
    )
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/proc/nowhere",
        "PYTHONPATH": ":".join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "default"
