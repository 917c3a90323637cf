"""How much of a file its signature leaves out. Pure; runs in a media worker.

A hard binding names what it does not cover: the manifest itself, and whatever else the signer chose. Who signs a
picture and leaves the picture out has signed nothing that anybody sees, and still every check of hashes holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

#: Boxes of ISO BMFF in which nothing is shown or heard, and offsets that change when a manifest is put in.
#: Source: C2PA Technical Specification 2.2, 18.7.2 (mandatory exclusions); those of c2pa-rs 0.2 to 0.91.
_SILENT: Final = frozenset(
    (
        "/uuid",
        "/ftyp",
        "/mfra",
        "/mfra/tfra",
        "/free",
        "/skip",
        "/emsg",
        "/meta/iloc",
        "/moov/pssh",
        "/moov/trak/mdia/minf/stbl/stco",
        "/moov/trak/mdia/minf/stbl/co64",
        "/moof/traf/tfhd",
        "/moof/traf/trun",
    )
)
#: Boxes of a general box hash without anything to see: the manifest, metadata and comments of JPEG, PNG and GIF.
#: Source: C2PA Technical Specification 2.2, 18.6.
_METADATA: Final = re.compile(r"C2PA|APP\d+|COM|SOI|[itz]TXt|tEXt|eXIf|tIME|TXT[\w-]*|21F[EF]", re.ASCII)

#: What containers add around a store: a byte in 255 (GIF's blocks), and headers of segments and chunks.
_WRAPPED: Final = 255
_HEADERS: Final = 64


def left_out(assertions: Mapping[str, Any], store_bytes: int, file_bytes: int) -> float:
    """Return the share of a file outside its manifest that its hard bindings leave out, 0 to 1.

    Args:
        assertions: Content of the assertions of a manifest by label, as the engine's detailed report has it.
        store_bytes: Length of the manifest store.
        file_bytes: Length of the file.

    Returns:
        For byte ranges their share, without what a container adds to a store. For boxes 1 where one is left out that
        may hold what is shown, else 0.
    """
    shares = [0.0]
    for label, value in assertions.items():
        found = value if isinstance(value, Mapping) else {}
        kind = label.split(".v")[0].split("__")[0]
        if kind == "c2pa.hash.data":
            ranges = sum(_length(each, file_bytes) for each in _list(found.get("exclusions")))
            own = store_bytes + store_bytes // _WRAPPED + _HEADERS
            shares.append((ranges - own) / max(1, file_bytes - store_bytes))
        elif kind == "c2pa.hash.bmff":
            shares += [float(each.get("xpath") not in _SILENT) for each in _list(found.get("exclusions"))]
        elif kind == "c2pa.hash.boxes":
            skipped = [each for each in _list(found.get("boxes")) if each.get("excluded") is True]
            names = [str(name) for each in skipped for name in each.get("names") or ()]
            shares += [float(_METADATA.fullmatch(name) is None) for name in names]
    return min(1.0, max(shares))


def _list(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _length(excluded: Mapping[str, Any], file_bytes: int) -> int:
    start, length = excluded.get("start"), excluded.get("length")
    if not isinstance(start, int) or not isinstance(length, int):
        return 0
    return max(0, min(start + length, file_bytes) - max(0, start))
