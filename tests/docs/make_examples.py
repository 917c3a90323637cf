"""Make the byte examples of docs/formats.md: run ``python -m tests.docs.make_examples`` after changing a format.

Each stands between ``<!-- example NAME -->`` and the end of the code block after it. Keys and salts come from
fixed seeds, so that the same program makes the same bytes; a test holds that the document shows them. ML-DSA
signatures are random by design, so of those only the fixed part is shown.
"""

from __future__ import annotations

import base64
import hashlib
import re
import textwrap
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from provenance.ledger.checkpoint import Checkpoint, Cosigner, sign_checkpoint
from provenance.ledger.cose_receipt import make_cose_receipt
from provenance.ledger.merkle import leaf_hash, node_hash
from provenance.ledger.note import SignatureLine
from provenance.ledger.receipt import Receipt
from provenance.ledger.registration import fingerprints_digest, references_digest
from provenance.ledger.tiles import TileName, pack_bundle
from provenance.ledger.witness import Submission
from tests.ledger_made import LOG_KEY, NOW, ORIGIN, PUBLISHER_KEY, RIVAL_KEY, SIGNER, registration

DOCUMENT = Path(__file__).parents[2] / "docs" / "formats.md"
_WIDTH = 100
MADE, OTHER = registration(1), registration(2)
LEAVES = [MADE.leaf, OTHER.leaf]
HASHES = [leaf_hash(each) for each in LEAVES]
POINT = Checkpoint(ORIGIN, 2, node_hash(*HASHES))
NOTE = sign_checkpoint(POINT, SIGNER)
RECEIPT = Receipt(MADE.leaf, PUBLISHER_KEY.public_key().public_bytes_raw(), 0, (HASHES[1],), NOTE)
WITNESS = Cosigner("witness.example/w1", RIVAL_KEY, lambda: NOW)
SECOND = Cosigner("witness.example/w2", PUBLISHER_KEY, lambda: NOW)
QUANTUM = Cosigner(ORIGIN, MLDSA44PrivateKey.from_seed_bytes(hashlib.sha256(b"mldsa").digest()), lambda: NOW)


def hexed(content: bytes) -> str:
    return "\n".join(textwrap.wrap(content.hex(), _WIDTH))


def diagnostic(value: object, indent: str = "") -> str:
    """CBOR as people write it (RFC 8949 section 8); long byte strings are cut."""
    match value:
        case bytes():
            shown = value.hex()
            return f"h'{shown}'" if len(value) <= 32 else f"h'{shown[:32]}…' ({len(value)} bytes)"
        case None:
            return "null"
        case dict() | cbor2.frozendict():
            lines = (f"{indent}  {diagnostic(k)}: {diagnostic(v, indent + '  ')}" for k, v in value.items())
            return "{\n" + ",\n".join(lines) + f"\n{indent}}}" if value else "{}"
        case list() | tuple():
            lines = (f"{indent}  {diagnostic(each, indent + '  ')}" for each in value)
            return "[\n" + ",\n".join(lines) + f"\n{indent}]" if value else "[]"
        case cbor2.CBORTag():
            return f"{value.tag}({diagnostic(value.value, indent)})"
        case str():
            return f'"{value}"'
        case _:
            return str(value)


def cut(vkey: str) -> str:
    return vkey if len(vkey) < 200 else f"{vkey[:90]}… ({len(vkey)} characters)"


def entry() -> str:
    content = cbor2.loads(MADE.leaf).value[2]
    return f"{diagnostic(cbor2.loads(content))}\n\n{len(content)} bytes:\n{hexed(content)}"


def leaf() -> str:
    protected, unprotected, payload, signature = cbor2.loads(MADE.leaf).value
    return (
        f"18([\n  << {diagnostic(cbor2.loads(protected), '  ')} >>,\n  {diagnostic(unprotected)},\n"
        f"  {diagnostic(payload)},\n  {diagnostic(signature)}\n])\n\n"
        f"{len(MADE.leaf)} bytes; leaf hash, SHA-256 of 00 and these bytes:\nsha256:{HASHES[0].hex()}"
    )


def payload() -> str:
    body = MADE.payload.to_cbor()
    return (
        f"{diagnostic(cbor2.loads(body))}\n\nsalt        {MADE.payload.salt.hex()}\n"
        f"commitment  {MADE.payload.commitment()}"
    )


def committed() -> str:
    codes, pictures = MADE.fingerprints, MADE.references
    listed = [[f.algorithm, f.value, f.time_s, f.quality] for f in codes]
    blobs = [[r.kind, r.time_s, hashlib.sha256(r.blob).digest()] for r in pictures]
    return (
        f"fingerprints\n{diagnostic(listed)}\n{fingerprints_digest(codes)}\n\n"
        f"references\n{diagnostic(blobs)}\n{references_digest(pictures)}"
    )


def tiles() -> str:
    names = (TileName(0, 0), TileName(0, 1_234_067), TileName(1, 0, 17), TileName(None, 4, 200))
    shown = "\n".join(f"{each.path:<24}{_meaning(each)}" for each in names)
    bundle = pack_bundle(LEAVES)
    second = bundle[2 + len(LEAVES[0]) :]
    head = f"{bundle[:2].hex()} {bundle[2:14].hex()}… {second[:2].hex()} {second[2:14].hex()}…"
    row = "\n".join(each.hex() for each in HASHES)
    return f"{shown}\n\ntile/0/000.p/2, 64 bytes:\n{row}\n\ntile/entries/000.p/2:\n{head}"


def _meaning(name: TileName) -> str:
    what = "entries" if name.level is None else f"level {name.level}, hashes"
    first = name.number * 256
    return f"{what} {first} to {first + name.width - 1}"


def keys() -> str:
    return f"{SIGNER.vkey}\n{cut(QUANTUM.verifier.vkey)}"


def cosignatures() -> str:
    line = SignatureLine.parse(QUANTUM.sign(POINT.text())[:-1])
    fixed = base64.b64encode(line.key_id + line.signature[:8]).decode().rstrip("=")
    return (
        f"witness (0x04), {cut(WITNESS.verifier.vkey)}\nsigns\n"
        f"cosignature/v1\ntime {int(NOW.timestamp())}\n{POINT.text()}\n{WITNESS.sign(POINT.text())}\n"
        f"ML-DSA-44 (0x06)\n\u2014 {ORIGIN} {fixed[:-1]}… ({len(line.signature)} bytes: time and signature)"
    )


def cose_receipt() -> str:
    made = make_cose_receipt(RECEIPT, ORIGIN, LOG_KEY)
    protected, unprotected, detached, signature = cbor2.loads(made.receipt()).value
    [proof] = unprotected[396][-1]
    return (
        f"18([\n  << {diagnostic(cbor2.loads(protected), '  ')} >>,\n"
        f"  {{ 396: {{ -1: [ << {diagnostic(cbor2.loads(proof), '  ')} >> ] }} }},\n"
        f"  {diagnostic(detached)},\n  {diagnostic(signature)}\n])\n\n"
        f"{len(made.receipt())} bytes; with the leaf {len(made.format())} bytes:\n{hexed(made.format()[:100])}…"
    )


def policy() -> str:
    return (
        f"log {SIGNER.vkey} https://log.example/log\n"
        f"witness north {WITNESS.verifier.vkey} https://witness.example\n"
        f"witness south {SECOND.verifier.vkey}\n"
        "group both any north south\nquorum both"
    )


EXAMPLES = {
    "entry": entry,
    "leaf": leaf,
    "payload": payload,
    "committed": committed,
    "tiles": tiles,
    "keys": keys,
    "checkpoint": lambda: NOTE.rstrip("\n"),
    "cosignatures": cosignatures,
    "receipt": lambda: RECEIPT.format().rstrip("\n"),
    "cose-receipt": cose_receipt,
    "submission": lambda: Submission(1, (HASHES[1],), NOTE).format().rstrip("\n"),
    "policy": policy,
}
_BLOCK = re.compile(r"(<!-- example ([a-z-]+) -->\n```text\n)(.*?)(```\n)", re.DOTALL)


def renewed(document: str) -> str:
    """Return the document with every example made anew.

    Raises:
        KeyError: It names an example that is not made here.
    """
    return _BLOCK.sub(lambda found: f"{found[1]}{EXAMPLES[found[2]]()}\n{found[4]}", document)


def named(document: str) -> list[str]:
    return [found[2] for found in _BLOCK.finditer(document)]


if __name__ == "__main__":
    DOCUMENT.write_text(renewed(DOCUMENT.read_text("utf-8")), "utf-8")
