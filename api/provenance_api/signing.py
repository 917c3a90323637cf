"""Signing a received file: what the manifest says, the quota, and where the signed bytes wait to be sent."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

from fastapi import Query, Request
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from provenance.earlier import note_on
from provenance.errors import NotFoundError
from provenance.media.asset import check_declared, sniff_file
from provenance.publish import Published, PublishJob
from provenance.record import Record, SourceType
from provenance.service.access import Caller
from provenance.signing.claims import SigningRequest, TrainingPolicy
from provenance_api.openapi import reply
from provenance_api.publish_schemas import RegisteredOut
from provenance_api.rates import Rates
from provenance_api.schemas import RecordOut
from provenance_api.uploads import Upload
from provenance_api.wiring import Wiring

Text = Annotated[str | None, Query(min_length=1, max_length=1024)]
#: Folder of the spool where signed files wait to be fetched; swept after a day.
SIGNED: Final = "signed"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the manifest shall say, and who may see the asset. See :class:`SigningRequest`."""

    title: Text = None
    source: Annotated[SourceType, Query()] = SourceType.DIGITAL_CAPTURE
    author: Text = None
    model: Text = None
    no_model_reason: Text = None
    training: Annotated[TrainingPolicy | None, Query()] = TrainingPolicy.NOT_ALLOWED
    listed: Annotated[bool, Query(description="False shows the asset to its tenant only.")] = True

    def request(self, name: str) -> SigningRequest:
        """Return the request for a file called ``name``, which is its title where none was given."""
        return SigningRequest(
            title=self.title or name,
            source_type=self.source,
            author=self.author,
            model=self.model,
            no_model_reason=self.no_model_reason,
            training=self.training,
        )


def sign(wiring: Wiring, caller: Caller, upload: Upload, wish: Wish) -> Published:
    """Sign and register a received file for ``caller``; the signed bytes wait in the spool.

    Raises:
        InputError: The file cannot be signed, or the manifest would say something wrong.
        StorageError: The disk is full.
    """
    if upload.declared is not None:
        with upload.path.open("rb") as file:
            check_declared(sniff_file(file), upload.declared)
    folder = _folder(wiring)
    output = folder / f"{upload.path.name}{Path(upload.name).suffix[:8]}"
    job = PublishJob(upload.path, output, wish.request(upload.name))
    [made] = wiring.installation.publisher.publish([job])
    made.receipt_path.unlink(missing_ok=True)
    output.rename(folder / _name(made.record.asset_id))
    wiring.installation.ownership.claim(made.record.asset_id, caller.tenant, listed=wish.listed)
    wiring.installation.access.note(caller, "asset.sign", made.record.asset_id, "done")
    return replace(made, notes=(*made.notes, *note_on(_others(wiring, caller, made.record))))


def _others(wiring: Wiring, caller: Caller, record: Record) -> list[Record]:
    """Return what looks or sounds like ``record``, was registered before it by another tenant, and may be seen."""
    owner, seen = wiring.installation.ownership.owner, wiring.seen_by(caller)
    before = wiring.installation.earlier.before(record)
    return [one for one in before if seen(one.asset_id) and owner(one.asset_id) != caller.tenant]


def registered(made: Published) -> Response:
    """Return the answer about a file that was signed and registered."""
    out = RegisteredOut(
        record=RecordOut.from_domain(made.record),
        receipt=made.receipt,
        notes=made.notes,
        signed_file=f"/v1/assets/{made.record.asset_id}/file",
    )
    headers = {"Location": f"/v1/assets/{made.record.asset_id}"}
    return reply(out, 201, headers, exclude_none=False)


def signed_file(wiring: Wiring, caller: Caller, asset_id: str) -> Response:
    """Return the signed bytes of an asset that was signed here within the day, never shown inline.

    Raises:
        NotFoundError: They are gone, or the asset is another tenant's.
    """
    record = wiring.record(asset_id, caller)
    place = _folder(wiring) / _name(record.asset_id)
    if wiring.installation.ownership.owner(record.asset_id) != caller.tenant or not place.is_file():
        raise NotFoundError("expected a file that was signed here within the day, found none of this asset")
    digest = base64.b64encode(record.digest.value).decode()
    headers = {
        "Content-Digest": f"sha-256=:{digest}:",
        "Content-Disposition": "attachment",
        "Asset-Id": record.asset_id,
        "Manifest-Id": record.manifest_id,
        "Link": f'</v1/ledger/proof/inclusion?asset_id={record.asset_id}>; rel="describedby"',
    }
    if others := _others(wiring, caller, record):
        headers["Earlier-Asset-Id"] = ", ".join(one.asset_id for one in others)
    return FileResponse(place, headers=headers, media_type=record.media_type.value)


def count(request: Request, wiring: Wiring, caller: Caller) -> None:
    """Take one of the caller's signatures of the hour; a refusal is in the audit trail too (case 115).

    Raises:
        HTTPException: 429 with ``Retry-After``.
    """
    rates: Rates = request.app.state.signatures
    budget = rates.take(caller.actor)
    if budget.wait_s:
        wiring.installation.access.note(caller, "asset.sign", "", "quota exceeded")
        detail = "expected fewer signatures in an hour, the quota of this key is used up"
        raise HTTPException(429, detail, {"Retry-After": str(math.ceil(budget.wait_s))})


def _folder(wiring: Wiring) -> Path:
    folder = wiring.installation.settings.spool_folder / SIGNED
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _name(asset_id: str) -> str:
    return asset_id.removeprefix("sha256:")
