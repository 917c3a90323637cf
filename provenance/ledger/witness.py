"""A witness: cosigns checkpoints of logs that only ever grow (C2SP tlog-witness).

It remembers one checkpoint of each log, and it never cosigns one that does not continue it. Whoever demands a
witness's cosignature therefore knows that the log showed him what it showed the witness.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Self

from provenance import files
from provenance.errors import CheckpointError, FormatError, ProofError
from provenance.ledger.checkpoint import Checkpoint, Cosigner, LogKeys, open_checkpoint
from provenance.ledger.merkle import EMPTY_ROOT, MAX_SIZE, check_consistency
from provenance.ledger.note import MAX_NOTE_BYTES, SignedNote, decode_base64, parse_lines

#: Most hashes of a consistency proof. Source: C2SP tlog-witness, "add-checkpoint".
MAX_PROOF: Final = 63
#: Largest request, bytes: the old size, 63 hashes and a note.
MAX_REQUEST_BYTES: Final = 64 + MAX_PROOF * 45 + MAX_NOTE_BYTES
#: Content type of the size in a 409. Source: C2SP tlog-witness, "add-checkpoint".
SIZE_TYPE: Final = "text/x.tlog.size"
_TEXT: Final = "text/plain"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Submission:
    """A checkpoint for a witness, with the proof that it continues the one the witness knows.

    Attributes:
        old: Size that the witness is thought to know; 0 for none.
        proof: Consistency proof from there.
        note: The signed checkpoint.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str

    def format(self) -> str:
        """Return the body of an ``add-checkpoint`` request."""
        hashes = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.proof)
        return f"old {self.old}\n{hashes}\n{self.note}"

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Return the submission in ``body``.

        Raises:
            FormatError: Spelled otherwise.
        """
        if len(body) > MAX_REQUEST_BYTES:
            raise FormatError(f"expected at most {MAX_REQUEST_BYTES} bytes, found more")
        try:
            head, blank, note = body.decode("utf-8").partition("\n\n")
            old, *hashes = head.split("\n")
            proof = tuple(decode_base64(each) for each in hashes)
        except ValueError as cause:  # includes UnicodeDecodeError
            raise FormatError(
                f"expected an old size, hashes, a blank line and a checkpoint: {cause}"
            ) from cause
        found = _OLD.fullmatch(old)
        if not blank or found is None or int(found.group(1)) > MAX_SIZE:
            raise FormatError("expected `old` and a size, hashes, a blank line and a checkpoint")
        if len(proof) > MAX_PROOF or any(len(each) != 32 for each in proof):
            raise FormatError(f"expected at most {MAX_PROOF} hashes of 32 bytes, found others")
        return cls(int(found.group(1)), proof, note)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a witness answers.

    Attributes:
        status: HTTP status.
        body: Cosignature lines, a size, or words.
        media_type: Content type of the body.
    """

    status: HTTPStatus
    body: str
    media_type: str = _TEXT


class Witness:
    """One witness and what it remembers; safe to use from several threads and processes.

    Args:
        signers: Keys that cosign; all are used.
        logs: Keys of each log that is witnessed, by origin.
        state: Folder with one checkpoint for each log; made if it is not there.
    """

    def __init__(self, signers: Sequence[Cosigner], logs: Mapping[str, LogKeys], state: Path) -> None:
        self._signers, self._logs, self._state = tuple(signers), dict(logs), state

    def latest(self, origin: str) -> str | None:
        """Return the newest cosigned checkpoint of a log; None before the first or for a log unknown here."""
        path = self._path(origin)
        return path.read_text("utf-8") if path.is_file() else None

    def add_checkpoint(self, body: bytes) -> Reply:
        """Return the answer to a request; with status 200 the checkpoint is remembered on disk.

        In the order of the specification: 400 for another spelling, 404 for an unknown log, 403 without a
        signature of the log, 400 for an old size beyond the new one, 409 with the known size where it is
        another than the old one, 422 where the checkpoint does not continue the known one.

        Raises:
            StorageError: The state cannot be written; nothing was cosigned.
        """
        try:
            request = Submission.parse(body)
            parsed = Checkpoint.parse(SignedNote.parse(request.note).text)
        except (FormatError, CheckpointError) as cause:
            return Reply(HTTPStatus.BAD_REQUEST, f"{cause.message}\n")
        keys = self._logs.get(parsed.origin)
        if keys is None:
            return Reply(HTTPStatus.NOT_FOUND, "this log is not witnessed here\n")
        try:
            point = open_checkpoint(request.note, keys)
        except CheckpointError as cause:
            return Reply(HTTPStatus.FORBIDDEN, f"{cause.message}\n")
        if request.old > point.size:
            return Reply(HTTPStatus.BAD_REQUEST, "the old size is beyond the checkpoint\n")
        with self._turn(point.origin):
            return self._judge(request, point)

    def _judge(self, request: Submission, point: Checkpoint) -> Reply:
        note = self.latest(point.origin)
        known = Checkpoint(point.origin, 0, EMPTY_ROOT)
        if note is not None:
            known = Checkpoint.parse(SignedNote.parse(note).text)
        if request.old != known.size:
            return Reply(HTTPStatus.CONFLICT, f"{known.size}\n", SIZE_TYPE)
        try:
            _check_continues(known, point, request.proof)
        except ProofError as cause:
            self._keep(request)
            return Reply(HTTPStatus.UNPROCESSABLE_ENTITY, f"{cause.message}\n")
        lines = "".join(each.sign(point.text()) for each in self._signers)
        cosigned = SignedNote.parse(request.note).with_signatures(parse_lines(lines)).format()
        files.write_whole(self._path(point.origin), cosigned.encode(), replace=True)
        return Reply(HTTPStatus.OK, lines)

    def _path(self, origin: str) -> Path:
        return self._state / f"{hashlib.sha256(origin.encode()).hexdigest()}.checkpoint"

    def _keep(self, request: Submission) -> None:
        """Keep what a log signed against its own history: it proves the log's misbehaviour."""
        folder = self._state / "evidence"
        folder.mkdir(exist_ok=True)
        text = request.format().encode()
        name = hashlib.sha256(text).hexdigest()[:16]
        files.write_whole(folder / f"{name}.submission", text, replace=True)

    @contextmanager
    def _turn(self, origin: str) -> Iterator[None]:
        # Looking at the known size and replacing it must be one step. Source: C2SP tlog-witness, the race.
        self._state.mkdir(parents=True, exist_ok=True)
        with self._path(origin).with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _check_continues(known: Checkpoint, point: Checkpoint, proof: Sequence[bytes]) -> None:
    if known.size:
        check_consistency(known.size, point.size, proof, known.root, point.root)
        return
    if proof:
        raise ProofError("expected no proof from the empty log, found hashes")
    if point.size == 0 and point.root != EMPTY_ROOT:
        raise ProofError("expected the root of the empty log, found another")
