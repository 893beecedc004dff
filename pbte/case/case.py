"""The case: everything a run needs to know, read from a TOML file into frozen records.

Every quantity is in SI units; each field says its own. Unknown keys are refused. Paths to a mesh or
a material are relative to the case file, the result folder is relative to the current directory.
The records grow by new kinds (of walls, sources, mesh builders): each is one more class in a union
told apart by its ``kind`` or ``shape``.
"""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from pbte.case.electrons import ElectronsChoice
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
from pbte.case.sources import AnySource
from pbte.case.transients import Harmonic, Transient
from pbte.case.walls import IsothermalWallChoice, PeriodicWallChoice, WallChoice
from pbte.core.errors import InputError
from pbte.core.text_file import read_text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _self_scattering(value: object) -> object:
    if value == "auto" or (_is_number(value) and 0.0 <= value < float("inf")):  # type: ignore[operator]
        return value
    raise ValueError("must be 'auto' or a number of at least 0")


class MeshChoice(Record):
    """The mesh file, and the builder that makes it if it is missing."""

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
        description="Self-scattering s; 'auto' takes the smallest with which the orders converge",
    )


class Steady(Record):
    """The steady state: the sum of all orders, computed by a Krylov solver."""

    enabled: Switch = Field(default=True, description="Whether the steady state is computed")
    tolerance: Annotated[Positive, Field(lt=1.0)] = Field(
        default=1e-8, description="Residual relative to the source at which the solver stops"
    )
    rank: Count = Field(default=100, description="Rank of the kernel inside the Krylov solve")
    max_iterations: Count = Field(
        default=100, description="Maximum number of corrections with the full matrix"
    )


class Fourier(Record):
    """The heat equation, alone (model = "fourier") or in addition to phonon transport."""

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
        description="Resistance of interfaces: between all modes at the interface ('local'), or "
        "between the arriving ones ('landauer')",
    )


class Parallel(Record):
    """How the ranks share the work."""

    space_parts: Count = Field(
        default=1,
        description="Parts the mesh is cut into; ranks / parts groups share the phonon modes",
    )
    balance: Literal["counted", "measured"] = Field(
        default="counted",
        description="Distribution of modes: by 'counted' work, or by the 'measured' speed of ranks "
        "too",
    )


class Output(Record):
    """Files to write."""

    folder: Text = Field(
        default="results", description="Result folder, relative to the current directory"
    )
    paraview: Switch = Field(default=True, description="Whether ParaView files are written")
    plots: Switch = Field(default=True, description="Whether plots are drawn (PNG)")
    frequency_bins: Count = Field(default=40, description="Number of bins of the energy spectra")
    checkpoint_interval: Positive = Field(
        default=600.0, description="Time between two checkpoints, next to the result folder [s]"
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
        default=None, description="Material of the whole domain (instead of materials)"
    )
    materials: dict[Text, AnyMaterial] = Field(
        default_factory=dict, description="Several materials by name"
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
    source: AnySource | None = Field(default=None, description="Heat source")
    sources: tuple[AnySource, ...] = Field(
        default=(), description="Further heat sources, each with its own modes and regions"
    )
    walls: dict[Text, WallChoice] = Field(
        default_factory=dict,
        description="Boundary condition of each wall, by its name in the mesh",
    )
    orders: Orders = Field(default_factory=Orders)
    steady: Steady = Field(default_factory=Steady)
    transient: Transient | None = Field(
        default=None, description="Evolution in time; none by default"
    )
    harmonic: Harmonic | None = Field(
        default=None, description="Harmonic (frequency-domain) response; none by default"
    )
    electrons: ElectronsChoice | None = Field(
        default=None, description="Electrons of a metal; none by default"
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
                f"{found} of [material] and [materials.NAME] given; give [material] for one "
                "crystal everywhere, or one table [materials.NAME] for each of several"
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

    @model_validator(mode="after")
    def _electrons_fit(self) -> Case:
        electrons = self.electrons
        if electrons is None:
            return self
        if self.model == "fourier" or self.harmonic is not None:
            other = 'model = "fourier"' if self.model == "fourier" else "[harmonic]"
            raise ValueError(f"[electrons] and {other}: these do not go together; remove one")
        if self.materials and electrons.material not in self.materials:
            listed = ", ".join(repr(name) for name in self.materials)
            raise ValueError(
                f"electrons.material = {electrons.material!r}: must be one of the materials "
                f"{listed}"
            )
        if self.material is not None and electrons.material is not None:
            raise ValueError(
                f"electrons.material = {electrons.material!r}: there is only one [material]; leave "
                "it out"
            )
        if electrons.absorbed is not None and electrons.absorbed.wall not in self.walls:
            listed = ", ".join(repr(name) for name in self.walls) or "none"
            raise ValueError(
                f"electrons.absorbed.wall = {electrons.absorbed.wall!r}: must be one of the walls "
                f"{listed}"
            )
        for name, wall in self.walls.items():
            if isinstance(wall, PeriodicWallChoice):
                raise ValueError(f"walls.{name}: electrons do not pass a periodic wall")
        if self.parallel.space_parts > 1:
            raise ValueError(
                "parallel.space_parts: electrons need the whole mesh on every rank; set it to 1"
            )
        if self.transient is not None:
            start = self.transient.initial
            if start.kind != "uniform" or start.temperature not in (None, self.temperature):
                raise ValueError(
                    f"transient.initial: with electrons a transient starts from T0 = "
                    f"{self.temperature:g} K everywhere"
                )
            if electrons.heat_capacity is None:
                raise ValueError("electrons.heat_capacity: missing; a transient needs it [J/m^3 K]")
        return self

    def _check_isothermal(self, name: str, where: str, what: str) -> None:
        held = [n for n, wall in self.walls.items() if isinstance(wall, IsothermalWallChoice)]
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
    if not path.exists():
        raise InputError(f"{path}: no such case file{_nearby_case(path)}")
    text = read_text(path, "case file (TOML)")
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


def _nearby_case(path: Path) -> str:
    """Return a hint at a case file with a similar name, or nothing."""
    try:
        names = [p.name for p in path.parent.glob("*.toml")]
    except OSError:
        return ""
    near = get_close_matches(path.name, names, n=1)
    return f"; did you mean {path.parent / near[0]}?" if near else ""
