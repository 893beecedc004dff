"""Any record as a group of an HDF5 file, by the description of its quantities.

    number, array, text      a dataset
    values by name           a dataset; the names of its first axis in the attribute `labels`
    record                   a group; without it, none
    several records          a group of datasets whose first axis counts the records, their number
                             in the attribute `count`; without any, none
    arrays of several sizes  a group of numbered datasets

Every dataset has the attributes `unit`, `description` and `axes`. Rows of different length are
filled up with nan; the attribute `lengths` then holds their lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from types import UnionType
from typing import Any, get_args, get_origin

import h5py
import numpy as np

from pbte.core.quantity import Quantity, quantities

_COMPRESSED_FROM = 4096


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Context of values: dimension of the mesh, axes that count records, unit of a factor."""

    dim: int
    is_compressed: bool = True
    lead: tuple[str, ...] = ()
    factor: str = ""


def put_record(group: Any, record: Any, dim: int, *, is_compressed: bool = True) -> None:
    """Write a record.

    Args:
        group: h5py group to write into.
        record: The record.
        dim: Dimension of the mesh, on which units depend.
        is_compressed: Whether large arrays are compressed, which takes longer than to write them.

    Raises:
        ValueError: Records in a row do not fit each other (shapes, names).
    """
    _put_records(group, [record], _Place(dim=dim, is_compressed=is_compressed))


def get_record(group: Any, kind: type, index: tuple[int, ...] = ()) -> Any:
    """Return a record that was written.

    Args:
        group: h5py group that it was written into.
        kind: Its class.
        index: Numbers of the record among several.

    Raises:
        KeyError: A dataset is missing.
    """
    defaults = {
        field.name: field.default if field.default is not MISSING else field.default_factory
        for field in fields(kind)
    }
    values = {}
    for item in quantities(kind):
        if item.is_derived:
            continue
        if item.name in group:
            values[item.name] = _get(group[item.name], without_none(item.type), index)
        elif isinstance(item.type, UnionType):
            values[item.name] = None
        elif is_row(item.type):
            values[item.name] = ()
        elif defaults[item.name] is MISSING:
            raise KeyError(f"{group.name} lacks {item.name}")
    return kind(**values)


# Writing


def _put_records(group: Any, records: Sequence[Any], place: _Place) -> None:
    """Write one record, or several of one class with the axis that counts them in front."""
    for item in quantities(type(records[0])):
        values = [getattr(record, item.name) for record in records]
        kind = without_none(item.type)
        may_be_absent = is_row(kind) or (item.is_derived and get_origin(kind) is Mapping)
        if values[0] is None or (may_be_absent and not values[0]):
            continue
        if is_record(kind) or is_row(kind):
            _put_group(group.create_group(item.name), item, values, place)
        else:
            axes, data, labels = place.lead + item.axes, values, None
            if get_origin(kind) is Mapping:
                labels = list(values[0])
                data = [_by_name(value, labels, n, axes) for n, value in enumerate(values)]
            dataset = _put(group, item.name, data, place)
            _describe(dataset, item, place, axes)
            if labels is not None:
                dataset.attrs["labels"] = np.array(labels, dtype=h5py.string_dtype())


def _put_group(group: Any, item: Quantity, values: Sequence[Any], place: _Place) -> None:
    """Write a record, a row of records or a row of arrays of several sizes."""
    group.attrs["description"] = item.doc
    kind = without_none(item.type)
    factor = item.unit or place.factor
    if is_record(kind):
        _put_records(group, values, replace(place, factor=factor))
        return
    group.attrs["count"] = len(values[0])
    if is_record(get_args(kind)[0]):
        if place.lead:
            raise ValueError(f"{group.name}: rows of records do not stand in rows of records")
        _put_records(group, values[0], replace(place, lead=item.axes, factor=factor))
        return
    for number in range(len(values[0])):
        dataset = _put(group, str(number), [value[number] for value in values], place)
        _describe(dataset, item, place, place.lead + item.axes[1:])


def _by_name(mapping: Mapping[str, Any], labels: list[str], number: int, axes: Any) -> Any:
    if set(mapping) != set(labels):
        counted, named = axes[:2]
        raise ValueError(f"{counted} {number} names other {named}s than {counted} 0")
    return np.stack([np.asarray(mapping[name]) for name in labels]) if labels else np.zeros(0)


def _put(group: Any, name: str, values: Sequence[Any], place: _Place) -> Any:
    """Write one value, or several as an array; large ones with a checksum."""
    arrays = [np.asarray(value) for value in values]
    lengths = [array.size for array in arrays if array.ndim == 1]
    is_ragged = len(set(lengths)) > 1
    if is_ragged:
        arrays = [_filled_up(array, max(lengths)) for array in arrays]
    data = np.stack(arrays) if place.lead else arrays[0]
    options: dict[str, Any] = {}
    if data.dtype.kind == "U":
        data = data.astype(object)
        options["dtype"] = h5py.string_dtype()
    elif data.size >= _COMPRESSED_FROM:
        if place.is_compressed:
            options = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
        options["fletcher32"] = True  # a flipped bit is an error on reading, not a wrong number
    dataset = group.create_dataset(name, data=data, **options)
    if is_ragged:
        dataset.attrs["lengths"] = lengths
    return dataset


def _filled_up(array: Any, length: int) -> Any:
    filled = np.full((length, *array.shape[1:]), np.nan, dtype=array.dtype)
    filled[: len(array)] = array
    return filled


def _describe(dataset: Any, item: Quantity, place: _Place, axes: tuple[str, ...]) -> None:
    dataset.attrs["unit"] = item.unit_in(place.dim, place.factor)
    dataset.attrs["description"] = item.doc
    dataset.attrs["axes"] = np.array(axes, dtype=h5py.string_dtype())


# Reading


def _get(item: Any, kind: Any, index: tuple[int, ...]) -> Any:
    """Return the content of a dataset or group, of all records in a row or of one of them."""
    if is_record(kind):
        return get_record(item, kind, index)
    if is_row(kind):
        counted, each = range(int(item.attrs["count"])), get_args(kind)[0]
        if is_record(each):
            return tuple(get_record(item, each, (number,)) for number in counted)
        return tuple(_value(item[str(number)], index) for number in counted)
    value = _value(item, index)
    if get_origin(kind) is Mapping:
        rows = value if _is_array(get_args(kind)[1]) else value.tolist()
        return dict(zip(item.attrs["labels"], rows, strict=True))
    if _is_array(kind):
        return value
    return tuple(value.tolist()) if get_origin(kind) is tuple else value.item()


def _value(dataset: Any, index: tuple[int, ...]) -> Any:
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    value = np.asarray(dataset.asstr()[index] if is_text else dataset[index])
    return value[: dataset.attrs["lengths"][index]] if "lengths" in dataset.attrs else value


# Types


def without_none(kind: Any) -> Any:
    """Return a type without the None that it may be instead."""
    if not isinstance(kind, UnionType):
        return kind
    (other,) = (each for each in get_args(kind) if each is not type(None))
    return other


def is_record(kind: Any) -> bool:
    """Return whether a type is a record of quantities."""
    return is_dataclass(kind)


def _is_array(kind: Any) -> bool:
    return get_origin(kind) is np.ndarray


def is_row(kind: Any) -> bool:
    """Return whether a type is a tuple of any number of records or arrays."""
    if get_origin(kind) is not tuple:
        return False
    each = get_args(kind)[0]
    return is_record(each) or _is_array(each)
