"""The product's own path over pictures in memory: registering, finding, comparing and judging.

Tasks run in this process instead of in locked-down workers: the same functions on the same bytes, without the pipe
(0.15 ms a call, docs/measurements.md). The registry is a list; the books of the finder are the product's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import cast

from bench.pictures.raster import File, read
from provenance.digest import Digest
from provenance.evidence import Credential, CredentialState, Evidence, Match, Record, SourceType, Unavailable
from provenance.examination import FEATURE_REFERENCE, PICTURE_REFERENCE, Examination
from provenance.judge import judge
from provenance.match import reference
from provenance.match.find import Finder
from provenance.media.asset import MediaType
from provenance.media.sandbox import Job, WorkerPool
from provenance.media.wire import Channel
from provenance.plain import from_plain
from provenance.settings import Limits
from provenance.tasks import TASKS

_WHEN = datetime(2026, 1, 1, tzinfo=UTC)
_TYPES = {
    "JPEG": MediaType.JPEG,
    "PNG": MediaType.PNG,
    "WEBP": MediaType.WEBP,
    "AVIF": MediaType.AVIF,
}


@dataclass(frozen=True, slots=True)
class Card:
    """A registered picture.

    Attributes:
        name: Its file's stem, the asset's name here.
        path: The file, of which the reference is made again where it is not kept.
        codes: Codes by algorithm.
        features: Stored form of its local features, or None.
        width: Pixels.
        height: Pixels.
        reference: Stored reference, or None where it is made when it is first asked for.
    """

    name: str
    path: Path
    codes: Mapping[str, bytes]
    features: bytes | None
    width: int
    height: int
    reference: bytes | None

    @property
    def stored_bytes(self) -> int:
        """Bytes the registry keeps of the picture: codes, features and reference."""
        return sum(map(len, self.codes.values())) + len(self.features or b"") + len(self.reference or b"")


def examine(file: File, *, register: bool) -> Examination:
    """Return what a worker takes out of a file."""
    params = {"media_type": _TYPES[file.form].value, "register": register}
    return from_plain(Examination, TASKS["examine"](_job(file.data, params)))


def card_of(name: str, file: File, path: Path | None = None, *, keep: bool = True) -> Card | str:
    """Return the card of a file, or why it cannot be registered with codes.

    Args:
        name: The asset's name.
        file: The file.
        path: Where it lies; needed where the reference is not kept.
        keep: Whether the reference is kept; else it is made again when it is asked for.
    """
    found = examine(file, register=True)
    picture = found.picture
    if picture is None:
        return "; ".join(found.refusals)
    codes = {code.algorithm: code.value for code in picture.codes}
    stored = picture.reference if keep else None
    size = (found.width or 1, found.height or 1)
    return Card(name, path or Path(), codes, picture.features, *size, stored)


def _job(data: bytes, params: Mapping[str, object]) -> Job:
    # Pictures' tasks never call back, so that there is no channel.
    return Job((BytesIO(data),), params, Limits(), cast("Channel", None))


@dataclass(frozen=True, slots=True)
class _Part:
    blob: bytes
    time_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Head:
    size: int


class Gallery:
    """The registry of the benchmark: the finder's protocol over cards.

    Attributes:
        making_s: CPU seconds spent on references that a registry would have kept; no part of a query.
    """

    def __init__(self, cards: Sequence[Card]) -> None:
        self.cards = {card.name: card for card in cards}
        self._made: dict[str, bytes] = {}
        self.making_s = 0.0

    def head(self) -> _Head:
        """Return the size of the registry."""
        return _Head(len(self.cards))

    def redacted_between(self, _start: int, _stop: int) -> bool:
        """Nothing is ever redacted here."""
        return False

    def codes_after(self, algorithm: str, index: int) -> Iterator[tuple[str, int, float | None, bytes]]:
        """Yield the codes of cards after ``index``."""
        for number, card in enumerate(self.cards.values()):
            if number > index and algorithm in card.codes:
                yield card.name, number, None, card.codes[algorithm]

    def references(self, asset_id: str, kind: str) -> list[_Part]:
        """Return the stored reference of a kind."""
        card = self.cards[asset_id]
        if kind == FEATURE_REFERENCE:
            return [_Part(card.features)] if card.features is not None else []
        if kind != PICTURE_REFERENCE:
            return []
        if card.reference is not None:
            return [_Part(card.reference)]
        if asset_id not in self._made:
            began = time.process_time()
            self._made[asset_id] = reference.make_reference(read(card.path))
            self.making_s += time.process_time() - began
        return [_Part(self._made[asset_id])]

    def record(self, asset_id: str) -> Record:
        """Return the record of a card."""
        card = self.cards[asset_id]
        return Record(
            asset_id=asset_id,
            index=0,
            digest=Digest(bytes(32)),
            media_type=MediaType.JPEG,
            title=asset_id,
            publisher="TEST Bench",
            certificate_sha256=Digest(bytes(32)),
            manifest_id="urn:c2pa:bench",
            bound_digest=None,
            source_type=SourceType.DIGITAL_CAPTURE,
            model=None,
            registered_at=_WHEN,
            width=card.width,
            height=card.height,
        )


@dataclass(slots=True)
class Desk:
    """Stands in for the worker pool: runs tasks here and counts what they compared and cost.

    Attributes:
        compared: Registered pictures aligned with since :meth:`clear`.
        cpu_s: CPU seconds by task since then.
    """

    data: bytes = b""
    compared: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict)

    def clear(self, data: bytes) -> None:
        """Begin with another file."""
        self.data, self.compared, self.cpu_s = data, 0, {}

    def run(
        self,
        task: str,
        files: Sequence[object] = (),
        params: Mapping[str, object] | None = None,
        *,
        timeout_s: float | None = None,
    ) -> object:
        """Return what the task makes of the file and ``params``; the path in ``files`` is a placeholder."""
        del files, timeout_s
        began = time.process_time()
        given = params or {}
        asked = given.get("suspects", given.get("candidates", ()))
        self.compared += len(cast("Sequence[object]", asked))
        made = TASKS[task](_job(self.data, given))
        self.cpu_s[task] = self.cpu_s.get(task, 0.0) + time.process_time() - began
        return made


@dataclass(frozen=True, slots=True)
class Answer:
    """What the product says of one file.

    Attributes:
        matches: Registered assets found, best first.
        verdict: Code of the verdict.
        summary: Its sentence.
        examination: What was taken out of the file.
        compared: Registered pictures that were aligned with.
        cpu_s: CPU seconds by step.
    """

    matches: tuple[Match, ...]
    verdict: str
    summary: str
    examination: Examination
    compared: int
    cpu_s: Mapping[str, float]


class Product:
    """The product over a gallery.

    Args:
        gallery: Registered pictures.
    """

    def __init__(self, gallery: Gallery) -> None:
        self.gallery, self._desk = gallery, Desk()
        self._finder = Finder(cast("WorkerPool", self._desk), gallery, Limits())
        self._finder.refresh()

    def ask(self, file: File) -> Answer:
        """Return what the product says of a file without credentials."""
        self._desk.clear(file.data)
        self.gallery.making_s = 0.0
        began = time.process_time()
        examination = examine(file, register=False)
        examined = time.process_time()
        media_type = _TYPES[file.form]
        matches = self._finder.find(Path("copy"), media_type, examination)
        found = time.process_time()
        evidence = Evidence(
            digest=Digest.of(file.data),
            media_type=media_type,
            kind=media_type.kind,
            credential=Credential(CredentialState.ABSENT),
            matches=matches,
            marks=Unavailable("not asked here"),
            score=Unavailable("not asked here"),
        )
        verdict = judge(evidence)
        tasks = dict(self._desk.cpu_s)
        looked_up = found - examined - sum(tasks.values()) - self.gallery.making_s
        cpu_s = {"examine": examined - began, "look up": looked_up, **tasks}
        bare = tuple(_without_map(match) for match in matches)
        return Answer(bare, verdict.code.value, verdict.summary, examination, self._desk.compared, cpu_s)


def _without_map(match: Match) -> Match:
    if isinstance(match.comparison, Unavailable):
        return match
    return replace(match, comparison=replace(match.comparison, drawing=None))
