"""``provenance ledger witness``: be a witness of logs, or ask the witnesses of this log."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.errors import ConfigError, OutputExistsError
from provenance_cli.exits import ExitCode
from provenance_cli.logkeys import log_keys, read_policy, read_text
from provenance_cli.render import clean, out, path_text, say, table, time_text
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.ledger.checkpoint import Cosigner
    from provenance.ledger.policy import Policy
    from provenance.ledger.witness import Witness

#: Files of a witness's folder: its name, and the logs it witnesses as a C2SP tlog-policy.
_NAME_FILE, _LOGS_FILE, _STATE = "name", "logs.policy", "state"

#: Connections at once, and seconds an idle one is kept; a witness is asked by a few logs every few seconds.
_CONNECTIONS, _IDLE_S = 128, 30

folder_argument = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group("witness", short_help="be a witness, or ask the witnesses of this log")
def witness_group() -> None:
    """Be a witness of logs, or ask the witnesses of this installation's log."""


@witness_group.command("init", short_help="make the keys of a new witness")
@folder_argument
@click.option("--name", required=True, help="Name of the witness, like an address: witness.example/w1.")
def init_command(*, folder: Path, name: str) -> ExitCode:
    """Make the keys of a witness in FOLDER, and print the lines by which others can believe it."""
    from provenance.ledger.note import NAME  # noqa: PLC0415 - loads the ledger
    from provenance.signing.keys import create_witness_keys  # noqa: PLC0415 - loads the keys

    if NAME.fullmatch(name) is None:
        raise click.BadParameter("a name has 1 to 200 characters, no spaces and no plus signs")
    if (folder / _NAME_FILE).exists():
        raise OutputExistsError(f"{path_text(folder)} is a witness already", hint="choose another folder")
    create_witness_keys(folder)
    (folder / _LOGS_FILE).write_text("# logs that are witnessed: log VKEY [URL]\nquorum none\n", "utf-8")
    (folder / _NAME_FILE).write_text(f"{name}\n", "utf-8")
    _print_keys(folder)
    return ExitCode.DONE


def _print_keys(folder: Path) -> None:
    for cosigner, short in zip(_signers(folder), ("ed25519", "mldsa44"), strict=True):
        out(f"witness {short} {cosigner.verifier.vkey}")


def _signers(folder: Path) -> list[Cosigner]:
    from provenance.ledger.checkpoint import Cosigner  # noqa: PLC0415 - loads the ledger
    from provenance.signing.keys import load_witness_keys  # noqa: PLC0415 - loads the keys

    if not (folder / _NAME_FILE).is_file():
        raise ConfigError(
            f"expected a witness in {path_text(folder)}, found none", hint="provenance ledger witness init"
        )
    name = read_text(folder / _NAME_FILE).strip()
    return [Cosigner(name, key, lambda: datetime.now(UTC)) for key in load_witness_keys(folder)]


@witness_group.command("add", short_help="witness one more log")
@folder_argument
@click.argument("log_key", metavar="VKEY|FILE")
def add_command(*, folder: Path, log_key: str) -> ExitCode:
    """Let the witness in FOLDER cosign the log with these keys; a server must be started anew."""
    from provenance import files  # noqa: PLC0415
    from provenance.ledger.policy import Policy  # noqa: PLC0415 - loads the ledger

    _signers(folder)
    keys = log_keys(Session(), log_key)
    before = read_text(folder / _LOGS_FILE)
    lines = "".join(f"log {each.vkey}\n" for each in keys.keys if each.vkey not in before)
    Policy.parse(before + lines)
    files.write_whole(folder / _LOGS_FILE, (before + lines).encode(), replace=True)
    say(f"provenance: {clean(keys.name)} is witnessed, {len(keys.keys)} keys known")
    return ExitCode.DONE


def _witness(folder: Path) -> tuple[Witness, Policy, list[str]]:
    from provenance.ledger.witness import Witness  # noqa: PLC0415 - loads the ledger

    signers = _signers(folder)
    policy = read_policy(folder / _LOGS_FILE)
    origins = sorted({each.key.name for each in policy.logs})
    logs = {origin: policy.keys(origin) for origin in origins}
    return Witness(signers, logs, folder / _STATE), policy, origins


@witness_group.command("state", short_help="show what a witness has seen")
@folder_argument
def state_command(*, folder: Path) -> ExitCode:
    """Show the keys of the witness in FOLDER, and of each log the newest checkpoint it cosigned."""
    from provenance.ledger.checkpoint import cosigned_by, open_checkpoint  # noqa: PLC0415 - loads the ledger

    witness, policy, origins = _witness(folder)
    _print_keys(folder)
    keys = [each.verifier for each in _signers(folder)]
    rows = [("log", "entries", "root", "cosigned at")]
    for origin in origins:
        note = witness.latest(origin)
        if note is None:
            rows.append((origin, "0", "", "not yet"))
            continue
        point = open_checkpoint(note, policy.keys(origin))
        at = max(cosigned_by(note, keys).values())
        rows.append((origin, str(point.size), point.root.hex()[:16], time_text(at)))
    out(table(rows))
    return ExitCode.DONE


@witness_group.command("serve", short_help="answer add-checkpoint requests")
@folder_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=7380, show_default=True, help="Port.")
def serve_command(*, folder: Path, host: str, port: int) -> ExitCode:
    """Run the witness in FOLDER (C2SP tlog-witness): POST /add-checkpoint.

    A checkpoint that does not continue the known one is refused with 422 and kept as evidence, one that
    starts from another size with 409.
    """
    import uvicorn  # noqa: PLC0415 - other commands do without a server

    from provenance_cli.witness_app import WitnessApp  # noqa: PLC0415 - loads the ledger

    witness, _, origins = _witness(folder)
    if not origins:
        raise ConfigError(
            "expected a log to witness, found none", hint="provenance ledger witness add FOLDER VKEY"
        )
    say(f"provenance: witnessing {len(origins)} logs on http://{host}:{port}, end with Ctrl+C")
    uvicorn.run(
        WitnessApp(witness, origins),
        host=host,
        port=port,
        log_level="warning",
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_IDLE_S,
    )
    return ExitCode.DONE


@witness_group.command("ask", short_help="have this log's newest checkpoint cosigned")
@click.pass_obj
def ask_command(session: Session) -> ExitCode:
    """Ask the witnesses of this installation (witnesses.policy in the keys folder) to cosign.

    A running service does this by itself. Exit code 1 if a witness knows a longer log or another history,
    3 if too few cosigned.
    """
    from provenance.setup import WITNESS_POLICY_NAME  # noqa: PLC0415 - loads codecs
    from provenance.web import Web  # noqa: PLC0415 - loads httpx

    with session.installation() as installation, Web() as web:
        if installation.cosigning is None:
            place = path_text(installation.settings.keys_folder / WITNESS_POLICY_NAME)
            raise ConfigError(f"expected witnesses in {place}, found none", hint="docs/formats.md, policies")
        found = installation.cosigning.ask(web)
    for each in found.refusals:
        out(f"○ {clean(each.name)}: {clean(each.error.message)}")
    out(f"✓ cosigned by {', '.join(map(clean, found.witnesses))}; published")
    return ExitCode.DONE
