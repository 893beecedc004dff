"""The case: everything a run needs to know, read from a TOML file into frozen records.

Every quantity is in SI units; each field says its own. Unknown keys are refused. Paths to a mesh or
a material are relative to the case file, the result folder is relative to the current directory.
The records grow by new kinds (of walls, sources, mesh builders): each is one more class in a union
told apart by its ``kind`` or ``shape``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from pbte.case.errors import explain
from pbte.case.interfaces import InterfaceChoice
from pbte.case.materials import AnyMaterial
from pbte.case.mesh import MeshBuilder
from pbte.case.record import (
    Count,
    Index,
    Positive,
    Record,
    Switch,
    Text,
    toml_text,
)
from pbte.case.sources import AnySource, GaussianSource
from pbte.case.transients import Harmonic, Transient
from pbte.case.walls import IsothermalWall, PeriodicWall, WallChoice
from pbte.core.errors import InputError
from pbte.core.types import Array

if TYPE_CHECKING:
    from mpi4py import MPI


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _self_scattering(value: object) -> object:
    if value == "auto" or (_is_number(value) and 0.0 <= value < float("inf")):  # type: ignore[operator]
        return value
    raise ValueError("must be 'auto' or a number of at least 0")


class MeshChoice(Record):
    """The mesh file, and how to make it when it is not there."""

    file: Text = Field(description="Path of the mesh file, relative to the case file")
    scale: Positive = Field(default=1.0, description="Metres per unit of the mesh file [m]")
    builder: Annotated[MeshBuilder, Field(discriminator="shape")] | None = Field(
        default=None, description="Named builder that makes the mesh file, with its parameters"
    )

    @model_validator(mode="after")
    def _built_in_metres(self) -> MeshChoice:
        if self.builder is not None and self.scale != 1.0:
            raise ValueError(f"scale = {self.scale:g}: a builder writes metres; leave out scale")
        return self


class Orders(Record):
    """The scattering orders to follow."""

    max_order: Index = Field(default=15, description="Highest scattering order computed")
    self_scattering: Annotated[Literal["auto"] | float, BeforeValidator(_self_scattering)] = Field(
        default="auto",
        description="Share s of fictitious self-scattering; 'auto' takes the least that converges",
    )


class Steady(Record):
    """The steady state: the sum of all orders, solved for without summing them."""

    enabled: Switch = Field(default=True, description="Whether the steady state is computed")
    tolerance: Annotated[Positive, Field(lt=1.0)] = Field(
        default=1e-8, description="Residual relative to the source at which it counts as converged"
    )
    rank: Count = Field(default=100, description="Rank of the kernel inside the Krylov solve")
    max_iterations: Count = Field(
        default=100, description="Most corrections with the full matrix before giving up"
    )


class Fourier(Record):
    """The heat equation, by itself (model = "fourier") or beside phonon transport."""

    compare: Switch = Field(
        default=True,
        description="Whether a run of phonon transport solves the heat equation as well",
    )
    jump: Literal["none", "marshak"] = Field(
        default="none",
        description="At isothermal walls the temperature is that of the wall ('none'), or jumps by "
        "flux / 2G, with G what phonons of one kelvin send through a plane ('marshak')",
    )
    interfaces: Literal["local", "landauer"] = Field(
        default="local",
        description="Resistance of interfaces: between all phonons beside them ('local'), or "
        "between those that arrive ('landauer')",
    )


class Parallel(Record):
    """How the ranks share the work."""

    space_parts: Count = Field(
        default=1,
        description="Parts the mesh is cut into; ranks / parts groups share the phonon modes",
    )
    balance: Literal["counted", "measured"] = Field(
        default="counted",
        description="Modes are dealt by counted visits, or also by the measured speed of each rank",
    )


class Output(Record):
    """What is written, and where."""

    folder: Text = Field(
        default="results", description="Result folder, relative to the current directory"
    )
    paraview: Switch = Field(default=True, description="Whether ParaView files are written")
    plots: Switch = Field(default=True, description="Whether plots are drawn (PNG)")
    frequency_bins: Count = Field(default=40, description="Number of bins of the energy spectra")
    checkpoint_interval: Positive = Field(
        default=600.0, description="Time between two checkpoints beside the result folder [s]"
    )


class Case(Record):
    """A complete case.

    Python code may build it directly, ``Case(temperature=300.0, ...)``; relative paths then start
    from the current directory.
    """

    title: str = Field(default="", description="Name shown in summaries and plots")
    model: Literal["transport", "fourier"] = Field(
        default="transport",
        description="What is solved: phonon 'transport', or 'fourier', the heat equation alone",
    )
    temperature: Positive = Field(
        description="Reference temperature T0 [K], that of the material file"
    )
    material: AnyMaterial | None = Field(
        default=None, description="The crystal of the whole body (instead of materials)"
    )
    materials: dict[Text, AnyMaterial] = Field(
        default_factory=dict, description="Several crystals, each by a name of its own"
    )
    regions: dict[Text, Text] = Field(
        default_factory=dict,
        description="Material of each region of the mesh; the one of the same name by default",
    )
    interfaces: dict[Text, InterfaceChoice] = Field(
        default_factory=dict,
        description="Interface models, by the name in the mesh or by 'material|material'",
    )
    mesh: MeshChoice
    source: AnySource | None = Field(default=None, description="What heats the body")
    sources: tuple[AnySource, ...] = Field(
        default=(), description="More heat sources, each with modes and regions of its own"
    )
    walls: dict[Text, WallChoice] = Field(
        default_factory=dict,
        description="Boundary condition of each wall, by its name in the mesh",
    )
    orders: Orders = Field(default_factory=Orders)
    steady: Steady = Field(default_factory=Steady)
    transient: Transient | None = Field(
        default=None, description="How the body goes on in time; nothing by default"
    )
    harmonic: Harmonic | None = Field(
        default=None, description="How it answers to oscillations; nothing by default"
    )
    fourier: Fourier = Field(default_factory=Fourier)
    parallel: Parallel = Field(default_factory=Parallel)
    output: Output = Field(default_factory=Output)
    _folder: Path = PrivateAttr(default_factory=Path)

    @model_validator(mode="after")
    def _crystals(self) -> Case:
        if (self.material is None) == (not self.materials):
            found = "both" if self.materials else "neither"
            raise ValueError(
                f"{found} of [material] and [materials.NAME] given; give [material] for a body of "
                "one crystal, or one table [materials.NAME] for each of several"
            )
        if self.material is not None and self.regions:
            raise ValueError(
                "[regions] given with one [material], which all regions are made of; give tables "
                "[materials.NAME] instead, or remove [regions]"
            )
        for name in self.materials:
            if "|" in name:
                raise ValueError(
                    f"materials.{name}: the name of a material must not hold '|', which stands "
                    "between two of them"
                )
        return self

    @model_validator(mode="after")
    def _transient_fits(self) -> Case:
        if self.transient is None:
            return self
        if self.transient.initial.kind == "steady" and not self.steady.enabled:
            raise ValueError(
                'transient.initial.kind = "steady" begins with the steady state; set '
                "steady.enabled = true"
            )
        for name in self.transient.walls:
            self._check_isothermal(name, f"transient.walls.{name}", "be switched")
        return self

    @model_validator(mode="after")
    def _harmonic_fits(self) -> Case:
        if self.harmonic is not None:
            for name in self.harmonic.walls or ():
                self._check_isothermal(name, f"harmonic.walls: {name!r}", "oscillate")
            self.harmonic.check_driven(self.temperature, self.all_sources, self.walls)
        return self

    def _check_isothermal(self, name: str, where: str, what: str) -> None:
        held = [n for n, wall in self.walls.items() if isinstance(wall, IsothermalWall)]
        if name not in held:
            listed = ", ".join(repr(wall) for wall in held) or "none"
            raise ValueError(
                f"{where}: only an isothermal wall can {what}; those of the case are {listed}"
            )

    def model_post_init(self, context: Any, /) -> None:
        """Remember the folder that relative paths start from."""
        if isinstance(context, dict) and "folder" in context:
            self._folder = Path(context["folder"])

    @property
    def all_sources(self) -> dict[str, AnySource]:
        """Every heat source by its place in the case file."""
        alone = {} if self.source is None else {"source": self.source}
        return alone | {f"sources.{i}": source for i, source in enumerate(self.sources)}

    @property
    def solves(self) -> bool:
        """Whether anything is solved for, and not only followed order by order."""
        wanted = self.transient is not None or self.harmonic is not None
        return self.steady.enabled or wanted

    @property
    def folder(self) -> Path:
        """Folder of the case file, from which relative paths start."""
        return self._folder

    @property
    def mesh_path(self) -> Path:
        """Path of the mesh file."""
        return self._folder / self.mesh.file


def read_case(path: str | Path) -> Case:
    """Return the case in a TOML file.

    Args:
        path: The case file. Relative paths inside it start from its folder.

    Returns:
        The case with all defaults; the result folder defaults to ``results/<name of the file>``.

    Raises:
        InputError: The file is missing or not TOML, or a key or value in it is wrong; each wrong
            key has its own line, with path, value and expectation.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such case file{_nearby_case(path)}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8; a case is a TOML file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    try:
        return parse_case(text, folder=path.parent, name=path.stem)
    except InputError as error:
        lines = str(error).splitlines()
        raise InputError("\n".join(f"{path}: {line}" for line in lines)) from None


def parse_case(text: str, *, folder: str | Path = ".", name: str | None = None) -> Case:
    """Return the case in a TOML text.

    Args:
        text: TOML.
        folder: Where relative paths start.
        name: Name of the case; the result folder defaults to ``results/<name>``.

    Raises:
        InputError: The text is not TOML, or a key or value in it is wrong.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not valid TOML: {str(error)[:1].lower()}{str(error)[1:]}") from None
    if name and isinstance(data.setdefault("output", {}), dict):
        data["output"].setdefault("folder", f"results/{name}")
    try:
        return Case.model_validate(data, context={"folder": folder})
    except ValidationError as error:
        raise InputError(explain(error, Case)) from None


def resolved_toml(case: Case) -> str:
    """Return the complete case as TOML, every default written out and every key explained.

    Reading it back from the same folder gives an equal case.
    """
    return toml_text(case)


def check_walls(case: Case, walls: Iterable[str]) -> None:
    """Check that each wall of the mesh has a boundary condition, and that no other is named.

    Args:
        case: The case.
        walls: Names of the walls of the mesh.

    Raises:
        InputError: A wall without a boundary condition, or one for a wall that the mesh lacks.
    """
    known = sorted(walls)
    listed = ", ".join(repr(wall) for wall in known) or "none"
    for name in case.walls:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"its walls are {listed}"
            raise InputError(f"walls.{name}: the mesh {case.mesh.file} has no such wall; {hint}")
    partners = _check_partners(case, known)
    missing = [wall for wall in known if wall not in case.walls and wall not in partners]
    if missing:
        names = ", ".join(repr(wall) for wall in missing)
        raise InputError(
            f"walls: no boundary condition for wall {names} of the mesh {case.mesh.file}; add a "
            f'table such as [walls.{missing[0]}] with kind = "isothermal" and temperature = '
            f"{case.temperature}"
        )


def _check_partners(case: Case, known: Sequence[str]) -> set[str]:
    """Return the partners of periodic walls, which need no boundary condition of their own."""
    partners: dict[str, str] = {}
    for name, wall in case.walls.items():
        if not isinstance(wall, PeriodicWall):
            continue
        partner, where = wall.partner, f"walls.{name}.partner = {wall.partner!r}"
        if partner == name or partner not in known:
            others = ", ".join(repr(other) for other in known if other != name)
            raise InputError(f"{where}: must be another wall of the mesh: {others or 'none'}")
        if partner in case.walls:
            raise InputError(
                f"{where}: the partner has a boundary condition of its own; remove the table "
                f"[walls.{partner}], the pair is described once"
            )
        if partner in partners:
            raise InputError(f"{where}: it is already the partner of wall {partners[partner]!r}")
        partners[partner] = name
    return set(partners)


def check_source(case: Case, corners: Array, comm: MPI.Intracomm) -> None:
    """Check that the centres of the heat sources lie in the body.

    Args:
        case: The case.
        corners: Corners of the local cells, shape (num_cells, dim + 1, dim) [m].
        comm: The ranks that share the cells.

    Raises:
        InputError: One lies in none of the cells; on all ranks.

    Note:
        Collective over ``comm``.
    """
    for name, source in case.all_sources.items():
        if isinstance(source, GaussianSource):
            _check_centre(f"{name}.centre", source.centre, corners, comm)


def _check_centre(
    name: str, point: tuple[float, float, float], corners: Array, comm: MPI.Intracomm
) -> None:
    centre = np.array(point[: corners.shape[2]])
    edges = np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2)
    weights = np.linalg.solve(edges, (centre - corners[:, 0])[:, :, None])[:, :, 0]
    inside = (weights.min(axis=1) >= -1e-9) & (weights.sum(axis=1) <= 1.0 + 1e-9)
    found = comm.allgather((bool(inside.any()), corners.min(axis=(0, 1)), corners.max(axis=(0, 1))))
    if not any(here for here, _, _ in found):
        low, high = np.min([f[1] for f in found], axis=0), np.max([f[2] for f in found], axis=0)
        spans = ", ".join(f"{a:.4g} to {b:.4g}" for a, b in zip(low, high, strict=True))
        raise InputError(
            f"{name} = {list(point)}: lies outside of the body, which spans {spans} [m]; move it "
            "inside (lengths are in metres)"
        )


def check_temperature(case: Case, material_temperature: float, name: str) -> None:
    """Check that the case and the material file speak of the same temperature.

    Args:
        case: The case.
        name: Name of the material.
        material_temperature: Temperature that the scattering matrix was computed at [K].

    Raises:
        InputError: They differ by more than 1e-6 relative.
    """
    if abs(case.temperature - material_temperature) > 1e-6 * material_temperature:
        raise InputError(
            f"temperature = {case.temperature:g}: the material {name} was computed "
            f"at {material_temperature:g} K; set temperature = {material_temperature:g} or take "
            "another material file"
        )


def _nearby_case(path: Path) -> str:
    """Return a hint at a case file with a similar name, or nothing."""
    try:
        names = [p.name for p in path.parent.glob("*.toml")]
    except OSError:
        return ""
    near = get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""
