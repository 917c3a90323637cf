"""Search: hashes in, registered assets with distance, status and inclusion proof out. The media stays put."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.digest import Digest
from provenance.errors import FormatError
from provenance.evidence import Record
from provenance.examination import Examination
from provenance.fingerprint.code import ALGORITHMS, Fingerprint
from provenance.ledger.log import Log
from provenance.ledger.store import Store
from provenance.match.near import NearCodes
from provenance.media.asset import Kind, open_asset
from provenance.media.sandbox import WorkerPool
from provenance.plain import from_plain
from provenance.remembered import Remembered
from provenance.settings import Limits

#: Most hits returned for one hash; enumeration of the registry is not a search.
MAX_HITS: Final = 100
_DIGEST: Final = "sha256:"
#: Bytes of receipts remembered; each is some kilobytes.
REMEMBERED_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A registered asset near a hash.

    Attributes:
        record: The asset.
        algorithm: Which hash found it.
        distance: Bits that differ; 0 for a digest.
        bits: Length of the hash in bits.
        time_s: Where in the asset, for a film's frame.
        receipt: Its receipt, with the inclusion proof under the current checkpoint.
    """

    record: Record
    algorithm: str
    distance: int
    bits: int
    time_s: float | None
    receipt: str


def hashes_of(path: Path, pool: WorkerPool, limits: Limits) -> tuple[str, ...]:
    """Return the hashes of a file as texts: its digest, and its picture codes where it is a picture.

    Args:
        path: A regular file.
        pool: Media workers; the file is read in one of them.
        limits: Limits on one file.

    Raises:
        InputError: The file cannot be read.
    """
    asset = open_asset(path, limits)
    if asset.media_type.kind is not Kind.IMAGE:
        return (str(asset.digest),)
    params = {"media_type": asset.media_type.value, "register": True}
    examination = from_plain(Examination, pool.run("examine", [path], params))
    codes = examination.picture.codes if examination.picture is not None else ()
    return (str(asset.digest), *(str(Fingerprint(code.algorithm, code.value)) for code in codes))


class Searcher:
    """Looks assets up by hash.

    Args:
        pool: Media workers, for hashing files.
        store: The registry.
        codes: Its codes.
        log: The ledger, for proofs.
        limits: Limits on one file.
    """

    def __init__(self, pool: WorkerPool, store: Store, codes: NearCodes, log: Log, limits: Limits) -> None:
        self._pool, self._store, self._codes, self._log, self._limits = pool, store, codes, log, limits
        self._receipts: Remembered[tuple[int, int]] = Remembered(REMEMBERED_BYTES)

    def by_file(self, path: Path) -> list[Hit]:
        """Return the assets near any hash of a file, nearest first; one hit an asset and algorithm."""
        hits = [hit for text in hashes_of(path, self._pool, self._limits) for hit in self.by_text(text)]
        return sorted(hits, key=lambda hit: (hit.distance / hit.bits, hit.record.index))

    @staticmethod
    def is_digest(text: str) -> bool:
        """Return whether ``text`` asks for a file, which is one step in the registry, and not for what is near."""
        return text.startswith(_DIGEST)

    def by_text(self, text: str, radius: int | None = None) -> list[Hit]:
        """Return the assets near a hash, nearest first.

        Args:
            text: ``sha256:…`` or ``<algorithm>:…`` as :func:`hashes_of` spells them.
            radius: Bits that may differ; default the algorithm's published radius.

        Raises:
            FormatError: The text is spelled otherwise, or the radius is out of range.
        """
        if self.is_digest(text):
            same = self._store.logged(Digest.parse(text))
            return [
                Hit(record, "sha256", 0, 256, None, self._receipt(record.index, same.log_size))
                for record in same.records[:MAX_HITS]
            ]
        wanted = Fingerprint.parse(text)
        algorithm = ALGORITHMS[wanted.algorithm]
        reach = algorithm.radius if radius is None else radius
        if not 0 <= reach <= algorithm.wide_radius:
            raise FormatError(
                f"expected a radius of 0 to {algorithm.wide_radius} bits for {algorithm.name}, found {reach}",
                hint="a wider radius finds unrelated assets",
            )
        near = self._codes.near(wanted.algorithm, wanted.value, reach)[:MAX_HITS]
        if not near:
            return []
        found = self._store.logged_assets([asset_id for asset_id, *_ in near])
        # What was erased between the reading of its codes and now is no hit.
        records = {record.asset_id: record for record in found.records if not record.redacted}
        return [
            Hit(
                record,
                algorithm.name,
                bits,
                algorithm.bits,
                time_s,
                self._receipt(record.index, found.log_size),
            )
            for asset_id, bits, time_s in near
            if (record := records.get(asset_id)) is not None
        ]

    def _receipt(self, index: int, size: int) -> str:
        """Return the receipt of an entry; popular assets are asked for often while the log stands still."""
        found = self._receipts.get((index, size))
        if found is not None:
            return found.decode()
        receipt = self._log.prove(index).format()
        self._receipts.put((index, size), receipt.encode())
        return receipt
