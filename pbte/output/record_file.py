"""Records of observables on the disk, whole and to the last bit: for checkpoints.

A record is a dataclass of numbers, texts, arrays, and tuples, mappings and records of them. Its
form goes into a text (JSON), its arrays beside it, so that reading it back runs no foreign code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pbte.core.types import Array

_FORM = "form.json"
_ARRAYS = "arrays.npz"


def write_record(record: object, folder: Path) -> None:
    """Write a record as two files into a folder.

    Raises:
        OSError: They cannot be written.
        TypeError: Something in it is of another kind.
    """
    arrays: list[Array] = []
    form = _take_apart(record, arrays)
    numbered: dict[str, Any] = {str(number): array for number, array in enumerate(arrays)}
    np.savez(folder / _ARRAYS, **numbered)
    (folder / _FORM).write_text(json.dumps(form), encoding="utf-8")


def read_record(folder: Path, kinds: Iterable[type]) -> Any:
    """Return a record that was written.

    Args:
        folder: Where it is.
        kinds: All dataclasses that may occur in it.

    Raises:
        OSError, ValueError, KeyError, TypeError: It is missing, damaged or of another version.
    """
    form = json.loads((folder / _FORM).read_text(encoding="utf-8"))
    with np.load(folder / _ARRAYS, allow_pickle=False) as arrays:
        return _put_together(form, arrays, {kind.__name__: kind for kind in kinds})


def _take_apart(value: Any, arrays: list[Array]) -> Any:
    """Return what JSON can hold; arrays are numbered."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, np.ndarray):
        arrays.append(value)
        return {"array": len(arrays) - 1}
    if isinstance(value, Mapping):
        return {"mapping": [[key, _take_apart(each, arrays)] for key, each in value.items()]}
    if isinstance(value, tuple | list):
        return [_take_apart(each, arrays) for each in value]
    if is_dataclass(value):
        parts = {f.name: _take_apart(getattr(value, f.name), arrays) for f in fields(value)}
        return {"record": type(value).__name__, "fields": parts}
    raise TypeError(f"a record cannot hold a {type(value).__name__}")


def _put_together(form: Any, arrays: Mapping[str, Array], kinds: Mapping[str, type]) -> Any:
    if isinstance(form, list):
        return tuple(_put_together(each, arrays, kinds) for each in form)
    if not isinstance(form, dict):
        return form
    if "complex" in form:
        return complex(*form["complex"])
    if "array" in form:
        return arrays[str(form["array"])]
    if "mapping" in form:
        return {key: _put_together(each, arrays, kinds) for key, each in form["mapping"]}
    parts = {name: _put_together(each, arrays, kinds) for name, each in form["fields"].items()}
    return kinds[form["record"]](**parts)
