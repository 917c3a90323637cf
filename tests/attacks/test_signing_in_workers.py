"""SR-11, SR-34: manifests are written and read by locked-down workers, which never hold a key."""

from __future__ import annotations

import pytest

from provenance.evidence import CredentialState
from provenance.media.lockdown import Level
from provenance.media.sandbox import WorkerPool
from provenance.signing import manifest
from provenance.signing.claims import build_definition
from provenance.signing.credential import credential_from
from tests import signing_media as media


@pytest.fixture(scope="module")
def pool():
    with WorkerPool("tests.attacks.signing_tasks", size=1) as made:
        yield made


def sign(pool, tmp_path, kind, callback):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(media.sample(kind))
    params = {
        "media_type": kind.value,
        "definition": build_definition(media.request(), media.NOW),
        "certificates": media.ring().signer.certificates_pem,
        "algorithm": media.ring().signer.algorithm,
    }
    made = pool.run("sign", [source, (target, "w+b")], params, callbacks={"sign": callback})
    return made, target


@pytest.mark.parametrize("kind", sorted(manifest.SIGNABLE))
def test_every_format_is_signed_and_read_in_a_worker(pool, tmp_path, kind):
    assert pool.isolation.level is Level.SECCOMP, pool.isolation.reason
    asked = []
    made, target = sign(
        pool, tmp_path, kind, lambda data: asked.append(data) or media.ring().signer.sign(data)
    )
    assert len(asked) == 1
    assert len(asked[0]) < 4096
    report = pool.run("read", [target], {"media_type": kind.value, "trust": media.trust()})
    found = credential_from(report, media.trust(), now=media.NOW)
    assert found.state is CredentialState.TRUSTED
    assert found.bound_digest == made["bound_digest"]
    assert found.manifest_id == made["manifest_id"]


def test_refusal_of_the_key_reaches_the_caller(pool, tmp_path):
    def refuse(data):
        raise PermissionError("two approvals are missing")

    with pytest.raises(PermissionError, match="approvals"):
        sign(pool, tmp_path, media.MediaType.JPEG, refuse)
