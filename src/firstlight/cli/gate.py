"""The commands of the gate: `firstlight gate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight.casework.gatehouse import GateSettings
from firstlight.cli import gate_demo, gate_model, gate_serve, output
from firstlight.cli.common import Actor, HomeFolder, opened
from firstlight.clock import SystemClock, to_text
from firstlight.errors import InputError, NotFoundError
from firstlight.gate.trial import MAX_FALSE_ALARMS, RulesTrial, try_rules
from firstlight.media import read_file

if TYPE_CHECKING:
    from firstlight.gate.rules import Rules

app = typer.Typer(invoke_without_command=True)
rules_app = typer.Typer(help="Term rules: build them, try them, put them in force.", no_args_is_help=True)
app.add_typer(rules_app, name="rules")

ledger_app = typer.Typer(help="The ledger: what went out, and who may ask about it.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")
app.command("model")(gate_model.model)
app.command("report")(gate_model.report)
app.command("comfyui")(gate_model.comfyui)
app.command("demo")(gate_demo.demo)

LARGEST_LIST = 64 * 2**20  # bytes of a file of rules or prompts; a million prompts fit

Limit = Annotated[
    float, typer.Option(help="The share of benign prompts that may be disturbed, at the upper end of its interval.")
]


@app.callback()
def gate(
    context: typer.Context,
    upstream: gate_serve.Upstream = None,
    host: gate_serve.Host = "127.0.0.1",
    port: gate_serve.Port = gate_serve.PORT,
    name: gate_serve.Name = "generator",
    sign_chain: gate_serve.Chain = None,
    sign_key: gate_serve.Key = None,
    time_authority: gate_serve.TimeAuthority = None,
    watermark: gate_serve.Watermark = None,
    model: gate_serve.Models = None,
    bank: gate_serve.Banks = None,
    moderation: gate_serve.ModerationUrl = None,
    moderate_pictures: gate_serve.ModeratePictures = False,
    scorer: gate_serve.Scorers = None,
    on_failure: gate_serve.FailOpen = None,
    image_host: gate_serve.ImageHosts = None,
    public_url: gate_serve.PublicUrl = "",
    client_ip_header: gate_serve.ClientIp = "",
    unarmed: gate_serve.Unarmed = False,
    no_ledger: gate_serve.NoLedger = False,
    opinions: Annotated[bool, typer.Option("--opinions", help="No generator behind: only give opinions.")] = False,
    home: HomeFolder = None,
) -> None:
    """Stand in front of an image generator: check, mark, remember, answer.

    With --upstream it serves OpenAI's image endpoints until it is stopped; a client changes its base address and
    nothing else.
    """
    if context.invoked_subcommand is not None:
        return
    if upstream is None and not opinions:
        raise InputError("No generator is named.", hint="Give --upstream URL, --opinions, or a command; see --help.")
    if moderate_pictures and moderation is None:
        raise InputError("No moderation service is named.", hint="Give --moderation URL with --moderate-pictures.")
    settings = GateSettings(
        name=name,
        marker=gate_serve.marker(name, sign_chain, sign_key, time_authority, watermark),
        ledger=not no_ledger,
        banks=tuple(bank) if bank else None,
        moderation=gate_serve.moderation(moderation),
        moderate_pictures=moderate_pictures,
        scorers=gate_serve.scorers(scorer),
        on_failure=gate_serve.on_failure(on_failure),
        unarmed=unarmed,
    )
    gate_serve.serve(
        upstream,
        host=host,
        port=port,
        home=home,
        settings=settings,
        models=gate_serve.models(model),
        image_hosts=tuple(image_host or ()),
        public_url=public_url,
        client_ip_header=client_ip_header,
    )


@app.command("keys")
def keys(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put them; made if it is not there.")],
) -> None:
    """Make keys that sign content credentials FOR DEVELOPMENT ONLY. Nobody should believe them, and they say so."""
    from firstlight.gate.authority import CHAIN, KEY, LASTS, ROOT, WARNING, development_keys, write_keys

    write_keys(folder, development_keys(SystemClock().now()))
    output.say(f"*** {WARNING} ***")
    now, place = SystemClock().now(), output.one_line(str(folder))
    output.say(f"Keys for {LASTS.days} days, in {place}: sign with {CHAIN} and {KEY}.")
    output.say("  a reader believes them, in a home for trying things, with")
    output.say(f"  firstlight trust add official {place}/{ROOT} --date {now:%F}")
    output.say("  for production: a certificate from an authority of the C2PA trust list, its key in hardware")


@ledger_app.command("show")
def show_ledger(as_json: output.Json = False, home: HomeFolder = None) -> int:
    """Count the records, check every batch against the custody log, and name the key that signs answers."""
    from firstlight.casework import generations
    from firstlight.casework.gatekeeping import GateFolder

    with opened(home) as house:
        folder = GateFolder(house)
        with generations.open_ledger(folder, writing=False) as ledger:
            found = generations.check_ledger(folder, ledger)
            size = ledger.nbytes
        key = generations.public_key(folder, "generator")
        names = sorted(generations.askers(folder))
    if as_json:
        about = {"bytes": size, "public_key": key.public_key, "key_id": key.key_id, "askers": names}
        output.answer({**found.model_dump(mode="json"), **about})
    else:
        output.say(
            f"{output.count(found.records, 'record')} in {size:,} bytes; {found.anchored} stand in the custody log."
        )
        for first in found.wrong:
            output.say(f"  WRONG: the batch that begins at record {first} is not what the custody log says")
        output.say(f"Answers are signed by the key {key.public_key}")
        output.say(f"Who may ask: {', '.join(names) or 'nobody'}")
    return output.DONE if found.holds else output.FINDING


@ledger_app.command("allow")
def allow(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who may ask, such as a hotline.")],
    by: Actor,
    home: HomeFolder = None,
) -> None:
    """Let somebody ask "did you make this?". Their key is printed once and kept nowhere."""
    from firstlight.casework import generations
    from firstlight.casework.gatekeeping import GateFolder

    with opened(home) as house:
        key = generations.add_asker(GateFolder(house), name, by)
    output.say(key)


@ledger_app.command("deny")
def deny(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    by: Actor,
    home: HomeFolder = None,
) -> None:
    """Let somebody ask no more."""
    from firstlight.casework import generations
    from firstlight.casework.gatekeeping import GateFolder

    with opened(home) as house:
        generations.remove_asker(GateFolder(house), name, by)
    output.say(f"{name} may not ask any more.")


@ledger_app.command("open")
def open_(
    sha256: Annotated[str, typer.Argument(metavar="SHA256", help="Of the picture that went out.")],
    by: Actor,
    why: Annotated[str, typer.Option(help="For which report; it stands in the custody log.")],
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Open the sealed prompt and account of a picture, for a filing."""
    from firstlight.casework import generations
    from firstlight.casework.gatekeeping import GateFolder

    with opened(home) as house:
        folder = GateFolder(house)
        with generations.open_ledger(folder, writing=False) as ledger:
            found = ledger.exact(_digest(sha256))
            if not found:
                raise NotFoundError("The ledger holds no picture of this SHA-256.")
            opened_words = [
                generations.open_words(folder, ledger, one.number, actor=by, why=why) | {"at": to_text(one.record.at)}
                for one in found
            ]
    if as_json:
        output.answer(opened_words)
        return
    for one in opened_words:
        for name, value in one.items():
            words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            output.say(f"{name}: {output.one_line(words) if value else '-'}")


@rules_app.command("build")
def build(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="Groups of terms and rules (TOML).")],
    by: Actor = "operator",
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> None:
    """Turn a file of terms into rules that hold digests alone. Delete the file afterwards, or keep it locked away."""
    from firstlight.casework.gatekeeping import GateFolder
    from firstlight.gate.rules import RulesSource

    parsed = RulesSource.parse(read_file(source, LARGEST_LIST, hint="Split it."), str(source))
    with opened(home, create=True) as house:
        rules = GateFolder(house).build(parsed, by)
    if as_json:
        output.answer(_about(rules))
        return
    terms = sum(len(group) for group in parsed.groups.values())
    output.say(f"Built: {output.count(len(rules.rules), 'rule')} over {output.count(terms, 'term')}, kept as digests.")
    output.say(f"  rules {rules.sha256[:16]}; not in force yet: try them with `firstlight gate rules test`")


@rules_app.command("test")
def try_(
    benign: Annotated[
        Path, typer.Option("--benign", metavar="FILE", help="Prompts that have to pass, one a line: your own users'.")
    ],
    examples: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Prompts that must not pass, one a line.", show_default=False)
    ] = None,
    limit: Limit = MAX_FALSE_ALARMS,
    as_json: output.Json = False,
    home: HomeFolder = None,
) -> int:
    """Try the rules as built: how many benign prompts they would disturb, and which examples they miss.

    Ends with 1 when the rules cannot be armed, or an example is missed.
    """
    from firstlight.casework.gatekeeping import GateFolder

    wanted, unwanted = _lines(benign), _lines(examples) if examples else []
    with opened(home) as house:
        folder = GateFolder(house)
        trial = try_rules(folder.built(), wanted, unwanted, at=SystemClock().now())
        folder.keep_trial(trial)
    if as_json:
        output.answer(trial)
    else:
        _say_trial(trial, wanted, unwanted, limit)
    return output.FINDING if trial.objections(limit) or trial.missed else output.DONE


@rules_app.command("arm")
def arm(by: Actor, limit: Limit = MAX_FALSE_ALARMS, as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Put the rules in force, on the word of their trial. Refused when they disturb too much."""
    from firstlight.casework.gatekeeping import GateFolder

    with opened(home) as house:
        trial = GateFolder(house).arm(by, limit=limit)
    if as_json:
        output.answer(trial)
        return
    output.say(f"In force: rules {trial.rules_sha256[:16]}. A gate takes them up when it starts.")


@rules_app.command("disarm")
def disarm(
    by: Actor,
    reason: Annotated[str, typer.Option(help="Why; it stands in the custody log.")],
    home: HomeFolder = None,
) -> None:
    """Take the rules out of force."""
    from firstlight.casework.gatekeeping import GateFolder

    with opened(home) as house:
        GateFolder(house).disarm(by, reason)
    output.say("No rules are in force.")


@rules_app.command("show")
def show(as_json: output.Json = False, home: HomeFolder = None) -> None:
    """Say which rules are built, tried and in force. No term is shown: none is kept."""
    from firstlight.casework.gatekeeping import GateFolder

    with opened(home) as house:
        folder = GateFolder(house)
        armed = folder.armed()
        trial = folder.trial()
    found = armed.rules if armed else None
    if as_json:
        output.answer({"armed": _about(found) if found else None, "trial": trial and trial.model_dump(mode="json")})
        return
    if found is None:
        output.say("No rules are in force.")
    else:
        output.say(f"In force: rules {found.sha256[:16]}")
        for rule in found.rules:
            where = f" on {', '.join(rule.surfaces)}" if rule.surfaces else ""
            groups = " with ".join(rule.groups)
            output.say(f"  {rule.id}: {groups} within {rule.within} words: {rule.outcome.value}{where}")
    if trial:
        output.say(f"Last trial: rules {trial.rules_sha256[:16]}, {_share(trial)}")


def _digest(text: str) -> str:
    digest = text.strip().lower()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise InputError(f"{text!r} is no SHA-256.", hint="Give its 64 hexadecimal digits.")
    return digest


def _about(rules: Rules) -> dict[str, object]:
    return {"sha256": rules.sha256, "rules": [rule.model_dump(mode="json") for rule in rules.rules]}


def _say_trial(trial: RulesTrial, benign: list[str], examples: list[str], limit: float) -> None:
    output.say(f"Rules {trial.rules_sha256[:16]}: {_share(trial)}")
    for one in trial.by_rule:
        output.say(f"  {one.rule}: {one.blocked} blocked, {one.reviewed} to be reviewed")
    for number in trial.false_alarms[:20]:
        output.say(f"  disturbed, line {number}: {output.one_line(benign[number - 1])}")
    output.say(f"Ordinary sentences: {len(trial.ordinary_alarms)} of {trial.ordinary} disturbed")
    if trial.examples:
        output.say(f"Examples: {len(trial.missed)} of {trial.examples} missed")
        for number in trial.missed[:20]:
            output.say(f"  missed, line {number}: {output.one_line(examples[number - 1])}")
    objections = trial.objections(limit)
    for objection in objections:
        output.say(f"Cannot be armed: {objection}.")
    if not objections:
        output.say("Can be armed: `firstlight gate rules arm --by NAME`.")


def _share(trial: RulesTrial) -> str:
    disturbed = trial.blocked + trial.reviewed
    return (
        f"{disturbed} of {trial.benign} benign prompts disturbed ({trial.share:.2%}; "
        f"95 % interval {trial.share_low:.2%} to {trial.share_high:.2%})"
    )


def _lines(path: Path) -> list[str]:
    try:
        text = read_file(path, LARGEST_LIST, hint="Split it.").decode()
    except UnicodeDecodeError as e:
        raise InputError(f"{path} is no UTF-8 text.", hint="Give one prompt on each line.") from e
    return [line for line in text.splitlines() if line.strip()]
