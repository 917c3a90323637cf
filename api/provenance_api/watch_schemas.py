"""Watches and what they saw, as the service says them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field

from provenance.service.watches import Sighting, Watch
from provenance_api.publish_schemas import AssetId
from provenance_api.schemas import Closed

Watchable = Literal["altered-copy", "re-edited-copy", "disclosure-removed", "credentials-conflict", "overlay"]
_USUAL: tuple[Watchable, ...] = ("altered-copy", "re-edited-copy", "disclosure-removed", "overlay")


class WatchIn(Closed):
    """A watch on an asset of the caller; without ``target`` there is only the feed."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"asset_id": "sha256:" + "3a" * 32, "target": "https://hooks.example.org/in"}]
        },
    )

    asset_id: AssetId
    verdicts: Annotated[tuple[Watchable, ...], Field(min_length=1, max_length=5)] = _USUAL
    target: Annotated[str, Field(max_length=2_048)] = ""


class WatchOut(Closed):
    """A watch; the secret is shown once, when it is made."""

    id: str
    asset_id: str
    verdicts: tuple[str, ...]
    target: str
    created_at: datetime
    feed: str
    secret: str | None

    @classmethod
    def from_domain(cls, watch: Watch, *, with_secret: bool = False) -> Self:
        """Return ``watch`` as it is shown."""
        return cls(
            id=watch.id,
            asset_id=watch.asset_id,
            verdicts=watch.verdicts,
            target=watch.target,
            created_at=watch.created,
            feed=f"/v1/watches/{watch.id}/sightings",
            secret=watch.secret if with_secret and watch.secret else None,
        )


class WatchesOut(Closed):
    """The watches of the caller's tenant."""

    watches: tuple[WatchOut, ...]


class SightingOut(Closed):
    """A checked copy: ``event`` is what is sent to a target."""

    id: str
    seen_at: datetime
    delivered: bool
    attempts: int
    event: dict[str, Any]

    @classmethod
    def from_domain(cls, sighting: Sighting) -> Self:
        """Return ``sighting`` as it is shown; its time is the hour, like in the event."""
        return cls(
            id=sighting.event_id,
            seen_at=sighting.at.replace(minute=0, second=0, microsecond=0),
            delivered=sighting.delivered,
            attempts=sighting.attempts,
            event=json.loads(sighting.body),
        )


class FeedOut(Closed):
    """What a watch saw, oldest first."""

    sightings: tuple[SightingOut, ...]
    next_cursor: str | None
