"""Mesh files that appear under their name whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from pbte.core.errors import InputError, RunError


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary gmsh file, check its end and give it its final name.

    Raises:
        InputError: The folder is missing or may not be written to.
        RunError: The file could not be written whole.
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
        # Gmsh does not notice a full disk, so look whether the last section is there.
        with temporary.open("rb") as file:
            file.seek(max(0, temporary.stat().st_size - 64))
            whole = b"$EndElements" in file.read()
        if not whole:
            raise RunError(f"{path}: the mesh could not be written whole; is the disk full?")
        os.umask(mask := os.umask(0))
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, path)
    except RunError:
        raise
    except Exception as error:
        raise RunError(f"{path}: the mesh could not be written ({error})") from error
    finally:
        temporary.unlink(missing_ok=True)
