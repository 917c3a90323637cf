"""Forms: the one file of a multipart form, streamed to a sink as it arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException

from provenance.errors import MediaError

#: The form field that holds the file.
FIELD: Final = "file"
#: Most parts of a form: the file and a few fields that are read over.
MAX_PARTS: Final = 8
#: Most bytes of one part's headers; a name of 10,000 characters still fits (case 87).
MAX_HEADER_BYTES: Final = 48 << 10


class FileForm:
    """A multipart form of which only the file in :data:`FIELD` is kept.

    Args:
        parameters: What follows the media type in ``Content-Type``; holds the boundary.
        write: Takes the bytes of the file.
        max_other_bytes: Most bytes of all other fields together.

    Raises:
        HTTPException: 400, no usable boundary.
    """

    def __init__(self, parameters: str, write: Callable[[bytes], None], max_other_bytes: int) -> None:
        self.name, self.declared = "", ""
        self._write, self._others_left = write, max_other_bytes
        self._parts, self._files, self._size, self._ended = 0, 0, 0, False
        self._header, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._in_file = False
        _, options = parse_options_header(f"multipart/form-data;{parameters}")
        try:
            self._parser = MultipartParser(
                options.get(b"boundary", b""),
                {
                    "on_part_begin": self._begin,
                    "on_part_data": self._data,
                    "on_header_field": self._add_header,
                    "on_header_value": self._add_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open,
                    "on_end": self._end,
                },
                max_header_size=MAX_HEADER_BYTES,
            )
        except FormParserError as cause:
            raise _broken(str(cause)) from cause
        if not options.get(b"boundary"):
            raise _broken("no boundary")

    def feed(self, block: bytes) -> None:
        """Take the next bytes of the body.

        Raises:
            HTTPException: 400, not a form or too many parts.
        """
        try:
            self._parser.write(block)
        except FormParserError as cause:
            raise _broken(str(cause)) from cause

    def finish(self) -> None:
        """Check that the form is whole and holds one file.

        Raises:
            HTTPException: 400, the form breaks off.
            MediaError: No file was chosen, or it is empty.
        """
        if not self._ended:
            raise _broken("it breaks off")
        if not self._size:
            raise MediaError(
                f"expected a file in the field {FIELD!r}, found none or an empty one",
                hint="choose a picture, film or recording",
            )

    def _begin(self) -> None:
        self._parts += 1
        self._headers, self._header, self._value, self._in_file = {}, b"", b"", False
        if self._parts > MAX_PARTS:
            raise _broken(f"more than {MAX_PARTS} parts")

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header.lower()] = self._value
        self._header, self._value = b"", b""

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if options.get(b"name", b"").decode("utf-8", "replace") != FIELD:
            return
        self._files += 1
        if self._files > 1:
            raise _broken("more than one file; send one at a time")
        self._in_file = True
        self.name = options.get(b"filename", b"").decode("utf-8", "replace")
        self.declared = (
            self._headers.get(b"content-type", b"").decode("latin-1").split(";")[0].strip().lower()
        )

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._size += end - start
            self._write(data[start:end])
            return
        self._others_left -= end - start
        if self._others_left < 0:
            raise _broken("fields that are too long")

    def _end(self) -> None:
        self._ended = True


def _broken(why: str) -> HTTPException:
    return HTTPException(400, f"expected a multipart form with one file, found {why}")
