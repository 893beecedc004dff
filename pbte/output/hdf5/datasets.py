"""Datasets of results.h5: numbers with a unit and a description, and texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import h5py
import numpy as np

_COMPRESSED_FROM = 4096


def texts(values: Sequence[str]) -> Any:
    """Return an array of texts for h5py."""
    return np.array(list(values), dtype=h5py.string_dtype())


def put(group: Any, name: str, value: Any, unit: str, description: str) -> None:
    """Write a number, an array or a text; large arrays compressed and with a checksum.

    Args:
        group: h5py group.
        name: Name of the dataset; groups in it are made.
        value: What to write.
        unit: "1" for pure numbers, "" for text.
        description: What it is.
    """
    data = value if isinstance(value, str) else np.asarray(value)
    options: dict[str, Any] = {}
    if isinstance(data, np.ndarray) and data.size >= _COMPRESSED_FROM:
        options = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
        options["fletcher32"] = True  # a flipped bit is an error on reading, not a wrong number
    dataset = group.create_dataset(name, data=data, **options)
    dataset.attrs["unit"] = unit
    dataset.attrs["description"] = description


def scalar(dataset: Any) -> Any:
    """Return a number as Python's own bool, int or float."""
    return dataset[()].item()


def strings(dataset: Any) -> Any:
    """Return the text of a dataset, or the list of its texts."""
    return dataset.asstr()[()] if dataset.shape == () else [str(t) for t in dataset.asstr()[:]]


def value(dataset: Any) -> Any:
    """Return an array, or a number as Python's own."""
    return dataset[()] if dataset.shape else scalar(dataset)
