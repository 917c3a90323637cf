"""Files from addresses that callers name, received like uploads: same limits, same place, gone the same way."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provenance.errors import AuthorisationError
from provenance_api.uploads import Sink, Upload, clean_name
from provenance_api.wiring import Wiring


@contextmanager
def fetched(wiring: Wiring, url: str, name: str = "", max_bytes: int | None = None) -> Iterator[Upload]:
    """Give the file at ``url``; it is gone after the block. What the server calls its type is not believed.

    Args:
        wiring: Where received files lie.
        url: Address, named by a caller.
        name: Name to show; default the last part of the address.
        max_bytes: Most bytes, where fewer than the limit on media.

    Raises:
        AuthorisationError: This service fetches nothing.
        FormatError: The address may not be fetched.
        LimitError: The file is too long.
        FetchError: There was no usable answer.
    """
    fetcher = wiring.installation.fetcher
    if fetcher is None:
        raise AuthorisationError(
            "expected a file, found an address; this service fetches nothing", hint="upload the file"
        )
    most = wiring.installation.settings.limits.media_bytes
    with wiring.places.taken(), wiring.space.file() as take:
        descriptor, text = tempfile.mkstemp(dir=wiring.folder)
        path = Path(text)
        try:
            with os.fdopen(descriptor, "wb") as file:
                sink = Sink(file, most, take)
                fetcher.fetch(url, min(most, max_bytes or most), sink.write)
            shown = name or url.partition("?")[0].rstrip("/")
            yield Upload(path, clean_name(shown), None, sink.digest)
        finally:
            path.unlink(missing_ok=True)
