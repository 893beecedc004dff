"""Wires of any convex cross-section: the round one, limits, and a simulation of free flights."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.reference.closed_forms.fuchs_sondheimer import wire_suppression
from pbte.reference.closed_forms.slab import gray_bands
from pbte.reference.closed_forms.wire import (
    polygon_suppression,
    polygon_wire_conductivity,
    regular_polygon,
    square,
)


@pytest.mark.parametrize("knudsen", [0.05, 1.0, 20.0])
def test_a_polygon_of_many_corners_conducts_like_dingles_wire(knudsen):
    """A polygon of n corners lacks (2/3)(pi/n)^2 of the circle's area; Richardson over n."""
    coarse, fine = (polygon_suppression(regular_polygon(n, 1.0), knudsen).item() for n in (16, 32))
    exact = float(wire_suppression(knudsen))
    assert abs(fine - exact) < 0.3 * abs(coarse - exact)
    assert (4.0 * fine - coarse) / 3.0 == pytest.approx(exact, rel=1e-4)


def test_a_wide_wire_loses_three_sixteenths_of_a_path_per_perimeter_over_area():
    """1 - (3/16) l P/A: a layer at the surface, as at the two faces of a film (1 - 3 l/8 L)."""
    path = 1e-4
    expected = 1.0 - 3.0 / 16.0 * path * 4.0
    assert polygon_suppression(square(1.0), path).item() == pytest.approx(expected, rel=1e-7)


def test_a_thin_square_wire_has_the_published_mean_free_path():
    """1.115 widths: MacDonald & Sarginson (1950)."""
    assert 1e5 * polygon_suppression(square(1.0), 1e5).item() == pytest.approx(1.115, rel=1e-3)


def test_random_flights_agree():
    """The integral over places and directions by a million of them: 0.2 %."""
    random = np.random.default_rng(8)
    count, path = 1_000_000, 0.7
    places = random.uniform(0.0, 1.0, size=(count, 2))
    cosine, turn = random.uniform(-1.0, 1.0, count), random.uniform(0.0, 2.0 * np.pi, count)
    sine = np.sqrt(1.0 - cosine**2)
    flat = np.column_stack([np.cos(turn), np.sin(turn)])
    back = np.where(flat > 0.0, places, 1.0 - places) / np.abs(flat)
    free = -np.expm1(-back.min(axis=1) / (path * sine))
    estimate = 3.0 * (cosine**2 * free).mean()
    assert polygon_suppression(square(1.0), path).item() == pytest.approx(estimate, rel=3e-3)


def test_the_conductivity_is_the_sum_over_bands():
    bands = gray_bands(2.0, 3.0, 5.0)
    share = polygon_suppression(square(4.0), [6.0])[0]
    assert polygon_wire_conductivity(bands, square(4.0)) == pytest.approx(20.0 * share)


def test_a_cross_section_must_be_a_convex_polygon():
    with pytest.raises(InputError, match="convex"):
        polygon_suppression(np.array([[0.0, 0], [1, 0], [0.1, 0.1], [0, 1]]), 1.0)
    with pytest.raises(InputError, match="at least 3 corners"):
        regular_polygon(2, 1.0)
    with pytest.raises(InputError, match="mean free path"):
        polygon_suppression(square(1.0), -1.0)
