"""What a gate keeps in a home: its key, its rules, and what its guard decided.

gate/key                the key of the gate's digests, sealed
gate/rules.built        the rules as last built, sealed
gate/rules.trial        what became of their last trial
gate/rules.armed        the rules in force, sealed

What the guard stops is an event of the custody log. Its words are sealed apart within the event, so that reading the
log shows none; pictures that a person has to see go to the vault from memory and never lie on the disk in clear.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from firstlight.casework import examine, intake
from firstlight.casework.home import Home, Work
from firstlight.casework.upload import LARGEST_UPLOAD, Chat, Upload
from firstlight.casework.words import ATTEMPTS_SOURCE
from firstlight.custody import EventType
from firstlight.custody.files import Disk, write_whole
from firstlight.cybertip.record import AiBasis, Generation, OriginClaim
from firstlight.errors import InputError, NotFoundError, StateError, StorageError
from firstlight.gate.decision import Decision, Stage
from firstlight.gate.guard import Stopped
from firstlight.gate.matching import TermRules
from firstlight.gate.modelfile import ModelRecord
from firstlight.gate.rules import Rules, RulesSource, build_rules
from firstlight.gate.trial import MAX_FALSE_ALARMS, RulesTrial, require_armable
from firstlight.logs import get_logger
from firstlight.media import Cage
from firstlight.values import Sha256Hex

_log = get_logger("casework")

FOLDER: Final = "gate"
GENERATOR: Final = "image generator"

MODEL_CHECKED: Final = "model checked"
"""What the event of a model's check is called; the gate's other events are of requests that were stopped."""

ATTEMPTS: Final = 3
"""Stopped requests of one account that make a case: one is a slip, three are a purpose."""

WINDOW: Final = timedelta(hours=24)
"""The time within which they count."""

_ATTEMPTS_NAME: Final = "attempts.txt"
_SOURCE: Final = "the gate's own log"
_ASKED: Final = (
    "The account asked an image generator of this service in words that the gate stops; nothing was made in answer to "
    "these requests."
)

_KEY, _BUILT, _TRIAL, _ARMED = "key", "rules.built", "rules.trial", "rules.armed"


class GateFolder:
    """The gate's own files in a home, and the digests under its key."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._folder = home.folder / FOLDER
        self._disk = Disk()
        self._disk.make_folder(self._folder)
        self._seal = home.keyring.sealer("gate")
        self.key = self._own_key()

    def account_digest(self, account: str) -> Sha256Hex:
        """An account's name in the log and the ledger: it can be compared, and read by nobody."""
        return self._digest(b"account", account)

    def prompt_digest(self, text: str) -> Sha256Hex:
        """The same for the words of a prompt."""
        return self._digest(b"prompt", text)

    def seal_words(self, words: Mapping[str, object], where: str) -> str:
        """Words and names, sealed, as text; `where` is the place they belong to."""
        return base64.b64encode(self._seal.seal(json.dumps(dict(words)).encode(), _place("words", where))).decode()

    def open_words(self, sealed: str, where: str) -> dict[str, object]:
        """What `seal_words` sealed for this place.

        Raises:
            IntegrityError: it was sealed for another place, or is damaged.
        """
        found: dict[str, object] = json.loads(self._seal.unseal(base64.b64decode(sealed), _place("words", where)))
        return found

    # --- rules ---

    def build(self, source: RulesSource, actor: str) -> Rules:
        """Keep these rules as digests, to be tried next. Those in force stay in force."""
        rules = build_rules(source, self._subkey(b"rules"))
        self._write(_BUILT, rules.to_json())
        self._disk.unlink(self._folder / _TRIAL)
        with self.home.work() as work:
            work.record(EventType.CONFIG_CHANGE, actor=actor, what="gate rules built", sha256=rules.sha256)
        return rules

    def built(self) -> TermRules:
        """The rules as last built.

        Raises:
            NotFoundError: none were built.
        """
        return self._rules(_BUILT, "No rules were built yet.", "Run `firstlight gate rules build FILE` first.")

    def armed(self) -> TermRules | None:
        """The rules in force, none if none are."""
        if not (self._folder / _ARMED).exists():
            return None
        return self._rules(_ARMED, "", "")

    def keep_trial(self, trial: RulesTrial) -> None:
        """Keep what became of a trial of the rules as built."""
        self._write(_TRIAL, trial.to_json())

    def trial(self) -> RulesTrial | None:
        """The last trial of the rules as built."""
        path = self._folder / _TRIAL
        return RulesTrial.from_json(self._read(_TRIAL)) if path.exists() else None

    def arm(self, actor: str, *, limit: float = MAX_FALSE_ALARMS) -> RulesTrial:
        """Put the rules as built in force, on the word of their trial.

        Raises:
            NotFoundError: none were built.
            StateError: they were not tried.
            RefusedError: they disturb too much.
        """
        rules = self.built()
        trial = self.trial()
        if trial is None:
            raise StateError("These rules were not tried yet.", hint="Run `firstlight gate rules test` first.")
        require_armable(rules, trial, limit)
        with self.home.work() as work:
            work.record(
                EventType.CONFIG_CHANGE,
                actor=actor,
                what="gate rules armed",
                sha256=rules.rules.sha256,
                trial=trial.model_dump(mode="json"),
                limit=limit,
            )
            self._write(_ARMED, rules.rules.to_json())
        return trial

    def disarm(self, actor: str, reason: str) -> None:
        """Take the rules out of force.

        Raises:
            StateError: none are in force.
        """
        if not (self._folder / _ARMED).exists():
            raise StateError("No rules are armed.")
        with self.home.work() as work:
            work.record(EventType.CONFIG_CHANGE, actor=actor, what="gate rules disarmed", reason=reason)
        self._disk.unlink(self._folder / _ARMED)

    # --- models ---

    def log_model_check(self, model: ModelRecord, against: Mapping[str, str], trouble: str, actor: str) -> None:
        """Write down that a model was compared with what `against` names by digest, and what came of it."""
        with self.home.work() as work:
            work.record(
                EventType.GATE,
                actor=actor,
                subject=model.sha256,
                what=MODEL_CHECKED,
                against=dict(against),
                tensors=model.tensors,
                named_by=list(model.blocked),
                trouble=trouble,
            )

    # --- files ---

    def kept(self, name: str, make: Callable[[], bytes]) -> bytes:
        """A secret of the gate, made at first use."""
        path = self._folder / name
        if not path.exists():
            try:
                write_whole(self._disk, path, [self._sealed(name, make())])
            except StorageError as e:  # another process made one meanwhile: the first one's holds for both
                if e.diagnostics().code != "storage.eexist":
                    raise
        return self._read(name)

    def keep(self, name: str, data: bytes) -> None:
        """Keep a secret of the gate in place of the one of this name."""
        self._write(name, data)

    @property
    def folder(self) -> Path:
        """Where the gate's files lie."""
        return self._folder

    def _rules(self, name: str, missing: str, hint: str) -> TermRules:
        if not (self._folder / name).exists():
            raise NotFoundError(missing, hint=hint)
        return TermRules(Rules.from_json(self._read(name)), self._subkey(b"rules"))

    def _own_key(self) -> bytes:
        return self.kept(_KEY, lambda: secrets.token_bytes(32))

    def _subkey(self, purpose: bytes) -> bytes:
        return hashlib.blake2b(purpose, key=self.key, digest_size=32).digest()

    def _digest(self, purpose: bytes, text: str) -> Sha256Hex:
        key = self._subkey(purpose)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=32).hexdigest()

    def _write(self, name: str, data: bytes) -> None:
        write_whole(self._disk, self._folder / name, [self._sealed(name, data)], replace=True)

    def _sealed(self, name: str, data: bytes) -> bytes:
        return self._seal.seal(data, _place("file", name))

    def _read(self, name: str) -> bytes:
        return self._seal.unseal(self._disk.read(self._folder / name), _place("file", name))


def _place(kind: str, name: str) -> bytes:
    return json.dumps(["gate", kind, name]).encode()


class GateBook:
    """Writes down what a guard stopped: give its `keep` to the guard.

    What is held is examined in the background, so that its case stands in the queue at once; a process that ends
    before leaves it to the next `firstlight intake`.
    """

    def __init__(self, folder: GateFolder, cage: Cage, *, attempts: int = ATTEMPTS) -> None:
        self._folder = folder
        self._home = folder.home
        self._cage = cage
        self._attempts = attempts
        self._behind = ThreadPoolExecutor(1, "gate-examine")

    def keep(self, decision: Decision, stopped: Stopped) -> None:
        """Log what was stopped, hold its pictures where a person has to see them, and open a case for an account that
        tries again and again. What was allowed, and what a failed check stopped, is no attempt and is not logged here.

        Raises:
            StorageError: the disk refused; nothing may go out then.
        """
        for note in decision.checks:
            if note.code:
                what = "gate.open" if decision.allowed else "gate.closed"
                _log.warning(what, request=decision.id, step=decision.stage.value, code=note.code)
        if decision.allowed or decision.failed_closed:
            return
        held = self._hold(decision, stopped)
        asker, prompt = stopped.asker, stopped.prompt
        words = {
            "account": asker.account,
            "ip": asker.ip,
            "port": asker.port,
            "model": asker.model,
            "prompt": prompt.text if prompt else "",
            "negative": prompt.negative if prompt else "",
            "seed": prompt.seed if prompt else "",
        }
        account = self._folder.account_digest(asker.account) if asker.account else None
        is_attempt = account is not None and decision.stage is not Stage.OUTPUT
        with self._home.work() as work:
            work.record(
                EventType.GATE,
                subject=account if is_attempt else decision.subject,
                decision=decision.model_dump(mode="json"),
                account=account,
                prompt=self._folder.prompt_digest(prompt.text) if prompt else None,
                sealed=self._folder.seal_words(words, decision.id),
                held=held,
            )
            # counted before anybody else can write one: of two at the same moment each has a number of its own
            attempts = len(_stopped(work, account, decision.at)) if account and is_attempt else 0
        if account and attempts and attempts % self._attempts == 0:
            self._open_case(account, asker.account, decision, stopped)
            held += 1
        if held:
            self._behind.submit(self._examine)

    def close(self) -> None:
        """Finish the examinations that were begun."""
        self._behind.shutdown(wait=True)

    def _examine(self) -> None:
        try:
            examine.examine(self._home, self._cage)
        except Exception as e:  # noqa: BLE001 - what is held stays held, and the next examination takes it up
            _log.error("gate.examination", error=e, exc_info=True)

    # --- pictures ---

    def _hold(self, decision: Decision, stopped: Stopped) -> int:
        """Put into the vault what a person has to see: pictures that a bank or a scorer spoke of."""
        if decision.stage is Stage.PROMPT:
            return 0
        for number, data in enumerate(stopped.pictures):
            self._take_in(data, f"gate:{decision.id}/{number}", _upload(decision, stopped, number))
        return len(stopped.pictures)

    def _take_in(self, data: bytes, source: str, upload: Upload) -> None:
        """Take bytes from memory into the vault.

        Raises:
            StorageError, InputError: they could not be kept.
        """
        with intake.in_memory(data) as path:
            report = intake.receive(self._home, [intake.Arrival(source, path, upload)])
        if report.refused:
            raise InputError(report.refused[0].error.message, code="input.gate")

    # --- attempts ---

    def _open_case(self, account: Sha256Hex, name: str, decision: Decision, stopped: Stopped) -> None:
        """An item of text alone: what the account asked for, and which rules spoke. Where no words were stopped there
        is none: the pictures are held, each with its own facts."""
        lines = [_ASKED, f"What was stopped until {decision.at:%FT%TZ}:", ""]
        asked = False
        with self._home.look() as work:
            stopped_before = _stopped(work, account, decision.at)
        for payload in stopped_before:
            try:
                past = Decision.model_validate_json(json.dumps(payload["decision"]))
            except (ValidationError, KeyError) as e:
                raise StateError("The custody log holds a decision of the gate that cannot be read.") from e
            words = self._folder.open_words(str(payload["sealed"]), past.id)
            asked |= past.stage is Stage.PROMPT
            lines += [f"{past.at:%FT%TZ} {past.id} {past.stage.value}: {past.outcome.value}"]
            lines += [f"  {line}" for line in past.reason.lines()]
            lines += [f"  prompt: {words['prompt']}"]
            lines += [f"  negative prompt: {words['negative']}"] if words["negative"] else []
            lines += [""]
        if asked:
            data = "\n".join(lines).encode("utf-8", "backslashreplace")
            self._take_in(data, f"{ATTEMPTS_SOURCE}{decision.id}", _attempts(data, name, decision, stopped))


def _stopped(work: Work, account: Sha256Hex, now: datetime) -> list[dict[str, object]]:
    """What was stopped of an account within the window before now, by the log."""
    entries = work.log.entries(subjects=[account], types=[EventType.GATE])
    return [dict(e.event.payload) for e in entries if e.event and e.event.at > now - WINDOW]


def _attempts(data: bytes, name: str, decision: Decision, stopped: Stopped) -> Upload:
    """The facts of attempts in words: a report carries the words themselves, where they are not too many for that."""
    text = data.decode()
    chat = Chat(client=GENERATOR, text=text, file=_ATTEMPTS_NAME, sha256=hashlib.sha256(data).hexdigest())
    fits = len(json.dumps(text)) <= LARGEST_UPLOAD // 2
    return Upload(
        name=_ATTEMPTS_NAME,
        account=name,
        uploaded_at=decision.at,
        ip=_address(stopped.asker.ip),
        port=stopped.asker.port,
        chats=(chat,) if fits else (),
        transcript=fits,
        origin=(OriginClaim(basis=AiBasis.PROMPTED_FOR, says=_ASKED, source=_SOURCE),),
    )


def _upload(decision: Decision, stopped: Stopped, number: int) -> Upload:
    """What the service knows of a picture that the gate holds, in the words that a report may use."""
    asker, prompt = stopped.asker, stopped.prompt
    generation = None
    chats: tuple[Chat, ...] = ()
    basis = AiBasis.UPLOADED_AS_INPUT
    if decision.stage is not Stage.OUTPUT:
        says = "The account uploaded this file as input to an image generator of this service; the gate refused it."
        chats = (Chat(client=GENERATOR, text=_short(prompt.text)),) if prompt and prompt.text else ()
    elif decision.subject in stopped.inputs:
        says = (
            "The account uploaded this file as input to an image generator of this service, which answered it "
            "unchanged; the gate held it back."
        )
        chats = (Chat(client=GENERATOR, text=_short(prompt.text)),) if prompt and prompt.text else ()
    else:
        basis = AiBasis.GENERATED_HERE
        says = _made(stopped)
        generation = Generation(
            model=asker.model,
            prompt=_short(prompt.text) if prompt else "",
            negative_prompt=_short(prompt.negative) if prompt else "",
            seed=prompt.seed if prompt else "",
            input_sha256=decision.near_input or next(iter(stopped.inputs), ""),
            job=decision.id,
            at=decision.at,
        )
    return Upload(
        name=f"{decision.stage.value}-{number}",
        account=asker.account,
        uploaded_at=decision.at,
        ip=_address(asker.ip),
        port=asker.port,
        generation=generation,
        chats=chats,
        origin=(OriginClaim(basis=basis, says=says, source=_SOURCE),),
    )


def _made(stopped: Stopped) -> str:
    """How an output came to be, with every picture that went in."""
    made = "An image generator of this service made this file in answer to a request"
    if not stopped.inputs:
        return f"{made}; the gate held it back."
    given = f"{made}, with {len(stopped.inputs)} input picture(s) of the account; the gate held it back."
    return f"{given} SHA-256 of what went in: {', '.join(stopped.inputs)}."


def _short(text: str) -> str:
    """A prompt, short enough for the facts of an upload; the whole one stands sealed in the log."""
    return text if len(text) <= 8000 else text[:8000] + " [the whole text stands in the gate's log]"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
