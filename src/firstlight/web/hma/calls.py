"""One call of HMA's interface: what came in, in which shape errors leave, and who may call."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from firstlight.casework.home import Home
from firstlight.errors import FirstlightError
from firstlight.logs import get_logger
from firstlight.web.access.policy import Permission
from firstlight.web.callers import Caller, Require, caller_of, service_of
from firstlight.web.problems import status_of
from firstlight.web.service import Service

BY_HMA = "by a client of HMA's interface"
"""The reason that stands in the log for what such a client does; its protocol carries none."""
OPEN_CALLER = "hma"
"""The actor of calls without a key, where the operator has opened the interface on loopback."""
_OPEN = frozenset(
    {
        *{Permission.HASH, Permission.MATCH, Permission.BANKS_READ, Permission.BANKS_WRITE},
    }
)
_log = get_logger("web")
M = TypeVar("M", bound=BaseModel)


class Asked(BaseModel):
    """Parameters of a query or a body; unknown ones are ignored."""

    model_config = ConfigDict(extra="ignore")


class CallError(Exception):
    """Ends a call with this status and `{"message": ...}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class RequireUnlessOpen(Require):
    """Asks for a permission, unless the operator has opened the interface for this machine."""

    def __call__(self, request: Request) -> Caller:
        """The caller, who may do this."""
        service = service_of(request)
        if "authorization" not in request.headers and is_open(service):
            request.scope["firstlight.caller"] = Caller(OPEN_CALLER, _OPEN)
        return super().__call__(request)


def is_open(service: Service) -> bool:
    """Whether HMA's interface needs no key: the operator said so, and only this machine can call."""
    return service.settings.hma_open_on_loopback and service.only_loopback


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler needs of a request."""

    service: Service
    actor: str
    query: Mapping[str, str]
    path: Mapping[str, str]
    content_type: str
    body: bytes
    fields: Mapping[str, str]
    files: tuple[tuple[str, bytes], ...]
    answer_headers: dict[str, str] = field(default_factory=dict)
    """What a handler has to say beside the answer, whose keys are data."""

    @property
    def home(self) -> Home:
        """The open home."""
        return self.service.home

    def asked(self, model: type[M]) -> M:
        """The query as this model.

        Raises:
            ValidationError: it is none, which is answered with 422 and a list of what is wrong.
        """
        return model.model_validate(dict(self.query))

    def sent(self, model: type[M]) -> M:
        """The JSON body as this model; as `asked` where it is none."""
        return model.model_validate_json(self.body or b"null")

    def json_object(self, *, needed: bool = True) -> dict[str, Any]:
        """The JSON body of the routes that HMA checks by hand.

        Raises:
            CallError: it is no JSON, or no object.
        """
        if not self.body and not needed:
            return {}
        if not self.content_type.startswith("application/json"):
            raise CallError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Request body must be JSON (application/json)")
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError) as e:
            raise CallError(HTTPStatus.BAD_REQUEST, "Request body is no valid JSON") from e
        if not isinstance(found, dict):
            raise CallError(HTTPStatus.BAD_REQUEST, "Request body must be a JSON object")
        return found


Handler = Callable[[Call], Any]
router = APIRouter(include_in_schema=False)


def route(
    method: str, path: str, permission: Permission, *, status: int = HTTPStatus.OK
) -> Callable[[Handler], Handler]:
    """Register a handler; what it answers becomes JSON with this status."""

    def register(handler: Handler) -> Handler:
        async def endpoint(request: Request) -> Response:
            try:
                call = await _call_of(request)
                return JSONResponse(await run_in_threadpool(handler, call), status, call.answer_headers)
            except CallError as e:
                return JSONResponse({"message": e.message}, e.status)
            except ValidationError as e:
                return Response(e.json(), HTTPStatus.UNPROCESSABLE_ENTITY, media_type="application/json")
            except FirstlightError as e:
                return _failed(e)
            except ClientDisconnect:
                return JSONResponse({"message": "The caller went away."}, HTTPStatus.BAD_REQUEST)  # nobody reads it

        endpoint.__doc__ = handler.__doc__
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            status_code=status,
            name=handler.__name__,
            dependencies=[Depends(RequireUnlessOpen(permission))],
        )
        return handler

    return register


def _failed(error: FirstlightError) -> Response:
    found, status = error.diagnostics(), status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("request.failed", error=error, status=int(status))
    return JSONResponse({"message": f"{found.message} {found.hint}".rstrip(), "code": found.code}, status)


async def _call_of(request: Request) -> Call:
    caller = caller_of(request)
    content_type = request.headers.get("content-type", "")
    body, fields, files = b"", {}, []
    if content_type.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
        async with request.form(max_files=8, max_fields=100) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    files.append((name, await value.read()))
                else:
                    fields[name] = value
    else:
        body = await request.body()
    return Call(
        service=service_of(request),
        actor=caller.actor if caller else OPEN_CALLER,
        query=request.query_params,
        path=dict(request.path_params),
        content_type=content_type,
        body=body,
        fields=fields,
        files=tuple(files),
    )
