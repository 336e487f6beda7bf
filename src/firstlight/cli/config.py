"""The command `config`: the settings in force, and where each came from."""

from __future__ import annotations

import json
import os
import re

import typer

from firstlight.cli import output
from firstlight.cli.common import HomeFolder, home_folder
from firstlight.errors import NotFoundError

_PASSWORD = re.compile(r"(://[^:/@]*):[^@]*@")
"""A password in the URL of a database; it belongs elsewhere, and is shown nowhere."""

app = typer.Typer(no_args_is_help=True, help="The settings of a home.")


@app.callback()
def _group() -> None:
    """The settings of a home."""


@app.command()
def show(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Show every setting, its value, and where it came from: the file, the environment, or nowhere."""
    from firstlight.casework.settings import FILE, Given, resolve

    folder = home_folder(home)
    if not folder.is_dir():
        raise NotFoundError(
            f"There is no Firstlight home in {folder}.", hint="`firstlight up` makes one, or name another with --home."
        )
    found = resolve(folder, Given(os.environ))
    values = found.settings.model_dump(mode="json")
    values["database"]["url"] = _PASSWORD.sub(r"\1:***@", values["database"]["url"])
    rows = [
        (f"{section}.{name}", value, found.sources.get(f"{section}.{name}", "default"))
        for section, part in values.items()
        for name, value in part.items()
    ]
    if as_json:
        output.answer({name: {"value": value, "from": source} for name, value, source in rows})
        return
    output.say(f"Settings of {folder}, to be changed in {folder / FILE}:")
    for name, value, source in rows:  # a line each, so that it can be searched and copied
        output.say(f"{name} = {json.dumps(value)}  ({source})")
