"""Whether the service can work, and why not: one finding for each thing it needs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Final

from provenance.errors import ProvenanceError
from provenance.ledger.checkpoint import open_checkpoint
from provenance.media.lockdown import Level
from provenance_api.registry_schemas import CheckOut
from provenance_api.wiring import Wiring

#: Free disk below which the service says that it is not ready: room for a few films and the ledger.
MIN_FREE_BYTES: Final = 1 << 30


def findings(wiring: Wiring) -> list[CheckOut]:
    """Return what was looked at; ``ok`` is false where requests would fail, the reason says why or how well."""
    named: dict[str, Callable[[Wiring], tuple[bool, str]]] = {
        "registry": _registry,
        "ledger": _ledger,
        "workers": _workers,
        "keys": _keys,
        "disk": _disk,
        "queue": _queue,
    }
    return [_look(name, look, wiring) for name, look in named.items()]


def _look(name: str, look: Callable[[Wiring], tuple[bool, str]], wiring: Wiring) -> CheckOut:
    try:
        ok, reason = look(wiring)
    except ProvenanceError as cause:
        ok, reason = False, cause.code
    return CheckOut(name=name, ok=ok, reason=reason)


def _registry(wiring: Wiring) -> tuple[bool, str]:
    counts = wiring.installation.store.counts()
    return True, f"{counts.assets} assets"


def _ledger(wiring: Wiring) -> tuple[bool, str]:
    head = wiring.installation.store.head()
    if head.size:
        open_checkpoint(head.note, wiring.installation.note_signer.verifier)
    return True, f"{head.size} entries, checkpoint signed by this log"


def _workers(wiring: Wiring) -> tuple[bool, str]:
    isolation = wiring.installation.pool.isolation
    if isolation.level is Level.SECCOMP:
        return True, "contained by a system-call filter and resource limits"
    return True, f"contained by {isolation.level.value} only: {isolation.reason}"


def _keys(wiring: Wiring) -> tuple[bool, str]:
    _ = wiring.installation.keys.signer.certificate_sha256
    return True, "signing, publisher and ledger keys are loaded"


def _disk(wiring: Wiring) -> tuple[bool, str]:
    free = shutil.disk_usage(wiring.folder).free
    return free >= MIN_FREE_BYTES, f"{free >> 20} MiB free for received files"


def _queue(wiring: Wiring) -> tuple[bool, str]:
    waiting, most = wiring.installation.jobs.waiting(), wiring.installation.settings.limits.waiting_jobs
    return waiting < most, f"{waiting} of at most {most} jobs are open"
