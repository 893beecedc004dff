"""Atomic writing of mesh files: complete, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from pbte.core.errors import InputError, RunError


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Write a gmsh file under a temporary name, check its end and rename it.

    Raises:
        InputError: The folder is missing or may not be written to.
        RunError: The file could not be written completely.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".pbte-", suffix=".msh", dir=path.parent)
    except OSError as error:
        raise InputError(
            f"{path}: cannot write into the folder {path.parent} ({error.strerror}); choose another"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        # Gmsh does not detect a full disk, so check that the last section is complete.
        with temporary.open("rb") as file:
            file.seek(max(0, temporary.stat().st_size - 64))
            whole = b"$EndElements" in file.read()
        if not whole:
            raise RunError(f"{path}: the mesh could not be written completely; free disk space")
        os.umask(mask := os.umask(0))
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, path)
    except RunError:
        raise
    except Exception as error:
        raise RunError(f"{path}: the mesh could not be written ({error})") from error
    finally:
        temporary.unlink(missing_ok=True)
