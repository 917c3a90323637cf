"""A remote service, asked over HTTP and believed only as far as its log proves.

The client remembers the log's keys and the newest checkpoint it saw. An answer that does not fit them is an
error: a service cannot show this client one history today and another one tomorrow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from provenance import files
from provenance.digest import Digest
from provenance.errors import (
    AuthorisationError,
    ConflictError,
    FormatError,
    InputError,
    NotFoundError,
    ProofError,
    ReceiptError,
    UnavailableError,
)
from provenance.ledger.checkpoint import Checkpoint, LogKeys, open_checkpoint, open_signed
from provenance.ledger.note import MAX_NOTE_BYTES
from provenance.ledger.receipt import CheckedReceipt, check_receipt
from provenance.ledger.source import WebSource, read_note
from provenance.ledger.tiles import CHECKPOINT_PATH
from provenance.ledger.verified import VerifiedTiles
from provenance.web import Web

#: Largest answer to a look-up, bytes: 64 hashes with some receipts each.
_MAX_ANSWER_BYTES: Final = 16 << 20
_KEYS_FILE: Final = "keys"


@dataclass(frozen=True, slots=True)
class Found:
    """A registered asset near a hash. Distance, status and names are the service's word.

    Attributes:
        hash: The hash that was asked for.
        algorithm: Of the hash that matched.
        distance: Differing bits.
        bits: Bits compared.
        status: What later entries made of the asset.
        title: Title, as the publisher gave it.
        publisher: Publisher, as the log admitted it.
        proof: What was checked: the publisher's entry is in the log that this client knows.
    """

    hash: str
    algorithm: str
    distance: int
    bits: int
    status: str
    title: str
    publisher: str
    proof: CheckedReceipt


class Client:
    """One service, and what this client knows of its log.

    Args:
        web: The HTTP client.
        service: Address of the service, for example ``https://registry.example``.
        state: Folder that remembers keys and checkpoint; made if it is not there.
        keys: The log's keys, from a source other than the service. None trusts the keys that the service
            names at the first use, and only those afterwards.
        token: API key; None asks without one.
    """

    def __init__(
        self, web: Web, service: str, state: Path, *, keys: LogKeys | None = None, token: str | None = None
    ) -> None:
        self._web, self._service, self._state = web, service.rstrip("/"), state
        self._pinned = keys
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._source = WebSource(web, f"{self._service}/log")

    # --- the log ---

    def keys(self) -> LogKeys:
        """Return the log's keys: those given, else those remembered, else (once) those the service names.

        Raises:
            CheckpointError: The remembered or named keys are spelled wrong.
            UnavailableError: The service does not answer.
        """
        if self._pinned is not None:
            return self._pinned
        path = self._state / _KEYS_FILE
        if path.is_file():
            return LogKeys.parse(path.read_text("utf-8"))
        named = self._web.get(f"{self._service}/v1/ledger/keys", MAX_NOTE_BYTES).decode("utf-8", "replace")
        keys = LogKeys.parse(named)
        open_checkpoint(read_note(self._source), keys)
        self._remember(_KEYS_FILE, "".join(f"{each.vkey}\n" for each in keys.keys))
        return keys

    def seen(self) -> Checkpoint | None:
        """Return the newest checkpoint that this client has checked; None before the first.

        Raises:
            CheckpointError: What is remembered is not a checkpoint of this log.
        """
        path = self._state / CHECKPOINT_PATH
        return open_checkpoint(path.read_text("utf-8"), self.keys()) if path.is_file() else None

    def checkpoint(self) -> Checkpoint:
        """Return the log's newest checkpoint after checking that it continues the one seen before.

        Raises:
            CheckpointError: Not signed by the log's keys.
            ConflictError: The log shows another history than before, or an older state of it.
            UnavailableError: The service does not answer.
        """
        note = read_note(self._source)
        point = open_checkpoint(note, self.keys())
        seen = self.seen()
        if seen is not None:
            self._check_one_history(seen, point)
            if point.size < seen.size:
                raise ConflictError(
                    f"expected a log of at least {seen.size} entries, found {point.size}",
                    hint="the service was rolled back, or shows an old copy; ask again, then raise an alarm",
                )
        if seen != point:
            self._remember(CHECKPOINT_PATH, note)
        return point

    def learn_keys(self) -> LogKeys:
        """Return the log's keys after taking in those that the service names now, if a known key vouches.

        That is so while a rotation lasts: the newest checkpoint is signed by a known key and by each new one.

        Raises:
            CheckpointError: No known key signed the newest checkpoint, or a new one did not.
            UnavailableError: The service does not answer.
        """
        known = self.keys()
        named = self._web.get(f"{self._service}/v1/ledger/keys", MAX_NOTE_BYTES).decode("utf-8", "replace")
        offered = LogKeys.parse(named)
        note = read_note(self._source)
        open_checkpoint(note, known)
        signers = open_signed(note, offered)[1]
        fresh = tuple(each for each in offered.keys if each not in known.keys and each in signers)
        learnt = LogKeys((*fresh, *known.keys))
        self._remember(_KEYS_FILE, "".join(f"{each.vkey}\n" for each in learnt.keys))
        return learnt

    def _check_one_history(self, one: Checkpoint, other: Checkpoint) -> None:
        """Return if the smaller of two checkpoints is the beginning of the larger one."""
        old, new = sorted((one, other), key=lambda each: each.size)
        if old == new:
            return
        try:
            VerifiedTiles(self._source, new).check_continues(old)
        except (ProofError, NotFoundError) as cause:
            raise ConflictError(
                f"expected one history of {new.origin}, found two: sizes {old.size} and {new.size} do not "
                f"belong together ({cause.message})",
                hint="keep the client's state folder and the receipt: they are the evidence",
            ) from cause

    def _remember(self, name: str, text: str) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        files.write_whole(self._state / name, text.encode(), replace=True)

    # --- the registry ---

    def lookup(self, hashes: Sequence[str], radius: int | None = None) -> tuple[Found, ...]:
        """Return the registered assets near ``hashes``, each with a receipt that was checked here.

        Args:
            hashes: Spelled as ``provenance hash`` prints them, 1 to 64.
            radius: Most differing bits; None takes that of each algorithm.

        Raises:
            InputError: The service refuses the hashes.
            AuthorisationError: It wants an API key, or another one.
            FormatError: Its answer is spelled otherwise.
            ReceiptError: A receipt is for another asset than the answer names.
            CheckpointError: A receipt is of another log.
            ConflictError: A receipt is of another history than this client has seen.
            UnavailableError: It does not answer.
        """
        asked: dict[str, Any] = {"hashes": list(hashes)} | ({} if radius is None else {"radius": radius})
        answer = self._post("/v1/lookup", asked)
        hits = answer.get("hits")
        if not isinstance(hits, list):
            raise FormatError("expected hits in the answer of the service, found none")
        point = self.checkpoint()
        checked_sizes: set[tuple[int, bytes]] = set()
        found = [self._found(each) for each in hits]
        for each in found:
            at = each.proof.checkpoint
            if (at.size, at.root) not in checked_sizes:
                self._check_one_history(at, point)
                checked_sizes.add((at.size, at.root))
        return tuple(found)

    def check(self, receipt_text: str, file_digest: Digest) -> CheckedReceipt:
        """Return what a receipt from anywhere proves, as of the history that this client knows.

        Raises:
            ReceiptError: Malformed or for another file.
            CheckpointError: Of another log.
            ProofError: The entry is not in the tree.
            ConflictError: Of another history than this client has seen.
            UnavailableError: The service does not answer.
        """
        checked = check_receipt(receipt_text, file_digest, self.keys())
        self._check_one_history(checked.checkpoint, self.checkpoint())
        return checked

    def _found(self, hit: object) -> Found:
        if not isinstance(hit, Mapping) or not isinstance(hit.get("record"), Mapping):
            raise FormatError("expected hits with a record in the answer of the service, found others")
        record = hit["record"]
        digest = Digest.parse(_text(record, "digest"))
        proof = check_receipt(_text(hit, "receipt"), digest, self.keys())
        if proof.asset_id != record.get("asset_id"):
            raise ReceiptError("expected the receipt of the asset that was found, found that of another")
        return Found(
            hash=_text(hit, "hash"),
            algorithm=_text(hit, "algorithm"),
            distance=_number(hit, "distance"),
            bits=_number(hit, "bits"),
            status=_text(hit, "status"),
            title=_text(record, "title"),
            publisher=_text(record, "publisher"),
            proof=proof,
        )

    def _post(self, path: str, value: dict[str, Any]) -> dict[str, Any]:
        headers = self._headers | {"Content-Type": "application/json", "Accept": "application/json"}
        url, body = self._service + path, json.dumps(value).encode()
        answer = self._web.send("POST", url, body, _MAX_ANSWER_BYTES, headers)
        try:
            read = json.loads(answer.body)
        except (ValueError, RecursionError):
            read = None
        if answer.status == 200 and isinstance(read, dict):
            return read
        detail = str(read.get("detail") or read.get("title"))[:200] if isinstance(read, dict) else ""
        said = f"expected an answer from {url}, found status {answer.status}: {detail}"
        if answer.status in (401, 403):
            raise AuthorisationError(said, hint="name an API key of this service")
        if 400 <= answer.status < 500 and answer.status not in (404, 408, 429):
            raise InputError(said, hint="see the detail that the service gives")
        raise UnavailableError(said, hint="check the address; try again later")


def _text(values: Mapping[str, object], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str):
        raise FormatError(f"expected text at {name} in the answer of the service, found another value")
    return value


def _number(values: Mapping[str, object], name: str) -> int:
    value = values.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise FormatError(f"expected a number at {name} in the answer of the service, found another value")
    return value
