"""The table of validation results, as text and as a page that needs nothing beside it."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from pbte.core.errors import RunError
from pbte.core.versions import versions

if TYPE_CHECKING:
    from pbte.verification.validate import ValidationResult

HEADS = (
    "Case", "Source", "Quantity", "Expected", "Obtained", "Error", "Tolerance", "Time", "Verdict",
)  # fmt: skip

_STYLE = """
body { font-family: system-ui, sans-serif; margin: 2rem; color: #222; }
table { border-collapse: collapse; font-size: 0.9rem; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid #ddd; text-align: left;
  vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.failed { background: #fde8e8; } tr.failed td:last-child { font-weight: bold; color: #b00; }
tr.passed td:last-child { color: #070; } th.subject { background: #f2f2f2; }
"""


def cells_of(result: ValidationResult) -> tuple[str, ...]:
    """Return the cells of a row, as `HEADS` names them."""
    quantity = f"{result.quantity} [{result.unit}]" if result.unit else result.quantity
    unit = f" {result.unit}".rstrip() if result.absolute else ""
    return (
        result.name,
        result.source,
        quantity,
        f"{result.expected:.6g}",
        f"{result.obtained:.6g}",
        f"{result.error:.1e}{unit}",
        f"{result.tolerance:.0e}{unit}",
        f"{result.seconds:.1f} s",
        "ok" if result.passed else "FAILED",
    )


def verdict(results: Sequence[ValidationResult]) -> str:
    """Return one sentence about all results."""
    failed = sum(not result.passed for result in results)
    seconds = sum(result.seconds for result in results)
    whole = "1 case holds" if len(results) == 1 else f"{len(results)} cases hold"
    outcome = f"{failed} of {len(results)} cases FAILED" if failed else whole
    return f"{outcome}; {seconds:.0f} s."


def html_report(results: Sequence[ValidationResult]) -> str:
    """Return the results as a complete page, without anything to be loaded from elsewhere."""
    known = ", ".join(f"{name} {version}" for name, version in versions().items())
    rows: list[str] = []
    subject = ""
    for result in results:
        if result.name.partition("/")[0] != subject:
            subject = result.name.partition("/")[0]
            rows.append(
                f'<tr><th class="subject" colspan="{len(HEADS)}">{escape(subject)}</th></tr>'
            )
        cells = [
            f'<td class="number">{escape(text)}</td>' if 3 <= i <= 7 else f"<td>{escape(text)}</td>"
            for i, text in enumerate(cells_of(result))
        ]
        if result.failure:
            cells[-1] = f"<td>FAILED: {escape(result.failure)}</td>"
        rows.append(f'<tr class="{"passed" if result.passed else "failed"}">{"".join(cells)}</tr>')
    head = "".join(f"<th>{name}</th>" for name in HEADS)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>pbte validate</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>pbte validate</h1>\n<p>{escape(verdict(results))}</p>\n"
        f"<p>{escape(known)}; {escape(platform.machine())}</p>\n"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(rows) + "\n"
        "</tbody></table></body></html>\n"
    )


def write_report(path: Path, results: Sequence[ValidationResult]) -> None:
    """Write the page.

    Raises:
        RunError: The file cannot be written.
    """
    try:
        path.write_text(html_report(results), encoding="utf-8")
    except OSError as error:
        raise RunError(f"{path}: the report cannot be written ({error.strerror})") from None
