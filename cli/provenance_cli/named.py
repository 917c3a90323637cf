"""Which registered asset an argument names: its asset_id, its digest, its file or its receipt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provenance.digest import Digest
from provenance.errors import ConflictError, InputError, NotFoundError
from provenance.ledger.receipt import MAX_RECEIPT, RECEIPT_SUFFIX, Receipt
from provenance_cli.render import path_text

if TYPE_CHECKING:
    from provenance.ledger.store import Store
    from provenance.record import Record


def find_asset(store: Store, named: str, organisation: str | None = None) -> Record:
    """Return the one registration that ``named`` means.

    Args:
        store: The registry.
        named: An asset_id or digest, ``sha256:…``; a registered file; or its receipt.
        organisation: Whose registration is meant where several publishers registered the same file.

    Raises:
        NotFoundError: Nothing of that is registered.
        ConflictError: Several registrations fit; the text lists them.
        InputError: The file cannot be read.
    """
    path = Path(named)
    if path.name.endswith(RECEIPT_SUFFIX) and path.is_file():
        return store.record(Receipt.parse(_read(path)).asset_id)
    if path.is_file():
        with path.open("rb") as stream:
            digest = Digest.of_stream(stream)
    elif named.startswith("sha256:"):
        digest = Digest.parse(named)
        try:
            return store.record(named)
        except NotFoundError:
            pass  # not the name of a registration, so perhaps the digest of a file
    else:
        raise click.UsageError(f"{named} is neither a file nor sha256:… of an asset or a file")
    return _only(store.by_digest(digest), named, organisation)


def _only(records: Sequence[Record], named: str, organisation: str | None) -> Record:
    own = [each for each in records if each.publisher == organisation]
    found = own or list(records)
    if not found:
        raise NotFoundError(
            f"expected a registered asset, found none for {path_text(Path(named))}",
            hint="provenance search finds the registration of a copy",
        )
    if len(found) > 1:
        listed = ", ".join(f"{each.asset_id} (entry {each.index}, {each.publisher})" for each in found)
        raise ConflictError(
            f"expected one registration, found {len(found)}: {listed}", hint="name one of them"
        )
    return found[0]


def _read(path: Path) -> str:
    try:
        with path.open("r", encoding="utf-8") as file:
            return file.read(MAX_RECEIPT + 1)
    except UnicodeDecodeError as cause:
        raise InputError(f"expected a receipt, found other bytes in {path_text(path)}") from cause
