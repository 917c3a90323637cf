"""Watches: hear of altered copies of one's own assets, by a feed and by signed calls."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from provenance.errors import AuthorisationError, FormatError
from provenance.media.fetch import check_url
from provenance_api import openapi
from provenance_api.auth import Watching
from provenance_api.bodies import strict_body
from provenance_api.cursor import cursor, position
from provenance_api.watch_schemas import FeedOut, SightingOut, WatchesOut, WatchIn, WatchOut
from provenance_api.wiring import Wired

router = APIRouter(prefix="/v1/watches", tags=["watches"])
WatchId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]


@router.post("", status_code=201, openapi_extra=openapi.json_body(WatchIn))
def watch(
    caller: Watching, asked: Annotated[WatchIn, Depends(strict_body(WatchIn))], wiring: Wired
) -> WatchOut:
    """Watch an asset of the caller's tenant; ``secret`` checks the signature of calls and is shown once."""
    record = wiring.record(asked.asset_id, caller)
    if wiring.installation.ownership.owner(record.asset_id) != caller.tenant:
        raise AuthorisationError("expected an asset of the caller's tenant, found another's")
    if asked.target:
        try:
            check_url(asked.target)
        except FormatError as cause:
            raise FormatError(
                cause.message, hint="name a public https address, or leave it out and read the feed"
            ) from cause
    made = wiring.installation.watches.add(caller.tenant, record.asset_id, asked.verdicts, asked.target)
    wiring.installation.access.note(caller, "watch.add", record.asset_id, made.id)
    return WatchOut.from_domain(made, with_secret=True)


@router.get("")
def watches(caller: Watching, wiring: Wired) -> WatchesOut:
    """Return the watches of the caller's tenant."""
    found = wiring.installation.watches.of_tenant(caller.tenant)
    return WatchesOut(watches=tuple(WatchOut.from_domain(one) for one in found))


@router.delete("/{watch_id}", status_code=204)
def unwatch(caller: Watching, watch_id: WatchId, wiring: Wired) -> None:
    """End a watch and forget what it saw."""
    wiring.installation.watches.remove(watch_id, caller.tenant)
    wiring.installation.access.note(caller, "watch.remove", watch_id, "done")


@router.get("/{watch_id}/sightings")
def sightings(
    caller: Watching,
    watch_id: WatchId,
    wiring: Wired,
    response: Response,
    after: Annotated[str | None, Query(alias="cursor", max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> FeedOut:
    """Return what a watch saw, oldest first; the last cursor is where the next visit goes on."""
    wiring.installation.watches.find(watch_id, caller.tenant)
    found = wiring.installation.watches.feed(watch_id, position(after), limit)
    following = cursor(found[-1].id) if found else None
    if len(found) == limit and following is not None:
        response.headers["Link"] = f'</v1/watches/{watch_id}/sightings?cursor={following}>; rel="next"'
    return FeedOut(sightings=tuple(SightingOut.from_domain(one) for one in found), next_cursor=following)
