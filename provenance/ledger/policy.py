"""Which logs and witnesses are believed, and how many of them it takes: C2SP tlog-policy.

::

    log log.example/news+3f1c2b5a+AX...            https://log.example/log
    witness north witness.example/north+9d...+BA... https://witness.example
    witness south witness.example/south+71...+Bg...
    group both any north south
    quorum both
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from provenance.errors import CheckpointError, ConfigError
from provenance.ledger.checkpoint import Checkpoint, LogKeys, NoteVerifier, cosigned_by, open_checkpoint
from provenance.ledger.note import KeyType, SignedNote

#: Longest policy, bytes; room for 32 logs and 32 witnesses with ML-DSA keys of 1.8 kB.
MAX_POLICY_BYTES: Final = 256 << 10
_NONE: Final = "none"
#: Source: C2SP tlog-policy, "Structure" and "Character set".
_SPACES = re.compile(r"[ \t]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A log or a witness.

    Attributes:
        key: What it signs with.
        url: Where it answers; empty where that does not matter.
    """

    key: NoteVerifier
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Some witnesses or groups, of which a number must agree.

    Attributes:
        least: How many.
        members: Names.
    """

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What makes a checkpoint believed.

    Attributes:
        logs: Logs, of which any may have signed.
        witnesses: Witnesses by name.
        groups: Groups by name.
        quorum: Name of the witness or group that must agree; ``none`` asks for nobody.
    """

    logs: tuple[Place, ...]
    witnesses: Mapping[str, Place]
    groups: Mapping[str, Group]
    quorum: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the policy in ``text``.

        Raises:
            ConfigError: Not a policy; the text names the line.
        """
        if len(text.encode(errors="replace")) > MAX_POLICY_BYTES:
            raise ConfigError(f"expected a policy of at most {MAX_POLICY_BYTES} bytes, found a longer one")
        if _CONTROL.search(text) is not None:
            raise ConfigError("expected a policy of plain lines, found control characters in it")
        draft = _Draft()
        for number, line in enumerate(text.split("\n"), 1):
            words = [word for word in _SPACES.split(line) if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                draft.add(words)
            except (ValueError, CheckpointError) as cause:
                raise ConfigError(
                    f"expected a policy line, found at line {number}: {cause}",
                    hint="lines are log, witness, group and quorum: docs/formats.md",
                ) from cause
        if draft.quorum is None:
            raise ConfigError(
                "expected a quorum line in the policy, found none", hint="`quorum none` asks nobody"
            )
        return cls(tuple(draft.logs), draft.witnesses, draft.groups, draft.quorum)

    def keys(self, origin: str | None = None) -> LogKeys:
        """Return the keys of the log ``origin``, or of the only log.

        Raises:
            ConfigError: The policy has no such log, or several where none was named.
        """
        found = tuple(each.key for each in self.logs if origin in (None, each.key.name))
        try:
            return LogKeys(found)
        except ValueError as cause:
            raise ConfigError(
                f"expected one log in the policy{'' if origin is None else f' named {origin}'}, "
                f"found {len({each.name for each in found})}",
                hint="add a log line with its verifier key",
            ) from cause

    def check(self, note: str, *, quorum: bool = True) -> Checkpoint:
        """Return the checkpoint in ``note`` if a log of this policy signed it and enough witnesses cosigned.

        Args:
            note: Signed note.
            quorum: Whether to ask for the witnesses.

        Raises:
            CheckpointError: They did not.
        """
        origin = Checkpoint.parse(SignedNote.parse(note).text).origin
        found = tuple(each.key for each in self.logs if each.key.name == origin)
        if not found:
            raise CheckpointError(
                f"expected a checkpoint of a log of the policy, found one of {origin[:80]!r}",
                hint="add a log line with its verifier key, if you believe it",
            )
        point = open_checkpoint(note, LogKeys(found))
        if quorum:
            self.check_quorum(note)
        return point

    def check_quorum(self, note: str) -> None:
        """Return if enough witnesses cosigned ``note``.

        Raises:
            CheckpointError: Too few did, or a cosignature does not verify.
        """
        seen = cosigned_by(note, (each.key for each in self.witnesses.values()))
        agreed = {name for name, each in self.witnesses.items() if each.key in seen}
        if not self._agrees(self.quorum, agreed):
            raise CheckpointError(
                f"expected cosignatures for quorum {self.quorum}, "
                f"found {', '.join(sorted(agreed)) or 'none'} of {len(self.witnesses)} witnesses",
                hint="ask for a newer receipt (`provenance receipt upgrade`), or try again later",
            )

    def _agrees(self, name: str, agreed: set[str]) -> bool:
        if name == _NONE or name in agreed:
            return True
        group = self.groups.get(name)
        return group is not None and sum(self._agrees(each, agreed) for each in group.members) >= group.least


@dataclass(slots=True)
class _Draft:
    """A policy while its lines are read."""

    logs: list[Place] = field(default_factory=list)
    witnesses: dict[str, Place] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    quorum: str | None = None
    members: set[str] = field(default_factory=set)

    def add(self, words: list[str]) -> None:
        """Take one line; raises ValueError or CheckpointError for a wrong one."""
        kind, *rest = words
        if kind == "log" and len(rest) in (1, 2):
            self.logs.append(self._place(rest, {each.key.public for each in self.logs}, (KeyType.ED25519,)))
        elif kind == "witness" and len(rest) in (2, 3):
            known = {each.key.public for each in self.witnesses.values()}
            kinds = (KeyType.COSIGN_ED25519, KeyType.COSIGN_MLDSA44)
            self.witnesses[self._fresh(rest[0])] = self._place(rest[1:], known, kinds)
        elif kind == "group" and len(rest) >= 3:
            self._group(*rest)
        elif kind == "quorum" and len(rest) == 1:
            if self.quorum is not None or (rest[0] != _NONE and not self._known(rest[0])):
                raise ValueError("a second quorum, or one of an unknown name")
            self.quorum = rest[0]
        else:
            raise ValueError(f"{kind[:40]!r} with {len(rest)} words")

    def _known(self, name: str) -> bool:
        return name in self.witnesses or name in self.groups

    def _fresh(self, name: str) -> str:
        if name == _NONE or self._known(name):
            raise ValueError(f"the name {name[:40]!r} again")
        return name

    def _place(self, words: list[str], known: set[bytes], kinds: tuple[KeyType, ...]) -> Place:
        key = NoteVerifier.parse(words[0])
        if key.kind not in kinds and not (KeyType.ED25519 in kinds and key.kind is KeyType.COSIGN_MLDSA44):
            raise ValueError("a key of another type than this line needs")
        if key.public in known:
            raise ValueError("the same public key again")
        return Place(key, *words[1:])

    def _group(self, name: str, least: str, *members: str) -> None:
        for each in members:
            if not self._known(each) or each in self.members:
                raise ValueError(f"a member that is unknown or in a group already: {each[:40]!r}")
            self.members.add(each)
        count = {"any": 1, "all": len(members)}.get(least)
        if count is None:
            if _COUNT.fullmatch(least) is None or int(least) > len(members):
                raise ValueError(f"a threshold that is not any, all or 1 to {len(members)}")
            count = int(least)
        self.groups[self._fresh(name)] = Group(count, members)
