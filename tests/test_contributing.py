"""The code of CONTRIBUTING.md runs as it stands."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()


@pytest.mark.serial
def test_the_examples_run_one_after_the_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 7
    module = ModuleType("contributing")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for number, block in enumerate(blocks):
        exec(compile(block, f"CONTRIBUTING.md, example {number}", "exec"), vars(module))


def test_every_file_that_is_named_is_there():
    root = Path(__file__).parents[1]
    named = set(re.findall(r"`((?:pbte|tests|demos|\.ci)/[\w./-]+)`", TEXT))
    missing = {name for name in named if "NAME" not in name and not (root / name).exists()}
    assert missing - {"pbte/transport/..."} == set()
