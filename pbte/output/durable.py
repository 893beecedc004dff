"""Files flushed to the disk, to survive a crash of the machine and not only of the process."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def flush_tree(folder: Path) -> None:
    """Wait until a folder and all that is in it are on the disk."""
    for root, _, files in os.walk(folder):
        for name in files:
            flush(Path(root, name))
        flush(Path(root))


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk; some file systems refuse this for folders."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        if not (path.is_dir() and error.errno in {errno.EINVAL, errno.ENOTSUP}):
            raise
    finally:
        os.close(number)
