"""Backup: a copy of the registry that is consistent while the service runs, and a restore that proves itself.

::

    registry.db          the whole SQLite database: ledger, registry, keys' digests, jobs
    ledger.highwater     the largest checkpoint ever signed
    backup.json          version, time, ledger size and SHA-256 of both

Private keys and ``provenance.toml`` are not in it: keys have their own backup (keys/README.md). A PostgreSQL
registry is backed up by its own tools.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from provenance import files
from provenance.digest import Digest
from provenance.errors import ConfigError, FormatError, ProvenanceError, StorageError, VerificationError
from provenance.ledger.store import Store
from provenance.settings import Settings
from provenance.setup import HIGH_WATER_NAME, Installation

DATABASE_NAME: Final = "registry.db"
MANIFEST_NAME: Final = "backup.json"
_VERSION: Final = 1


def back_up(settings: Settings, folder: Path) -> dict[str, Any]:
    """Write a backup into a new folder and return what ``backup.json`` says.

    Raises:
        OutputExistsError: The folder exists.
        ConfigError: The registry is not a SQLite file.
        StorageError: It cannot be read or written.
    """
    if folder.exists():
        raise files.exists(folder)
    source = _database(settings)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    try:
        # The mark first: it must not be ahead of the database that is copied while others write.
        mark = settings.root / HIGH_WATER_NAME
        if mark.exists():
            shutil.copyfile(mark, partial / HIGH_WATER_NAME)
        _copy(source, partial / DATABASE_NAME)
        said = _describe(partial)
        files.write_whole(partial / MANIFEST_NAME, json.dumps(said, indent=2).encode(), replace=False)
        partial.rename(folder)
    except OSError as cause:
        raise StorageError(f"the backup cannot be written: {cause}") from cause
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return said


def restore(settings: Settings, folder: Path) -> int:
    """Put a backup in place of a registry that is not there, check all of it, and return the ledger's size.

    Raises:
        OutputExistsError: There is a registry already; nothing was changed.
        FormatError: Not a backup, or of another version.
        VerificationError: A file differs from what ``backup.json`` says, or the ledger does not hold.
        ConflictError: The backup is older than the high-water mark that lies here.
        StorageError: It cannot be written.
    """
    target = _database(settings)
    if target.exists():
        raise files.exists(target)
    _check(folder)
    try:
        shutil.copyfile(folder / DATABASE_NAME, target)
        target.chmod(0o600)
        mark = settings.root / HIGH_WATER_NAME
        if (folder / HIGH_WATER_NAME).exists() and not mark.exists():
            shutil.copyfile(folder / HIGH_WATER_NAME, mark)
    except OSError as cause:
        raise StorageError(f"the registry cannot be written: {cause}") from cause
    try:
        with Installation.open(settings) as installation:
            installation.log.audit()
            return installation.store.head().size
    except ProvenanceError:
        for leftover in ("", "-wal", "-shm"):
            target.with_name(target.name + leftover).unlink(missing_ok=True)
        raise


def _database(settings: Settings) -> Path:
    prefix = "sqlite:///"
    if not settings.database.startswith(prefix):
        raise ConfigError(
            "expected a registry in a SQLite file, found another database",
            hint="use pg_dump and pg_restore, see docs/operators.md",
        )
    return Path(settings.database.removeprefix(prefix))


def _copy(source: Path, target: Path) -> None:
    """Copy a database that others may write to meanwhile."""
    try:
        with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as cause:
        raise StorageError(f"the registry cannot be copied: {cause}") from cause
    target.chmod(0o600)


def _describe(folder: Path) -> dict[str, Any]:
    store = Store.open(f"sqlite:///{folder / DATABASE_NAME}")
    try:
        size = store.head().size
    finally:
        store.close()
    for leftover in (f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm"):
        (folder / leftover).unlink(missing_ok=True)
    names = [name for name in (DATABASE_NAME, HIGH_WATER_NAME) if (folder / name).exists()]
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "version": _VERSION,
        "made": made,
        "entries": size,
        "files": {one: _digest(folder / one) for one in names},
    }


def _check(folder: Path) -> None:
    try:
        said = json.loads((folder / MANIFEST_NAME).read_bytes())
        version, listed = said["version"], dict(said["files"])
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise FormatError(
            f"expected a backup in {folder}, found none", hint="name the folder that was made"
        ) from cause
    if version != _VERSION or DATABASE_NAME not in listed or set(listed) - {DATABASE_NAME, HIGH_WATER_NAME}:
        raise FormatError(f"expected a backup of version {_VERSION}, found another")
    for name, digest in listed.items():
        if not (folder / name).is_file() or _digest(folder / name) != digest:
            raise VerificationError(f"expected {name} as the backup describes it, found another file")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return str(Digest.of_stream(file))
