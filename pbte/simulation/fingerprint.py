"""Fingerprint of a case: everything that must be the same where a run continues."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pbte.case.case import Case

# Parts of a case that may differ at a restart: they change no number.
_FREE: Any = {"parallel": True, "output": {"folder", "paraview", "plots", "checkpoint_interval"}}


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """A case, and the files that it names.

    Attributes:
        case: The parts of the case that must not change, as JSON.
        files: Mesh, materials, tables and fields that it names, in its sequence.
    """

    case: str
    files: tuple[Path, ...]

    def digest(self) -> str:
        """Return a checksum of the case and of the contents of its files (reads all of them).

        Shipped materials are not files of the case: they belong to the version of pbte.

        Raises:
            OSError: A file cannot be read.
        """
        total = hashlib.sha256(self.case.encode())
        for path in self.files:
            with path.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
        return total.hexdigest()


def fingerprint_of(case: Case) -> Fingerprint:
    """Return the fingerprint of a case; every text in it that is the path of a file counts."""
    named = (case.folder / text for text in _texts(case.model_dump(exclude=_FREE)))
    return Fingerprint(
        case=case.model_dump_json(exclude=_FREE),
        files=tuple(path for path in named if path.is_file()),
    )


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
