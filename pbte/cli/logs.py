"""Log records of the package, in the terminal and in a file.

The rooms log to "pbte.simulation", "pbte.transport", ...; records of long work carry the stage they
belong to and, where it is known, the fraction that is done.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pbte.cli.terminal import error_console, is_talking, world
from pbte.core.parallel import under_launcher

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

LONG = 10.0
"""Stages that take longer get a live line in a terminal [s]."""
_PACKAGE = logging.getLogger("pbte")
_HANDLERS: list[logging.Handler] = []  # those that `configure_logging` has added
_BAR = 24


class TerminalHandler(logging.Handler):
    """Writes a line for each record to the error output, with the time since the start.

    In a terminal, a stage that takes longer than ten seconds has one live line instead: the latest
    record, and the remaining time if the record says what is done.

    Args:
        level: Least level that is shown.
        console: Where to; the error output by default.
        clock: Seconds.
    """

    def __init__(
        self,
        level: int = logging.INFO,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(level)
        self.console = error_console() if console is None else console
        self._clock = clock
        self._start = self._stage_start = clock()
        self._stage: str | None = None
        self._done = 0.0
        self._latest = ""
        self._unwritten = ""
        self._live: Live | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or show it in the live line."""
        if record.levelno >= logging.WARNING:
            self._write(f"{record.levelname.capitalize()}: {record.getMessage()}")
            return
        stage: str | None = getattr(record, "stage", None)
        now = self._clock()
        if stage is None or stage != self._stage:
            self.flush()
            self._stage, self._stage_start = stage, now
        self._done = getattr(record, "done", 0.0)
        self._latest = record.getMessage()
        line = f"{now - self._start:7.1f} s  {self._latest}"
        if not self.console.is_terminal:
            self._write(line)
            return
        self._unwritten = ""
        if stage is not None and now - self._stage_start > LONG:
            self._unwritten = line
        else:
            self._write(line)
        if self._live is None:
            self._live = self._live_line()

    def flush(self) -> None:
        """Take the live line away, and leave the last record that it showed."""
        if self._live is not None:
            self._live.stop()
            self._live = None
        if self._unwritten:
            self._write(self._unwritten)
            self._unwritten = ""

    def close(self) -> None:
        """Take the live line away."""
        self.flush()
        super().close()

    def live_text(self) -> RenderableType:
        """Return the live line; empty until the work at hand takes long."""
        from rich.text import Text

        spent = self._clock() - self._stage_start
        if spent <= LONG:
            return Text("")
        parts = [f"{self._clock() - self._start:7.1f} s  {self._latest}"]
        if 0.0 < self._done < 1.0:
            filled = round(_BAR * self._done)
            parts.append("━" * filled + "╌" * (_BAR - filled))
            left = spent * (1.0 - self._done) / self._done
            parts.append(f"{100.0 * self._done:.0f} %, about {_duration(left)} left")
        else:
            parts.append(f"for {_duration(spent)}")
        return Text("  ".join(parts), no_wrap=True, overflow="ellipsis")

    def _live_line(self) -> Live:
        """Return a line at the bottom of the terminal that is drawn again twice a second."""
        from rich.live import Live

        live = Live(
            get_renderable=self.live_text,
            console=self.console,
            refresh_per_second=2,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        live.start()
        return live

    def _write(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)


def configure_logging(*, quiet: bool, verbose: bool, file: Path | None) -> None:
    """Send what the package logs to the terminal, from one rank, and to a file, from all.

    Args:
        quiet: Show warnings only.
        verbose: Show details too.
        file: Gets everything, with time and rank; what it holds is kept.

    Raises:
        OSError: The file cannot be written.
    """
    stop_logging()
    _PACKAGE.setLevel(logging.DEBUG if verbose or file is not None else logging.INFO)
    _add(logging.NullHandler())  # other ranks say nothing, not even warnings
    if is_talking():
        level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
        _add(TerminalHandler(level))
    if file is not None:
        rank = world().rank if under_launcher() else 0
        handler = logging.FileHandler(file, encoding="utf-8")
        form = f"%(asctime)s rank {rank} %(levelname)s %(name)s: %(message)s"
        handler.setFormatter(logging.Formatter(form))
        _add(handler)


def show_only(room: str) -> None:
    """Show what one room says and the warnings of the others, unless details were asked for."""
    for handler in _terminal_handlers():
        if handler.level > logging.DEBUG:
            handler.addFilter(
                lambda record: record.levelno >= logging.WARNING or record.name.startswith(room)
            )


def stop_logging() -> None:
    """Take the handlers of the command line away; those of others stay."""
    while _HANDLERS:
        handler = _HANDLERS.pop()
        _PACKAGE.removeHandler(handler)
        handler.close()


def _add(handler: logging.Handler) -> None:
    _HANDLERS.append(handler)
    _PACKAGE.addHandler(handler)


def _terminal_handlers() -> list[TerminalHandler]:
    return [each for each in _PACKAGE.handlers if isinstance(each, TerminalHandler)]


def _duration(seconds: float) -> str:
    """Return a time such as "40 s", "3 min" or "2.5 h"."""
    if seconds < 100.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 6000.0 else f"{seconds / 3600.0:.1f} h"
