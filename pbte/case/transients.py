"""Time and frequency as a case gives them: initial states, what is switched when, output times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from pbte.case.record import Count, NonNegative, Number, Positive, Record, Switch, Text
from pbte.case.sources import ModeSelection
from pbte.case.walls import IsothermalWallChoice, PeriodicWallChoice, WallChoice
from pbte.core.types import Array

_PROFILE = "Dependence on time"
# Around a pulse no step is longer than its standard deviation, as far as this many of them.
_PULSE_STOPS = np.arange(-5.0, 6.0)
# Relative difference of two times that are the same.
ROUND_OFF = 1e-12


class Constant(Record):
    """Always on, or always off."""

    kind: Literal["on", "off"] = Field(description=_PROFILE)

    def factor(self, time: float) -> float:
        """Return the share of the full strength at a time [s]."""
        return 1.0 if self.kind == "on" else 0.0

    def stops(self) -> Array:
        """Return the times that steps must meet, shape (n,) [s]."""
        return np.zeros(0)


class Window(Record):
    """On for a while."""

    kind: Literal["window"] = Field(description=_PROFILE)
    start: NonNegative = Field(default=0.0, description="When it is switched on [s]")
    end: Positive = Field(description="When it is switched off [s]")

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        if self.end <= self.start:
            raise ValueError(f"end = {self.end:g} s must come after start = {self.start:g} s")
        return self

    def factor(self, time: float) -> float:
        """Return 1 inside and 0 outside; a step that ends with the window lies inside."""
        return 1.0 if self.start < time <= self.end * (1.0 + 1e-12) else 0.0

    def stops(self) -> Array:
        """Return start and end [s]."""
        return np.array([self.start, self.end])


class Pulse(Record):
    """On by exp(-(t - centre)^2 / 2 sigma^2)."""

    kind: Literal["pulse"] = Field(description=_PROFILE)
    centre: Number = Field(description="When it is at its full strength [s]")
    sigma: Positive = Field(description="Standard deviation [s]")

    def factor(self, time: float) -> float:
        """Return the share of the full strength at a time [s]."""
        return float(np.exp(-0.5 * ((time - self.centre) / self.sigma) ** 2))

    def stops(self) -> Array:
        """Return times around the pulse that no step may leap over [s]."""
        return np.asarray(self.centre + self.sigma * _PULSE_STOPS, dtype=np.float64)


Profile = Annotated[Constant | Window | Pulse, Field(discriminator="kind")]


class UniformInitialState(Record):
    """One temperature everywhere, in all modes."""

    kind: Literal["uniform"] = Field(default="uniform", description="Form of the initial state")
    temperature: Positive | None = Field(
        default=None, description="Temperature [K]; that of the case by default"
    )


class SourceInitialState(Record):
    """What the heat sources of the case give in some seconds, all of it at once at t = 0."""

    kind: Literal["source"] = Field(description="Form of the initial state")
    duration: Positive = Field(
        description="Duration of the sources whose heat is released at t = 0 [s]"
    )


class GaussianInitialState(Record):
    """A temperature T0 + peak exp(-r^2 / 2 sigma^2), in some modes or all."""

    kind: Literal["gaussian"] = Field(description="Form of the initial state")
    centre: tuple[Number, Number, Number] = Field(
        default=(0.0, 0.0, 0.0), description="Centre of the profile, x y z [m]"
    )
    sigma: Positive = Field(description="Standard deviation of the profile [m]")
    peak: Number = Field(description="Deviation from T0 at the centre [K]")
    modes: ModeSelection = Field(
        default_factory=ModeSelection, description="Modes that hold its energy"
    )


class GratingInitialState(Record):
    """A temperature T0 + amplitude cos(2 pi x / period) in all modes."""

    kind: Literal["grating"] = Field(description="Form of the initial state")
    amplitude: Number = Field(description="Amplitude of the wave [K]")
    period: Positive = Field(description="Length of the wave [m]")
    axis: Literal["x", "y", "z"] = Field(default="x", description="Along which it runs")


class SteadyInitialState(Record):
    """The steady state of the case."""

    kind: Literal["steady"] = Field(description="Form of the initial state")


InitialState = Annotated[
    UniformInitialState
    | SourceInitialState
    | GaussianInitialState
    | GratingInitialState
    | SteadyInitialState,
    Field(discriminator="kind"),
]


class Transient(Record):
    """Evolution in time from an initial state."""

    end: Positive = Field(description="Time to stop at [s]")
    step: Positive | None = Field(
        default=None, description="Longest time step [s]; steps are of one length without tolerance"
    )
    tolerance: Annotated[Positive, Field(lt=1.0)] | None = Field(
        default=None,
        description="Error allowed per step, relative to the largest state; steps then adapt",
    )
    times: tuple[Positive, ...] | None = Field(
        default=None, min_length=1, description="Times to write [s], in addition to 0 and the end"
    )
    num_times: Count = Field(
        default=20, description="Number of times to write, unless times are given"
    )
    spacing: Literal["linear", "logarithmic"] = Field(
        default="linear", description="Spacing of these; logarithmic times span three decades"
    )
    initial: InitialState = Field(default_factory=UniformInitialState, description="State at t = 0")
    source: Profile | None = Field(
        default=None,
        description="When the heat sources are on: always by default, never if the initial state "
        "is their heat",
    )
    walls: dict[Text, Profile] = Field(
        default_factory=dict,
        description="When each isothermal wall has its temperature, by name; T0 otherwise",
    )
    solver_tolerance: Annotated[Positive, Field(lt=1.0)] = Field(
        default=1e-9, description="Residual of each stage relative to its emission"
    )

    @model_validator(mode="after")
    def _sound(self) -> Transient:
        if self.step is None and self.tolerance is None:
            raise ValueError("neither step [s] nor tolerance given; give one of them, or both")
        late = [time for time in self.times or () if time > self.end]
        if late:
            raise ValueError(f"times: {late[0]:g} s comes after end = {self.end:g} s")
        return self

    @property
    def source_profile(self) -> Constant | Window | Pulse:
        """When the heat sources are on."""
        if self.source is not None:
            return self.source
        return Constant(kind="off" if self.initial.kind in ("source", "steady") else "on")

    def output_times(self) -> Array:
        """Return the times after 0 to write, ascending, the end included, shape (n,) [s]."""
        if self.times is not None:
            return np.asarray(np.unique([*self.times, self.end]), dtype=np.float64)
        if self.spacing == "linear":
            return np.asarray(np.linspace(0.0, self.end, self.num_times + 1)[1:], dtype=np.float64)
        if self.num_times == 1:
            return np.array([self.end])
        decades = np.linspace(-3.0, 0.0, self.num_times)
        times: Array = self.end * 10.0**decades
        times[-1] = self.end  # to the last bit
        return times

    def stops(self, *more: Profile) -> Array:
        """Return all times that steps must meet, ascending, shape (n,) [s].

        Args:
            more: Profiles in addition to those of heat sources and walls.
        """
        profiles = [self.source_profile, *self.walls.values(), *more]
        switched = np.concatenate([profile.stops() for profile in profiles])
        inside = switched[(switched > 0.0) & (switched < self.end)]
        outputs = self.output_times()
        # Where both are the same time but for round-off, a step between them would be none.
        apart = np.abs(inside[:, None] - outputs).min(axis=1) > ROUND_OFF * inside
        return np.asarray(np.unique(np.concatenate([outputs, inside[apart]])))


class Harmonic(Record):
    """Harmonic response; the heat sources and wall temperatures of the case are amplitudes."""

    frequencies: tuple[NonNegative, ...] | None = Field(
        default=None, min_length=1, description="Frequencies [Hz]"
    )
    lowest: Positive | None = Field(default=None, description="First of a logarithmic range [Hz]")
    highest: Positive | None = Field(default=None, description="Last of a logarithmic range [Hz]")
    number: Count = Field(default=16, description="Number of frequencies in the range")
    source: Switch = Field(default=True, description="Whether the heat sources oscillate")
    walls: tuple[Text, ...] | None = Field(
        default=None,
        description="Isothermal walls whose deviation from T0 oscillates; all by default",
    )
    tolerance: Annotated[Positive, Field(lt=1.0)] = Field(
        default=1e-8, description="Residual relative to the emission of the first order"
    )

    @model_validator(mode="after")
    def _one_list(self) -> Harmonic:
        ends = self.lowest, self.highest
        if (self.frequencies is None) == (ends == (None, None)) or (
            self.frequencies is None and None in ends
        ):
            raise ValueError("give either frequencies [Hz], or both lowest and highest [Hz]")
        if self.lowest is not None and self.highest is not None and self.lowest > self.highest:
            raise ValueError(f"lowest = {self.lowest:g} Hz lies above highest = {self.highest:g}")
        return self

    def all_frequencies(self) -> Array:
        """Return the frequencies, ascending, shape (n,) [Hz]."""
        if self.frequencies is not None:
            return np.asarray(np.unique(self.frequencies), dtype=np.float64)
        assert self.lowest is not None and self.highest is not None
        return np.asarray(np.geomspace(self.lowest, self.highest, self.number), dtype=np.float64)

    def check_driven(
        self, temperature: float, sources: Collection[str], walls: Mapping[str, WallChoice]
    ) -> None:
        """Check that something oscillates.

        Args:
            temperature: T0 [K].
            sources: The heat sources of the case.
            walls: The walls of the case.

        Raises:
            ValueError: Nothing does.
        """
        for name, wall in walls.items():
            if isinstance(wall, PeriodicWallChoice) and wall.temperature_drop != 0.0:
                return
            chosen = self.walls is None or name in self.walls
            if (
                isinstance(wall, IsothermalWallChoice)
                and chosen
                and wall.temperature != temperature
            ):
                return
        if not (self.source and sources):
            raise ValueError(
                "harmonic: nothing oscillates; add a heat source, or give an isothermal wall "
                f"another temperature than T0 = {temperature:g} K"
            )
