"""What a run tells its user about the growth of the orders."""

from __future__ import annotations

import pytest

from pbte.simulation.notes import run_notes
from pbte.transport.reports import SpectralEstimate


@pytest.mark.parametrize(
    ("eigenvalue", "said", "sums"),
    [
        (
            -1.1,
            "do not converge: an alternating part grows",
            "no approximation of the steady state",
        ),
        (
            -0.97,
            "converge slowly: an alternating part changes",
            "still alternate around the steady state",
        ),
    ],
)
def test_orders_that_diverge_are_told_from_orders_that_fade_slowly(eigenvalue, said, sums):
    estimate = SpectralEstimate(
        self_scattering=0.0,
        eigenvalues=(complex(eigenvalue),),
        dominant=eigenvalue,
        most_negative=eigenvalue,
        num_orders=11,
    )
    (note,) = run_notes([estimate], [], None, None, undershoot=0.0, num_cyclic_modes=0)
    assert f"The orders shown {said}" in note and sums in note
    assert ("diverges" in note) == (eigenvalue < -1.0)


def test_interfaces_whose_grids_do_not_fit_each_other_are_told():
    """Fifty bins on 5^3 wave vectors: modes without partners, an artefact and no physics."""
    converges = SpectralEstimate(
        self_scattering=0.0,
        eigenvalues=(0.5 + 0j,),
        dominant=0.5,
        most_negative=-0.1,
        num_orders=11,
    )
    shares = {"fine": 0.01, "coarse": 0.3}
    (note,) = run_notes(
        [converges], [], None, None, undershoot=0.0, num_cyclic_modes=0, unmatched=shares
    )
    assert "interface coarse 30 % of the flux" in note and "smooth-dmm" in note
