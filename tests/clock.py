"""A time-stamp authority (RFC 3161) for tests: OpenSSL's, with a key of its own and without a network."""

from __future__ import annotations

import subprocess
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from provenance.signing import certificates
from tests import signing_media as media

_SETTINGS = """[clock]
serial = {0}/serial
crypto_device = builtin
signer_cert = {0}/clock.pem
certs = {0}/root.pem
signer_key = {0}/clock.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Clock:
    """Stamps what it is given with the time it is now.

    Args:
        folder: An empty folder for its files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
        top, own = (certificates._name("TEST Clock", f"TEST clock {role}") for role in ("root", "signer"))
        validity = (media.NOW - timedelta(days=1), media.NOW + timedelta(days=30))
        self.root = certificates._authority(top, keys[0], top, keys[0], validity, path_length=None)
        signer = (
            certificates._certificate(own, keys[1], top, keys[0], validity)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(certificates._usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
            .sign(keys[0], hashes.SHA256())
        )
        private = keys[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (folder / "clock.key").write_bytes(private)
        (folder / "clock.pem").write_bytes(certificates.to_pem(signer))
        (folder / "root.pem").write_bytes(certificates.to_pem(self.root))
        (folder / "serial").write_text("01\n")
        (folder / "settings").write_text(_SETTINGS.format(folder))

    def stamp(self, content: bytes) -> bytes:
        """Return a time-stamp token over ``content``, DER."""
        (self._folder / "content").write_bytes(content)
        self._run("-query", "-data", "content", "-sha256", "-cert", "-out", "query")
        self._run("-reply", "-config", "settings", "-section", "clock", "-queryfile", "query",
                  "-token_out", "-out", "token")  # fmt: skip
        return (self._folder / "token").read_bytes()

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", "ts", *arguments], cwd=self._folder, check=True, capture_output=True)
