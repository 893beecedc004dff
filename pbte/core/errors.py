"""The two kinds of expected errors, each with one sentence for the user."""

from __future__ import annotations


class InputError(ValueError):
    """Invalid input; the message states what, which value, and what to do (exit 2)."""


class RunError(RuntimeError):
    """Failure of a run on valid input: disk full, no convergence (exit 1)."""
