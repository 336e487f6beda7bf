"""Asks a moderation endpoint that the operator has configured, in the shape of OpenAI's `/v1/moderations`.

It is asked about words; about pictures only where the operator says so. Its answer is an opinion: it puts a request
before a person, unless the operator names the categories that block.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

import httpx

from firstlight.errors import InputError, UpstreamError
from firstlight.gate.checks import Prompt, Said
from firstlight.gate.pictures import SeenPicture
from firstlight.gate.rules import Outcome
from firstlight.values import Reason

BUDGET: Final = 5.0
"""Seconds; it runs while nothing else waits, and a generation takes about as long."""

LARGEST_ANSWER: Final = 2**20

CATEGORIES: Final = ("sexual/minors",)
"""The categories that speak unless the operator names others. In OpenAI's models it is never scored for pictures."""


_JSON: Final = {"Content-Type": "application/json"}


class Moderation:
    """A moderation endpoint. `base` is the address up to and with `/v1`; no other host is contacted."""

    name = "moderation"
    budget = BUDGET

    def __init__(
        self,
        base: str,
        *,
        key: str = "",
        model: str = "omni-moderation-latest",
        categories: Collection[str] = CATEGORIES,
        blocking: Collection[str] = (),
        client: httpx.Client | None = None,
    ) -> None:
        """Raises:
        InputError: the address is none.
        """
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(f"{base!r} is no address of a moderation service.", hint="Like https://host.example/v1.")
        self._url = base.rstrip("/") + "/moderations"
        self._model = model
        self._categories = frozenset(categories) | frozenset(blocking)
        self._blocking = frozenset(blocking)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = client or httpx.Client(timeout=BUDGET, trust_env=False, follow_redirects=False, headers=headers)

    def check_prompt(self, prompt: Prompt) -> Said:
        """What the service says of the prompt; a negative prompt names what is not wanted and is not sent.

        Raises:
            UpstreamError: it does not answer, or answers something else.
        """
        return self._said(self._ask(prompt.text), "prompt")

    def ask_picture(self, picture: SeenPicture) -> Said:
        """What the service says of a picture, which is sent to it.

        Raises:
            UpstreamError: it does not answer, or answers something else.
        """
        url = f"data:{picture.media_type};base64,{base64.b64encode(picture.data).decode()}"
        return self._said(self._ask([{"type": "image_url", "image_url": {"url": url}}]), "picture")

    def _ask(self, what: object) -> list[dict[str, bool]]:
        """The categories of each result, each category that was named among them."""
        asked = json.dumps({"model": self._model, "input": what}).encode()  # escaped: nothing that comes in breaks it
        try:
            with self._client.stream("POST", self._url, content=asked, headers=_JSON) as answer:
                if answer.status_code != 200:
                    raise UpstreamError(f"It answered {answer.status_code}.", code="upstream.answer")
                if answer.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
                    raise UpstreamError("It answered something that is not said to be JSON.", code="upstream.answer")
                results = json.loads(_body(answer))["results"]
            found = [one["categories"] for one in results]
            if not found or not all(self._is_whole(one) for one in found):
                raise UpstreamError("Its answer lacks a category that was asked for.", code="upstream.answer")
        except httpx.HTTPError as e:
            raise UpstreamError(f"It cannot be asked: {type(e).__name__}.", code="upstream.connection") from e
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise UpstreamError("It answered something else.", code="upstream.answer") from e
        else:
            return found

    def _is_whole(self, categories: object) -> bool:
        """Whether they say yes or no to every category that was named: one that is missing would never speak."""
        return (
            isinstance(categories, dict)
            and self._categories <= categories.keys()
            and all(isinstance(categories[name], bool) for name in self._categories)
        )

    def _said(self, results: list[dict[str, bool]], what: str) -> Said:
        spoke = sorted(name for name in self._categories if any(one[name] for one in results))
        if not spoke:
            return Said()
        outcome = Outcome.BLOCK if self._blocking.intersection(spoke) else Outcome.REVIEW
        says = f"The moderation service {self._model} flags the {what}: {', '.join(spoke)}."
        return Said(outcome, (Reason(rule="gate.moderation", says=says, facts={"model": self._model}),))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _body(answer: httpx.Response) -> bytes:
    out = bytearray()
    for piece in answer.iter_bytes():
        out += piece
        if len(out) > LARGEST_ANSWER:
            raise UpstreamError("Its answer is too large.", code="upstream.answer")
    return bytes(out)


class PictureModeration:
    """The same service, asked about pictures: they leave for its host. Only for operators who have agreed to that."""

    name = "picture-moderation"
    budget = BUDGET
    asks_a_host = True

    def __init__(self, service: Moderation) -> None:
        self._service = service

    def check_picture(self, picture: SeenPicture) -> Said:
        """What the service says of the picture."""
        return self._service.ask_picture(picture)
