"""Run the cases whose answer is known and judge them."""

from __future__ import annotations

import importlib
import logging
import math
import pkgutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pbte.verification.validation
from pbte.core.errors import InputError
from pbte.core.parallel import describe, on_all_ranks
from pbte.verification.validation._case import ValidationCase

if TYPE_CHECKING:
    from mpi4py import MPI

LOG = logging.getLogger("pbte.verification")


@dataclass(frozen=True, kw_only=True)
class ValidationResult:
    """Outcome of a case.

    Attributes:
        name: Subject and case.
        source: Where the expected number is from.
        quantity: What the number is.
        unit: Its unit.
        expected: The known number; NaN where computing it failed.
        obtained: The number judged; NaN where computing it failed.
        error: Their difference, relative to the expected number unless `absolute`.
        tolerance: Largest error that passes.
        absolute: Whether error and tolerance are in the unit.
        passed: Whether the error is within the tolerance.
        seconds: Time taken by the clock [s].
        failure: Why no number came out; empty when one did.
    """

    name: str
    source: str
    quantity: str
    unit: str
    expected: float
    obtained: float
    error: float
    tolerance: float
    absolute: bool
    passed: bool
    seconds: float
    failure: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields for JSON, with null in place of numbers that are none."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }


def all_cases() -> list[ValidationCase]:
    """Return every case of every module of `validation`, in the order of their names.

    Raises:
        InputError: Two cases have one name.
    """
    found: list[ValidationCase] = []
    for module in sorted(
        info.name for info in pkgutil.iter_modules(pbte.verification.validation.__path__)
    ):
        if not module.startswith("_"):
            found += importlib.import_module(f"pbte.verification.validation.{module}").cases()
    names = [case.name for case in found]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"two validation cases are called '{name}'")
    return found


def choose_cases(
    cases: Sequence[ValidationCase], only: str | None = None, *, slow: bool = False
) -> list[ValidationCase]:
    """Return the cases that a pattern of the command line names.

    Args:
        cases: All of them.
        only: Names or beginnings of names, with commas and wildcards, in any case; all by default.
        slow: Whether slow cases are taken that are not named one by one.

    Raises:
        InputError: A part of the pattern names none of the cases.
    """
    if only is None:
        return [case for case in cases if slow or not case.slow]
    chosen: set[str] = set()
    for part in (part.strip().lower() for part in only.split(",")):
        hits = [
            case.name
            for case in cases
            if fnmatchcase(case.name.lower(), part) or case.name.lower().startswith(part)
        ]
        if not hits or not part:
            subjects = ", ".join(sorted({case.name.partition("/")[0] for case in cases}))
            raise InputError(
                f"--only {part or repr(only)}: no such validation case; the subjects are "
                f"{subjects} ('pbte validate --list' shows all cases)"
            )
        chosen |= set(hits)
    exact = {part.strip().lower() for part in only.split(",")}
    return [
        case
        for case in cases
        if case.name in chosen and (slow or not case.slow or case.name.lower() in exact)
    ]


def run_case(case: ValidationCase, comm: MPI.Intracomm) -> ValidationResult:
    """Return what comes of a case; one that fails to run has not passed.

    Note: Collective over `comm`.
    """
    start = time.monotonic()
    expected = obtained = math.nan
    failure = ""
    try:
        with on_all_ranks(comm):
            expected = float(case.expected() if callable(case.expected) else case.expected)
            obtained = float(case.run(comm))
    except Exception as exception:
        told = isinstance(exception, ValueError | RuntimeError)
        failure = str(exception) if told else describe(exception)
    error = abs(obtained - expected)
    if not case.absolute:
        error = error / abs(expected) if expected else math.nan
    if not failure and not math.isfinite(error):
        failure = f"no error can be given for {obtained:g} where {expected:g} is expected"
    # The ranks have judged the same number, but one of them must have the last word.
    passed, seconds = comm.bcast((bool(error <= case.tolerance), time.monotonic() - start))
    return ValidationResult(
        name=case.name,
        source=case.source,
        quantity=case.quantity,
        unit=case.unit,
        expected=expected,
        obtained=obtained,
        error=error,
        tolerance=case.tolerance,
        absolute=case.absolute,
        passed=passed and not failure,
        seconds=seconds,
        failure=failure,
    )


def run_cases(cases: Sequence[ValidationCase], comm: MPI.Intracomm) -> list[ValidationResult]:
    """Return what comes of the cases.

    Note: Collective over `comm`.
    """
    results = []
    for number, case in enumerate(cases, start=1):
        LOG.info(
            "%d of %d: %s",
            number,
            len(cases),
            case.name,
            extra={"stage": "validate", "done": (number - 1) / len(cases)},
        )
        results.append(run_case(case, comm))
    return results
