"""A finished run as plain data for other programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

import numpy as np

from pbte.core.quantity import quantities
from pbte.observables.results import Results

# Quantities with one of these axes are left to results.h5.
_LARGE = {"cell", "facet", "mode"}


def as_data(results: Results) -> dict[str, Any]:
    """Return everything but fields on the mesh and numbers of each mode, by the names of fields.

    In SI units, those of results.h5. A complex number becomes a list of its two parts, and a number
    that is not finite None, which JSON can carry.
    """
    data = _plain(results)
    assert isinstance(data, dict)
    return data


def _plain(value: Any) -> Any:
    """Return nested records, mappings and arrays as Python's own dicts, lists and numbers."""
    if is_dataclass(value):
        kind: Any = type(value)
        shown = (item for item in quantities(kind) if not _LARGE & set(item.axes))
        return {item.name: _plain(getattr(value, item.name)) for item in shown}
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, complex):
        return [_plain(value.real), _plain(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
