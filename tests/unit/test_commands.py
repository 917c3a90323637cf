"""Commands over jobs that fail in chosen ways: one bad file never hides another's answer."""

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from provenance.digest import Digest
from provenance.errors import DeadlineError, KeyMaterialError, MediaError, StorageError
from provenance.evidence import (
    Credential,
    CredentialState,
    Evidence,
    Kind,
    MediaType,
    Record,
    SourceType,
    Unavailable,
)
from provenance.judge import judge
from provenance.publish import Published
from provenance.report.report import Report
from provenance.settings import Settings
from provenance.setup import initialise
from provenance_cli import session, sign
from provenance_cli.main import main
from tests.media_samples import wav

NOW = datetime(2026, 11, 23, 9, 14, 7, tzinfo=UTC)
RECORD = Record(
    asset_id="sha256:" + "00" * 32,
    index=7,
    digest=Digest.of(b"x"),
    media_type=MediaType.JPEG,
    title="Flood",
    publisher="Example News",
    certificate_sha256=Digest.of(b"c"),
    manifest_id="urn:c2pa:1",
    bound_digest=b"\x01" * 32,
    source_type=SourceType.DIGITAL_CAPTURE,
    model=None,
    registered_at=NOW,
)


class Publisher:
    """Publishes by writing a line; a name in ``errors`` spoils its batch."""

    def __init__(self, errors):
        self.errors, self.calls = errors, []

    def publish(self, jobs, *, replace=False, progress=None):
        self.calls.append([job.source.name for job in jobs])
        for job in jobs:
            if job.source.name in self.errors:
                raise self.errors[job.source.name]
        if progress is not None:
            progress("done", len(jobs), len(jobs))
        return [
            Published(job.source, job.output, Path(f"{job.output}.tlog-proof"), "", RECORD, ())
            for job in jobs
        ]


class Earlier:
    """Another publisher registered everything before."""

    def before(self, record):
        return (replace(record, index=3, title="Theirs", certificate_sha256=Digest.of(b"theirs")),)


@dataclass
class Verifier:
    states: dict

    def verify(self, path, *, name=None, declared=None, progress=None, interim=None):
        found = self.states[path.name]
        if isinstance(found, Exception):
            raise found
        progress("judging")
        evidence = Evidence(
            Digest.of(b"x"), MediaType.JPEG, Kind.IMAGE, Credential(found), (), (), Unavailable("none here")
        )
        return Report(name, evidence, judge(evidence), NOW, (), 0.1)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        Path(name).write_bytes(b"x")

    def start(*arguments, **parts):
        @contextmanager
        def installation(_self):
            yield SimpleNamespace(earlier=Earlier(), **parts)

        monkeypatch.setattr(session.Session, "installation", installation)
        return CliRunner().invoke(main, arguments)

    return start


def test_files_beside_a_bad_one_are_signed_and_the_bad_one_is_named(run):
    publisher = Publisher({"b.jpg": MediaError("expected a picture, found noise", hint="look at it")})
    result = run("sign", "a.jpg", "b.jpg", "c.jpg", "--format", "jsonl", publisher=publisher)
    assert result.exit_code == 6
    assert publisher.calls == [["a.jpg", "b.jpg", "c.jpg"], ["a.jpg"], ["b.jpg"], ["c.jpg"]]
    done = [json.loads(line) for line in result.stdout.splitlines()]
    assert [one.get("output") for one in done] == ["a.signed.jpg", "c.signed.jpg", None]
    assert done[0]["record"]["digest"] == str(RECORD.digest)
    assert done[0]["record"]["registered_at"] == "2026-11-23T09:14:07Z"
    assert done[2]["error"]["code"] == "media-unreadable"
    assert "provenance: error: b.jpg: expected a picture, found noise" in result.stderr
    assert "2 signed and registered, 1 failed" in result.stderr


@pytest.mark.parametrize(("error", "code"), [(KeyMaterialError("no key"), 7), (StorageError("disk full"), 1)])
def test_an_error_about_no_file_ends_the_command(run, error, code):
    publisher = Publisher({"a.jpg": error})
    result = run("sign", "a.jpg", "b.jpg", publisher=publisher)
    assert result.exit_code == code
    assert len(publisher.calls) == 1
    assert not result.stdout


def test_who_signs_what_another_registered_before_is_told_so(run):
    result = run("sign", "a.jpg", publisher=Publisher({}))
    assert result.exit_code == 0
    assert "registered before: “Theirs”" in result.stderr
    assert "not proof of ownership" in result.stderr


def test_large_sets_are_handed_over_in_batches(run, monkeypatch):
    monkeypatch.setattr(sign, "BATCH", 2)
    publisher = Publisher({})
    assert run("sign", "a.jpg", "b.jpg", "c.jpg", publisher=publisher).exit_code == 0
    assert publisher.calls == [["a.jpg", "b.jpg"], ["c.jpg"]]


def test_what_the_options_say_reaches_the_manifest(run):
    seen = []
    publisher = Publisher({})
    publisher.publish = lambda jobs, **how: seen.append((jobs, how)) or []
    arguments = ["sign", "a.jpg", "--in-place", "--source", "trainedAlgorithmicMedia", "--model", "M 1"]
    assert run(*arguments, "--author", "A", "--title", "T", publisher=publisher).exit_code == 0
    [([job], how)] = seen
    assert job.source == job.output == Path("a.jpg")
    assert how["replace"] is True
    said = job.request
    assert (said.title, said.author, said.model, said.training.value) == ("T", "A", "M 1", "notAllowed")
    assert run("sign", "b.jpg", "--training", "unstated", publisher=publisher).exit_code == 0
    assert seen[1][0][0].request.training is None
    assert seen[1][0][0].request.title == "b"
    assert seen[1][1]["replace"] is False
    assert run("sign", "a.jpg", "b.jpg", "--title", "T", publisher=publisher).exit_code == 2


def test_a_batch_returns_the_gravest_verdict_and_reports_what_it_could_not_read(run):
    states = {
        "a.jpg": CredentialState.TAMPERED,
        "b.jpg": DeadlineError("a media worker ran out of time"),
        "c.jpg": CredentialState.TRUSTED,
    }
    result = run("verify", "a.jpg", "b.jpg", "c.jpg", "--format", "json", verifier=Verifier(states))
    assert result.exit_code == 3
    tampered, intact, failed = json.loads(result.stdout)
    assert tampered["verdict"]["code"] == "credentials-invalid"
    assert intact["verdict"]["code"] == "intact"
    assert failed == {
        "name": "b.jpg",
        "error": {"code": "deadline", "message": "a media worker ran out of time", "hint": ""},
    }
    assert "3 files: " in result.stderr
    alone = run("verify", "b.jpg", verifier=Verifier(states))
    assert alone.exit_code == 1
    assert not alone.stdout
    assert "provenance: error: b.jpg: a media worker ran out of time" in alone.stderr


def test_demands_change_the_exit_code_only(run):
    verifier = Verifier({"a.jpg": CredentialState.UNRECOGNIZED, "b.jpg": CredentialState.ABSENT})
    assert run("verify", "a.jpg", verifier=verifier).exit_code == 0
    assert run("verify", "a.jpg", "--require-trusted", verifier=verifier).exit_code == 4
    assert run("verify", "b.jpg", "--require-credentials", verifier=verifier).exit_code == 5
    both = run("verify", "a.jpg", "b.jpg", "--require-trusted", "--require-credentials", verifier=verifier)
    assert both.exit_code == 4


def test_a_result_never_replaces_a_file_to_verify_nor_another_unasked(run):
    verifier = Verifier({"a.jpg": CredentialState.ABSENT})
    for option in ("-o", "--map"):
        result = run("verify", "a.jpg", option, "./a.jpg", "--force", verifier=verifier)
        assert result.exit_code == 2
    assert Path("a.jpg").read_bytes() == b"x"
    assert run("verify", "a.jpg", "-o", "report.txt", verifier=verifier).exit_code == 0
    assert run("verify", "a.jpg", "-o", "report.txt", verifier=verifier).exit_code == 2
    assert run("verify", "a.jpg", "-o", "report.txt", "--force", verifier=verifier).exit_code == 0
    result = run("verify", "a.jpg", "--map", "map.png", verifier=verifier)
    assert "no difference picture" in result.stderr
    assert not Path("map.png").exists()


def test_html_stands_alone_and_several_need_a_folder(run):
    verifier = Verifier(dict.fromkeys(("a.jpg", "b.jpg"), CredentialState.ABSENT))
    assert run("verify", "a.jpg", "b.jpg", "--format", "html", verifier=verifier).exit_code == 2
    result = run("verify", "a.jpg", "b.jpg", "--format", "html", "-o", "pages", verifier=verifier)
    assert result.exit_code == 0, result.output
    page = Path("pages/a.jpg.html").read_text("utf-8")
    assert "no-evidence" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert Path("pages/b.jpg.html").exists()


def test_search_shows_distance_status_and_writes_receipts(run):
    hit = SimpleNamespace(
        record=replace(RECORD, title="\x1b[31mFlood"),
        algorithm="pdq256-v1", distance=4, bits=256, time_s=12.04, receipt="proof\n",
    )  # fmt: skip
    searcher = SimpleNamespace(by_text=lambda text, radius: [hit] if radius in (None, 9) else [])
    result = run("search", "pdq256-v1:00", "--receipts", "proofs", searcher=searcher)
    assert result.exit_code == 0
    assert "pdq256-v1 at 12.0 s  4 of 256 bits" in result.stdout
    assert "\x1b" not in result.stdout
    assert Path("proofs/entry-7.tlog-proof").read_text("utf-8") == "proof\n"
    found = json.loads(
        run("search", "pdq256-v1:00", "--radius", "9", "--format", "json", searcher=searcher).stdout
    )
    assert found["hits"][0]["distance"] == 4
    assert run("search", "a.jpg", "--radius", "9", searcher=searcher).exit_code == 2
    assert (
        "nothing registered is near"
        in run("search", "pdq256-v1:00", "--radius", "1", searcher=searcher).stderr
    )


def test_serve_hands_limits_to_the_server_and_the_configuration_to_the_service(tmp_path, monkeypatch):
    """SR-21: request heads are limited, idle connections end, connections are bounded."""
    called = {}
    monkeypatch.setattr("uvicorn.run", lambda *given, **how: called.update(how, app=given[0]))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    config = tmp_path / "made" / "provenance.toml"
    initialise(config.parent, "TEST News")
    config.write_text(config.read_text("utf-8") + "port = 8123\n", "utf-8")
    result = CliRunner().invoke(main, ["--config", str(config), "serve"])
    assert result.exit_code == 0, result.output
    assert (called["host"], called["port"]) == ("127.0.0.1", 8123)
    assert called["http"].__name__ == "GuardedProtocol"
    assert called["limit_concurrency"] > 0
    assert called["timeout_keep_alive"] <= 10
    assert called["server_header"] is False
    assert os.environ["PROVENANCE_CONFIG"] == str(config)
    assert Settings.load(os.environ, config).port == 8123
    result = CliRunner().invoke(main, ["--config", str(config), "serve", "--host", "0.0.0.0", "--port", "9"])
    assert "put a proxy with TLS before it" in result.stderr
    assert (called["host"], called["port"]) == ("0.0.0.0", 9)


def test_hashes_need_no_configuration_and_no_registry(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sound.wav").write_bytes(wav(1))
    ran = CliRunner().invoke(main, ["hash", "sound.wav"])
    assert ran.exit_code == 0, ran.output
    assert ran.output == f"{Digest.of(wav(1))}  sound.wav\n"
    assert [each.name for each in tmp_path.iterdir()] == ["sound.wav"]


def test_whoever_runs_the_development_service_is_told_where_its_configuration_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bare = CliRunner().invoke(main, ["api-keys", "list"])
    assert "provenance init --dev" in bare.output
    initialise(tmp_path / "provenance-dev", "TEST Publisher")
    told = CliRunner().invoke(main, ["api-keys", "list"])
    assert told.exit_code != 0
    assert "--config provenance-dev/provenance.toml" in " ".join(told.output.split())
