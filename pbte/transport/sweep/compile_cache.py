"""Cache folder of the compiled loops, one for each state of the sources.

Numba recompiles a function when its own file has changed, but not when an inlined function of
another file has. One cache folder for each state of all sources of this package avoids stale
compilations.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from importlib.metadata import version
from pathlib import Path

LOG = logging.getLogger("pbte.transport")

ROOM = Path(__file__).parents[1]  # boundary and ray tracing also have compiled loops


def sources_digest() -> str:
    """Return a digest of all files of this package."""
    digest = hashlib.sha256(version("numba").encode())
    for path in sorted(ROOM.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def keep_compiled_apart() -> None:
    """Set the cache folder of Numba to one for this state of the sources.

    Below NUMBA_CACHE_DIR, or the user's cache; if it cannot be written, Numba's default is kept.
    Numba itself is not imported, because many commands do not need it.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    base = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(cache) / "pbte" / "numba")
    digest = sources_digest()
    folder = base if base.name == digest else base / digest  # the environment is inherited
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(folder, os.W_OK):
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        if "numba" in sys.modules:
            sys.modules["numba"].config.CACHE_DIR = str(folder)


def log_first_compilation() -> None:
    """Log that loops will be compiled, if none is in the folder: it takes about a minute."""
    folder = os.environ.get("NUMBA_CACHE_DIR")
    if folder is not None and Path(folder).is_dir() and not any(Path(folder).iterdir()):
        LOG.info("compiling the sweep (once per installation)")
