"""A registry with everything in it moves from its SQLite file to PostgreSQL."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from click.testing import CliRunner

from provenance.errors import ConfigError, ConflictError, OutputExistsError
from provenance.evidence import RecordStatus
from provenance.ledger.database import conninfo_of, open_engine
from provenance.ledger.receipt import check_receipt
from provenance.moving import move_to_postgresql
from provenance.publish import PublishJob
from provenance.record import SourceType
from provenance.service.access import Scope
from provenance.service.jobs import JobState
from provenance.setup import HIGH_WATER_NAME, Installation, initialise
from provenance.signing.claims import SigningRequest
from provenance_cli.exits import ExitCode
from provenance_cli.main import main
from tests.fakes.pictures import encoded, photograph
from tests.postgres import binaries, fresh_url


def _publish(installation, name):
    source = installation.settings.root / name
    source.write_bytes(encoded(photograph(name), quality=85))
    output = source.with_suffix(".signed.jpg")
    request = SigningRequest(title=name, source_type=SourceType.DIGITAL_CAPTURE)
    [made] = installation.publisher.publish([PublishJob(source, output, request)])
    return made


@pytest.fixture
def settings(tmp_path):
    return replace(initialise(tmp_path / "here", "TEST News"), detector="none")


def test_everything_is_there_and_goes_on(settings, tmp_path):
    with Installation.open(settings) as old:
        coffee, rocket = _publish(old, "coffee.png"), _publish(old, "rocket.jpg")
        old.statements.withdraw(rocket.record.asset_id, "TEST wrong caption")
        key = old.access.create("news", "desk", frozenset({Scope.VERIFY}), None)[1]
        waiting = old.jobs.add("verify", "news", {"n": 1})
        watch = old.watches.add("news", coffee.record.asset_id, ["altered-copy"], "")
        old.watches.report(coffee.record.asset_id, "altered-copy", {"n": 1})
        before, receipt = old.store.head(), old.log.prove(0)
    url = fresh_url()
    moved = move_to_postgresql(settings, url)
    assert (moved.entries, moved.root) == (3, before.root)
    assert {name: moved.rows[name] for name in ("log_entry", "asset", "job", "sighting", "api_key")} == {
        "log_entry": 3, "asset": 2, "job": 1, "sighting": 1, "api_key": 1
    }  # fmt: skip
    with Installation.open(replace(settings, database_url=url)) as new:
        assert new.store.head() == before
        assert new.log.prove(0) == receipt
        check_receipt(coffee.receipt, coffee.record.digest, new.note_signer.vkey)
        assert new.verifier.verify(coffee.output).verdict.code == "intact"
        assert new.store.record(rocket.record.asset_id).status is RecordStatus.WITHDRAWN
        assert new.access.caller(key).tenant == "news"
        assert new.jobs.find(waiting.id).state is JobState.WAITING
        new.watches.report(coffee.record.asset_id, "altered-copy", {"n": 2})
        seen = new.watches.feed(watch.id, 0, 10)
        assert [each.id for each in seen] == [1, 2], "later rows go on counting"
        _publish(new, "chelsea.png")
        assert new.log.audit().size == 4
    with Installation.open(settings) as old, pytest.raises(ConflictError, match="at least 4 entries"):
        _publish(old, "camera.png")  # the file that was left behind must not begin a second history


def test_an_empty_registry_can_be_moved(settings):
    assert move_to_postgresql(settings, fresh_url()).entries == 0


def test_a_target_that_is_not_empty_is_refused_and_stays(settings, tmp_path):
    url = fresh_url()
    initialise(tmp_path / "there", "TEST Other", database_url=url)
    with pytest.raises(OutputExistsError, match="expected an empty database"):
        move_to_postgresql(settings, url)
    with Installation.open(replace(settings, database_url=url)) as other:
        assert [each.organisation for each in other.store.publishers().values()] == ["TEST Other"]


def test_only_sqlite_moves_to_postgresql_only(settings, tmp_path):
    with pytest.raises(ConfigError, match="PostgreSQL"):
        move_to_postgresql(settings, f"sqlite:///{tmp_path}/other.db")
    url = fresh_url()
    there = initialise(tmp_path / "there", "TEST Other", database_url=url)
    with pytest.raises(ConfigError, match="SQLite"):
        move_to_postgresql(there, fresh_url())


def test_the_command_says_what_was_moved(settings):
    config = str(settings.root / "provenance.toml")
    ran = CliRunner().invoke(main, ["--config", config, "migrate", "sqlite-to-postgres", fresh_url()])
    assert (ran.exit_code, "all 0 entries were checked" in ran.stdout) == (ExitCode.DONE, True), ran.output


def test_a_dump_comes_back_as_the_same_log(settings, tmp_path):
    """The backup of a registry on PostgreSQL: its own tools, then the audit. Case 105."""
    programs = {name: binaries() / name for name in ("pg_dump", "pg_restore")}
    if not all(each.exists() for each in programs.values()):
        pytest.skip("needs pg_dump and pg_restore beside the server")
    url, dump = fresh_url(), tmp_path / "registry.dump"
    there = replace(settings, database_url=url)
    move_to_postgresql(settings, url)
    with Installation.open(there) as installation:
        made, before = _publish(installation, "coffee.png"), installation.store.head()
        subprocess.run([programs["pg_dump"], "-Fc", "-f", dump, conninfo_of(installation.memory)], check=True)
        _publish(installation, "rocket.jpg")
    restored = replace(settings, database_url=fresh_url())
    name = conninfo_of(open_engine(restored.database))
    subprocess.run([programs["pg_restore"], "-d", name, "--exit-on-error", dump], check=True)
    with Installation.open(restored) as installation:
        assert installation.store.head() == before
        with pytest.raises(ConflictError, match="an old backup"):
            installation.log.audit()
        (
            settings.root / HIGH_WATER_NAME
        ).unlink()  # what the operator decides who knows that nothing newer is left
        assert installation.log.audit().size == 1
        assert installation.verifier.verify(made.output).verdict.code == "intact"
        _publish(installation, "chelsea.png")
