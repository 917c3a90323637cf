"""Asking witnesses to cosign a checkpoint of this log, and noticing what they saw that we no longer have."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from provenance.errors import (
    CheckpointError,
    ConflictError,
    LimitError,
    ProofError,
    ProvenanceError,
    UnavailableError,
)
from provenance.ledger.checkpoint import Checkpoint, LogVerifier, cosigned_by, open_checkpoint
from provenance.ledger.log import Log
from provenance.ledger.merkle import MAX_SIZE, check_consistency
from provenance.ledger.note import MAX_NOTE_BYTES, SignedNote, parse_lines
from provenance.ledger.policy import Place, Policy
from provenance.ledger.prover import Prover
from provenance.ledger.store import Store
from provenance.ledger.witness import SIZE_TYPE, Submission
from provenance.web import Answer, Web

_log = logging.getLogger(__name__)
#: Largest answer of a witness, bytes: a few cosignatures.
_MAX_ANSWER_BYTES: Final = 64 << 10
#: Sizes tried with one witness: ours, then the one it names, twice in case somebody else submits meanwhile.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a witness did not cosign.

    Attributes:
        name: The witness, as the policy names it.
        error: What went wrong; a ConflictError means that the witness says it knows another history.
        proven: Whether the witness showed a checkpoint that this log has signed and no longer has.
    """

    name: str
    error: ProvenanceError
    proven: bool = False


@dataclass(frozen=True, slots=True)
class Cosigned:
    """What came back.

    Attributes:
        note: The checkpoint with every cosignature that was obtained and checked.
        witnesses: Names of those who cosigned.
        refusals: Those who did not.
    """

    note: str
    witnesses: tuple[str, ...]
    refusals: tuple[Refusal, ...]


def collect(
    web: Web,
    policy: Policy,
    note: str,
    old: int,
    prove: Callable[[int, int], Sequence[bytes]],
    keys: LogVerifier,
) -> Cosigned:
    """Return ``note`` with the cosignatures of those witnesses of ``policy`` that have an address.

    Args:
        web: The client; all witnesses are asked at once.
        policy: Who they are.
        note: Signed checkpoint, already on disk: a witness that saw it must find it again.
        old: Size that they probably know, 0 for none; a wrong guess costs one more request.
        prove: Gives the consistency proof between two sizes.
        keys: The log's own keys: what they signed is believed, whoever shows it.
    """
    asked = {name: place for name, place in policy.witnesses.items() if place.url}
    with ThreadPoolExecutor(max(1, len(asked))) as pool:
        futures = {name: pool.submit(_ask, web, place, note, old, prove) for name, place in asked.items()}
    signed, refusals = SignedNote.parse(note), []
    cosigners = []
    for name, future in futures.items():
        error = future.exception()
        if error is None:
            signed = signed.with_signatures(parse_lines(future.result()))
            cosigners.append(name)
        elif isinstance(error, ProvenanceError):
            _log.warning("witness %s did not cosign: %s", name, error.message)
            proven = isinstance(error, ConflictError) and _shows_more(web, asked[name], note, keys)
            refusals.append(Refusal(name, error, proven))
        else:
            raise error
    return Cosigned(signed.format(), tuple(cosigners), tuple(refusals))


def check_cosigned(store: Store, keys: LogVerifier) -> int | None:
    """Return the size of the newest cosigned checkpoint, if it is one of this log; None where there is none.

    Raises:
        CheckpointError: It is not signed by the log.
        ProofError: The log does not begin with what it says.
        StorageError: The database cannot be read.
    """
    note = store.cosigned()
    if note is None:
        return None
    point, head = open_checkpoint(note, keys), store.head()
    if not 0 < point.size <= head.size:
        raise ProofError(f"expected a cosigned checkpoint within size {head.size}, found {point.size}")
    proof = Prover(store.tile).consistency(point.size, head.size)
    check_consistency(point.size, head.size, proof, point.root, head.root)
    return point.size


class Cosigning:
    """Keeps the newest checkpoint of this log cosigned.

    Args:
        log: The log.
        store: Its database.
        policy: Witnesses and how many of them it takes.
    """

    def __init__(self, log: Log, store: Store, policy: Policy) -> None:
        self._log, self._store, self.policy = log, store, policy

    def due(self) -> bool:
        """Return whether the log has grown since the witnesses last agreed."""
        return self._store.head().size != self._known()

    def empty(self) -> bool:
        """Return whether there is nothing to cosign yet."""
        return self._store.head().size == 0

    def _known(self) -> int:
        note = self._store.cosigned()
        return 0 if note is None else Checkpoint.parse(SignedNote.parse(note).text).size

    def ask(self, web: Web) -> Cosigned:
        """Ask all witnesses about the newest checkpoint; where enough agree, it is stored and published.

        One witness that is wrong, or lies, stops nothing as long as enough others agree. A checkpoint that
        this log has signed and no longer has stops everything, whoever shows it.

        Raises:
            ConflictError: A witness shows such a checkpoint; or too few agree, and one of the others knows a
                longer log or another history. Nothing more may be signed until that is understood: the
                database may be an old copy.
            CheckpointError: Too few cosigned; what is published stays as it was.
            StorageError: The database cannot be written.
        """
        log, note = self._log, self._log.checkpoint()
        found = collect(web, self.policy, note, self._known(), log.consistency, log.verifier)
        against = [each for each in found.refusals if isinstance(each.error, ConflictError)]
        for each in against:
            _log.error("witness %s contradicts this log: %s", each.name, each.error.message)
            if each.proven:
                raise each.error
        try:
            self.policy.check_quorum(found.note)
        except CheckpointError:
            if against:
                raise against[0].error from None
            raise
        size = Checkpoint.parse(SignedNote.parse(found.note).text).size
        with self._store.writer() as writer:
            writer.keep_cosigned(size, found.note)
        _log.info("%d entries cosigned by %s", size, ", ".join(found.witnesses))
        return found


def _ask(web: Web, place: Place, note: str, old: int, prove: Callable[[int, int], Sequence[bytes]]) -> str:
    """Return the cosignature lines of one witness over ``note``, its own and checked.

    Raises:
        ConflictError: The witness knows a longer log, or another history.
        UnavailableError: It does not answer, or refuses for another reason.
        CheckpointError: Its cosignature does not verify.
    """
    point = Checkpoint.parse(SignedNote.parse(note).text)
    url = place.url.rstrip("/") + "/add-checkpoint"
    old = min(old, point.size)
    for _ in range(_TRIES):
        proof = tuple(prove(old, point.size)) if 0 < old < point.size else ()
        body = Submission(old, proof, note).format().encode()
        try:
            answer = web.send("POST", url, body, _MAX_ANSWER_BYTES)
        except LimitError as cause:
            raise UnavailableError(f"expected cosignatures from {url}: {cause.message}") from cause
        if answer.status == 200:
            return _own_lines(answer, place, note)
        if answer.status != 409 or answer.media_type != SIZE_TYPE:
            raise _refused(answer, url, point)
        known = _size(answer)
        if known > point.size:
            raise ConflictError(
                f"expected a log of at least {known} entries, which witness {place.key.name} has seen, "
                f"found {point.size}",
                hint="the database is an old copy: restore the newest one before anything is signed",
            )
        if known == old:
            raise _refused(answer, url, point)
        old = known
    raise UnavailableError(f"expected {url} to hold still, its size changed {_TRIES} times", hint="try again")


def _shows_more(web: Web, place: Place, note: str, keys: LogVerifier) -> bool:
    """Return whether the witness shows a checkpoint signed by this log that ``note`` cannot be the end of.

    Source: C2SP tlog-witness, the monitoring endpoint.
    """
    point = Checkpoint.parse(SignedNote.parse(note).text)
    name = hashlib.sha256(point.origin.encode()).hexdigest()
    url = f"{place.url.rstrip('/')}/{name}/checkpoint"
    try:
        seen = open_checkpoint(web.get(url, MAX_NOTE_BYTES).decode("utf-8", "replace"), keys)
    except ProvenanceError:  # a witness that shows nothing proves nothing
        return False
    return seen.size > point.size or (seen.size == point.size and seen.root != point.root)


def _own_lines(answer: Answer, place: Place, note: str) -> str:
    text = answer.body.decode("utf-8", "replace")
    mine = [
        each for each in parse_lines(text) if (each.name, each.key_id) == (place.key.name, place.key.key_id)
    ]
    lines = "".join(each.format() for each in mine)
    if place.key not in cosigned_by(note + lines, [place.key]):
        raise CheckpointError(
            f"expected a cosignature by {place.key.label}, found none in its answer",
            hint="check the witness's key in the policy",
        )
    return lines


def _size(answer: Answer) -> int:
    text = answer.body.decode("ascii", "replace")
    if not text.endswith("\n") or not text[:-1].isdigit() or not text.isascii() or int(text) > MAX_SIZE:
        raise UnavailableError(f"expected the size that the witness knows, found {text[:40]!r}")
    return int(text)


def _refused(answer: Answer, url: str, point: Checkpoint) -> ProvenanceError:
    said = answer.body[:200].decode("utf-8", "replace").strip()
    if answer.status in (409, 422):
        return ConflictError(
            f"expected {url} to cosign size {point.size}, it says that this is another history: {said}",
            hint="compare with a monitor; the log may have signed two histories",
        )
    return UnavailableError(
        f"expected cosignatures from {url}, found status {answer.status}: {said}",
        hint="403 and 404: the witness must be given this log's key; else try again",
    )
