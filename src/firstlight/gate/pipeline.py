"""The whole way of one request: what goes in is decided, what comes out is decided, marked, remembered, let out.

The proxy and the adapters are thin coats over this. Whatever goes wrong on the way is a refusal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from firstlight.clock import Clock, SystemClock
from firstlight.errors import FirstlightError
from firstlight.gate.checks import Prompt
from firstlight.gate.decision import REFUSAL, Decision
from firstlight.gate.declared import declares_input
from firstlight.gate.guard import Asker, Guard
from firstlight.gate.marking import Marker, Model
from firstlight.gate.pictures import SeenPicture
from firstlight.logs import get_logger
from firstlight.values import Sha256Hex

_log = get_logger("gate")


@dataclass(frozen=True, slots=True)
class Made:
    """A picture that is about to leave, for the ledger. `adapters` are digests of adapters (LoRA and such) that were
    used, `face` whether a face was put in by itself; None where nobody knows. `hidden_input` is true where the gate saw
    no picture go in, and one may have: the generator's own credential says so, or its way of working is not known."""

    sha256: Sha256Hex
    picture: SeenPicture
    at: datetime
    model: Model
    asker: Asker
    prompt: Prompt
    inputs: tuple[Sha256Hex, ...]
    adapters: tuple[Sha256Hex, ...] = ()
    face: bool | None = None
    preview: bool = False
    marked: bool = False
    watermarked: bool = False
    near_input: bool = False
    hidden_input: bool = False


Remember: TypeAlias = Callable[[Made], None]
"""Writes a generation record; raises if it cannot, and then nothing goes out."""


class RefusedRequestError(Exception):
    """A request was stopped. `decision` says why; a user is told `REFUSAL` and the decision's name alone."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"{REFUSAL} Reference: {decision.id}.")
        self.decision = decision


@dataclass(frozen=True, slots=True)
class Admission:
    """A request that was let in, as its outputs will be checked against it."""

    prompt: Prompt
    asker: Asker
    model: Model
    inputs: tuple[SeenPicture, ...] = ()
    adapters: tuple[Sha256Hex, ...] = ()
    face: bool | None = None
    sees_all: bool = True


@dataclass(frozen=True, slots=True)
class Released:
    """A picture that may leave, marked where the gate marks."""

    data: bytes = field(repr=False)
    media_type: str
    decision: Decision


class Gate:
    """Lets requests in and pictures out. Thread-safe."""

    def __init__(
        self,
        guard: Guard,
        *,
        marker: Marker | None = None,
        remember: Remember | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.guard = guard
        self.marker = marker
        self._remember = remember
        self._clock = clock or SystemClock()

    @property
    def remembers(self) -> bool:
        """Whether there is a ledger behind it."""
        return self._remember is not None

    def let_in(
        self,
        prompt: Prompt,
        *,
        model: Model,
        asker: Asker | None = None,
        inputs: Sequence[bytes] = (),
        masks: Sequence[bytes] = (),
        adapters: Sequence[Sha256Hex] = (),
        face: bool | None = None,
        sees_all: bool = True,
    ) -> Admission:
        """Decide on everything that goes in: prompt, negative prompt, pictures. `masks` are looked at like the others,
        but only say where a picture is to be changed: they are no parents of what is made. `sees_all` is false where
        the generator may take pictures that were not handed over here; nothing is called made from words alone then.

        Raises:
            RefusedRequestError: it is stopped.
        """
        asker = replace(asker or Asker(), model=model.words)
        decision = self.guard.check_prompt(prompt.text, negative=prompt.negative, surface=prompt.surface, asker=asker)
        if not decision.allowed:
            raise RefusedRequestError(decision)
        seen: tuple[SeenPicture, ...] = ()
        if inputs or masks:
            found = self.guard.check_inputs((*inputs, *masks), prompt=prompt, asker=asker)
            if not found.decision.allowed:
                raise RefusedRequestError(found.decision)
            seen = found.pictures[: len(inputs)]
        return Admission(prompt, asker, model, seen, tuple(adapters), face, sees_all)

    def let_out(self, data: bytes, admission: Admission, *, preview: bool = False) -> Released:
        """Decide on a picture that was made, mark it, write its record. Previews go the same way.

        Raises:
            RefusedRequestError: it is stopped, or could not be marked or remembered.
        """
        found = self.guard.check_output(data, inputs=admission.inputs, prompt=admission.prompt, asker=admission.asker)
        decision = found.decision
        if not decision.allowed or found.picture is None:
            raise RefusedRequestError(decision)
        try:
            out = data
            hidden = not admission.inputs and (not admission.sees_all or declares_input(found.picture))
            if self.marker is not None:
                parents = admission.inputs or ((found.picture,) if hidden else ())
                out = self.marker.mark(found.picture, admission.model, inputs=parents)
            if self._remember is not None:
                made = self._made(out, found.picture, admission, decision)
                self._remember(replace(made, preview=preview, hidden_input=hidden))
        except FirstlightError as e:
            _log.error("gate.unmarked", request=decision.id, error=e)
            raise RefusedRequestError(decision) from e
        return Released(out, found.picture.media_type, decision)

    def _made(self, out: bytes, picture: SeenPicture, admission: Admission, decision: Decision) -> Made:
        return Made(
            sha256=hashlib.sha256(out).hexdigest(),
            picture=picture,
            at=self._clock.now(),
            model=admission.model,
            asker=admission.asker,
            prompt=admission.prompt,
            inputs=tuple(one.digests.sha256 for one in admission.inputs),
            adapters=admission.adapters,
            face=admission.face,
            marked=self.marker is not None,
            watermarked=self.marker is not None and self.marker.has_watermark,
            near_input=decision.near_input is not None,
        )
