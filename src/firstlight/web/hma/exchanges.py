"""`/c/exchange...`: which lists are fetched from whom, as clients of HMA set it up.

An exchange fills the bank of its name. Its credentials belong to its type, lie sealed, and are never answered.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sqlalchemy import select

from firstlight.casework.home import Home
from firstlight.store.tables import HmaExchange, Setting
from firstlight.web.access.policy import Permission
from firstlight.web.hma import book
from firstlight.web.hma.calls import Asked, Call, CallError, route

NAME = re.compile(r"[A-Z_][A-Z0-9_]*")
_CREDENTIALS = "hma-credentials"


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that a type of exchange asks for."""

    name: str
    type: str
    required: bool = False
    default: object = None
    help: str = ""
    choices: tuple[str, ...] | None = None

    def shown(self) -> dict[str, object]:
        """The field as a form is built from it."""
        return {
            "name": self.name,
            "type": self.type,
            "required": self.required,
            "default": self.default,
            "help": self.help,
            "choices": None if self.choices is None else list(self.choices),
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of exchange: what it asks for, and which credentials it takes."""

    config: tuple[Field, ...]
    credentials: tuple[Field, ...] | None


NCMEC_HOSTS = (
    "https://report.cybertip.org/hashsharing",
    "https://exttest.cybertip.org/hashsharing",
    "https://hashsharing.ncmec.org/npo",
    "https://hashsharing.ncmec.org/exploitative",
    "https://exttest.hashsharing.ncmec.org/npo",
)
"""Where NCMEC keeps lists, for a form to choose from; nothing here is called."""
KINDS: dict[str, Kind] = {
    "fb_threatexchange": Kind(
        (Field("privacy_group", "number", required=True, help="the privacy group to fetch"),),
        (Field("api_token", "string", required=True, help="the application's token"),),
    ),
    "ncmec": Kind(
        (
            Field("environment", "enum", required=True, help="which of the lists", choices=NCMEC_HOSTS),
            Field("only_esp_ids", "set_of_number", default=[], help="only what these members listed; empty for all"),
        ),
        (
            Field("user", "string", required=True, help="the user name"),
            Field("password", "string", required=True, help="the password"),
        ),
    ),
    "stop_ncii": Kind(
        (),
        (
            Field("fetch_function_key", "string", required=True, help="the key for fetching"),
            Field("subscription_key", "string", required=True, help="the subscription key"),
            Field("base_url_override", "string", help="another address of the service"),
        ),
    ),
}


class Switch(Asked):
    """Whether an exchange is fetched."""

    enabled: bool


@route("GET", "/c/exchanges/apis", Permission.BANKS_READ)
def kinds(_call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The types of exchanges."""
    return list(KINDS)


@route("GET", "/c/exchanges/api/{api}", Permission.BANKS_READ)
def kind_state(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Whether a type takes credentials, and whether some are kept."""
    return _state(call.home, _kind_named(call, HTTPStatus.BAD_REQUEST))


@route("POST", "/c/exchanges/api/{api}", Permission.BANKS_WRITE)
def keep_credentials(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Keep or clear the credentials of a type."""
    api = _kind_named(call, HTTPStatus.BAD_REQUEST)
    said = call.json_object().get("credential_json")
    if said is not None:
        _keep_credentials(call.home, api, said)
    return _state(call.home, api)


@route("GET", "/c/exchanges/api/{api}/schema", Permission.BANKS_READ)
def schema(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """What a type asks for, to build a form from."""
    kind = KINDS[_kind_named(call, HTTPStatus.NOT_FOUND)]
    credentials = kind.credentials
    return {
        "config_schema": {"fields": [field.shown() for field in kind.config]},
        "credentials_schema": None if credentials is None else {"fields": [one.shown() for one in credentials]},
    }


@route("GET", "/c/exchanges", Permission.BANKS_READ)
def names(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """The names of the exchanges."""
    with call.home.database.read() as session:
        return list(session.scalars(select(HmaExchange.name).order_by(HmaExchange.name)))


@route("POST", "/c/exchanges", Permission.BANKS_WRITE, status=HTTPStatus.CREATED)
def create(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Make an exchange and the bank that it fills."""
    from firstlight.web.hma.curation import make_bank

    said = call.json_object()
    name, api, fields = said.get("bank"), said.get("api"), said.get("api_json", {})
    if not isinstance(api, str) or api not in KINDS:
        raise CallError(HTTPStatus.BAD_REQUEST, f"api_type: one of {', '.join(KINDS)} is expected in `api`")
    if not isinstance(name, str) or not NAME.fullmatch(name) or len(name) > book.LONGEST_NAME:
        raise CallError(HTTPStatus.BAD_REQUEST, "bank: a name in UPPER_WITH_UNDERSCORE is expected")
    if not isinstance(fields, dict):
        raise CallError(HTTPStatus.BAD_REQUEST, "api_json: an object is expected")
    on = fields.get("enabled", True)
    if not isinstance(on, bool):
        raise CallError(HTTPStatus.BAD_REQUEST, "enabled: true or false is expected")
    values = {field.name: _checked(field, fields.get(field.name, field.default)) for field in KINDS[api].config}
    if known(call.home, name):
        raise CallError(HTTPStatus.FORBIDDEN, "Exchange already exists")
    make_bank(call, name, 1.0)
    with call.home.work() as work:
        work.session.add(HmaExchange(name=name, api=api, enabled=on, fields=json.dumps(values)))
    return {"message": "Created successfully"}


@route("GET", "/c/exchange/{name}", Permission.BANKS_READ)
def show(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """One exchange, as it was set up."""
    return _shown(_exchange(call))


@route("GET", "/c/exchange/{name}/status", Permission.BANKS_READ)
def fetch_state(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """How fetching goes."""
    row = _exchange(call)
    filled = book.bank(call.home, row.name)
    return {
        "last_fetch_succeeded": None,
        "last_fetch_complete_ts": None,
        "running_fetch_start_ts": None,
        "checkpoint_ts": None,
        "up_to_date": False,
        "fetched_items": 0 if filled is None else call.home.library.bank(filled.bank).entries,
    }


@route("PUT", "/c/exchange/{name}", Permission.BANKS_WRITE)
def switch(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Switch fetching on or off."""
    asked = call.sent(Switch)
    row = _exchange(call)
    with call.home.work() as work:
        fresh = work.session.get_one(HmaExchange, row.name)
        fresh.enabled = asked.enabled
        return _shown(fresh)


@route("DELETE", "/c/exchange/{name}", Permission.BANKS_WRITE)
def delete(call: Call) -> Any:  # noqa: ANN401 - any JSON
    """Delete an exchange with its bank."""
    from firstlight.web.hma.curation import remove_bank

    if known(call.home, call.path["name"]):
        remove_bank(call, call.path["name"])
    return {"message": "Exchange deleted"}


def known(home: Home, name: str) -> bool:
    """Whether there is an exchange of this name."""
    with home.database.read() as session:
        return session.get(HmaExchange, name) is not None


def forget(home: Home, name: str) -> None:
    """Forget the exchange of this name, if there is one."""
    if known(home, name):
        with home.work() as work:
            row = work.session.get(HmaExchange, name)
            if row is not None:
                work.session.delete(row)


def credentials(home: Home, api: str) -> dict[str, Any] | None:
    """The credentials of a type, if some are kept."""
    with home.database.read() as session:
        row = session.get(Setting, f"{_CREDENTIALS}-{api}")
    if row is None:
        return None
    opened = json.loads(home.keyring.sealer(_CREDENTIALS).unseal(bytes.fromhex(row.value), api.encode()))
    return opened if isinstance(opened, dict) else None


def _keep_credentials(home: Home, api: str, said: object) -> None:
    fields = KINDS[api].credentials
    if fields is None or not isinstance(said, dict):
        raise CallError(HTTPStatus.BAD_REQUEST, "credential_json: an object is expected, and a type that takes one")
    name = f"{_CREDENTIALS}-{api}"
    if said:
        strange = set(said) - {field.name for field in fields}
        lacking = [field.name for field in fields if field.required and not isinstance(said.get(field.name), str)]
        if strange or lacking:
            raise CallError(HTTPStatus.BAD_REQUEST, f"credential_json: check {', '.join(sorted(strange) or lacking)}")
    with home.work() as work:
        row = work.session.get(Setting, name)
        if not said:
            if row is not None:
                work.session.delete(row)
            return
        sealed = home.keyring.sealer(_CREDENTIALS).seal(json.dumps(said).encode(), api.encode())
        work.session.merge(Setting(name=name, value=sealed.hex()))


def _kind_named(call: Call, otherwise: int) -> str:
    api = call.path["api"]
    if api not in KINDS:
        raise CallError(otherwise, f"No such exchange type '{api}'")
    return api


def _state(home: Home, api: str) -> dict[str, bool]:
    return {
        "supports_authentification": KINDS[api].credentials is not None,
        "has_set_authentification": credentials(home, api) is not None,
    }


def _exchange(call: Call) -> HmaExchange:
    name = call.path["name"]
    with call.home.database.read() as session:
        row = session.get(HmaExchange, name)
    if row is None:
        raise CallError(HTTPStatus.NOT_FOUND, f"exchange '{name}' not found")
    return row


def _shown(row: HmaExchange) -> dict[str, object]:
    return {"name": row.name, "api": row.api, "enabled": row.enabled, **json.loads(row.fields)}


def _checked(field: Field, value: object) -> object:
    """The value, if it is of the field's type; a text is no number here.

    Raises:
        CallError: it is not.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fine = {
        "string": isinstance(value, str),
        "number": number,
        "boolean": isinstance(value, bool),
        "enum": field.choices is not None and value in field.choices,
        "set_of_number": isinstance(value, list)
        and all(isinstance(each, int) and not isinstance(each, bool) for each in value),
    }[field.type]
    if not fine and (field.required or value is not None):
        raise CallError(HTTPStatus.BAD_REQUEST, f"{field.name}: a value of type {field.type} is expected")
    return value
