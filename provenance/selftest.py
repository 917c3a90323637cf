"""The self-test: an installation signs, registers and verifies a made-up picture, away from its registry."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from provenance.errors import ProvenanceError, VerificationError
from provenance.evidence import SourceType, VerdictCode
from provenance.ledger.receipt import check_receipt
from provenance.publish import PublishJob
from provenance.setup import Installation, make_registry
from provenance.signing.claims import SigningRequest


def self_test(installation: Installation) -> list[str]:
    """Sign, register and verify a made-up picture in a scratch registry; return what was checked.

    Raises:
        ProvenanceError: A step does not do what it should.
    """
    with tempfile.TemporaryDirectory(prefix="provenance-self-test-") as scratch:
        folder, used = Path(scratch), installation.settings
        settings = replace(
            used, root=folder, database_url=f"sqlite:///{folder / 'registry.db'}", keys=used.keys_folder
        )
        make_registry(settings, installation.keys)
        with Installation.open(settings) as trial:
            return _run(trial, folder)


def _run(trial: Installation, folder: Path) -> list[str]:
    source, signed = folder / "test.png", folder / "test.signed.png"
    source.write_bytes(_picture())
    request = SigningRequest(title="TEST picture", source_type=SourceType.DIGITAL_CREATION)
    [published] = trial.publisher.publish([PublishJob(source, signed, request)])
    report = trial.verifier.verify(signed)
    if report.verdict.code is not VerdictCode.INTACT:
        raise VerificationError(
            f"the self-test expected intact, found {report.verdict.code.value}: {report.verdict.summary}",
            hint="run `provenance doctor`",
        )
    check_receipt(published.receipt, report.evidence.digest, trial.note_signer.vkey)
    return [
        "signed and registered a picture: its credentials hold and are trusted by the development list",
        f"its receipt verifies under the ledger key {trial.note_signer.vkey.split('+')[1]}",
        f"media workers: {trial.pool.isolation.level.value}",
    ]


def _picture() -> bytes:
    """Return a PNG with structure enough for every fingerprint."""
    field = np.random.default_rng(7).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    encoded, png = cv2.imencode(".png", cv2.resize(field, (640, 480), interpolation=cv2.INTER_CUBIC))
    if not encoded:
        raise ProvenanceError(
            "the test picture could not be encoded", hint="reinstall opencv-python-headless"
        )
    return png.tobytes()
