"""Log records in a terminal, outside of one, and in a file."""

from __future__ import annotations

import io
import logging
import re

import pytest
from cases import GRAY_FILM, WARMED
from rich.console import Console

from pbte.cli.logs import TerminalHandler
from pbte.core.parallel import on_all_ranks

LOG = logging.getLogger("pbte.test")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def shown():
    """Return a function that makes a handler on a terminal, or on none, with clock and text."""
    handlers = []

    def make(*, terminal: bool, level: int = logging.INFO):
        clock, text = Clock(), io.StringIO()
        console = Console(file=text, force_terminal=terminal, width=200, color_system=None)
        handlers.append(TerminalHandler(level, console, clock))
        LOG.addHandler(handlers[-1])
        LOG.setLevel(logging.DEBUG)
        return handlers[-1], clock, text

    yield make
    for handler in handlers:
        LOG.removeHandler(handler)
        handler.close()


def step(number: int, total: int = 4) -> None:
    LOG.info("order %d", number, extra={"stage": "orders", "done": number / total})


def test_outside_of_a_terminal_each_record_is_a_line_with_the_time(shown):
    _, clock, text = shown(terminal=False)
    for number in (1, 2):
        clock.now = 20.0 * number
        step(number)
    LOG.debug("a detail")
    LOG.warning("odd")
    lines = ["   20.0 s  order 1", "   40.0 s  order 2", "Warning: odd"]
    assert text.getvalue().splitlines() == lines


def test_a_long_stage_in_a_terminal_has_one_line_with_the_remaining_time(shown):
    handler, clock, text = shown(terminal=True)
    step(1)
    assert str(handler.live_text()) == "", "nothing lives for ten seconds"
    clock.now = 30.0
    step(2)
    assert re.search(r"30.0 s  order 2 .* 50 %, about 30 s left", str(handler.live_text()))
    assert "order 1" in text.getvalue()
    LOG.info("compiling")
    assert text.getvalue().count("   30.0 s  order 2\n") == 1, "the last record of a stage stays"
    clock.now = 50.0
    assert str(handler.live_text()).endswith("compiling  for 20 s")


@pytest.fixture
def film(comm, shared_tmp_path):
    path = shared_tmp_path / "film.toml"
    with on_all_ranks(comm):
        if comm.rank == 0:
            path.write_text(GRAY_FILM + WARMED)
    return path


@pytest.mark.parametrize("last", [True, False])
def test_quiet_shows_the_summary_alone(pbte, film, last):
    arguments = ["run", film, "--output", film.parent / "results"]
    outcome = pbte(*arguments, "-q") if last else pbte("--quiet", *arguments)
    assert outcome.status == 0
    assert outcome.err == "" and "Phonon modes" in outcome.out


def test_the_file_has_everything_with_time_and_rank(comm, pbte, film):
    file = film.parent / "run.log"
    outcome = pbte("run", film, "--output", film.parent / "results", "--log-file", file)
    assert outcome.status == 0 and re.search(r"^ +\d+\.\d s  .*modes", outcome.err)
    lines = file.read_text().splitlines()
    for rank in range(comm.size):
        assert any(f" rank {rank} INFO pbte.simulation: " in line for line in lines)
    comm.barrier()


def test_a_file_that_cannot_be_written_is_one_sentence(pbte, film):
    outcome = pbte("check", film, "--log-file", film.parent / "none" / "run.log")
    assert outcome.status == 1 and len(outcome.err.splitlines()) == 1
    assert "No such file or directory" in outcome.err
