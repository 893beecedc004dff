"""Errors of a case in sentences: path, value, expectation, and the nearest right name."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

_KINDS = {
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "a text in quotes",
    "string_too_short": "a text that is not empty",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return one line for each thing that is wrong.

    Args:
        error: What the validation of ``model`` raised.
        model: The outermost record.
    """
    items: list[dict[str, Any]] = [dict(item) for item in error.errors(include_url=False)]
    misspelt = {_meant(item, model) for item in items if item["type"] == "extra_forbidden"}
    lines = [
        _sentence(item, model)
        for item in items  # a key that is missing because it is misspelt is told once
        if item["type"] != "missing" or tuple(item["loc"]) not in misspelt
    ]
    return "\n".join(dict.fromkeys(lines))


def _meant(item: dict[str, Any], model: type[BaseModel]) -> tuple[str | int, ...]:
    """Return the location that an unknown key was probably meant for."""
    _, owner, _ = _locate(item["loc"], model)
    near = get_close_matches(str(item["loc"][-1]), list(owner.model_fields) if owner else [], n=1)
    return (*item["loc"][:-1], *near)


def _sentence(item: dict[str, Any], model: type[BaseModel]) -> str:
    """Return the sentence for one entry of ``ValidationError.errors()``."""
    keys, owner, field = _locate(item["loc"], model)
    path = ".".join(str(key) for key in keys) or "case"
    kind, value, context = item["type"], item["input"], item.get("ctx", {})
    if kind == "extra_forbidden":
        return f"{path}: unknown key; {_nearest(str(keys[-1]), owner, model)}"
    meaning = f" ({field.description})" if field is not None and field.description else ""
    if kind == "missing" and isinstance(keys[-1], int):
        return f"{path.rpartition('.')[0]} = {_show(value)}: too few entries{meaning}"
    if kind == "missing":
        return f"{path}: missing{meaning or ', a table of the case'}"
    if kind == "union_tag_not_found":
        return f"{path}: {context['discriminator'].strip(chr(39))} is missing"
    if kind == "union_tag_invalid":
        path = f"{path}.{context['discriminator'].strip(chr(39))}"
        options = [tag.strip().strip("'") for tag in context["expected_tags"].split(",")]
        return f"{path} = {context['tag']!r}: {_one_of(context['tag'], options)}"
    if kind == "value_error":
        reason = str(context["error"])
        own = isinstance(value, dict)  # a rule between keys of a table: its value says nothing
        return f"{path}: {reason}" if own else f"{path} = {_show(value)}: {reason}{meaning}"
    return f"{path} = {_show(value)}: {_expectation(kind, value, context, item['msg'])}{meaning}"


def _expectation(kind: str, value: object, context: dict[str, Any], message: str) -> str:
    """Return what would have been right, as the end of a sentence."""
    if kind == "greater_than":
        return f"must be greater than {context['gt']:g}"
    if kind == "greater_than_equal":
        return f"must be at least {context['ge']:g}"
    if kind == "less_than":
        return f"must be less than {context['lt']:g}"
    if kind == "literal_error":
        options = context["expected"].replace(" or ", ", ").split(", ")
        return _one_of(value, [option.strip("'") for option in options])
    if kind == "too_short":
        return f"must have at least {context['min_length']} entries"
    if kind == "too_long":
        return f"must have at most {context['max_length']} entries"
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}"
    return message[:1].lower() + message[1:]


def _one_of(value: object, options: Sequence[str]) -> str:
    names = [option if option.isdigit() else f"'{option}'" for option in options]
    listed = ", ".join(names[:-1]) + (" or " if len(names) > 1 else "") + names[-1]
    near = get_close_matches(str(value), options, n=1) if len(options) > 1 else []
    return f"must be {listed}" + (f"; did you mean '{near[0]}'?" if near else "")


def _nearest(key: str, owner: type[BaseModel] | None, model: type[BaseModel]) -> str:
    """Return a hint: a similar key of the same table, or the table that the key belongs to."""
    known = list(owner.model_fields) if owner else []
    near = get_close_matches(key, known, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    if key in model.model_fields:
        return f"'{key}' belongs to the top of the file, before the first [table]"
    for name, field in model.model_fields.items():
        if any(key in candidate.model_fields for candidate in _models(field.annotation)):
            return f"'{key}' belongs to the table [{name}]"
    return f"the keys here are {', '.join(known)}"


def _locate(
    loc: tuple[str | int, ...], model: type[BaseModel]
) -> tuple[list[str | int], type[BaseModel] | None, FieldInfo | None]:
    """Follow a location of pydantic through the records.

    Returns:
        The keys as the file spells them (without the tags of unions), the record that holds the
        last key, and the last field on the way.
    """
    keys: list[str | int] = []
    owner: type[BaseModel] | None = model
    field: FieldInfo | None = None
    candidates: list[type[BaseModel]] = [model]
    is_mapping = False
    for position, step in enumerate(loc):
        tagged = [m for m in candidates if len(candidates) > 1 and step in _tags(m)]
        if tagged and position > 0 and not is_mapping:
            candidates = tagged
            continue
        keys.append(step)
        if is_mapping:  # this key is a name that the user chose
            is_mapping = False
            continue
        holders = [m for m in candidates if step in m.model_fields]
        if holders:
            owner, field = holders[0], holders[0].model_fields[str(step)]
            candidates = list(_models(field.annotation))
            is_mapping = typing.get_origin(field.annotation) is dict
        elif candidates:
            owner = candidates[0]
            if position + 1 == len(loc):
                field = None
    return keys, owner, field


def _tags(model: type[BaseModel]) -> list[object]:
    """Return the values of the fields that tell the members of a union apart."""
    fields = (model.model_fields.get(name) for name in ("kind", "shape", "family"))
    return [tag for field in fields if field for tag in typing.get_args(field.annotation)]


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """Yield the records named anywhere in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    if typing.get_origin(annotation) is not None or isinstance(annotation, UnionType):
        for part in typing.get_args(annotation):
            yield from _models(part)


def _show(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
