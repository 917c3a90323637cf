"""The closed list of verdicts and what each carries: values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn


class VerdictCode(StrEnum):
    """The closed list of verdicts, in the order of their rules (design.md section 4)."""

    WITHDRAWN = "withdrawn"
    CREDENTIALS_INVALID = "credentials-invalid"
    CREDENTIALS_CONFLICT = "credentials-conflict"
    ALTERED_COPY = "altered-copy"
    RE_EDITED_COPY = "re-edited-copy"
    DISCLOSURE_REMOVED = "disclosure-removed"
    DISCLOSED_SYNTHETIC = "disclosed-synthetic"
    INTACT = "intact"
    INTACT_UNRECOGNIZED_ISSUER = "intact-unrecognized-issuer"
    DERIVED_COPY = "derived-copy"
    POSSIBLY_SYNTHETIC = "possibly-synthetic"
    NO_EVIDENCE = "no-evidence"


class Confidence(StrEnum):
    """From table rules, never a float."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a verdict.

    Attributes:
        code: Stable code, for example ``credential.unbound``.
        text: The finding as a sentence.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: a code with its reasons, what was not checked and what to do next."""

    code: VerdictCode
    confidence: Confidence
    summary: str
    reasons: tuple[Reason, ...]
    not_checked: tuple[str, ...]
    next_step: str

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is not yes or no; look at its code")
