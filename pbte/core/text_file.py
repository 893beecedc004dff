"""Text files that people write: cases and tables, from any editor."""

from __future__ import annotations

import codecs
from pathlib import Path

from pbte.core.errors import InputError


def read_text(path: Path, kind: str) -> str:
    """Return a text file in UTF-8, without the byte order mark that some editors put in front.

    Args:
        path: The file.
        kind: What it is expected to be, such as "band table", for messages.

    Raises:
        InputError: It is missing, cannot be read, or is in another encoding.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path}: no such {kind}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path}: a text in UTF-16; save it in UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8; expected a {kind}") from None


def split_columns(where: str, line: str) -> list[str]:
    """Return the entries of a line, which are separated by commas.

    Args:
        where: File and line, for messages.
        line: The line.

    Raises:
        InputError: They are separated by semicolons or tabs.
    """
    if "," not in line:
        for sign, name in ((";", "semicolons"), ("\t", "tabs")):
            if sign in line.strip():
                raise InputError(f"{where}: the columns are separated by {name}; use commas")
    return [entry.strip() for entry in line.split(",")]
