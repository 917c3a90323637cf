"""The page: templates, static files and the rule which paths are for people."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from fastapi import Request
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from provenance.report.html import report_css

#: Paths that answer with HTML, also when something goes wrong.
_PAGE_PREFIXES: Final = ("/check", "/r/", "/reference")
_MEDIA_TYPES: Final = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_NAMES: Final = ("page.css", "drop.js", "wait.js", "mark.svg")


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file that the page loads.

    Attributes:
        content: Its bytes.
        media_type: Its type.
        version: First 12 hex digits of its SHA-256; part of its address, so that it may be cached for ever.
    """

    content: bytes
    media_type: str
    version: str


def is_page(path: str) -> bool:
    """Return whether ``path`` is read by a person in a browser."""
    return path == "/" or path.startswith(_PAGE_PREFIXES)


@cache
def static_files() -> dict[str, StaticFile]:
    """Return every static file by name; the closed list is why no name can reach outside."""
    folder = files("provenance_api").joinpath("pages/static")
    contents = {name: folder.joinpath(name).read_bytes() for name in _NAMES}
    contents["report.css"] = report_css().encode()
    return {
        name: StaticFile(
            content, _MEDIA_TYPES[name.rsplit(".", 1)[1]], hashlib.sha256(content).hexdigest()[:12]
        )
        for name, content in contents.items()
    }


def render(name: str, request: Request, **values: Any) -> str:
    """Return the template ``name`` as HTML; the organisation of the installation is shown on every page."""
    organisation = request.app.state.settings.organisation
    return _environment().get_template(name).render(organisation=organisation, **values)


def _address(name: str) -> str:
    return f"/static/{name}?v={static_files()[name].version}"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("provenance_api", "pages/templates"),
                PackageLoader("provenance.report", "templates"),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = _address
    return made
