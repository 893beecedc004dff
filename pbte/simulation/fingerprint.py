"""Fingerprint of a case: everything that must be the same where a run continues."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pbte.case.case import Case
from pbte.materials.band_table import shipped_band_tables
from pbte.materials.storage import shipped_materials

# Parts of a case that may differ at a restart: they change no number.
_FREE: Any = {"parallel": True, "output": {"folder", "paraview", "plots", "checkpoint_interval"}}


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """A case, and the files that it names.

    Attributes:
        case: The parts of the case that must not change, as JSON.
        files: Mesh, materials, tables and fields that it names, shipped ones too, in its sequence.
    """

    case: str
    files: tuple[Path, ...]

    def digest(self) -> str:
        """Return a checksum of the case and of the contents of its files (reads all of them).

        Raises:
            OSError: A file cannot be read.
        """
        total = hashlib.sha256(self.case.encode())
        for path in self.files:
            with path.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
        return total.hexdigest()


def fingerprint_of(case: Case) -> Fingerprint:
    """Return the fingerprint of a case.

    Every text in it counts that is the path of a file, or the name of a shipped material or table.
    """
    known = {**shipped_materials(), **shipped_band_tables()}
    shipped = {name.lower(): path for name, path in known.items()}
    files = []
    for text in _texts(case.model_dump(exclude=_FREE)):
        path = (case.folder / text).expanduser()
        if path.is_file():
            files.append(path)
        elif text.lower() in shipped:
            files.append(shipped[text.lower()])
    return Fingerprint(case=case.model_dump_json(exclude=_FREE), files=tuple(files))


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts in nested mappings and sequences."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
