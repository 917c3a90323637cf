"""Appraisal: what speaks for synthesis in one copy: declared marks and, where nothing better answers, a score.

A failure here is a gap of the report, never a failure of the verification (SR-10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from provenance.detect.marks import conflicts
from provenance.detect.models import Model
from provenance.errors import InputError, UnavailableError
from provenance.evidence import Credential, Mark, Match, Score, Unavailable
from provenance.media.asset import Asset, Kind
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain
from provenance.signing.claims import clean_text

#: Why the detector did not look; none of these says anything about the content.
NO_MODEL: Final = Unavailable("switched off, or no model that is better than chance is installed")
NO_VOICE: Final = Unavailable("no model for sound: those measured fail on modern synthetic voices")
NOT_NEEDED: Final = Unavailable("not asked: signature or registered original say more than any detector")
#: Frames of a film that are scored, spread evenly.
SCORED_FRAMES: Final = 8


class Appraiser:
    """Looks for signs of synthesis.

    Args:
        pool: Media workers.
        model: The detector's model, or None.
    """

    def __init__(self, pool: WorkerPool, model: Model | None) -> None:
        self._pool, self._model = pool, model

    @property
    def title(self) -> str:
        """The detector's name and version, or ``none``."""
        return self._model.card.title if self._model is not None else "none"

    def marks(self, path: Path, asset: Asset, patience_s: float) -> tuple[Mark, ...] | Unavailable:
        """Return the declared marks of a file; where its fields cannot be read, why."""
        params = {"media_type": asset.media_type.value}
        try:
            found = self._pool.run("read_marks", [path], params, timeout_s=patience_s)
        except (InputError, UnavailableError) as cause:
            return Unavailable(f"the fields of the file could not be read: {cause.message}")
        marks = [from_plain(Mark, one) for one in cast("Sequence[object]", found)]
        return tuple(
            replace(
                one, says=clean_text(one.says), model=None if one.model is None else clean_text(one.model)
            )
            for one in marks
        )

    def score(
        self,
        path: Path,
        asset: Asset,
        credential: Credential,
        matches: tuple[Match, ...] | Unavailable,
        patience_s: float,
    ) -> Score | Unavailable:
        """Return the detector's score where it could matter, else why it was not asked."""
        kind = asset.media_type.kind
        if kind is Kind.AUDIO:
            return NO_VOICE
        if self._model is None:
            return NO_MODEL
        confirmed = isinstance(matches, tuple) and bool(matches) and matches[0].confirmed
        if credential.holds or confirmed:
            return NOT_NEEDED
        params: dict[str, object] = {"media_type": asset.media_type.value, "card": self._model.card.to_json()}
        try:
            times = self._moments(path, asset, patience_s) if kind is Kind.VIDEO else []
            files = [path, self._model.weights]
            made = self._pool.run("score", files, {**params, "times": times}, timeout_s=patience_s)
        except (InputError, UnavailableError) as cause:
            return Unavailable(cause.message)
        return from_plain(Score, made)

    def _moments(self, path: Path, asset: Asset, patience_s: float) -> list[float]:
        params = {"media_type": asset.media_type.value}
        length_s = cast("float", self._pool.run("duration", [path], params, timeout_s=patience_s))
        return [length_s * (number + 0.5) / SCORED_FRAMES for number in range(SCORED_FRAMES)]


def contradictions(
    marks: tuple[Mark, ...] | Unavailable,
    credential: Credential,
    matches: tuple[Match, ...] | Unavailable,
) -> tuple[str, ...]:
    """Return where the marks contradict the credential or the confirmed record, as sentences."""
    if isinstance(marks, Unavailable):
        return ()
    best = matches[0] if isinstance(matches, tuple) and matches else None
    return conflicts(marks, credential, best.record if best is not None and best.confirmed else None)
