"""What a file says about itself outside its credentials: EXIF, XMP, IPTC and text fields, as claims.

Runs in a media worker. Everything is bounded and cleaned of nothing: who shows a value cleans it. Anybody can
write any of these fields with a common editor.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO, Final
from xml.etree import ElementTree as ET

from PIL import ExifTags, Image

from provenance.media.asset import Kind, MediaType
from provenance.media.decode import probe
from provenance.media.picture import opened_picture
from provenance.settings import Limits

#: Most fields taken from one file, and most characters of one value. A ComfyUI workflow of 200 nodes is about
#: 300 kB; the part that names the tool and the model comes early.
MAX_FIELDS: Final = 512
MAX_VALUE: Final = 262_144
#: Longest XMP packet that is parsed, bytes. Source: a packet in one JPEG segment is below 64 kB; extended
#: packets hold depth maps, which name no tool.
MAX_XMP_BYTES: Final = 1_048_576
#: Deepest nesting of elements of an XMP packet that is walked; RDF of real tools needs about eight levels.
MAX_XMP_DEPTH: Final = 32


#: Sum of the 64 values of the luminance example table. Source: ITU-T T.81, table K.1.
_ANNEX_K_SUM: Final = 3688


class Place(StrEnum):
    """Where in the file a field stands."""

    EXIF = "exif"
    XMP = "xmp"
    IPTC = "iptc"
    TEXT = "text"  # PNG text chunk, JPEG or GIF comment
    CONTAINER = "container"  # tag of a film or recording


@dataclass(frozen=True, slots=True)
class Field:
    """One field as it is written in the file.

    Attributes:
        place: Where it stands.
        name: Name of the field; for XMP ``{namespace}local``.
        value: Its text, at most 262,144 characters, uncleaned.
    """

    place: Place
    name: str
    value: str


def read_fields(file: BinaryIO, media_type: MediaType, limits: Limits) -> tuple[Field, ...]:
    """Return the text fields of a media file, at most 512.

    Args:
        file: The media, at any position.
        media_type: Its sniffed type; no other reader is tried.
        limits: Size of picture and tags.

    Raises:
        MediaError: The file's headers cannot be read.
        LimitError: The picture is over a limit.

    Source: security.md SR-12, SR-18.
    """
    of_kind = _of_picture if media_type.kind is Kind.IMAGE else _of_container
    kept: list[Field] = []
    for field in of_kind(file, media_type, limits):
        if len(kept) == MAX_FIELDS:
            break
        kept.append(Field(field.place, field.name[:1024], field.value[:MAX_VALUE]))
    return tuple(kept)


def jpeg_quality(file: BinaryIO, media_type: MediaType, limits: Limits) -> int | None:
    """Return the quality 1..100 a JPEG was stored with, judged by its luminance table; None for other types.

    Source: the scaling of the example table of ITU-T T.81, annex K, that libjpeg made customary.
    """
    if media_type is not MediaType.JPEG:
        return None
    with opened_picture(file, media_type, limits) as image:
        table = getattr(image, "quantization", {}).get(0)
    if not table:
        return None
    percent = 100 * sum(table) / _ANNEX_K_SUM
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return int(min(max(round(quality), 1), 100))


def _of_container(file: BinaryIO, media_type: MediaType, limits: Limits) -> list[Field]:
    return [Field(Place.CONTAINER, name, value) for name, value in probe(file, media_type, limits).tags]


def _of_picture(file: BinaryIO, media_type: MediaType, limits: Limits) -> list[Field]:
    with opened_picture(file, media_type, limits) as image:
        found = list(_text_fields(image))
        found += _exif_fields(image)
        found += _iptc_fields(image.info.get("photoshop"))
        packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
        if isinstance(packet, str):
            packet = packet.encode("utf-8", "replace")
        if isinstance(packet, bytes):
            found += xmp_fields(packet)
        return found


# --- text chunks and comments ----------------------------------------------------------------------------


def _text_fields(image: Image.Image) -> Iterator[Field]:
    for name, value in image.info.items():
        if not isinstance(name, str) or name in ("exif", "icc_profile", "photoshop", "xmp"):
            continue
        if name == "XML:com.adobe.xmp":
            continue
        if isinstance(value, bytes) and name == "comment":
            yield Field(Place.TEXT, name, value[:MAX_VALUE].decode("utf-8", "replace"))
        elif isinstance(value, str):
            yield Field(Place.TEXT, name, str(value))


# --- EXIF ------------------------------------------------------------------------------------------------

_EXIF_NAMES: Final = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x013B: "Artist",
    0x013C: "HostComputer",
    0x9C9C: "XPComment",
}
_USER_COMMENT: Final = 0x9286


def _exif_fields(image: Image.Image) -> list[Field]:
    try:
        exif = image.getexif()
        tags = [(name, exif.get(tag)) for tag, name in _EXIF_NAMES.items()]
        comment = exif.get_ifd(ExifTags.IFD.Exif).get(_USER_COMMENT)
    except (OSError, SyntaxError, ValueError, LookupError, ArithmeticError, TypeError, struct.error):
        return []  # damaged EXIF is noted where the picture is read; here it merely says nothing
    found = [Field(Place.EXIF, name, _exif_text(name, value)) for name, value in tags if value]
    if isinstance(comment, bytes | str) and comment:
        found.append(Field(Place.EXIF, "UserComment", user_comment(comment)))
    return [one for one in found if one.value]


def _exif_text(name: str, value: object) -> str:
    if isinstance(value, bytes):
        text = value[: 2 * MAX_VALUE].decode("utf-16-le" if name.startswith("XP") else "utf-8", "replace")
    else:
        text = str(value) if isinstance(value, str) else ""
    return text.strip("\0 ")


def user_comment(raw: bytes | str) -> str:
    """Return the text of an EXIF user comment: eight bytes name its coding (EXIF 2.32, 4.6.5).

    Writers disagree on the byte order of UNICODE comments; the one that gives more ASCII is taken.
    """
    if isinstance(raw, str):
        return raw.strip("\0 ")
    code, body = raw[:8], raw[8 : 8 + 2 * MAX_VALUE]
    if code == b"UNICODE\0":
        texts = [body.decode(way, "replace") for way in ("utf-16-be", "utf-16-le")]
        return max(texts, key=lambda text: sum(char.isascii() for char in text[:256])).strip("\0 ")
    if code in (b"ASCII\0\0\0", bytes(8)):
        return body.decode("utf-8", "replace").strip("\0 ")
    return raw[:MAX_VALUE].decode("utf-8", "replace").strip("\0 ")


# --- IPTC-IIM --------------------------------------------------------------------------------------------

#: Image resource that holds IPTC-IIM, and its data sets. Source: IPTC IIM 4.2, section 6.
_IIM_RESOURCE: Final = 0x0404
_IIM_NAMES: Final = {
    40: "SpecialInstructions",
    65: "OriginatingProgram",
    80: "By-line",
    110: "Credit",
    115: "Source",
    120: "Caption",
}


def _iptc_fields(resources: object) -> list[Field]:
    block = resources.get(_IIM_RESOURCE) if isinstance(resources, Mapping) else None
    if not isinstance(block, bytes):
        return []
    found: list[Field] = []
    at = 0
    while at + 5 <= len(block) and block[at] == 0x1C and len(found) < MAX_FIELDS:
        record, number = block[at + 1], block[at + 2]
        (length,) = struct.unpack_from(">H", block, at + 3)
        if length & 0x8000:  # an extended data set is longer than any text named here
            break
        if record == 2 and number in _IIM_NAMES:
            text = block[at + 5 : at + 5 + length].decode("utf-8", "replace")
            found.append(Field(Place.IPTC, _IIM_NAMES[number], text))
        at += 5 + length
    return found


# --- XMP -------------------------------------------------------------------------------------------------


def xmp_fields(packet: bytes) -> list[Field]:
    """Return the simple properties of an XMP packet, attributes and elements alike.

    A packet with a document type is not parsed: XMP has none, and entities are how XML is made to explode
    (SR-12). What is no XML says nothing.

    Args:
        packet: UTF-8 XMP packet; what is longer than 1 MiB is not parsed.
    """
    packet = packet.strip(b"\0 \r\n\t")
    if len(packet) > MAX_XMP_BYTES or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        return []
    with contextlib.suppress(ET.ParseError, ValueError):
        return list(_properties(ET.fromstring(packet)))  # noqa: S314 - no document type: no entities
    return []


def _properties(root: ET.Element) -> Iterator[Field]:
    pending: list[tuple[ET.Element, str, int]] = [(root, "", 0)]
    count = 0
    while pending and count < MAX_FIELDS:
        element, owner, depth = pending.pop()
        named = _named(element.tag, owner)
        for name, value in element.attrib.items():
            if _is_property(name):
                count += 1
                yield Field(Place.XMP, name, value)
        text = (element.text or "").strip()
        if text:
            count += 1
            yield Field(Place.XMP, named, text)
        if depth < MAX_XMP_DEPTH:
            pending += [(child, named, depth + 1) for child in reversed(element)]


_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_STRUCTURE: Final = frozenset(_RDF + name for name in ("li", "Seq", "Bag", "Alt", "Description", "value"))


def _named(tag: str, owner: str) -> str:
    """Return the property an element belongs to: list items speak for the property that holds the list."""
    return owner if tag in _STRUCTURE and owner else tag


def _is_property(name: str) -> bool:
    if name == _RDF + "resource":
        return True
    return not name.startswith((_RDF, "{http://www.w3.org/XML/1998/namespace}", "{adobe:ns:meta/}"))


def by_name(fields: Iterable[Field], place: Place, name: str) -> list[str]:
    """Return the values of every field of that place and (case aside) name, XMP namespaces left out."""
    wanted = name.casefold()
    return [one.value for one in fields if one.place is place and local_name(one.name).casefold() == wanted]


def local_name(name: str) -> str:
    """Return an XMP name without its namespace; other names as they are."""
    return name.rpartition("}")[2]
