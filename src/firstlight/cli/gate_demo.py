"""`firstlight gate demo`: two generators and one hotline on this machine, and three pictures that are asked about."""

from __future__ import annotations

import base64
import contextlib
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from firstlight.casework import gatehouse, generations
from firstlight.casework.gatehouse import GateSettings, opened_gate
from firstlight.casework.home import Home
from firstlight.cli import gate_serve, output
from firstlight.cli.common import caged
from firstlight.clock import SystemClock
from firstlight.errors import UpstreamError
from firstlight.gate.http import gate_app, standin_app
from firstlight.gate.http.proxy import ImageProxy
from firstlight.gate.pictures import SeenPicture, look_at
from firstlight.media import Cage
from firstlight.origin import Claim, LedgerKey, SignedAttestation, Verdict, assess, from_attestations
from firstlight.origin.attestation import verified
from firstlight.triage import Context, PriorityTable, prioritise
from firstlight.values import Level

SECONDS = 30


@dataclass(frozen=True, slots=True)
class Generator:
    """A generator as the hotline knows it: where it answers, the key to ask with, the key that signs its answers."""

    name: str
    url: str
    asking_key: str
    public_key: LedgerKey


def demo() -> int:
    """Ask two generators about three pictures, and weigh what they answer. Everything is drawn by code, on loopback."""
    with caged(gatehouse.PRELOAD) as cage, contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="firstlight-gate-demo-")))
        output.say("Two generators stand on this machine, each behind its own gate with its own ledger.")
        garden, orchard = (_generator(stack, folder, name, cage) for name in ("garden.example", "orchard.example"))
        output.say("Three pictures are made: two from words alone, and one from a photograph (drawn here).")
        photograph = _drawn()
        made = [
            _make(garden, "generations", json={"prompt": "a market at dawn"}),
            _make(orchard, "generations", json={"prompt": "a village in the snow"}),
            _make(garden, "edits", files={"image": ("photo.png", photograph)}, data={"prompt": "add a hat"}),
        ]
        output.say("They are saved anew and scaled down, as uploaders do: no mark and no digest is left.")
        seen = [look_at(cage, _worn(one)) for one in made]
        output.say("")
        output.say("A hotline gets all three and asks both generators, by hash alone:")
        verdicts = [_asked(number, one, (garden, orchard)) for number, one in enumerate(seen, 1)]
        return _sum_up(verdicts)


def _generator(stack: contextlib.ExitStack, folder: Path, name: str, cage: Cage) -> Generator:
    home = stack.enter_context(Home.open(folder / name))
    house = stack.enter_context(opened_gate(home, cage, GateSettings(name=name, unarmed=True)))
    behind = stack.enter_context(gate_serve.served(standin_app()))
    url = stack.enter_context(gate_serve.served(gate_app(house.application(ImageProxy(house.gate, behind)))))
    key = generations.add_asker(house.folder, "hotline", "demo")
    return Generator(name, url, key, generations.public_key(house.folder, name))


def _drawn() -> bytes:
    from firstlight.cli.demo.drawing import draw

    out = io.BytesIO()
    draw(3).save(out, "PNG")
    return out.getvalue()


def _make(generator: Generator, what: str, **asked: Any) -> bytes:  # noqa: ANN401 - arguments of httpx
    answer = httpx.post(f"{generator.url}/v1/images/{what}", timeout=SECONDS, trust_env=False, **asked)
    if answer.status_code != 200:
        raise UpstreamError(f"The generator {generator.name} answered {answer.status_code}.")
    return base64.b64decode(answer.json()["data"][0]["b64_json"])


def _worn(data: bytes) -> bytes:
    """Our own picture, as it looks after a messenger: smaller, and compressed anew."""
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB").resize((image.width * 3 // 4, image.height * 3 // 4))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=70)
    return out.getvalue()


def _asked(number: int, picture: SeenPicture, generators: tuple[Generator, ...]) -> Verdict:
    output.say(f"  picture {number}, SHA-256 {picture.digests.sha256[:8]}...")
    answers = [_ask(one, picture) for one in generators]
    now = SystemClock().now()
    keys = [one.public_key for one in generators]
    digests, pdq = picture.digests, picture.hash.pdq
    for said in (verified(one, keys, digests=digests, pdq=pdq, at=now) for one in answers):
        near = f", {said.distance} of 256 bits away" if said.distance is not None else ""
        into = "" if said.answer.value == "none" else f"; went in: {said.inputs.value}"
        output.say(f"    {said.ledger} answers {said.answer.value}{near}{into}")
    found = from_attestations(answers, keys, digests=digests, pdq=pdq, at=now)
    return assess(at=now, digests=digests, media_type=picture.media_type, pdq=pdq, indicators=found)


def _ask(generator: Generator, picture: SeenPicture) -> SignedAttestation:
    question = {
        "sha256": picture.digests.sha256,
        "pdq": picture.hash.pdq.hex,
        "orientations": list(picture.hash.orientations),
    }
    headers = {"authorization": f"Bearer {generator.asking_key}"}
    url = f"{generator.url}/v1/attest"
    answer = httpx.post(url, json=question, headers=headers, timeout=SECONDS, trust_env=False)
    if answer.status_code != 200:
        raise UpstreamError(f"The ledger of {generator.name} answered {answer.status_code}.")
    return SignedAttestation.from_json(answer.content)


def _sum_up(verdicts: list[Verdict]) -> int:
    table = PriorityTable.load()
    levels: dict[int, Level] = {}
    groups: dict[str, list[int]] = {"photograph": [], "words": [], "nothing": []}
    for number, verdict in enumerate(verdicts, 1):
        claims = {one.claim for one in verdict.indicators}
        group = "photograph" if Claim.PHOTO_DERIVED in claims else "words" if claims else "nothing"
        groups[group].append(number)
        levels[number] = prioritise(verdict, Context(), table).level
    output.say("")
    for group, says in (
        ("words", "made by a machine from words alone; shown together, and not lowered: a person confirms"),
        ("photograph", "MADE FROM A PHOTOGRAPH; a child may be behind it, and it rises"),
        ("nothing", "nobody has made it, which says nothing"),
    ):
        for number in groups[group]:
            output.say(f"  picture {number}: {says} (level {levels[number].value})")
    output.say("")
    output.say("Every answer was verified offline with the generator's public key; none named a prompt or an account.")
    return output.DONE if groups == {"photograph": [3], "words": [1, 2], "nothing": []} else output.FINDING
