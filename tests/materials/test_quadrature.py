"""Directions of flight: what every rule must be, and what each family is made for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import (
    Quadrature,
    lebedev_rule,
    line_rule,
    plane_rule,
    product_rule,
)

AXES = {"x": 0, "y": 1, "z": 2}
RULES = {
    "least product": product_rule(2, 4),
    "odd product": product_rule(3, 6),
    "product about y": product_rule(12, 16, axis="y"),
    "least half-range": product_rule(4, 4, half_range=True),
    "half-range about x": product_rule(16, 8, axis="x", half_range=True),
    "least line": line_rule(12),
    "line along z": line_rule(40, axis="z"),
    "least plane": plane_rule(2, 6),
    "plane normal to x": plane_rule(8, 22, axis="x"),
    "Lebedev 3": lebedev_rule(3),
    "Lebedev 23": lebedev_rule(23),
    "Lebedev 131": lebedev_rule(131),
}


def sphere_moment(powers):
    """<x^a y^b z^c> = (a-1)!! (b-1)!! (c-1)!! / (a+b+c+1)!! for even powers, else 0."""
    if any(power % 2 for power in powers):
        return 0.0
    double = [np.prod(np.arange(power - 1, 0, -2), initial=1.0) for power in powers]
    return float(np.prod(double) / np.prod(np.arange(sum(powers) + 1, 0, -2), initial=1.0))


def largest_moment_error(rule, degree):
    powers = [p for p in itertools.product(range(degree + 1), repeat=3) if sum(p) <= degree]
    return max(
        abs(rule.weights @ np.prod(rule.directions ** np.array(p), axis=1) - sphere_moment(p))
        for p in powers
    )


@pytest.mark.parametrize("name", RULES)
def test_directions_come_in_opposite_pairs_of_equal_positive_weight(name):
    rule = RULES[name]
    half = rule.num_directions // 2
    assert len(np.unique(rule.directions.round(10), axis=0)) == rule.num_directions
    np.testing.assert_array_equal(rule.directions[half:], -rule.directions[:half])
    np.testing.assert_array_equal(rule.weights[half:], rule.weights[:half])
    assert rule.weights.min() > 0.0
    np.testing.assert_allclose(np.linalg.norm(rule.directions, axis=1), 1.0, rtol=1e-13)


@pytest.mark.parametrize("name", RULES)
def test_moments_up_to_the_third_are_exact(name):
    """The odd ones because of the pairs, the second by construction."""
    assert largest_moment_error(RULES[name], 3) < 1e-13


@pytest.mark.parametrize(
    ("rule", "degree"),
    [
        (product_rule(4, 8), 7),
        (product_rule(5, 10, axis="x"), 9),
        (product_rule(8, 8, axis="y", half_range=True), 7),
        (plane_rule(4, 10), 5),
        (lebedev_rule(3), 3),
        (lebedev_rule(11), 11),
        (lebedev_rule(17), 17),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_polynomials_are_averaged_exactly_up_to_the_degree_and_not_beyond(rule, degree):
    assert largest_moment_error(rule, degree) < 1e-13
    assert largest_moment_error(rule, degree + 1) > 1e-7


@pytest.mark.parametrize("name", RULES)
def test_every_rule_conducts_alike_in_all_directions(name):
    kernel = gray_crystal(
        speed=5000.0, relaxation_time=1e-11, heat_capacity=1.6e6, quadrature=RULES[name]
    ).kernel
    expected = 1.6e6 * 5000.0**2 * 1e-11 / 3.0
    np.testing.assert_allclose(
        bulk_conductivity(kernel), expected * np.eye(3), atol=1e-12 * expected
    )


@pytest.mark.parametrize("axis", AXES)
def test_half_ranges_carry_the_flux_of_half_a_sphere_through_walls_normal_to_the_axis(axis):
    """sum over v > 0 of w v is v/4 exactly, and so are higher powers: 1 / 2(n+1)."""
    for rule in (product_rule(8, 4, axis=axis, half_range=True), line_rule(16, axis=axis)):
        cosines = rule.directions[:, AXES[axis]]
        outward = cosines > 0.0
        for power in range(8):
            expected = 0.5 / (power + 1)
            found = rule.weights[outward] @ cosines[outward] ** power
            assert found == pytest.approx(expected, rel=1e-14)


def test_a_line_has_one_direction_for_each_cosine():
    rule = line_rule(24, axis="y")
    assert rule.num_directions == 24
    product = product_rule(24, 4, axis="y", half_range=True)
    np.testing.assert_allclose(
        np.sort(rule.directions[:, 1]), np.unique(product.directions[:, 1].round(14)), atol=1e-13
    )


def test_a_plane_sees_every_direction_of_a_plane_rule_once():
    """Twice the projections of a product rule with as many directions."""

    def projections(rule):
        return len(np.unique(rule.directions[:, :2].round(12), axis=0))

    plane, product = plane_rule(8, 14), product_rule(8, 14)
    assert plane.num_directions == product.num_directions // 2
    assert projections(plane) == plane.num_directions
    assert projections(product) == product.num_directions // 2
    angles = np.arctan2(plane.directions[:, 1], plane.directions[:, 0])
    steps = np.diff(np.unique(angles.round(12)))
    np.testing.assert_allclose(steps, 2.0 * np.pi / 14, rtol=1e-9)


def test_a_lebedev_rule_is_the_same_after_the_rotations_of_the_cube():
    rule = lebedev_rule(15)
    table = {
        tuple(n.round(10) + 0.0): w for n, w in zip(rule.directions, rule.weights, strict=True)
    }
    for turned in (rule.directions[:, [1, 2, 0]], rule.directions * [-1, 1, 1]):
        for direction, weight in zip(turned, rule.weights, strict=True):
            assert table[tuple(direction.round(10) + 0.0)] == pytest.approx(weight, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: product_rule(1, 4), "polar = 1"),
        (lambda: product_rule(4, 5), "azimuthal = 5; an even number"),
        (lambda: product_rule(4, 4, axis="w"), "axis = 'w'; expected 'x', 'y' or 'z'"),
        (lambda: product_rule(5, 4, half_range=True), "polar = 5; half ranges need an even"),
        (lambda: line_rule(10), "polar = 10; a line needs an even number of at least 12"),
        (lambda: plane_rule(4, 8), "azimuthal = 8; a plane needs twice an odd number"),
        (lambda: plane_rule(3, 6), "polar = 3; a plane needs an even number"),
        (lambda: lebedev_rule(4), "degree = 4; Lebedev rules have degree 3, 5, 7"),
        (lambda: lebedev_rule(13), "degree = 13; this Lebedev rule has negative weights"),
    ],
)
def test_a_rule_that_does_not_exist_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_directions_of_ones_own_are_checked():
    good = product_rule(4, 4)
    with pytest.raises(InputError, match="must be opposite"):
        Quadrature(name="mine", directions=np.sort(good.directions, axis=0), weights=good.weights)
    with pytest.raises(InputError, match="is not positive"):
        Quadrature(name="mine", directions=good.directions, weights=-good.weights)
    with pytest.raises(InputError, match="moments of the directions are wrong"):
        Quadrature(name="mine", directions=good.directions, weights=np.full(16, 0.5))
    with pytest.raises(InputError, match=r"expected \(n, 3\) and \(n,\) with n even"):
        Quadrature(name="mine", directions=good.directions, weights=good.weights[:-1])
