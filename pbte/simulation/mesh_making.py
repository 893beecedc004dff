"""Mesh files made by a named builder, as a case or ``pbte mesh`` asks for them.

A file made here ends in a comment that names the builder and its parameters, so that a run
recognises whether the file is the one that the case asks for.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from pbte.case.mesh import MeshBuilder
from pbte.core.errors import InputError, RunError
from pbte.core.parallel import on_all_ranks

if TYPE_CHECKING:
    from mpi4py import MPI

_MARK = "made by pbte mesh: "


def build_mesh(builder: MeshBuilder, path: str | Path) -> Path:
    """Write the mesh of a builder, with the mark of its parameters, and return its path.

    Args:
        builder: Shape and parameters.
        path: The ``.msh`` file; missing folders above it are made.

    Raises:
        InputError: A parameter makes no sense, or the folder cannot be written to.
        RunError: Meshing or writing failed; no file is left under the final name.
    """
    path = Path(path)
    if path.suffix.lower() != ".msh":
        raise InputError(f"{path}: the name of a mesh file must end in .msh")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path.parent}: the folder of the mesh cannot be made ({error.strerror})"
        ) from None
    draft = path.with_name(f".{path.stem}.{os.getpid()}.msh")
    parameters = builder.model_dump(exclude={"shape"}, exclude_none=True)
    try:
        _writer(builder.shape)(draft, **parameters)
        with draft.open("a", encoding="utf-8") as file:
            file.write(f"$Comments\n{_MARK}{_signature(builder)}\n$EndComments\n")
        draft.replace(path)
    except OSError as error:
        raise RunError(f"{path}: the mesh could not be written ({error.strerror})") from None
    except (InputError, RunError) as error:
        raise type(error)(str(error).replace(str(draft), str(path))) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return path


def _writer(shape: str) -> Callable[..., Path]:
    """Return the function that writes the mesh of a named builder."""
    from pbte.geometry import cells, inclusions, layers, shapes

    home = next(room for room in (shapes, layers, inclusions, cells) if hasattr(room, shape))
    writer: Callable[..., Path] = getattr(home, shape)
    return writer


def ensure_mesh(path: Path, builder: MeshBuilder | None, comm: MPI.Comm) -> bool:
    """Make the mesh file unless it is there with these very parameters; return whether it was made.

    Args:
        path: The mesh file.
        builder: Shape and parameters; None leaves everything as it is.
        comm: All ranks; the first one makes the file.

    Raises:
        InputError: The parameters make no sense, or the file is there but no builder made it.
        RunError: Meshing or writing failed.

    Note:
        Collective over ``comm``.
    """
    made = False
    with on_all_ranks(comm):
        if comm.rank == 0 and builder is not None and not _is_current(path, builder):
            build_mesh(builder, path)
            made = True
    return bool(comm.bcast(made))


def _is_current(path: Path, builder: MeshBuilder) -> bool:
    """Return whether the file was made by this builder with these parameters."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            end = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise InputError(f"{path}: the mesh file cannot be read ({error.strerror})") from None
    mark = end.rpartition(_MARK)[2].partition("\n")[0] if _MARK in end else None
    if mark is None:
        raise InputError(
            f"{path}: this mesh exists but no builder of pbte made it; drop mesh.builder from the "
            "case to use it, or give another mesh.file to be made"
        )
    try:
        made = type(builder).model_validate_json(mark)
    except ValidationError:  # of another shape
        return False
    return made == builder


def _signature(builder: MeshBuilder) -> str:
    return json.dumps(builder.model_dump(exclude_none=True), sort_keys=True)
