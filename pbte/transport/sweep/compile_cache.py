"""Where compiled loops are kept, so that a changed source can never meet an old compilation.

Numba compiles a function anew when its own file has changed, not when a function that it calls,
and has built in, stands in another file that has. One folder for each state of all sources of this
room makes up for it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from importlib.metadata import version
from pathlib import Path

LOG = logging.getLogger("pbte.transport")

ROOM = Path(__file__).parents[1]  # boundary and ray tracing have compiled loops as well


def sources_digest() -> str:
    """Return a name for the present state of all files of this room."""
    digest = hashlib.sha256(version("numba").encode())
    for path in sorted(ROOM.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def keep_compiled_apart() -> None:
    """Let Numba keep compiled functions in a folder of their own for this state of the sources.

    Below NUMBA_CACHE_DIR, or the user's cache; where nothing can be written Numba decides itself.
    Numba is not imported for it: many commands do without.
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
