"""Endpoints that ask the gate for its opinion, in the shapes that others know.

`/v1/moderations` is OpenAI's; `/beta/litellm_basic_guardrail_api` is what LiteLLM's generic guardrail calls. Neither
sees what a generator makes unless somebody sends it.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from firstlight.errors import InputError
from firstlight.gate.decision import REFUSAL, Decision
from firstlight.gate.guard import Asker
from firstlight.gate.http.errors import bad_request
from firstlight.gate.http.requests import LARGEST_REQUEST, body_of, json_object, picture_in
from firstlight.gate.pipeline import Gate

MODEL: Final = "firstlight-gate"
FLAGGED_AS: Final = "sexual/minors"
"""The one category of OpenAI's that the gate speaks to."""

CATEGORIES: Final = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent"),
    *("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", FLAGGED_AS, "violence", "violence/graphic"),
)

MOST_PARTS: Final = 64


class Opinions:
    """The endpoints over a gate's guard."""

    def __init__(self, gate: Gate) -> None:
        self._guard = gate.guard

    async def moderations(self, request: Request) -> Response:
        """`POST /v1/moderations`: each text is a result, as in OpenAI's; a list of parts is one result together."""
        try:
            body = json_object(await body_of(request, LARGEST_REQUEST))
            groups = _inputs(body.get("input"))
        except InputError as e:
            return bad_request(e)
        results = [await run_in_threadpool(self._result, group) for group in groups]
        return JSONResponse({"id": f"modr-{secrets.token_hex(12)}", "model": MODEL, "results": results})

    async def litellm(self, request: Request) -> Response:
        """LiteLLM's generic guardrail: `texts` and `images` pass together or not at all."""
        try:
            body = json_object(await body_of(request, LARGEST_REQUEST))
            texts, pictures = _litellm_inputs(body)
        except InputError as e:
            return JSONResponse({"action": "BLOCKED", "blocked_reason": e.diagnostics().message})
        info = body.get("request_data") if isinstance(body.get("request_data"), dict) else {}
        account = str((info or {}).get("user_api_key_user_id") or (info or {}).get("user_api_key_end_user_id") or "")
        is_answer = body.get("input_type") == "response"
        decision = await run_in_threadpool(self._decide, texts, pictures, Asker(account=account), is_answer)
        if decision is None or decision.allowed:
            return JSONResponse({"action": "NONE"})
        return JSONResponse({"action": "BLOCKED", "blocked_reason": f"{REFUSAL} Reference: {decision.id}."})

    def _result(self, group: tuple[list[str], list[bytes]]) -> dict[str, Any]:
        texts, pictures = group
        decision = self._decide(texts, pictures, Asker(), False)
        flagged = decision is not None and not decision.allowed
        flags = dict.fromkeys(CATEGORIES, False) | {FLAGGED_AS: flagged}
        kinds = [kind for kind, there in (("text", texts), ("image", pictures)) if there]
        return {
            "flagged": flagged,
            "categories": flags,
            "category_scores": {name: 1.0 if flag else 0.0 for name, flag in flags.items()},
            "category_applied_input_types": {name: kinds if name == FLAGGED_AS else [] for name in CATEGORIES},
            "decision": {"id": decision.id, "outcome": decision.outcome.value} if decision else None,
        }

    def _decide(self, texts: list[str], pictures: list[bytes], asker: Asker, is_answer: bool) -> Decision | None:
        """The strictest decision on these texts and pictures; none when there is nothing to look at."""
        found = [self._guard.check_prompt(text, asker=asker) for text in texts]
        if pictures and is_answer:
            found += [self._guard.check_output(one, asker=asker).decision for one in pictures]
        elif pictures:
            found.append(self._guard.check_inputs(pictures, asker=asker).decision)
        return max(found, key=lambda one: one.outcome.rank, default=None)


def _inputs(value: object) -> list[tuple[list[str], list[bytes]]]:
    if isinstance(value, str):
        return [([value], [])]
    if not isinstance(value, list) or not value or len(value) > MOST_PARTS:
        raise InputError("`input` is neither a text nor a list of texts or parts.")
    if all(isinstance(one, str) for one in value):
        return [([one], []) for one in value]
    texts: list[str] = []
    pictures: list[bytes] = []
    for one in value:
        kind = one.get("type") if isinstance(one, dict) else None
        if kind == "text" and isinstance(one.get("text"), str):
            texts.append(one["text"])
        elif kind == "image_url" and isinstance(one.get("image_url"), dict):
            pictures.append(_picture(str(one["image_url"].get("url"))))
        else:
            raise InputError("A part of `input` is neither a text nor an image_url.")
    return [(texts, pictures)]


def _litellm_inputs(body: dict[str, Any]) -> tuple[list[str], list[bytes]]:
    """What LiteLLM sends; a shape that is not known is not passed as harmless."""
    texts, images = body.get("texts") or [], body.get("images") or []
    if not isinstance(texts, list) or not isinstance(images, list) or len(texts) + len(images) > 1000:
        raise InputError("`texts` and `images` have to be lists.")
    if not all(isinstance(one, str) for one in (*texts, *images)):
        raise InputError("A text or image is no string.")
    return list(texts), [_picture(one) for one in images]


def _picture(text: str) -> bytes:
    url = text if text.startswith(("data:", "http:", "https:")) else f"data:,{text}"
    found = picture_in(url)
    if found is None:
        raise InputError("A picture is no data URL.", hint="Send the picture itself.")
    return found
