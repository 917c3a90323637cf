"""Files for operators: units that systemd accepts, and containers without root, shells or extra rights."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import click
import pytest
import sqlalchemy as sa
import yaml

from provenance.settings import Settings
from provenance_cli.main import main

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_systemd_accepts_the_unit(unit, tmp_path):
    program = tmp_path / "provenance"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    name = unit.name.replace("@", "@1") if "@" in unit.name else unit.name
    copy = tmp_path / name
    copy.write_text(unit.read_text().replace("/opt/provenance/bin/provenance", str(program)))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True, check=False
    )
    mine = [line for line in verified.stderr.splitlines() if name in line]
    assert (verified.returncode, mine) == (0, []), verified.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda one: one.name)
def test_the_unit_is_contained(unit, tmp_path):
    copy = tmp_path / unit.name.replace("@", "")
    copy.write_text(unit.read_text())
    found = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=25", copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout[-2000:]


def test_two_units_exist():
    assert [one.name for one in UNITS] == ["provenance-worker@.service", "provenance.service"]


# --- containers: nobody runs them here, so what they name is looked up ---

COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if one.get("image") == "content-provenance"}


def dockerfile() -> dict[str, list[str]]:
    """The arguments of each instruction of the last stage, by its name."""
    text = re.sub(r"\\\n", " ", (DEPLOY / "Dockerfile").read_text())
    found: dict[str, list[str]] = {}
    for line in text.rpartition("\nFROM ")[2].splitlines()[1:]:
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            found.setdefault(name, []).append(rest)
    return found


def check_command(command: list[str]) -> None:
    """The command line has this command with these options."""
    program, name, *options = command
    assert program == "provenance"
    known = {each for one in main.get_command(click.Context(main), name).params for each in one.opts}
    assert {one for one in options if one.startswith("--")} <= known


def probe(test: list[str]) -> ast.Module:
    """What a health check runs."""
    assert test[:3] == ["CMD", "python", "-c"]
    return ast.parse(test[3])


def test_the_image_serves_as_nobody_special_and_stops_by_signal():
    image = dockerfile()
    assert image["USER"] == ["provenance"]
    assert image["STOPSIGNAL"] == ["SIGTERM"]
    check_command(json.loads(image["CMD"][0]))
    [check] = image["HEALTHCHECK"]
    assert "/readyz" in ast.unparse(probe(["CMD", *json.loads(check[check.index("[") :])]))
    assert "apt-get" not in (DEPLOY / "Dockerfile").read_text(), "wheels only"


def test_compose_has_postgresql_two_that_answer_and_a_worker():
    commands = [one.get("command", json.loads(dockerfile()["CMD"][0])) for one in OURS.values()]
    for command in commands:
        check_command(command)
    assert sorted(command[1] for command in commands) == ["serve", "serve", "worker"]
    assert set(COMPOSE["services"]) - set(OURS) == {"database"}
    assert COMPOSE["services"]["database"]["image"].startswith("postgres:")
    ports = [one["ports"] for one in OURS.values() if "ports" in one]
    assert ports == [["127.0.0.1:8000:8000"], ["127.0.0.1:8001:8000"]], (
        "TLS is a proxy's, so only it may connect"
    )


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_container_has_no_extra_rights(name):
    one = COMPOSE["services"][name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]
    assert {"privileged", "cap_add", "network_mode", "devices"}.isdisjoint(one)


@pytest.mark.parametrize("name", OURS)
def test_settings_of_a_container_are_settings_and_load(name, tmp_path):
    environment = OURS[name]["environment"]
    (tmp_path / "provenance.toml").write_text("")
    made = Settings.load(environment, tmp_path / "provenance.toml")
    assert made.jobs == "elsewhere"
    url = sa.make_url(made.database)
    assert (url.drivername, url.host) == ("postgresql+psycopg", "database")
    assert url.password is None
    assert url.query == {"passfile": "/run/secrets/pgpass"}
    said = COMPOSE["services"]["database"]["environment"]
    assert (url.username, url.database) == (said["POSTGRES_USER"], said["POSTGRES_DB"])


def test_secrets_are_files_that_are_neither_committed_nor_built_in():
    for one in COMPOSE["secrets"].values():
        assert set(one) == {"file"}
        assert one["file"].startswith("./secrets/")
    assert "deploy/secrets/" in (DEPLOY.parent / ".gitignore").read_text().splitlines()
    assert "deploy/secrets" in (DEPLOY.parent / ".dockerignore").read_text().splitlines()
    used = {secret for one in COMPOSE["services"].values() for secret in one["secrets"]}
    assert used == set(COMPOSE["secrets"])
    for one in COMPOSE["services"].values():
        for key, value in one["environment"].items():
            assert "PASSWORD" not in key or (key.endswith("_FILE") and value.startswith("/run/secrets/"))


def test_spool_and_keys_are_volumes_that_the_image_owns():
    made = " ".join(dockerfile()["RUN"])
    named = set()
    for one in COMPOSE["services"].values():
        named |= {each.partition(":")[0] for each in one["volumes"]}
    assert named == set(COMPOSE["volumes"])
    for one in OURS.values():
        mounts = dict(each.split(":") for each in one["volumes"])
        for folder in (Settings().keys, Settings().spool):
            assert mounts[folder.name] == f"/var/lib/provenance/{folder}"
            assert mounts[folder.name] in made.split()


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_health_is_readiness(name):
    check = COMPOSE["services"][name]["healthcheck"]
    if name == "database":
        assert check["test"][1] == "pg_isready"
    elif COMPOSE["services"][name].get("command", ["", "serve"])[1] == "serve":
        assert "/readyz" in ast.unparse(probe(check["test"]))
    else:
        assert check == {"disable": True}, "a worker listens nowhere"
