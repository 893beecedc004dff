"""The two ways in which a run ends early, each with one clear sentence."""

from __future__ import annotations


class InputError(ValueError):
    """What the user gave is wrong: the message says what, which value, what to do (exit 2)."""


class RunError(RuntimeError):
    """The input was fine but the run failed: disk full, no convergence (exit 1)."""
