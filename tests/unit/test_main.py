"""The program's edge: messages to stderr, codes that scripts can rely on, and a fast start."""

import json
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from provenance.errors import LimitError, SchemaError
from provenance_cli import session
from provenance_cli.main import COMMANDS, main


def run(*arguments, **extra):
    return CliRunner().invoke(main, arguments, **extra)


def failing(monkeypatch, error):
    def settings(_self):
        raise error

    monkeypatch.setattr(session.Session, "settings", settings)


def test_help_loads_no_codec_no_database_and_no_server():
    heavy = ["av", "cv2", "numpy", "PIL", "sqlmodel", "sqlalchemy", "fastapi", "uvicorn", "c2pa", "rich"]
    program = (
        "import sys, json\nfrom provenance_cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded.isdisjoint(heavy)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_without_a_configuration(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(name, "--help")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("Usage: provenance") or "Usage:" in result.stdout
    assert not result.stderr
    assert not list(tmp_path.iterdir())


def test_no_command_is_wrong_use():
    result = run()
    assert result.exit_code == 2
    assert "Commands:" in result.stderr
    assert not result.stdout


@pytest.mark.parametrize(
    "arguments", [("verfy",), ("--wrong",), ("verify",), ("verify", "a.jpg", "--format", "xml"), ("init",)]
)
def test_wrong_use_is_one_error_and_one_hint_on_stderr(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    error, hint = result.stderr.splitlines()
    assert result.exit_code == 2
    assert not result.stdout
    assert error.startswith("provenance: error: ")
    assert not error.endswith(".")
    assert hint.startswith("provenance: hint: provenance")


def test_a_missing_configuration_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"x")
    result = run("verify", "a.jpg")
    assert result.exit_code == 2
    assert "no configuration" in result.stderr
    assert "provenance init --dev" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(LimitError("over 9"), 6), (SchemaError("old"), 1), (PermissionError(13, "no", "f"), 1)],
)
def test_an_expected_error_is_a_message_and_its_code(error, code, monkeypatch):
    failing(monkeypatch, error)
    result = run("doctor")
    assert result.exit_code == code
    assert "provenance: error: " in result.stderr
    assert "bug" not in result.stderr


def test_an_unexpected_error_is_called_a_bug_and_traced_on_demand(monkeypatch):
    failing(monkeypatch, ZeroDivisionError("oops"))
    plain, traced = run("doctor"), run("--traceback", "doctor")
    assert plain.exit_code == traced.exit_code == 1
    assert "unexpected ZeroDivisionError: oops" in plain.stderr
    assert "this is a bug" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert "Traceback" in traced.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_cancelling_exits_130(error, monkeypatch):
    failing(monkeypatch, error)
    result = run("doctor")
    assert result.exit_code == 130
    assert "cancelled" in result.stderr


def test_a_reader_that_goes_away_is_met_without_a_traceback():
    program = f"{sys.executable} -c 'from provenance_cli.main import main; main([\"explain\"])' | true"
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_escape_sequences_in_a_name_do_not_reach_the_terminal():
    """SR-18, case 98: a name with ANSI escapes is inert."""
    result = run("verify", "\x1b[2J\x1b]0;owned\x07.jpg")
    assert result.exit_code == 2
    assert "\x1b" not in result.output
    assert "\x07" not in result.output
