"""Unit, axes and meaning of the quantities in a record, next to their fields.

    @record
    class Balance:
        deposited: float = quantity("W", "power that entered", per_extent=True)

        @property
        @derived("1")
        def imbalance(self) -> float:
            \"\"\"Power not accounted for, relative to what passes.\"\"\"

Files, summaries, figures and the page of the file format take them from here. On a mesh in 2D or 1D
the body is infinite in the other directions: powers, energies, areas and volumes are per length or
area of these.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, dataclass_transform, get_type_hints

_KEY = "quantity"
_T = TypeVar("_T")
_Function = TypeVar("_Function", bound=Callable[[Any], Any])


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One quantity of a record.

    Attributes:
        unit: In 3D: "1" for pure numbers, "" for texts. Of a record inside a record, what all its
            units are multiplied by.
        doc: Its meaning.
        axes: Name of each axis; for several records or names the first one counts these.
        per_extent: Whether it is per length in 2D, and per area in 1D.
        name: Of the field or property.
        type: Its type, resolved.
        is_derived: Whether it follows from the others.
    """

    unit: str
    doc: str
    axes: tuple[str, ...] = ()
    per_extent: bool = False
    name: str = ""
    type: Any = None
    is_derived: bool = False

    def unit_in(self, dim: int, factor: str = "") -> str:
        """Return the unit on a mesh of this dimension.

        Args:
            dim: Dimension of the mesh.
            factor: Unit of what the quantity is multiplied by, as in an integral over time.
        """
        unit = _per_extent(self.unit, 3 - dim) if self.per_extent else self.unit
        if not factor or unit in ("", "1"):
            return unit
        return unit.replace("W", "J") if factor == "s" and "W" in unit else f"{unit} {factor}"


def quantity(
    unit: str,
    doc: str,
    *,
    axes: tuple[str, ...] = (),
    per_extent: bool = False,
    default: Any = dataclasses.MISSING,
    default_factory: Any = dataclasses.MISSING,
) -> Any:
    """Return a field of a record, described as in `Quantity`."""
    described = Quantity(unit=unit, doc=doc, axes=axes, per_extent=per_extent)
    settings: dict[str, Any] = {"metadata": {_KEY: described}}
    if default is not dataclasses.MISSING:
        settings["default"] = default
    if default_factory is not dataclasses.MISSING:
        settings["default_factory"] = default_factory
    return dataclasses.field(**settings)


def derived(
    unit: str, *, axes: tuple[str, ...] = (), per_extent: bool = False
) -> Callable[[_Function], _Function]:
    """Return a decorator that marks a property as a quantity; its docstring is the meaning."""

    def mark(function: _Function) -> _Function:
        doc = (inspect.getdoc(function) or "").split("\n\n")[0].replace("\n", " ").rstrip(".")
        described = Quantity(unit=unit, doc=doc, axes=axes, per_extent=per_extent)
        setattr(function, _KEY, described)
        return function

    return mark


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(quantity,))
def record(kind: type[_T]) -> type[_T]:
    """Make a frozen, keyword-only dataclass, all of whose fields are quantities."""
    return dataclass(frozen=True, kw_only=True)(kind)


def quantities(kind: type) -> tuple[Quantity, ...]:
    """Return the quantities of a record: its fields, then what is derived from them."""
    key: Any = kind
    return _quantities(key)


def unit_of(kind: type, name: str, dim: int = 3) -> str:
    """Return the unit of a quantity of a record on a mesh of some dimension."""
    return next(item for item in quantities(kind) if item.name == name).unit_in(dim)


@cache
def _quantities(kind: type) -> tuple[Quantity, ...]:
    types = get_type_hints(kind)
    stored = [
        dataclasses.replace(f.metadata[_KEY], name=f.name, type=types[f.name])
        for f in dataclasses.fields(kind)
    ]
    functions = {
        name: member.fget for name, member in vars(kind).items() if isinstance(member, property)
    }
    follow = [
        dataclasses.replace(
            getattr(function, _KEY),
            name=name,
            type=get_type_hints(function)["return"],
            is_derived=True,
        )
        for name, function in functions.items()
        if hasattr(function, _KEY)
    ]
    return (*stored, *follow)


def _per_extent(unit: str, infinite: int) -> str:
    """Return a unit per length of each direction in which the body is infinite."""
    if unit.startswith("m^"):
        power = int(unit.removeprefix("m^")) - infinite
        return {0: "1", 1: "m"}.get(power, f"m^{power}")
    return unit + {0: "", 1: "/m"}.get(infinite, f"/m^{infinite}")
