"""What drives heat through a body: walls at two temperatures, or a drop between periodic ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pbte.case.case import Case
from pbte.observables.snapshot import MeshGeometry
from pbte.simulation.conditions import conditions_of
from pbte.simulation.temperature_gradient import temperature_gradient_of

LENGTHS = np.array([4e-8, 2e-8])
WALLS = {"left": 1, "right": 2, "bottom": 3, "top": 4}


def rectangle():
    """Return two triangles with a wall at every side."""
    a, b, c, d = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * LENGTHS
    return MeshGeometry(
        points=np.array([[a, b, c], [a, c, d]]),
        volumes=np.full(2, 0.5 * LENGTHS.prod()),
        facets=np.array([[a, d], [b, c], [a, b], [d, c]]),
        facet_areas=np.array([2e-8, 2e-8, 4e-8, 4e-8]),
        facet_normals=np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]]),
        facet_walls=np.array([1, 2, 3, 4]),
        walls=WALLS,
    )


def conditions(walls, **more):
    return conditions_of(
        Case(
            temperature=300.0,
            material={"file": "Si-5"},
            mesh={"file": "none.msh"},
            walls=walls,
            **more,
        )
    )


def held(temperature):
    return {"kind": "isothermal", "temperature": temperature}


ROUGH = {"kind": "diffuse"}
MIRRORS = {"bottom": {"kind": "specular"}, "top": ROUGH}


@pytest.mark.parametrize(("left", "right", "sign"), [(301.0, 299.0, 1.0), (300.0, 302.0, -1.0)])
def test_two_walls_drive_heat_from_hot_to_cold(left, right, sign):
    gradient = temperature_gradient_of(
        conditions({"left": held(left), "right": held(right), **MIRRORS}), rectangle()
    )
    np.testing.assert_allclose(gradient.direction, [sign, 0.0, 0.0], atol=1e-12)
    assert (gradient.length, gradient.area) == pytest.approx((4e-8, 2e-8), rel=1e-12)
    assert gradient.drop == pytest.approx(2.0)


@pytest.mark.parametrize("drop", [0.5, -0.5])
def test_a_periodic_drop_drives_heat_over_the_period(drop):
    """The cross-section is that of the wall; a negative drop runs backwards."""
    walls = {
        "bottom": {"kind": "periodic", "partner": "top", "temperature_drop": drop},
        "left": ROUGH,
        "right": ROUGH,
    }
    gradient = temperature_gradient_of(conditions(walls), rectangle())
    np.testing.assert_allclose(gradient.direction, [0.0, np.sign(drop), 0.0], atol=1e-12)
    assert (gradient.length, gradient.area) == pytest.approx((2e-8, 4e-8), rel=1e-12)
    assert gradient.drop == pytest.approx(0.5)


@pytest.mark.parametrize(
    "walls",
    [
        {"left": held(300.0), "right": held(300.0), **MIRRORS},
        {"left": held(301.0), **MIRRORS, "right": ROUGH},
        {"left": held(301.0), "right": held(300.0), "top": held(300.0), "bottom": held(300.0)},
        {"left": held(1.0), "top": held(2.0), "right": ROUGH, "bottom": ROUGH},
        {"left": {"kind": "periodic", "partner": "right"}, **MIRRORS},
    ],
)
def test_without_a_drop_from_end_to_end_nothing_is_a_conductivity(walls):
    assert temperature_gradient_of(conditions(walls), rectangle()) is None


def test_a_heated_body_has_no_conductivity():
    walls = {"left": held(301.0), "right": held(299.0), **MIRRORS}
    source = {"sigma": 1e-8, "power": 1.0}
    assert temperature_gradient_of(conditions(walls, source=source), rectangle()) is None


def test_walls_of_different_area_or_curved_ones_have_no_cross_section():
    walls = {"left": held(301.0), "right": held(299.0), **MIRRORS}
    body = rectangle()
    wedge = replace(body, facet_areas=np.array([2e-8, 3e-8, 4e-8, 4e-8]))
    assert temperature_gradient_of(conditions(walls), wedge) is None
    bent = replace(body, facet_walls=np.array([1, 2, 3, 2]))
    assert temperature_gradient_of(conditions(walls), bent) is None


def test_pores_count_in_a_cell_that_is_repeated_sideways_and_corners_not_in_a_wire():
    """A pore cuts off half of the ends of the cell: they count; a wire has the area of its end."""
    cut = rectangle()
    areas = np.array([1e-8, 1e-8, 4e-8, 4e-8])
    body = replace(cut, facet_areas=areas)
    drop = {"left": {"kind": "periodic", "partner": "right", "temperature_drop": 1.0}}
    porous = temperature_gradient_of(
        conditions({**drop, "bottom": {"kind": "periodic", "partner": "top"}}), body
    )
    mirrored = temperature_gradient_of(
        conditions({**drop, "bottom": {"kind": "symmetric"}, "top": {"kind": "symmetric"}}), body
    )
    wire = temperature_gradient_of(conditions({**drop, "bottom": ROUGH, "top": ROUGH}), body)
    assert porous.area == pytest.approx(2e-8) and mirrored.area == pytest.approx(2e-8)
    assert wire.area == pytest.approx(1e-8)


@pytest.mark.parametrize("ends", ["periodic", "isothermal"])
@pytest.mark.parametrize(("share", "counts"), [(0.993, True), (0.9, False)])
def test_the_facets_of_a_rim_count_by_the_mean_over_the_length(ends, share, counts):
    """A round wire that is 0.7 % narrower at its ends has the mean cross-section, so that none
    conducts better than bulk; one that is narrower by more is another body."""
    whole = rectangle()
    body = replace(whole, facet_areas=whole.facet_areas * np.array([share, share, 1.0, 1.0]))
    walls = {"left": {"kind": "periodic", "partner": "right", "temperature_drop": 1.0}}
    if ends == "isothermal":
        walls = {"left": held(301.0), "right": held(299.0)}
    gradient = temperature_gradient_of(conditions(walls | {"bottom": ROUGH, "top": ROUGH}), body)
    assert gradient.area == pytest.approx(2e-8 if counts else share * 2e-8, rel=1e-12)
