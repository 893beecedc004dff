"""Crystals and directions that the tests of flux matrices share."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from pbte.materials.models import isotropic_crystal
from pbte.materials.modes import ModeTable, canonical_partners
from pbte.materials.storage import read_material


@functools.cache
def _shipped(name: str) -> ModeTable:
    return read_material(name, scattering="rta").modes


@functools.cache
def _three_bands() -> ModeTable:
    """A model crystal with two degenerate bands."""
    return isotropic_crystal(
        name="three bands",
        temperature=300.0,
        speeds=[8000.0, 5000.0, 5000.0],
        relaxation_times=[1e-11] * 3,
        heat_capacities=[4e5, 5e5, 6e5],
        frequencies=[5e13, 3e13, 3e13],
        polar=6,
        azimuthal=12,
    ).modes


def _crystal(name: str) -> ModeTable:
    return _three_bands() if name == "model" else _shipped(name)


def _string(name: str, speed: float, heat_capacity: float, frequency: float = 3e13) -> ModeTable:
    """A string along x: one wave to the right and one to the left."""
    return ModeTable(
        name=name,
        temperature=300.0,
        frequencies=np.full(2, frequency),
        velocities=np.array([[speed, 0.0, 0.0], [-speed, 0.0, 0.0]]),
        loss_rates=np.full(2, 1e11),
        heat_capacities=np.full(2, 0.5 * heat_capacity),
        partners=canonical_partners(1, 2),
        grid_points=np.arange(2, dtype=np.int64),
        bands=np.zeros(2, dtype=np.int64),
        wave_vectors=np.zeros((2, 3)),
    )


def _directions(num_random: int = 3) -> list[np.ndarray]:
    """Axes, the other mirror normals of a cube, a threefold axis and random directions."""
    fixed = [[1, 0, 0], [0, 0, -1], [1, 1, 0], [0, -1, 1], [1, 1, 1]]
    drawn = np.random.default_rng(7).normal(size=(num_random, 3))
    return [v / np.linalg.norm(v) for v in (*np.array(fixed, dtype=np.float64), *drawn)]


@pytest.fixture(params=_directions(), ids=lambda n: " ".join(f"{x:.2f}" for x in n))
def normal(request):
    return request.param


@pytest.fixture(params=["Si-5", "Si-9", "model"])
def modes(request):
    return _crystal(request.param)


@pytest.fixture(params=[("Si-5", "Ge-5"), ("Si-9", "Ge-9"), ("Si-5", "model")], ids="|".join)
def pair(request):
    return tuple(_crystal(name) for name in request.param)


@pytest.fixture
def crystal():
    """Return the mode table of a shipped crystal, or of "model", by name."""
    return _crystal


@pytest.fixture
def string():
    """Return the mode table of a string: name, speed, heat capacity, frequency."""
    return _string
