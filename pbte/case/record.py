"""Base of all records of a case: frozen, strict, and no unknown keys."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[Number, Field(gt=0.0)]
NonNegative = Annotated[Number, Field(ge=0.0)]
Count = Annotated[int, Field(strict=True, ge=1)]
Index = Annotated[int, Field(strict=True, ge=0)]
Switch = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(min_length=1)]


class Record(BaseModel):
    """Base of all records: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def toml_text(record: Record) -> str:
    """Return a record as TOML with every field written out and explained by its description."""
    return "\n".join(_table_lines(record, ())).lstrip("\n") + "\n"


def _table_lines(record: Record, path: tuple[str, ...]) -> list[str]:
    """Return the lines of one table: its own keys first, then the tables inside it."""
    lines = ["", f"[{'.'.join(map(_toml_key, path))}]"] if path else []
    tables: list[str] = []
    for name, field in type(record).model_fields.items():
        value = getattr(record, name)
        if isinstance(value, Record):
            tables += _table_lines(value, (*path, name))
        elif isinstance(value, dict):
            tables += _mapping_lines(value, (*path, name))
        elif isinstance(value, tuple) and any(isinstance(entry, Record) for entry in value):
            for entry in value:
                header, *rest = _table_lines(entry, (*path, name))[1:]
                tables += ["", f"[{header}]", *rest]
        elif value is not None:
            comment = f"  # {field.description}" if field.description else ""
            lines.append(f"{name} = {_toml_value(value)}{comment}")
    return lines + tables


def _mapping_lines(mapping: dict[str, object], path: tuple[str, ...]) -> list[str]:
    """Return the lines of records by name, one table each, or of plain values, one table of all."""
    lines: list[str] = []
    plain = {key: value for key, value in mapping.items() if not isinstance(value, Record)}
    if plain:
        lines = ["", f"[{'.'.join(map(_toml_key, path))}]"]
        lines += [f"{_toml_key(key)} = {_toml_value(value)}" for key, value in plain.items()]
    for key, value in mapping.items():
        if isinstance(value, Record):
            lines += _table_lines(value, (*path, key))
    return lines


def _toml_key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "_").isidentifier()
    return key if bare else _toml_value(key)


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, str):  # JSON quotes as TOML does, except for the character DEL
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
