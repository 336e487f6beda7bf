"""Commands on who may come in: `users` for people, `keys` for machines."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstlight.cli import output
from firstlight.cli.common import Actor, HomeFolder, opened
from firstlight.clock import to_text

if TYPE_CHECKING:
    from firstlight.web.access.api_keys import KeyView
    from firstlight.web.access.users import UserView

users_app = typer.Typer(no_args_is_help=True, help="Who may sign in, and what they may do.")
keys_app = typer.Typer(no_args_is_help=True, help="Keys with which machines call the API.")

UserName = Annotated[str, typer.Argument(metavar="NAME", help="A pseudonym; it stands in the log.")]
KeyName = Annotated[str, typer.Argument(metavar="NAME", help="What the key is for; it stands in the log.")]
Roles = Annotated[
    list[str],
    typer.Option(
        "--role", help="reviewer, senior, custodian, key-officer, admin, auditor or ingest; may be given several times."
    ),
]


@users_app.command("add")
def add_user(
    name: UserName, role: Roles, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None
) -> None:
    """Add somebody, and print the one-time link that lets them in."""
    from firstlight.web import running
    from firstlight.web.access import users

    with opened(home) as house:
        user, secret = users.add(house, name, role, by=by)
        link = f"{running.current(house)}/enter/{secret}"
    _say_user_and_link(user, link, as_json)


@users_app.command("link")
def link_user(name: UserName, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Print a new one-time link for somebody, for example after a lost device; earlier links work no more."""
    from firstlight.web import running
    from firstlight.web.access import users

    with opened(home) as house:
        secret = users.new_link(house, name, by=by)
        link = f"{running.current(house)}/enter/{secret}"
        user = users.one(house, name)
    _say_user_and_link(user, link, as_json)


@users_app.command("list")
def list_users(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """List everybody who may sign in or could once."""
    from firstlight.web.access import users

    with opened(home) as house:
        found = users.everybody(house)
    if as_json:
        output.answer([_user(user) for user in found])
        return
    if not found:
        output.say("Nobody yet. `firstlight up` prints a first link, or add somebody with `firstlight users add`.")
        return
    rows = [
        (user.name, ", ".join(user.roles), user.passkeys, "disabled" if user.disabled else "may sign in")
        for user in found
    ]
    output.table(["name", "roles", "passkeys", "state"], rows)


@users_app.command("roles")
def change_roles(
    name: UserName, role: Roles, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None
) -> None:
    """Give somebody other roles; those named replace all that they had."""
    from firstlight.web.access import users

    with opened(home) as house:
        user = users.change(house, name, role, by=by)
    if as_json:
        output.answer(_user(user))
    else:
        output.say(f"{user.name}: {', '.join(user.roles)}.")


@users_app.command("disable")
def disable_user(name: UserName, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Let somebody in no more; their sessions end at once."""
    from firstlight.web.access import users

    with opened(home) as house:
        user = users.disable(house, name, by=by)
    if as_json:
        output.answer(_user(user))
    else:
        output.say(f"{user.name} may not sign in any more, and all their sessions have ended.")


@keys_app.command("add")
def add_key(
    name: KeyName,
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="What it is good for, such as match, hash, items:write, banks:write; may be given several times.",
        ),
    ],
    days: Annotated[int | None, typer.Option(min=1, help="It works for so many days. [default: for ever]")] = None,
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Make a key for a machine. It is printed once, and nobody can read it again."""
    from firstlight.web.access import api_keys

    with opened(home) as house:
        ends = house.clock.now() + timedelta(days=days) if days else None
        key, secret = api_keys.add(house, name, scope, by=by, ends=ends)
    if as_json:
        output.answer({**_key(key), "key": secret})
    else:
        output.say(f"Key {key.name}, good for {', '.join(key.scopes)}:")
        output.say(f"  {secret}")
        output.say("Keep it now; it is not shown again. Send it as `Authorization: Bearer KEY`.")


@keys_app.command("list")
def list_keys(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """List the keys; what they are is shown once, when they are made."""
    from firstlight.web.access import api_keys

    with opened(home) as house:
        found, now = api_keys.every(house), house.clock.now()
    if as_json:
        output.answer([_key(key) for key in found])
        return
    if not found:
        output.say("There are no keys. Make one with `firstlight keys add NAME --scope match`.")
        return
    rows = [
        (
            key.name,
            ", ".join(key.scopes),
            to_text(key.ends)[:10] if key.ends else "",
            "works" if key.works(now) else "dead",
        )
        for key in found
    ]
    output.table(["name", "scopes", "until", "state"], rows)


@keys_app.command("disable")
def disable_key(name: KeyName, by: Actor = "operator", as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Let a key open nothing from now on."""
    from firstlight.web.access import api_keys

    with opened(home) as house:
        key = api_keys.disable(house, name, by=by)
    if as_json:
        output.answer(_key(key))
    else:
        output.say(f"The key {key.name} opens nothing any more.")


@keys_app.command("webhook")
def webhook_secret(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Print the secret that signs events, for whoever receives them to check."""
    from firstlight.web import webhooks

    with opened(home) as house:
        found = webhooks.secret(house)
    if as_json:
        output.answer({"secret": found})
    else:
        output.say(found)


def _say_user_and_link(user: UserView, link: str, as_json: bool) -> None:
    if as_json:
        output.answer({**_user(user), "link": link})
        return
    output.say(f"{user.name} ({', '.join(user.roles)}) gets in with this link, once, within 12 hours:")
    output.say(f"  {link}")


def _user(user: UserView) -> dict[str, Any]:
    return {
        "name": user.name,
        "roles": list(user.roles),
        "created_at": to_text(user.created_at),
        "disabled_at": to_text(user.disabled_at) if user.disabled_at else None,
        "passkeys": user.passkeys,
    }


def _key(key: KeyView) -> dict[str, Any]:
    return {
        "name": key.name,
        "scopes": list(key.scopes),
        "created_at": to_text(key.created_at),
        "created_by": key.created_by,
        "ends": to_text(key.ends) if key.ends else None,
        "disabled_at": to_text(key.disabled_at) if key.disabled_at else None,
    }
