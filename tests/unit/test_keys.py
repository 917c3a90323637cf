"""Keys: made once, closed to others, checked against their certificates."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.errors import InputError, KeyMaterialError, OutputExistsError
from provenance.signing import certificates, keys
from provenance.signing.keys import KeyRing, create_development_keys

NOW = datetime.now(UTC)
PRIVATE = (keys.SIGNING_KEY, keys.PUBLISHER_KEY, keys.LEDGER_KEY)


@pytest.fixture
def folder(tmp_path):
    create_development_keys(tmp_path / "keys", "Example News", NOW)
    return tmp_path / "keys"


def load(folder, **changes):
    return KeyRing.load(folder, **{"now": NOW, "environment": "development", **changes})


def test_every_subject_name_says_test(folder):
    chain = certificates.parse_certificates((folder / keys.SIGNING_CHAIN).read_bytes())
    issued = certificates.issue_test_chain("Example News", NOW)
    for certificate in (*chain, issued.root):
        assert certificates.is_test_certificate(certificate)
        for name in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME):
            assert "TEST" in name.value
        for name in certificate.subject.get_attributes_for_oid(x509.NameOID.ORGANIZATION_NAME):
            assert name.value.startswith("TEST ")


def test_leaf_follows_the_claim_signing_profile():
    issued = certificates.issue_test_chain("Example News", NOW)
    leaf, middle = issued.chain
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert usage.value.digital_signature
    assert usage.value.content_commitment
    basic = leaf.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert not basic.value.ca
    uses = set(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert uses == {ExtendedKeyUsageOID.EMAIL_PROTECTION, certificates.CLAIM_SIGNING}
    leaf.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    assert leaf.not_valid_after_utc - NOW <= timedelta(days=90)
    assert middle.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    leaf.verify_directly_issued_by(middle)
    middle.verify_directly_issued_by(issued.root)
    assert certificates.tier_of(leaf) == "c2pa"


def test_files_are_closed_to_others(folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in PRIVATE:
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_existing_folder_is_tightened(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o755)
    create_development_keys(folder, "Example News", NOW)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", [*PRIVATE, keys.SIGNING_CHAIN, "trust/development.toml"])
def test_nothing_is_overwritten(tmp_path, name):
    folder = tmp_path / "keys"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text("precious")
    with pytest.raises(OutputExistsError):
        create_development_keys(folder, "Example News", NOW)
    assert (folder / name).read_text() == "precious"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == [(folder / name).name]


def test_a_dangling_link_is_not_followed(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / keys.SIGNING_KEY).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutputExistsError):
        create_development_keys(folder, "Example News", NOW)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("name", PRIVATE)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620])
def test_sr36_case_114_key_open_to_others_is_refused(folder, name, mode):
    (folder / name).chmod(mode)
    with pytest.raises(KeyMaterialError, match="owner only"):
        load(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_sr36_key_of_another_user_is_refused(folder, monkeypatch):
    os.chown(folder / keys.LEDGER_KEY, 12345, 12345)
    with pytest.raises(KeyMaterialError, match="belong to this user"):
        load(folder)


def test_case_114_wrong_passphrase_is_refused(tmp_path):
    folder = tmp_path / "keys"
    create_development_keys(folder, "Example News", NOW, passphrase=b"right")
    assert b"ENCRYPTED" in (folder / keys.SIGNING_KEY).read_bytes()
    load(folder, passphrase=b"right")
    for wrong in (b"wrong", None):
        with pytest.raises(KeyMaterialError, match="passphrase"):
            load(folder, passphrase=wrong)


def _replace(path, key):
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(pem)


def test_case_114_wrong_curve_is_refused(folder):
    _replace(folder / keys.SIGNING_KEY, ec.generate_private_key(ec.SECP384R1()))
    with pytest.raises(KeyMaterialError, match="P-256"):
        load(folder)


def test_case_114_certificate_of_another_key_is_refused(folder):
    _replace(folder / keys.SIGNING_KEY, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(KeyMaterialError, match="belong"):
        load(folder)


@pytest.mark.parametrize("name", [keys.PUBLISHER_KEY, keys.LEDGER_KEY])
def test_case_114_ledger_keys_must_be_ed25519(folder, name):
    _replace(folder / name, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(KeyMaterialError, match="Ed25519"):
        load(folder)


@pytest.mark.parametrize("name", [*PRIVATE, keys.SIGNING_CHAIN])
def test_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(KeyMaterialError, match=name):
        load(folder)


@pytest.mark.parametrize("days", [-1, 91])
def test_certificate_outside_its_validity_is_refused(folder, days):
    with pytest.raises(KeyMaterialError, match="valid at"):
        load(folder, now=NOW + timedelta(days=days))


def test_chain_in_wrong_order_is_refused(folder):
    chain = folder / keys.SIGNING_CHAIN
    leaf, middle = certificates.parse_certificates(chain.read_bytes())
    chain.write_bytes(certificates.to_pem(middle, leaf))
    with pytest.raises(KeyMaterialError, match="belong"):
        load(folder)
    chain.write_bytes(certificates.to_pem(leaf, leaf))
    with pytest.raises(KeyMaterialError, match="issued by the next"):
        load(folder)


def test_sr35_production_refuses_test_certificates(folder):
    with pytest.raises(KeyMaterialError, match="TEST"):
        load(folder, environment="production")


def test_sr34_private_keys_do_not_show_in_text(folder):
    ring = load(folder)
    shown = repr(ring)
    secret = ring.signer._key.private_numbers().private_value
    assert "PrivateKey" not in shown
    assert str(secret) not in shown
    assert f"{secret:x}" not in shown


def test_signer_signs_for_its_certificate(folder):
    signer = load(folder).signer
    leaf = certificates.parse_certificates(signer.certificates_pem)[0]
    leaf.public_key().verify(signer.sign(b"claim"), b"claim", ec.ECDSA(hashes.SHA256()))
    assert signer.algorithm == "es256"
    assert signer.certificate_sha256.value == leaf.fingerprint(hashes.SHA256())


def test_long_organisation_is_refused():
    with pytest.raises(InputError, match="characters"):
        certificates.issue_test_chain("x" * 60, NOW)
    with pytest.raises(InputError):
        certificates.issue_test_chain("  ", NOW)


def test_test_word_is_found_but_not_inside_other_words():
    def named(text):
        key = ec.generate_private_key(ec.SECP256R1())
        name = certificates._name(text, text)
        return certificates._authority(name, key, name, key, (NOW, NOW + timedelta(days=1)), path_length=None)

    assert certificates.is_test_certificate(named("C2PA Test Signing"))
    assert certificates.is_test_certificate(named("FOR TESTING_ONLY"))
    assert not certificates.is_test_certificate(named("Latest Attestation GmbH"))
