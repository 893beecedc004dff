"""Band tables: isotropic bands of a crystal, one line each, from a text file.

Lines of ``# key = value`` come first (name, temperature [K], source), then a line that names the
columns with their units, then one line for each band:

    # name = Si-bands
    # temperature = 300
    speed [m/s], relaxation_time [ps], heat_capacity [J/m^3 K]
    5295.245, 178.1133, 8.468497e3

Speed, relaxation time and heat capacity per volume of each band are required. Optional: frequency
(ordinary frequency in THz or Hz), wave_number, normal_time (the part of scattering that keeps the
momentum, for Callaway's model: 1/relaxation_time is the sum of normal and resistive rates), branch
(a name).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pbte.core.errors import InputError
from pbte.core.text_file import read_text, split_columns
from pbte.core.types import Array
from pbte.materials.models import isotropic_crystal
from pbte.materials.quadrature import Quadrature
from pbte.materials.storage import Material

_TIMES = {"s": 1.0, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15}
_UNITS: dict[str, dict[str, float]] = {
    "speed": {"m/s": 1.0, "km/s": 1e3},
    "relaxation_time": _TIMES,
    "heat_capacity": {"J/m^3 K": 1.0, "kJ/m^3 K": 1e3, "MJ/m^3 K": 1e6, "J/cm^3 K": 1e6},
    "frequency": {"rad/s": 1.0, "Hz": 2.0 * np.pi, "THz": 2e12 * np.pi},
    "wave_number": {"1/m": 1.0, "1/nm": 1e9, "1/A": 1e10},
    "normal_time": _TIMES,
}
_REQUIRED = ("speed", "relaxation_time", "heat_capacity")
_KEYS = ("name", "temperature", "source")


@dataclass(frozen=True, kw_only=True)
class BandTable:
    """Isotropic bands of one crystal at one temperature.

    Attributes:
        name: Name of the material.
        source: Where the numbers come from.
        temperature: Temperature of the numbers, None where the table has none [K].
        speeds: Group speeds, shape (num_bands,) [m/s].
        relaxation_times: tau of all scattering, shape (num_bands,) [s].
        heat_capacities: Of the whole band per volume, shape (num_bands,) [J/m^3 K].
        frequencies: Angular frequencies, shape (num_bands,) [rad/s]; None when not given.
        wave_numbers: |q|, shape (num_bands,) [1/m]; None when not given.
        normal_times: tau of the normal processes among it, shape (num_bands,) [s]; None when not
            given. Infinite: no normal processes.
        branches: Name of the branch of each band; None when not given.
        path: The file.
    """

    name: str
    source: str
    temperature: float | None
    speeds: Array
    relaxation_times: Array
    heat_capacities: Array
    frequencies: Array | None = None
    wave_numbers: Array | None = None
    normal_times: Array | None = None
    branches: tuple[str, ...] | None = None
    path: Path | None = field(default=None, compare=False)

    @property
    def conductivity(self) -> float:
        """Bulk conductivity sum C v^2 tau / 3 with relaxation times [W/m K]."""
        return float(self.heat_capacities @ (self.speeds**2 * self.relaxation_times)) / 3.0


def shipped_band_tables() -> dict[str, Path]:
    """Return the band tables that come with the program: name -> file."""
    folder = Path(__file__).parent / "data"
    return {path.stem: path for path in sorted(folder.glob("*.csv"))}


def read_band_table(name_or_path: str | Path) -> BandTable:
    """Return a band table from a file or from those that come with the program.

    Args:
        name_or_path: Name of a shipped table ("Si-bands", in any case), or path of a file; a text
            with a "/" or ending in .csv or .txt is a path.

    Returns:
        The table in SI units.

    Raises:
        InputError: No such table, or a line of it is wrong; the message gives file and line.
    """
    path = _resolve(name_or_path)
    texts, rows = _split(path, read_text(path, "band table").splitlines())
    if not rows:
        raise InputError(f"{path}: empty; expected a line that names the columns with their units")
    columns = _columns(f"{path}:{rows[0][0]}", rows[0][1])
    if len(rows) == 1:
        raise InputError(f"{path}: no bands after line {rows[0][0]} with the names of the columns")
    values, branches = _values(path, columns, rows[1:])
    return BandTable(
        name=texts.get("name", path.stem),
        source=texts.get("source", ""),
        temperature=_temperature(path, texts),
        speeds=values["speed"],
        relaxation_times=values["relaxation_time"],
        heat_capacities=values["heat_capacity"],
        frequencies=values.get("frequency"),
        wave_numbers=values.get("wave_number"),
        normal_times=values.get("normal_time"),
        branches=branches,
        path=path,
    )


def band_crystal(
    table: BandTable, *, temperature: float | None = None, quadrature: Quadrature | None = None
) -> Material:
    """Return the crystal of a band table with relaxation times.

    Args:
        table: The bands.
        temperature: Reference temperature T0 where the table has none [K].
        quadrature: Directions of the group velocities; 8 cosines to z and 8 azimuths by default.

    Returns:
        Material of num_bands * num_directions modes; a mode's `bands` is the line of the table.

    Raises:
        InputError: Neither gives a temperature.
    """
    known = temperature if table.temperature is None else table.temperature
    if known is None:
        raise InputError(f"{table.name}: the band table has no temperature; give one")
    return isotropic_crystal(
        name=table.name,
        temperature=known,
        speeds=table.speeds,
        relaxation_times=table.relaxation_times,
        heat_capacities=table.heat_capacities,
        frequencies=table.frequencies,
        wave_numbers=table.wave_numbers,
        quadrature=quadrature,
        source=table.source or "band table",
    )


def _resolve(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    looks_like_path = "/" in text or text.lower().endswith((".csv", ".txt"))
    if isinstance(name_or_path, Path) or looks_like_path:
        return Path(name_or_path).expanduser()
    shipped = shipped_band_tables()
    by_lower = {name.lower(): path for name, path in shipped.items()}
    if text.lower() in by_lower:
        return by_lower[text.lower()]
    near = difflib.get_close_matches(text.lower(), list(by_lower), n=1, cutoff=0.4)
    hint = f"; did you mean '{by_lower[near[0]].stem}'?" if near else ""
    raise InputError(
        f"unknown band table '{text}'{hint} Shipped: {', '.join(shipped)}; or give the path of a "
        "table (.csv)"
    )


def _split(path: Path, lines: list[str]) -> tuple[dict[str, str], list[tuple[int, list[str]]]]:
    """Return the `# key = value` texts and the other lines, numbered and cut at commas."""
    texts: dict[str, str] = {}
    rows: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            key, equals, value = stripped.lstrip("# ").partition("=")
            if equals and key.strip() in _KEYS:
                texts[key.strip()] = value.strip()
        elif stripped:
            rows.append((number, split_columns(f"{path}:{number}", stripped)))
    return texts, rows


def _columns(where: str, heads: list[str]) -> list[tuple[str, float]]:
    """Return name and factor to SI of each column."""
    columns = []
    for head in heads:
        name, _, rest = head.partition("[")
        name, unit = name.strip(), rest.rstrip("] ").strip()
        if name == "branch":
            columns.append((name, 1.0))
            continue
        if name not in _UNITS:
            near = difflib.get_close_matches(name, [*_UNITS, "branch"], n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(_UNITS)}, branch"
            raise InputError(f"{where}: unknown column '{name}'; {hint}")
        if unit not in _UNITS[name]:
            known = ", ".join(_UNITS[name])
            raise InputError(
                f"{where}: column '{name}' has unit '{unit}'; expected one of {known}, as in "
                f"'{name} [{next(iter(_UNITS[name]))}]'"
            )
        columns.append((name, _UNITS[name][unit]))
    names = [name for name, _ in columns]
    for name in _REQUIRED:
        if name not in names:
            raise InputError(f"{where}: column '{name}' is missing; every band needs one")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{where}: column '{twice}' is listed twice; keep one")
    return columns


def _values(
    path: Path, columns: list[tuple[str, float]], rows: list[tuple[int, list[str]]]
) -> tuple[Mapping[str, Array], tuple[str, ...] | None]:
    """Return each column in SI units, and the names of the branches."""
    found: dict[str, list[float]] = {name: [] for name, _ in columns}
    branches: list[str] = []
    for number, row in rows:
        where = f"{path}:{number}"
        if len(row) != len(columns):
            raise InputError(f"{where}: {len(row)} entries for {len(columns)} columns")
        for (name, factor), text in zip(columns, row, strict=True):
            if name == "branch":
                branches.append(text)
            else:
                found[name].append(_number(where, name, text) * factor)
        if "normal_time" in found and found["normal_time"][-1] < found["relaxation_time"][-1]:
            raise InputError(
                f"{where}: normal_time = {found['normal_time'][-1]:g} s is shorter than "
                f"relaxation_time = {found['relaxation_time'][-1]:g} s, which counts all scattering"
            )
    arrays = {name: np.array(values) for name, values in found.items() if name != "branch"}
    return arrays, tuple(branches) if "branch" in found else None


def _number(where: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{where}: {name} = '{text}' is not a number") from None
    no_processes = name == "normal_time" and value == np.inf
    if not (value > 0.0 and (np.isfinite(value) or no_processes)):
        raise InputError(f"{where}: {name} = {text}; it must be positive")
    return value


def _temperature(path: Path, texts: Mapping[str, str]) -> float | None:
    if "temperature" not in texts:
        return None
    text = texts["temperature"].removesuffix("K")
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if not (np.isfinite(value) and value > 0.0):
        raise InputError(f"{path}: temperature = '{texts['temperature']}'; expected a number of K")
    return value
