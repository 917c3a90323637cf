"""Which log is believed: keys and policies from options, files and the configuration."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.errors import ConfigError, InputError, KeyMaterialError, LimitError
from provenance_cli.render import path_text
from provenance_cli.session import Session

if TYPE_CHECKING:
    from provenance.ledger.checkpoint import LogKeys
    from provenance.ledger.policy import Policy
    from provenance.settings import Settings

#: Largest receipt, key or policy file read, bytes; all are far smaller.
MAX_BYTES = 1 << 20
#: Names of a file with the log's verifier keys, looked for in the keys folder.
LOG_KEY_NAMES = ("ledger-key.vkey", "trust/log.vkey")

log_key_option = click.option(
    "--log-key",
    metavar="VKEY|FILE",
    help="The log's verifier key, or a file with its keys; default: of the configuration.",
)
policy_option = click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Logs, witnesses and quorum to believe (C2SP tlog-policy); needs no --log-key.",
)


def read_small(path: Path) -> bytes:
    """Return a small file; raises LimitError over 1 MiB."""
    with path.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise LimitError(f"expected at most {MAX_BYTES} bytes, found more in {path_text(path)}")
    return content


def read_text(path: Path) -> str:
    """Return the text of a small file.

    Raises:
        LimitError: Over 1 MiB.
        InputError: Not UTF-8.
    """
    try:
        return read_small(path).decode("utf-8")
    except UnicodeDecodeError as cause:
        raise InputError(
            f"expected text in {path_text(path)}, found other bytes",
            hint="the receipt comes first, then its file; a receipt ends in .tlog-proof or .cose, a key in .vkey",
        ) from cause


def read_policy(path: Path) -> Policy:
    """Return the policy in a file; raises ConfigError."""
    from provenance.ledger.policy import Policy  # noqa: PLC0415 - loads the ledger

    return Policy.parse(read_text(path))


def log_keys(session: Session, given: str | None) -> LogKeys:
    """Return the log's keys, given as text or file, else those of the configuration.

    Raises:
        InputError: Nothing was given and nothing is configured.
        KeyMaterialError: The configured keys cannot be read.
        CheckpointError: What was given is no verifier key.
    """
    from provenance.ledger.checkpoint import LogKeys  # noqa: PLC0415 - loads the ledger

    if given is not None:
        return LogKeys.parse(read_text(Path(given)) if _is_file(given) else given)
    try:
        settings = session.settings()
    except ConfigError as cause:
        raise InputError(
            "expected the log's verifier key, found neither --log-key nor a configuration here",
            hint="ask the log's operator for its key: `provenance receipt key`, or /v1/ledger/keys of its service",
        ) from cause
    for name in LOG_KEY_NAMES:
        if (settings.keys_folder / name).is_file():
            return LogKeys.parse(read_text(settings.keys_folder / name))
    return _own_log_keys(settings)


def _is_file(given: str) -> bool:
    # A verifier key of ML-DSA is longer than any file name may be.
    return len(given) < 1024 and Path(given).is_file()


def _own_log_keys(settings: Settings) -> LogKeys:
    from provenance.setup import Installation  # noqa: PLC0415 - loads codecs and the database

    if not os.access(settings.keys_folder, os.R_OK):
        raise KeyMaterialError(
            f"expected keys in {settings.keys_folder}, found nothing readable", hint="name the key: --log-key"
        )
    with Installation.open(settings) as installation:
        return installation.note_signer.verifier
