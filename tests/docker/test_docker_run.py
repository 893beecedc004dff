"""docker/run as far as it can be tried without preparing an environment."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DOCKER = CHECKOUT / "docker"

pytestmark = pytest.mark.serial


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run docker/run as somebody outside the environment would."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PBTE_")}
    return subprocess.run(
        [DOCKER / "run", *arguments],
        env=environment | variables,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )


def fake(folder: Path, name: str, script: str) -> None:
    """Put a program of this name on a search path."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n" + script)
    (folder / name).chmod(0o755)


def listed(name: str) -> list[str]:
    """Return the packages of a list as read by hand."""
    lines = (DOCKER / name).read_text().splitlines()
    return [word for line in lines if (word := line.split("#")[0].strip())]


def test_the_native_environment_is_found_and_used_as_it_is() -> None:
    result = run("python3", "-c", "import dolfinx, pbte; print(pbte.__file__)")
    assert result.returncode == 0, result.stderr
    assert Path(result.stdout.strip()) == CHECKOUT / "pbte" / "__init__.py"


def test_status_names_every_engine_and_the_one_used() -> None:
    result = run("--status")
    rows = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert rows["used"] == "native"
    assert rows["native"].startswith("yes") and "DOLFINx" in rows["native"]
    for engine in ("docker", "podman", "apptainer", "singularity", "rootfs"):
        assert re.match(r"(yes|no ) +\S", rows[engine]), rows[engine]


def test_the_exit_status_and_the_streams_are_those_of_the_command() -> None:
    result = run("bash", "-c", "echo out; echo err >&2; exit 7")
    assert (result.returncode, result.stdout, result.stderr) == (7, "out\n", "err\n")


def test_the_pbte_command_is_this_checkout() -> None:
    result = run("bash", "-c", "command -v pbte pytest python")
    folders = {Path(line).parent for line in result.stdout.splitlines()}
    assert folders == {DOCKER / "bin"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--engine", "lxd", "true"], "unknown engine lxd; there are: native docker"),
        (["--suite", "bookworm", "true"], "unknown suite bookworm; there are: trixie, sid"),
        (["--with", "comsol", "true"], "no optional part named comsol; there are:"),
        (["--verbose", "true"], "unknown option --verbose"),
        (["--engine"], "--engine needs a value"),
    ],
)
def test_wrong_use_is_refused_in_one_sentence(arguments: list[str], sentence: str) -> None:
    result = run(*arguments)
    assert result.returncode == 2
    assert sentence in result.stderr and len(result.stderr.splitlines()) == 1


def test_no_command_prints_the_usage() -> None:
    assert run("--help").stdout.startswith("usage: docker/run")
    result = run()
    assert result.returncode == 2 and result.stderr == run("--help").stdout


def test_a_client_without_its_daemon_is_passed_over(tmp_path: Path) -> None:
    fake(tmp_path / "bin", "docker", "exit 1")
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    result = run("--engine", "docker", "true", PATH=path)
    assert result.returncode == 125
    assert "gets no answer" in result.stderr


def test_docker_gets_the_lists_the_checkout_and_the_command(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    script = f'echo "$@" >> {log}\ncase $1 in image) exit 1 ;; esac\n'
    fake(tmp_path / "bin", "docker", script)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    result = run("--engine", "docker", "--suite", "sid", "pbte", "check", "x y", PATH=path)
    assert result.returncode == 0, result.stderr
    info, inspect, build, start = log.read_text().splitlines()
    assert info == "info" and inspect.startswith("image inspect pbte:sid-")
    assert "--build-arg SUITE=sid --build-arg LISTS=packages.txt" in build
    assert f"--volume {CHECKOUT}:{CHECKOUT}" in start and start.endswith("pbte check x y")


def test_an_image_that_cannot_be_built_is_no_environment(tmp_path: Path) -> None:
    fake(tmp_path / "bin", "docker", "[ $1 = info ]")
    result = run("--engine", "docker", "true", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert result.returncode == 125 and "could not build the image" in result.stderr


def test_apptainer_builds_once_under_the_final_name(tmp_path: Path) -> None:
    log = tmp_path / "calls"
    script = f'echo "$@" >> {log}\n[ $1 != build ] || touch "$6"\n'
    fake(tmp_path / "bin", "apptainer", script)
    variables = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PBTE_CACHE": str(tmp_path / "cache"),
    }
    for _ in range(2):
        assert run("--engine", "apptainer", "true", **variables).returncode == 0
    verbs = [line.split()[0] for line in log.read_text().splitlines()]
    assert verbs == ["build", "exec", "exec"]
    assert [path.suffix for path in (tmp_path / "cache").glob("trixie-*")] == [".sif"]


def test_a_change_of_comments_keeps_the_key_and_a_package_changes_it(tmp_path: Path) -> None:
    copy = tmp_path / "checkout"
    subprocess.run(["cp", "-r", DOCKER, copy / "docker"], check=False)
    copy.mkdir(exist_ok=True)
    subprocess.run(["cp", "-r", DOCKER, copy], check=True)
    packages = copy / "docker" / "packages.txt"

    def key() -> str:
        result = subprocess.run([copy / "docker/run", "--status"], capture_output=True, text=True)
        found = re.search(r"^environment +(\S+)", result.stdout, re.MULTILINE)
        assert found, result.stderr
        return found[1]

    before = key()
    packages.write_text("# one more remark\n\n" + packages.read_text())
    assert key() == before
    packages.write_text(packages.read_text() + "cowsay  # new\n")
    assert key() != before


@pytest.mark.parametrize("recipe", ["Dockerfile", "apptainer.def"])
@pytest.mark.parametrize("name", sorted(path.name for path in DOCKER.glob("packages*.txt")))
def test_every_recipe_reads_the_package_lists_alike(recipe: str, name: str) -> None:
    found = re.search(r"\| (sed (?:-e '[^']*' ?)+)", (DOCKER / recipe).read_text())
    assert found, f"{recipe} has no sed call"
    result = subprocess.run(
        ["bash", "-c", found[1]], input=(DOCKER / name).read_text(), capture_output=True, text=True
    )
    assert result.stdout.split() == listed(name)
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", package) for package in listed(name))


def test_optional_packages_are_those_of_pyproject() -> None:
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for name in ("phono3py", "xarray"):
        assert listed(f"requirements-{name}.txt") == extras[name]
