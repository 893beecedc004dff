"""The commands ``pbte material ...``: list, inspect and import materials."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pbte.cli.terminal import on_first_rank, show, show_data
from pbte.core.constants import TERAHERTZ
from pbte.core.errors import InputError, RunError

if TYPE_CHECKING:
    from pbte.core.types import Array
    from pbte.materials.kernel import KernelReport
    from pbte.materials.storage import Material

material_app = typer.Typer(
    help="List, inspect and import materials.", no_args_is_help=True, rich_markup_mode="rich"
)


@material_app.command("list")
def list_materials(
    json: Annotated[bool, typer.Option("--json", help="Write the list as JSON.")] = False,
) -> None:
    """List the shipped materials."""
    from pbte.materials.storage import shipped_materials

    files = shipped_materials()
    if json:
        show_data({name: str(path) for name, path in files.items()})
    else:
        show(*(f"{name}  {path}" for name, path in files.items()))


@material_app.command()
def info(
    material: Annotated[str, typer.Argument(help="Shipped name or material file.")],
    json: Annotated[bool, typer.Option("--json", help="Write everything as JSON.")] = False,
) -> None:
    """Check a material: symmetry, energy conservation, second law, bulk conductivity."""
    on_first_rank(lambda: _inform(material, json=json))


@material_app.command("from-phono3py")
def from_phono3py(
    yaml: Annotated[Path, typer.Argument(help="phono3py_disp.yaml or phono3py_params.yaml.")],
    output: Annotated[Path, typer.Option(help="Material file to write (.h5).")],
    mesh: Annotated[str, typer.Option(help="Grid of wave vectors: 9 or 9x9x9.")] = "9",
    temperature: Annotated[float, typer.Option(help="Reference temperature [K].")] = 300.0,
    sigma: Annotated[
        float | None,
        typer.Option(
            help="Width of the Gaussian that conserves energy [THz] (default: from the grid)."
        ),
    ] = None,
    isotopes: Annotated[bool, typer.Option(help="Scattering by natural isotopes.")] = True,
    name: Annotated[str | None, typer.Option(help="Name (default: the chemical formula).")] = None,
    source: Annotated[str, typer.Option(help="Where the force constants come from.")] = "",
    attribution: Annotated[str, typer.Option(help="Credit that their licence requires.")] = "",
) -> None:
    """Build the full scattering matrix from the force constants of phono3py."""

    def work() -> None:
        from pbte.materials.phono3py import importer as phono3py
        from pbte.materials.storage import write_material

        made = phono3py.from_phono3py(
            yaml,
            mesh=_grid(mesh),
            temperature=temperature,
            sigma=sigma,
            isotopes=isotopes,
            name=name,
            source=source,
            attribution=attribution,
        )
        write_material(
            output,
            made.table,
            source=made.source,
            attribution=made.attribution,
            details=made.details,
        )
        show(*(f"Note: {warning}" for warning in made.warnings))
        _inform(str(output.resolve()), json=False)

    on_first_rank(work)


def _grid(text: str) -> int | tuple[int, int, int]:
    """Return the grid of wave vectors from "9" or "9x9x9"."""
    try:
        numbers = tuple(int(part) for part in text.replace(",", "x").split("x"))
    except ValueError:
        numbers = ()
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) == 3:
        return numbers
    raise InputError(f"--mesh {text}: expected one or three whole numbers, such as 9 or 9x9x9")


def _inform(name: str, *, json: bool) -> None:
    """Show the checks of a material; fail if one is violated."""
    from pbte.materials.conductivity import bulk_conductivity, rta_conductivity
    from pbte.materials.kernel import check_kernel
    from pbte.materials.storage import read_material
    from pbte.output.summary.overview import facts_table

    material = read_material(name)
    report = check_kernel(material.kernel)
    relaxation, full = rta_conductivity(material.modes), bulk_conductivity(material.kernel)
    if json:
        show_data(_material_data(material, report, relaxation, full))
    else:
        rows = _description(material) + _checks(material, report)
        rows += [("Conductivity, relaxation times", _tensor_text(relaxation))]
        rows += [("Conductivity, full matrix", _tensor_text(full))]
        if material.stored_conductivity is not None:
            difference = abs(material.stored_conductivity - full).max() / abs(full).max()
            rows += [("Difference to the file's own value", f"{difference:.1e}")]
        show(facts_table(rows, title=material.name))
    if not report.is_sound:
        raise RunError(f"{name}: the scattering matrix violates a conservation law (see above)")


def _description(material: Material) -> list[tuple[str, str]]:
    modes = material.modes
    lowest, highest = modes.frequencies.min(), modes.frequencies.max()
    to_terahertz = 1.0 / (2.0 * math.pi * TERAHERTZ)
    rows = [
        ("File", str(material.path)),
        ("Source", material.source),
        ("Attribution", material.attribution),
        *((key.replace("_", " ").capitalize(), text) for key, text in material.details.items()),
        ("Temperature", f"{modes.temperature:g} K"),
        ("Modes", f"{modes.num_modes:,}"),
        ("Frequencies", f"{lowest * to_terahertz:.3g} to {highest * to_terahertz:.4g} THz"),
        ("Heat capacity", f"{modes.heat_capacity:.4g} J/m^3 K"),
        *_mechanics(material),
    ]
    return [(name, text) for name, text in rows if text]


def _mechanics(material: Material) -> list[tuple[str, str]]:
    """Return what interface models use: density, elastic constants, Grueneisen parameters."""
    crystal, polarisation = material.modes.crystal, material.polarisation
    rows = []
    if crystal is not None:
        rows.append(("Density", f"{crystal.density:.4g} kg/m^3"))
    if crystal is not None and crystal.elastic_constants is not None:
        stiffness = crystal.elastic_constants / 1e9
        c11, c12, c44 = (f"{stiffness[i, j]:.1f}" for i, j in ((0, 0), (0, 1), (3, 3)))
        rows.append(("Elastic constants", f"C11 {c11}, C12 {c12}, C44 {c44} GPa"))
    if polarisation is not None and polarisation.gruneisen is not None:
        capacities, gamma = material.modes.heat_capacities, polarisation.gruneisen
        weighted = float(capacities @ gamma) / float(capacities.sum())
        square = float(capacities @ gamma**2) / float(capacities.sum())
        rows.append(("Grueneisen parameter", f"mean {weighted:.2f}, rms {math.sqrt(square):.2f}"))
    return rows


def _checks(material: Material, report: KernelReport) -> list[tuple[str, str]]:
    """Return the three laws with their violation, and the range of the normalised kernel."""

    def verdict(value: float, holds: bool) -> str:
        return f"{value:.1e}  {'ok' if holds else 'VIOLATED'}"

    return [
        ("Detailed balance (asymmetry)", verdict(report.asymmetry, report.asymmetry < 1e-12)),
        (
            "Energy conservation (residual)",
            verdict(report.energy_residual, report.energy_residual < 1e-12),
        ),
        (
            "Second law (smallest eigenvalue)",
            verdict(report.smallest_eigenvalue, report.smallest_eigenvalue > -1e-10),
        ),
        (
            "Normalised in-scattering",
            f"eigenvalues {report.khat_min:.4f} to {report.khat_second:.4f}, and "
            f"{report.khat_max:.4f} for the energy",
        ),
    ]


def _material_data(
    material: Material, report: KernelReport, relaxation: Array, full: Array
) -> dict[str, Any]:
    modes, stored = material.modes, material.stored_conductivity
    stiffness = None if modes.crystal is None else modes.crystal.elastic_constants
    return {
        "name": material.name,
        "file": str(material.path),
        "source": material.source,
        "attribution": material.attribution,
        "details": dict(material.details),
        "temperature": modes.temperature,
        "num_modes": modes.num_modes,
        "heat_capacity": modes.heat_capacity,
        "frequency_range": [float(modes.frequencies.min()), float(modes.frequencies.max())],
        "density": None if modes.crystal is None else modes.crystal.density,
        "elastic_constants": None if stiffness is None else stiffness.tolist(),
        "checks": report.as_dict(),
        "conductivity_rta": relaxation.tolist(),
        "conductivity": full.tolist(),
        "stored_conductivity": None if stored is None else stored.tolist(),
    }


def _tensor_text(tensor: Array) -> str:
    """Return a conductivity: one number when isotropic, else the rows of the tensor."""
    mean = float(tensor.trace()) / 3.0
    isotropic = all(
        abs(tensor[i, j] - (mean if i == j else 0.0)) < 1e-5 * abs(mean)
        for i in range(3)
        for j in range(3)
    )
    if isotropic:
        return f"{mean:.4g} W/m K"
    rows = "; ".join(" ".join(f"{value:.4g}" for value in row) for row in tensor)
    return f"[{rows}] W/m K"
