"""`/c/exchange...`: which lists are fetched from whom, as clients of HMA set it up and look after it.

These are the exchanges of `firstlight exchange`, by another door: each fills the bank of its name, and the service
fetches them from time to time. A client cannot make one that speaks with a host of its own choice: there are the
services' own addresses, and the hosts that the operator has named. Credentials belong to a type, lie sealed, and are
never answered.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from firstlight.banks.exchange import Field, checked
from firstlight.casework import exchanging
from firstlight.casework.exchanging import ExchangeState
from firstlight.casework.home import Home
from firstlight.errors import InputError, StateError
from firstlight.web.access.policy import Permission
from firstlight.web.hma import book
from firstlight.web.hma.book import Named
from firstlight.web.hma.calls import BY_HMA, Asked, Call, CallError, route
from firstlight.web.hma.fetching import require_named

NCMEC_LISTS = (
    "https://report.cybertip.org/hashsharing",
    "https://exttest.cybertip.org/hashsharing",
    "https://hashsharing.ncmec.org/npo",
    "https://hashsharing.ncmec.org/exploitative",
    "https://exttest.hashsharing.ncmec.org/npo",
)
"""Where NCMEC keeps lists, for a form to choose from."""
OFFERED = {
    "fb_threatexchange": ("privacy_group",),
    "ncmec": ("environment", "only_esp_ids"),
    "stop_ncii": (),
}
"""The types that clients of HMA know, and what each asks for. Folders of this machine are for who sits at it."""
_ADDRESSES = ("environment", "base_url", "base_url_override")
_CHOICES = {"environment": NCMEC_LISTS}


class Switch(Asked):
    """Whether an exchange is fetched."""

    enabled: bool


@route("GET", "/c/exchanges/apis", Permission.BANKS_READ)
def kinds(_call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The types of exchanges."""
    return list(OFFERED)


@route("GET", "/c/exchanges/api/{api}", Permission.BANKS_READ)
def kind_state(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Whether a type takes credentials, and whether some are kept."""
    return _state(call.home, _kind_named(call, HTTPStatus.BAD_REQUEST, exchanging.KINDS))


@route("POST", "/c/exchanges/api/{api}", Permission.BANKS_WRITE)
def keep_credentials(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Keep or clear the credentials of a type."""
    api = _kind_named(call, HTTPStatus.BAD_REQUEST, OFFERED)
    said = call.json_object().get("credential_json")
    if said is not None:
        if not isinstance(said, dict):
            raise CallError(HTTPStatus.BAD_REQUEST, "credential_json: an object is expected")
        _require_known_hosts(call, said)
        try:
            exchanging.keep_credentials(call.home, api, said or None, actor=call.actor)
        except InputError as e:
            raise _wrong("credential_json", e) from e
    return _state(call.home, api)


@route("GET", "/c/exchanges/api/{api}/schema", Permission.BANKS_READ)
def schema(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """What a type asks for, to build a form from."""
    api = _kind_named(call, HTTPStatus.NOT_FOUND, OFFERED)
    kind = exchanging.kind_of(api)
    wanted = [_shown_field(field) for field in kind.config if field.name in OFFERED[api]]
    credentials = kind.credentials
    return {
        "config_schema": {"fields": wanted},
        "credentials_schema": None if credentials is None else {"fields": [_shown_field(one) for one in credentials]},
    }


@route("GET", "/c/exchanges", Permission.BANKS_READ)
def names(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The names of the exchanges."""
    ours = set(exchanging.names(call.home))
    return [one.name for one in book.banks(call.home) if one.bank in ours]


@route("POST", "/c/exchanges", Permission.BANKS_WRITE, status=HTTPStatus.CREATED)
def create(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Make an exchange and the bank that it fills."""
    said = call.json_object()
    name, api, fields = said.get("bank"), said.get("api"), said.get("api_json", {})
    if not isinstance(api, str) or api not in OFFERED:
        raise CallError(HTTPStatus.BAD_REQUEST, f"api_type: one of {', '.join(OFFERED)} is expected in `api`")
    if not isinstance(name, str) or not book.NAME.fullmatch(name) or len(name) > book.LONGEST_NAME:
        raise CallError(HTTPStatus.BAD_REQUEST, "bank: a name in UPPER_WITH_UNDERSCORE is expected")
    if not isinstance(fields, dict):
        raise CallError(HTTPStatus.BAD_REQUEST, "api_json: an object is expected")
    on = fields.get("enabled", True)
    if not isinstance(on, bool):
        raise CallError(HTTPStatus.BAD_REQUEST, "enabled: true or false is expected")
    known = exchanging.kind_of(api).config
    values = {field.name: fields[field.name] for field in known if field.name in fields}
    try:
        values = checked(known, values, f"setting of a {api} exchange")
    except InputError as e:
        raise _wrong("api_json", e) from e
    _require_known_hosts(call, values)
    if book.bank(call.home, name) is not None:
        raise CallError(HTTPStatus.FORBIDDEN, "Bank or exchange already exists")
    own = book.own_name(call.home, name, also=exchanging.names(call.home))
    try:
        exchanging.create(call.home, own, api, values, enabled=on, actor=call.actor, note="made " + BY_HMA)
    except InputError as e:
        raise _wrong("api_json", e) from e
    book.keep_bank(call.home, Named(name, own, 1.0))
    call.service.wake_fetching()
    return {"message": "Created successfully"}


@route("GET", "/c/exchange/{name}", Permission.BANKS_READ)
def show(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """One exchange, as it was set up."""
    return _shown(call, _exchange(call))


@route("GET", "/c/exchange/{name}/status", Permission.BANKS_READ)
def fetch_state(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """How fetching goes."""
    state = _exchange(call)
    seconds = {
        "last_fetch_complete_ts": state.last_fetch,
        "running_fetch_start_ts": state.fetch_began,
        "checkpoint_ts": state.checkpoint_at,
    }
    return {
        "last_fetch_succeeded": state.last_succeeded,
        **{name: None if at is None else int(at.timestamp()) for name, at in seconds.items()},
        "up_to_date": state.up_to_date,
        "fetched_items": state.entries,
    }


@route("PUT", "/c/exchange/{name}", Permission.BANKS_WRITE)
def switch(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Switch fetching on or off."""
    asked = call.sent(Switch)
    state = exchanging.switch(call.home, _exchange(call).name, asked.enabled, actor=call.actor)
    call.service.wake_fetching()
    return _shown(call, state)


@route("DELETE", "/c/exchange/{name}", Permission.BANKS_WRITE)
def delete(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Delete an exchange with its bank."""
    one = book.bank(call.home, call.path["name"])
    if one is not None and fills(call.home, one):
        forget(call, one)
    return {"message": "Exchange deleted"}


def fills(home: Home, one: Named) -> bool:
    """Whether an exchange fills this bank."""
    return one.bank in exchanging.names(home)


def forget(call: Call, one: Named) -> None:
    """Forget the exchange that fills this bank, and the bank.

    Raises:
        CallError: it is being fetched.
    """
    try:
        exchanging.remove(call.home, one.bank, why=BY_HMA, actor=call.actor)
    except StateError as e:
        raise CallError(HTTPStatus.CONFLICT, str(e.diagnostics().message)) from e
    book.forget_bank(call.home, one)


def _require_known_hosts(call: Call, values: dict[str, Any]) -> None:
    """Let no client choose a host: whoever holds its key could read this machine's neighbours, or the credentials."""
    for name in _ADDRESSES:
        url = values.get(name)
        if isinstance(url, str) and url and url not in _own_addresses():
            require_named(call.service.settings, url)


def _own_addresses() -> set[str]:
    fields = [field for api in OFFERED for field in (*exchanging.KINDS[api].config, *_credentials_of(api))]
    return {*NCMEC_LISTS, *(field.default for field in fields if field.name in _ADDRESSES and field.default)}


def _credentials_of(api: str) -> tuple[Field, ...]:
    return exchanging.KINDS[api].credentials or ()


def _kind_named(call: Call, otherwise: int, among: Any) -> str:  # noqa: ANN401 - anything that holds names
    api = call.path["api"]
    if api not in among:
        raise CallError(otherwise, f"No such exchange type '{api}'")
    return api


def _state(home: Home, api: str) -> dict[str, bool]:
    return {
        "supports_authentification": exchanging.KINDS[api].credentials is not None,
        "has_set_authentification": exchanging.has_credentials(home, api),
    }


def _exchange(call: Call) -> ExchangeState:
    name = call.path["name"]
    one = book.bank(call.home, name)
    if one is None or not fills(call.home, one):
        raise CallError(HTTPStatus.NOT_FOUND, f"exchange '{name}' not found")
    return exchanging.show(call.home, one.bank)


def _shown(call: Call, state: ExchangeState) -> dict[str, object]:
    # What lies where on this machine is nothing that a client needs to know.
    values = {name: value for name, value in state.config.items() if name != "path"}
    return {**values, "name": call.path["name"], "api": state.api, "enabled": state.enabled}


def _shown_field(field: Field) -> dict[str, Any]:
    choices = _CHOICES.get(field.name)
    return field.shown() if choices is None else {**field.shown(), "type": "enum", "choices": list(choices)}


def _wrong(where: str, error: InputError) -> CallError:
    found = error.diagnostics()
    return CallError(HTTPStatus.BAD_REQUEST, f"{where}: {found.message} {found.hint}".rstrip())
