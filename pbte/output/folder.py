"""The folder of a run: complete under its own name, or not there at all.

Everything is written into a folder next to the final one, flushed to the disk and renamed at the
end. Old results stay until new ones are complete; files that pbte did not write are never removed.
Unfinished folders of killed runs are removed by the next run; a lock on a folder shows whether a
process still writes there, in this container or another one.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import logging
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pbte.core.errors import InputError, RunError
from pbte.observables.results import Results
from pbte.output.durable import flush, flush_tree
from pbte.output.hdf5.results import is_results_file, write_results_file
from pbte.output.paraview import write_paraview
from pbte.output.plots.fields import write_plots
from pbte.output.size import UNCERTAINTY

RESULTS_FILE = "results.h5"
PARAVIEW_FOLDER = "paraview"
PLOTS_FOLDER = "plots"
PROBE = "probe"

LOG = logging.getLogger("pbte.output")

_OWN_FILES = re.compile(
    r"results\.h5"
    r"|plots/(temperature|temperature_cumulated|arrival_spectrum|arrival_map|"
    r"conductivity_accumulation|suppression|transient_temperature|transient_history|transient_energy|oscillations|"
    r"interface_distributions|interface_flux)\.png"
    # "arrivals" is the outgoing current in results of pbte 0.1.
    r"|paraview/(orders|((steady|transient)_)?(outgoing_current|arrivals)|steady|transient|fourier|"
    r"fourier_transient)\.pvd"
    r"|paraview/(orders|outgoing_current|arrivals)/order_\d+\.vtu"
    r"|paraview/(transient|transient_outgoing_current|transient_arrivals|fourier_transient)/"
    r"time_\d+\.vtu"
    r"|paraview/(steady|steady_outgoing_current|steady_arrivals|fourier)\.vtu"
)
_UNFINISHED = re.compile(r"\.(partial|old)-\w+(-\d+)?")
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def write_results(
    results: Results, folder: str | Path, *, plots: bool = True, paraview: bool = True
) -> list[Path]:
    """Write all output of a run into its folder.

    `results.h5`, `paraview/*.pvd` and `plots/*.png`. A plot that cannot be drawn is a warning, not
    an error. If the disk is full the new folder is removed, and the old one is kept.

    Note: to be called on one rank.

    Args:
        results: Results of the run.
        folder: Final name of the folder; its parents are made.
        plots: Whether to draw the figures.
        paraview: Whether to write the files for ParaView.

    Returns:
        The files to open first: results.h5, the .pvd files and the figures.

    Raises:
        InputError: The folder must not be replaced (see prepare_folder).
        RunError: The disk is full or fails; nothing new is left behind.
    """
    with result_folder(folder) as partial:
        written = [partial / RESULTS_FILE]
        write_results_file(results, written[0])
        if paraview:
            written += write_paraview(results, partial / PARAVIEW_FOLDER)
        if plots:
            written += _try_plots(write_plots, results, partial / PLOTS_FOLDER)
    final = _absolute(folder)
    return [final / path.relative_to(partial) for path in written]


@contextmanager
def result_folder(folder: str | Path) -> Iterator[Path]:
    """Yield a new folder next to the final one, and give it the final name when all went well.

    Args:
        folder: Final name. Its missing parents are made.

    Yields:
        The folder to write into, `<name>.partial-<process>`. It is removed when the block raises.

    Raises:
        InputError: The folder must not be replaced (see prepare_folder).
        RunError: An OSError inside the block or of the renaming, as a sentence.
    """
    final = _absolute(folder)
    _check_replaceable(final)
    partial: Path | None = None
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        partial = _new_folder(final, "partial")
        with _locked(partial):
            yield partial
            flush_tree(partial)
            _check_replaceable(final)  # a run takes long: somebody may have put files there
            _move_into_place(partial, final)
    except OSError as error:
        raise RunError(_failure(final, error)) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def prepare_folder(folder: str | Path) -> Path:
    """Check, before a run starts, that its results can be written; nothing is left behind.

    Unfinished folders that earlier runs left next to it are removed.

    Args:
        folder: Final name of the result folder.

    Returns:
        The absolute path.

    Raises:
        InputError: The folder holds something other than old results, it or a parent is a file,
            or nothing can be written there.
    """
    final = _absolute(folder)
    with suppress(OSError):  # the checks below report what is wrong
        _tidy(final)
    _check_replaceable(final)
    ancestor = _existing_parent(final)
    if not ancestor.is_dir():
        raise InputError(f"output folder {final}: {ancestor} is a file; choose another folder")
    try:
        probe = tempfile.mkdtemp(prefix=f"{final.name}.partial-", dir=ancestor)
        try:
            with open(os.path.join(probe, PROBE), "wb") as file:
                file.write(b"pbte")
        finally:
            shutil.rmtree(probe, ignore_errors=True)
    except OSError as error:
        raise InputError(
            f"output folder {final}: cannot write in {ancestor} ({_reason(error)}); choose another "
            "folder or change its permissions"
        ) from error
    return final


@contextmanager
def run_lock(folder: str | Path) -> Iterator[None]:
    """Hold the lock of a result folder for the duration of a run: `<name>.lock` next to it.

    Args:
        folder: Final name of the result folder. Its missing parents are made, and removed again if
            nothing is in them at the end.

    Raises:
        InputError: Another run holds it, or nothing can be written there.

    Note: to be called on one rank.
    """
    final = _absolute(folder)
    path, missing = final.with_name(f"{final.name}.lock"), []
    for parent in final.parents:
        if parent.exists():
            break
        missing.append(parent)
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        number = _lock_file(path)
    except BlockingIOError:
        raise InputError(
            f"output folder {final}: another run is writing it (it holds {path.name}); wait for it "
            "or choose another folder"
        ) from None
    except OSError as error:
        raise InputError(
            f"output folder {final}: cannot write in {final.parent} ({_reason(error)}); choose "
            "another folder or change its permissions"
        ) from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(number)
        with suppress(OSError):  # results are there
            for parent in missing:
                parent.rmdir()


def _lock_file(path: Path) -> int:
    """Return the number of a file that this process has made, or found, and locked.

    Raises:
        BlockingIOError: Another process has the lock.
        OSError: The file cannot be made.
    """
    while True:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            raise
        except OSError:  # there are no locks on this file system
            return number
        # The run before may have removed the file between both calls: then nobody sees this lock.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(number), os.stat(path)):
                return number
        os.close(number)


def check_disk_space(folder: str | Path, estimated_bytes: int) -> None:
    """Refuse a disk that cannot hold the results; warn where they may not fit.

    Args:
        folder: Final name of the result folder. The old results stay until the new are complete.
        estimated_bytes: Size of the new ones, to within the factor `UNCERTAINTY`.

    Raises:
        InputError: Less than the least size is free.
    """
    final = _absolute(folder)
    parent = _existing_parent(final)
    free = shutil.disk_usage(parent).free
    found = (
        f"output folder {final}: the results need about {_size(estimated_bytes)}, and "
        f"{_size(free)} are free in {parent}"
    )
    if free < estimated_bytes / UNCERTAINTY:
        raise InputError(f"{found}; make room or choose another folder")
    if free < estimated_bytes * UNCERTAINTY:
        LOG.warning("%s, which may be too little", found)


def _existing_parent(final: Path) -> Path:
    """Return the folder in which the first missing folder, or the final one, is made."""
    parent = final.parent
    while not parent.exists():
        parent = parent.parent
    return parent


def _absolute(folder: str | Path) -> Path:
    """Resolve links, so that a link to a folder stays and its target is replaced."""
    path = Path(folder).expanduser()
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise InputError(f"output folder {path}: {error}; choose another folder") from error


def _check_replaceable(final: Path) -> None:
    """Raise unless the folder is missing, empty, or holds results of pbte and nothing else."""
    try:
        if not final.exists():
            return
        if not final.is_dir():
            raise InputError(f"output folder {final}: this is a file; choose another name")
        if os.path.ismount(final):
            raise InputError(
                f"output folder {final}: this is the root of a mounted disk, which cannot be "
                "replaced; name a folder inside it"
            )
        names = sorted(
            path.relative_to(final).as_posix() for path in final.rglob("*") if not path.is_dir()
        )
    except OSError as error:
        raise InputError(f"output folder {final}: {_reason(error)}; choose another one") from error
    if not names and not any(final.iterdir()):
        return
    if not is_results_file(final / RESULTS_FILE):
        raise InputError(
            f"output folder {final}: exists and holds no {RESULTS_FILE} of pbte; it is not "
            "replaced, choose another name or remove it"
        )
    foreign = [name for name in names if not _OWN_FILES.fullmatch(name)]
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise InputError(
            f"output folder {final}: besides old results it holds {foreign[0]}{more}, which pbte "
            "did not write; it is not replaced, move that or choose another name"
        )


def _new_folder(final: Path, word: str) -> Path:
    """Make `<name>.<word>-<process>`; processes in two containers can have the same number."""
    base = final.with_name(f"{final.name}.{word}-{os.getpid()}")
    for attempt in range(1000):
        path = base if attempt == 0 else base.with_name(f"{base.name}-{attempt}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise OSError(errno.EEXIST, "a thousand unfinished folders exist next to it", str(base))


def _move_into_place(partial: Path, final: Path) -> None:
    """Rename, with the old results moved aside first and back if that fails."""
    if not final.exists():
        partial.rename(final)
        flush(final.parent)
        return
    with _locked(final):
        aside = _new_folder(final, "old")
        final.rename(aside)  # an empty folder may be renamed over
        try:
            partial.rename(final)
        except OSError:
            aside.rename(final)
            raise
        flush(final.parent)
        shutil.rmtree(aside, ignore_errors=True)


def _tidy(final: Path) -> None:
    """Remove unfinished folders of killed runs, and restore old results that one had moved away.

    Only folders that no process has locked and that hold nothing but files of pbte.
    """
    for path in sorted(final.parent.glob(f"{glob.escape(final.name)}.*")):
        kind = _UNFINISHED.fullmatch(path.name.removeprefix(final.name))
        if kind is None or path.is_symlink() or not path.is_dir():
            continue
        files = (p.relative_to(path).as_posix() for p in path.rglob("*") if not p.is_dir())
        if not all(name == PROBE or _OWN_FILES.fullmatch(name) for name in files):
            continue
        with _locked(path) as alone:
            if not alone:
                continue
            if kind[1] == "old" and not final.exists():
                path.rename(final)
            else:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Hold the lock of a folder; yield whether this process has it. Ends with the process."""
    number = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:  # held by another process, or there are no locks on this file system
        alone = False
    try:
        yield alone
    finally:
        os.close(number)


def _try_plots(
    draw: Callable[[Results, Path], list[Path]], results: Results, to: Path
) -> list[Path]:
    try:
        return draw(results, to)
    except OSError:
        raise
    except Exception as error:
        shutil.rmtree(to, ignore_errors=True)
        message = f"the plots could not be drawn ({type(error).__name__}: {error})"
        warnings.warn(f"{message}; all other results are complete", RuntimeWarning, stacklevel=3)
        return []


def _failure(final: Path, error: OSError) -> str:
    if error.errno in _NO_SPACE:
        return (
            f"output folder {final}: the disk is full ({_reason(error)}); nothing was kept of the "
            "new results, older ones are untouched; make room and run again"
        )
    return (
        f"output folder {final}: writing failed ({_reason(error)}); nothing was kept of the new "
        "results, older ones are untouched"
    )


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _size(num_bytes: int) -> str:
    value = float(num_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000.0:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000.0
    return f"{value:.1f} TB"
