"""The machine as far as it decides about the figures: processor, caches, threads, dgemm rate."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pbte.core.errors import InputError
from pbte.verification.benchmarks.clock import measure

_CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where and under what conditions the figures were measured.

    Attributes:
        processor: Name of the processor.
        vector_unit: Widest vector instructions it has.
        num_cores: Cores that this process may use.
        threads: Threads that the benchmark uses, in Numba and in BLAS.
        level_2_cache: Bytes of the second-level cache of one core, None if not known.
        level_3_cache: The same of the third level, which cores share.
        load: Mean number of processes that wanted to run during the last minute, this one
            included, before the benchmark started; None if not known.
        blas: Name of the BLAS library.
    """

    processor: str
    vector_unit: str
    num_cores: int
    threads: int
    level_2_cache: int | None
    level_3_cache: int | None
    load: float | None
    blas: str


def describe_machine(threads: int) -> Machine:
    """Return what is known of the machine."""
    import threadpoolctl

    information = _processor_information()
    flags = set(information.get("flags", "").split())
    units = [unit for unit in ("avx512f", "avx2", "avx", "sse2") if unit in flags]
    libraries = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    return Machine(
        processor=information.get("model name", platform.processor() or platform.machine()),
        vector_unit=units[0] if units else "not known",
        num_cores=_num_cores(),
        threads=threads,
        level_2_cache=_cache_size(2),
        level_3_cache=_cache_size(3),
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        blas=", ".join(f"{p['internal_api']} {p['version']}" for p in libraries) or "not known",
    )


def use_threads(threads: int) -> None:
    """Let Numba and BLAS use this many threads.

    Raises:
        InputError: More than Numba was started with, or less than one.
    """
    import numba
    import threadpoolctl

    most = int(numba.config.NUMBA_NUM_THREADS)
    if not 1 <= threads <= most:
        raise InputError(
            f"--threads {threads}: it must be between 1 and {most}, the number of cores of this "
            "process (set NUMBA_NUM_THREADS to use more)"
        )
    numba.set_num_threads(threads)
    threadpoolctl.threadpool_limits(limits=threads)


def multiplication_rate(size: int, repeats: int, *, threads: int) -> float:
    """Return the rate of large square matrix products (dgemm) on these threads [flop/s].

    The best of several repeats; by processor time on one thread, by the clock on more, so that
    both are the rate of the threads together.
    """
    random = np.random.default_rng(1)
    a, b = random.random((size, size)), random.random((size, size))
    product = np.empty((size, size))
    np.matmul(a, b, out=product)
    timing = measure(lambda: np.matmul(a, b, out=product), repeats=repeats)
    return 2.0 * size**3 / (timing.cpu_min if threads == 1 else timing.wall_min)


def _num_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor_information() -> dict[str, str]:
    """Return the first paragraph of /proc/cpuinfo, nothing where there is none."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _cache_size(level: int) -> int | None:
    """Return the bytes of a data cache of the first core."""
    try:
        for index in sorted(_CACHES.glob("index*")):
            kind = (index / "type").read_text().strip()
            if int((index / "level").read_text()) == level and kind != "Instruction":
                size = (index / "size").read_text().strip()
                return int(size.rstrip("KMG")) * _UNITS.get(size[-1], 1)
    except (OSError, ValueError):
        pass
    return None
