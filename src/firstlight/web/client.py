"""A small client of the API, which reads the same models that the service answers with.

with ApiClient("http://localhost:8470", key) as api:
    item = api.take_in(data, about=Upload(account="account-17"), idempotency_key="upload-93")
    found = api.match_hashes(HashesAsked(pdq=...))
"""

from __future__ import annotations

import json
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from firstlight.banks import AddReport, Bank, BankReport, StandingReport
from firstlight.casework.banking import FileMatches
from firstlight.casework.cases import CaseView, QueueView
from firstlight.casework.review import Decision
from firstlight.casework.upload import Upload
from firstlight.cybertip import Filing
from firstlight.errors import FirstlightError, InputError, NotFoundError, RefusedError, StateError, UpstreamError
from firstlight.web.api.models import (
    BankChange,
    EntriesAsked,
    EntryAnswer,
    HashesAsked,
    ItemAnswer,
    ItemReference,
    MatchAnswer,
    NewBank,
    Problem,
    StandingAsked,
)

WAIT = 60.0
"""Seconds for each step of a request, unless another time is given."""
_KINDS: dict[int, type[FirstlightError]] = {
    400: InputError,
    401: RefusedError,
    403: RefusedError,
    404: NotFoundError,
    409: StateError,
    413: InputError,
    415: InputError,
    422: InputError,
}
T = TypeVar("T")


class ApiClient:
    """Calls the service at an address. Errors are those of the house, with the code and the hint that it answered."""

    def __init__(self, address: str, key: str, *, http: httpx.Client | None = None, wait: float = WAIT) -> None:
        """`http` is another way to the service, such as one with a certificate of one's own."""
        self._http = http or httpx.Client(base_url=address, timeout=wait, trust_env=False)
        self._headers = {"Authorization": f"Bearer {key}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def take_in(self, data: bytes, *, about: Upload | None = None, idempotency_key: str | None = None) -> ItemAnswer:
        """Send an item. With a key it can be sent again without being taken in twice."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        facts = {"about": (about or Upload()).to_json().decode()}
        return self._call("POST", "/items", ItemAnswer, files={"file": data}, data=facts, headers=headers)

    def take_in_again(self, reference: ItemReference, *, idempotency_key: str | None = None) -> ItemAnswer:
        """Say that bytes which are held already came in again."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._call("POST", "/items", ItemAnswer, body=reference, headers=headers)

    def item(self, number: int) -> ItemAnswer:
        """An item as it stands."""
        return self._call("GET", f"/items/{number}", ItemAnswer)

    def match_hashes(self, asked: HashesAsked) -> MatchAnswer:
        """What the banks hold of hashes."""
        return self._call("POST", "/match", MatchAnswer, body=asked)

    def match_media(self, data: bytes, *, any_orientation: bool = False) -> FileMatches:
        """What the banks hold of bytes, which are not kept."""
        params = {"any_orientation": str(any_orientation).lower()}
        return self._call("POST", "/match/media", FileMatches, files={"file": data}, params=params)

    def queue(self, *, start: int = 1, limit: int = 100) -> QueueView:
        """Places of the queue as it stands, from `start` on; `waiting` counts all."""
        return self._call("GET", "/queue", QueueView, params={"start": str(start), "limit": str(limit)})

    def case(self, number: int) -> CaseView:
        """A case."""
        return self._call("GET", f"/cases/{number}", CaseView)

    def decisions(self, case: int) -> tuple[Decision, ...]:
        """What people decided on a case."""
        return self._call("GET", f"/cases/{case}/decisions", tuple[Decision, ...])

    def filings(self, case: int) -> tuple[Filing, ...]:
        """The reports of a case."""
        return self._call("GET", f"/cases/{case}/filings", tuple[Filing, ...])

    def banks(self) -> tuple[Bank, ...]:
        """Every bank."""
        return self._call("GET", "/banks", tuple[Bank, ...])

    def create_bank(self, asked: NewBank) -> BankReport:
        """Make a bank."""
        return self._call("POST", "/banks", BankReport, body=asked)

    def change_bank(self, name: str, change: BankChange) -> BankReport:
        """Change a bank."""
        return self._call("PATCH", f"/banks/{name}", BankReport, body=change)

    def delete_bank(self, name: str, *, why: str) -> BankReport:
        """Remove a bank."""
        return self._call("DELETE", f"/banks/{name}", BankReport, params={"why": why})

    def add_entries(self, bank: str, asked: EntriesAsked) -> AddReport:
        """Add entries to a bank."""
        return self._call("POST", f"/banks/{bank}/entries", AddReport, body=asked)

    def entry(self, bank: str, key: str) -> EntryAnswer:
        """One entry of a bank."""
        return self._call("GET", f"/banks/{bank}/entries/{quote(key, safe='')}", EntryAnswer)

    def set_standing(self, bank: str, asked: StandingAsked) -> StandingReport:
        """Confirm, deny, withdraw or restore entries."""
        return self._call("POST", f"/banks/{bank}/standing", StandingReport, body=asked)

    def _call(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: BaseModel | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,  # noqa: ANN401 - as httpx takes it
    ) -> T:
        sent = {"json": json.loads(body.model_dump_json())} if body is not None else {}
        try:
            answer = self._http.request(
                method, f"/v1{path}", headers={**self._headers, **(headers or {})}, **sent, **more
            )
        except httpx.HTTPError as e:
            raise UpstreamError(f"The service does not answer ({type(e).__name__}).", hint="Is it running?") from e
        try:
            if answer.is_success:
                return TypeAdapter(kind).validate_json(answer.content)
            problem = Problem.model_validate_json(answer.content)
        except ValidationError as e:
            raise UpstreamError(
                f"The service answered {answer.status_code} with something else than agreed.",
                hint="Is it of the same version?",
            ) from e
        kind_of_error = _KINDS.get(answer.status_code, UpstreamError)
        raise kind_of_error(problem.detail, hint=problem.hint, code=problem.code)


__all__ = ["WAIT", "ApiClient"]
