"""Trust lists, and the standing of a credential from codes alone."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from provenance.errors import ConfigError, FormatError, KeyMaterialError
from provenance.evidence import CredentialState, IngredientState, StatusCode
from provenance.signing import certificates
from provenance.signing.trust import (
    EXPIRING,
    REVOKING,
    TAMPERING,
    UNBINDING,
    UNRECOGNIZING,
    TrustKind,
    TrustList,
    decide,
    judge_ingredients,
    list_in,
    listed_name,
    load_trust_lists,
    plain_trust,
)

SHARED = Path(__file__).parents[3] / "shared" / "data" / "c2pa" / "trust-list"
GOOD = ("claimSignature.validated", "signingCredential.trusted", "assertion.dataHash.match")


def made(name="example", kind=TrustKind.MANIFEST, version=1):
    root = certificates.issue_test_chain("Example", datetime.now(UTC)).root
    return TrustList(
        name, kind, "made by a test", date(2026, 11, 1), version, certificates.to_pem(root).decode()
    )


def codes(*failures, success=GOOD):
    return [StatusCode(code, "success") for code in success] + [
        StatusCode(code, "failure") for code in failures
    ]


def stand(*failures, success=GOOD, listed=True, tier="c2pa", ingredients=IngredientState.NONE):
    return decide(codes(*failures, success=success), listed=listed, tier=tier, ingredients=ingredients)


# --- lists


def test_list_survives_writing_and_reading():
    one = made()
    assert TrustList.parse(one.to_toml()) == one


def test_sr07_changed_list_is_refused():
    one, other = made(), made()
    swapped = one.to_toml().replace(one.pem, other.pem)
    with pytest.raises(FormatError, match="digest"):
        TrustList.parse(swapped)


@pytest.mark.parametrize(
    "change",
    [
        ('kind = "manifest"', 'kind = "everything"'),
        ("version = 1", "version = 0"),
        ("version = 1", 'version = "1"'),
        ("version = 1", "version = true"),
        ("version = 1", "version = 1\nextra = 1"),
        ("date = 2026-11-01", 'date = "2026-11-01"'),
        ('name = "example"', 'name = "../example"'),
        ('name = "example"', ""),
        ("name =", "name"),
    ],
)
def test_malformed_list_is_refused(change):
    with pytest.raises(FormatError):
        TrustList.parse(made().to_toml().replace(*change))


def test_lists_are_loaded_by_name(tmp_path):
    for one in (made("b-list", TrustKind.TSA), made("a-list")):
        (tmp_path / f"{one.name}.toml").write_text(one.to_toml())
    found = load_trust_lists(tmp_path, environment="development")
    assert [one.name for one in found] == ["a-list", "b-list"]
    assert load_trust_lists(tmp_path / "none", environment="production") == ()


def test_list_under_another_name_is_refused(tmp_path):
    (tmp_path / "official.toml").write_text(made().to_toml())
    with pytest.raises(ConfigError, match="official"):
        load_trust_lists(tmp_path, environment="development")


def test_sr35_production_refuses_a_test_root(tmp_path):
    (tmp_path / "example.toml").write_text(made().to_toml())
    load_trust_lists(tmp_path, environment="development")
    with pytest.raises(KeyMaterialError, match="TEST"):
        load_trust_lists(tmp_path, environment="production")


def test_production_takes_notices_about_test_certificates(tmp_path):
    (tmp_path / "example.toml").write_text(made(kind=TrustKind.NOTICE).to_toml())
    [one] = load_trust_lists(tmp_path, environment="production")
    assert one.kind is TrustKind.NOTICE


def test_kind_is_enforced_here():
    plain = plain_trust([made("roots"), made("clocks", TrustKind.TSA)])
    assert listed_name(plain, "urn:provenance:trust:roots", TrustKind.MANIFEST) == "roots"
    assert listed_name(plain, "urn:provenance:trust:clocks", TrustKind.MANIFEST) is None
    assert listed_name(plain, "urn:provenance:trust:clocks", TrustKind.TSA) == "clocks"
    assert listed_name(plain, None, TrustKind.MANIFEST) is None
    assert list_in("timestamp cert trusted: TEST clock, trust list: urn:a") == "urn:a"
    assert list_in("timestamp cert trusted: x, trust list: urn:a, trust list: urn:b") == "urn:b", (
        "a name is no list"
    )
    assert list_in("timestamp cert trusted: urn:a") is None


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.exists(), reason="the public trust lists are not here")
def test_public_lists_load_in_production(tmp_path):
    for name, kind, file, count in (
        ("c2pa", TrustKind.MANIFEST, "C2PA-TRUST-LIST.pem", 30),
        ("c2pa-tsa", TrustKind.TSA, "C2PA-TSA-TRUST-LIST.pem", 22),
    ):
        pem = (SHARED / file).read_text()
        one = TrustList(name, kind, "c2pa-org/conformance-public", date(2026, 8, 1), 1, pem)
        (tmp_path / f"{name}.toml").write_text(one.to_toml())
        assert len(certificates.parse_certificates(pem.encode())) == count
    assert len(load_trust_lists(tmp_path, environment="production")) == 2


# --- standing


def test_sr02_trusted_needs_everything():
    assert stand() is CredentialState.TRUSTED
    for missing in GOOD:
        left = tuple(code for code in GOOD if code != missing)
        assert stand(success=left) is not CredentialState.TRUSTED
    assert stand(listed=False) is CredentialState.UNRECOGNIZED
    assert stand(tier=None) is CredentialState.UNRECOGNIZED
    assert stand(tier="legacy") is CredentialState.TRUSTED


@pytest.mark.parametrize("code", sorted(TAMPERING))
def test_changed_manifest_is_tampered_whatever_else(code):
    assert stand(code) is CredentialState.TAMPERED
    assert stand(code, "assertion.dataHash.mismatch", "unheard.of") is CredentialState.TAMPERED


@pytest.mark.parametrize(
    ("group", "state"),
    [
        (REVOKING, CredentialState.REVOKED),
        (UNBINDING, CredentialState.UNBOUND),
        (EXPIRING, CredentialState.EXPIRED),
        (UNRECOGNIZING, CredentialState.UNRECOGNIZED),
    ],
)
def test_each_failure_has_its_state(group, state):
    for code in group:
        assert stand(code) is state
        assert stand(code, "signingCredential.untrusted", listed=False) is state


@pytest.mark.parametrize("code", ["algorithm.unsupported", "general.error", "assertion.new.failure", ""])
def test_sr06_unknown_failure_is_inconclusive(code):
    assert stand(code) is CredentialState.INCONCLUSIVE
    assert stand(code, "assertion.dataHash.mismatch") is CredentialState.INCONCLUSIVE


def test_sr09_failed_ingredient_is_never_hidden():
    assert stand(ingredients=IngredientState.FAILED) is CredentialState.TAMPERED


def test_untrusted_further_identity_changes_nothing():
    assert stand("cawg.x509.credential.untrusted") is CredentialState.TRUSTED


def test_sr01_no_combination_with_a_failure_is_trusted():
    samples = ["claim.missing", "signingCredential.revoked", "assertion.bmffHash.mismatch"]
    samples += ["signingCredential.expired", "signingCredential.untrusted", "unheard.of"]
    for size in range(1, len(samples) + 1):
        for failures in itertools.combinations(samples, size):
            for listed, tier, below in itertools.product(
                (True, False), ("c2pa", "legacy", None), IngredientState
            ):
                assert (
                    stand(*failures, listed=listed, tier=tier, ingredients=below)
                    is not CredentialState.TRUSTED
                )


def report(*ingredients, stray=()):
    return {"ingredients": list(ingredients), "stray": list(stray), "too_deep": False}


def ingredient(recorded=(), now=(), present=True):
    return {
        "recorded": [[code, outcome, "", ""] for code, outcome in recorded],
        "now": [[code, outcome, "", ""] for code, outcome in now],
        "present": present,
    }


TRUSTED = ("signingCredential.trusted", "success")
UNTRUSTED = ("signingCredential.untrusted", "failure")
CHANGED = ("assertion.dataHash.mismatch", "failure")


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ([], IngredientState.NONE),
        ([ingredient([TRUSTED])], IngredientState.HELD),
        ([ingredient([UNTRUSTED], [TRUSTED])], IngredientState.HELD),
        ([ingredient([TRUSTED], [UNTRUSTED])], IngredientState.UNRECOGNIZED),
        ([ingredient([UNTRUSTED])], IngredientState.UNRECOGNIZED),
        ([ingredient([TRUSTED], present=False)], IngredientState.UNRECOGNIZED),
        ([ingredient()], IngredientState.UNRECOGNIZED),
        ([ingredient([TRUSTED, CHANGED])], IngredientState.FAILED),
        ([ingredient([TRUSTED], [CHANGED])], IngredientState.FAILED),
        ([ingredient([TRUSTED], [("unheard.of", "failure")])], IngredientState.FAILED),
        ([ingredient([TRUSTED]), ingredient()], IngredientState.UNRECOGNIZED),
        ([ingredient(), ingredient([TRUSTED])], IngredientState.UNRECOGNIZED),
        ([ingredient([TRUSTED]), ingredient([CHANGED])], IngredientState.FAILED),
    ],
)
def test_sr09_ingredients_are_judged_by_the_worst(found, state):
    assert judge_ingredients(report(*found)) is state


def test_sr09_finding_about_an_unmet_ingredient_counts():
    assert judge_ingredients(report(stray=[[*CHANGED, "", ""]])) is IngredientState.FAILED
