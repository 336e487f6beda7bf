"""`/v1/items`: what comes in, and how it stands."""

from __future__ import annotations

import io
import json
import re
import secrets
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from firstlight.casework import intake
from firstlight.casework.home import Home
from firstlight.casework.intake import Arrival
from firstlight.casework.upload import Upload
from firstlight.custody import Stored
from firstlight.errors import InputError, NotFoundError, StateError
from firstlight.hashing import digest_stream
from firstlight.origin import Verdict
from firstlight.store.tables import Item
from firstlight.triage import Priority
from firstlight.web.access.policy import Permission
from firstlight.web.api.models import ItemAnswer, ItemReference, Number
from firstlight.web.callers import Caller, TheService, require
from firstlight.web.service import Service

router = APIRouter(tags=["items"])
IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=r"^[A-Za-z0-9._:-]{1,100}$",
        description="Sent again with the same bytes, the item is taken in once; with other bytes it is refused.",
    ),
]
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "additionalProperties": False,
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "the item's bytes"},
                        "about": {"$ref": "#/components/schemas/Upload"},
                    },
                },
                "encoding": {"about": {"contentType": "application/json"}},
            },
            "application/json": {"schema": {"$ref": "#/components/schemas/ItemReference"}},
        },
    }
}


@router.post(
    "/items",
    status_code=HTTPStatus.CREATED,
    response_model=ItemAnswer,
    openapi_extra=_BODY,
    responses={HTTPStatus.OK: {"model": ItemAnswer, "description": "It had come in before."}},
)
async def take_in(
    request: Request,
    response: Response,
    service: TheService,
    caller: Annotated[Caller, Depends(require(Permission.ITEMS_WRITE))],
    idempotency_key: IdempotencyKey = None,
) -> ItemAnswer:
    """Take an item in: its bytes, or a reference to bytes that are held already. Nothing is fetched from anywhere.

    When this answers, the original lies encrypted in the vault and stands in the custody log. It is examined in the
    background; look at the item again for its case and its place.
    """
    data, upload, sha256 = await _read(request)
    key = idempotency_key or secrets.token_hex(16)
    found = await run_in_threadpool(_take_in, service, caller.actor, key, data, upload, sha256)
    response.headers["Location"] = f"/v1/items/{found.item}"
    if found.known:
        response.status_code = HTTPStatus.OK
    return found


@router.get("/items/{item}", response_model=ItemAnswer)
def show(
    item: Annotated[Number, InPath()],
    service: TheService,
    _caller: Annotated[Caller, Depends(require(Permission.CASES_READ))],
) -> ItemAnswer:
    """An item as it stands: its digests, its case, and why it stands where it stands."""
    with service.home.database.read() as session:
        row = session.get(Item, item)
    if row is None:
        raise NotFoundError(f"There is no item {item}.")
    return answer_of(row)


def answer_of(row: Item, *, known: bool = False) -> ItemAnswer:
    """The item as it is answered."""
    upload = Upload.from_json(row.upload)
    priority = Priority.from_json(row.priority) if row.priority else None
    return ItemAnswer(
        item=row.id,
        known=known,
        state=row.state,
        case=row.case_id,
        name=upload.name,
        account=upload.account,
        sha256=row.sha256,
        sha1=row.sha1,
        md5=row.md5,
        size=row.size,
        media_type=row.media_type,
        pdq=row.pdq,
        received_at=row.received_at,
        deadline=row.deadline,
        level=priority.level if priority else None,
        priority=priority.reasons if priority else None,
        verdict=Verdict.from_json(row.verdict).reasons if row.verdict else None,
    )


def _take_in(
    service: Service, actor: str, key: str, data: bytes | None, upload: Upload, sha256: str | None
) -> ItemAnswer:
    home = service.home
    source = f"api:{actor}:{key}"
    before = _row(home, source)
    if data is None:
        data = _held(home, sha256 or "")
    digest = digest_stream(io.BytesIO(data)).sha256
    if before is not None:
        if before.sha256 != digest:
            raise StateError("This idempotency key was used for other bytes.", hint="Send each item with its own key.")
        return answer_of(before, known=True)
    with intake.in_memory(data) as path:
        report = intake.receive(home, [Arrival(source, path, upload)], actor=actor)
    if report.refused:
        error = report.refused[0].error
        raise InputError(error.message, hint=error.hint, code=error.code)
    row = _row(home, source)
    if row is None:
        raise StateError("Another request with this idempotency key was taken in meanwhile, with other bytes.")
    service.wake()
    return answer_of(row, known=not report.received)


def _row(home: Home, source: str) -> Item | None:
    with home.database.read() as session:
        return session.scalar(select(Item).where(Item.source == source))


def _held(home: Home, sha256: str) -> bytes:
    with home.database.read() as session:
        stored = session.scalar(select(Item.stored).where(Item.sha256 == sha256).order_by(Item.id).limit(1))
    if stored is None:
        raise NotFoundError("No bytes with this SHA-256 are held.", hint="Send the bytes.")
    kept = Stored.from_json(stored)
    with home.vault.open(kept) as file:
        return file.read()


async def _read(request: Request) -> tuple[bytes | None, Upload, str | None]:
    """The bytes and the facts, or the digest that stands for the bytes."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        try:
            asked = ItemReference.model_validate(_json(await request.body()))
        except ValidationError as e:
            raise RequestValidationError(e.errors(include_url=False, include_input=False, include_context=False)) from e
        return None, asked.about, asked.sha256
    if kind != "multipart/form-data":
        raise InputError(
            "An item is sent as multipart/form-data with a `file`, or as application/json with its `sha256`.",
            code="input.media-type",
        )
    async with request.form(max_files=1, max_fields=100) as form:
        if not form.keys() <= {"file", "about"}:
            raise InputError("An item has the fields `file` and `about` and no others.", hint="Leave the others out.")
        file, about = form.get("file"), form.get("about")
        if not isinstance(file, UploadFile):
            raise InputError("The field `file` is missing.", hint="Send the item's bytes in it.")
        if about is not None and not isinstance(about, str):
            raise InputError("`about` is text: the facts of the upload as JSON.")
        upload = Upload.from_json(about) if about else Upload()
        if not upload.name and file.filename:
            upload = upload.model_copy(update={"name": _plain(file.filename)})
        return await file.read(), upload, None


def _json(data: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as e:
        raise InputError("The body is no JSON.") from e


def _plain(name: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]", "", name)[:255]


__all__ = ["answer_of", "router"]
