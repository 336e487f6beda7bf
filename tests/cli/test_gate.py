"""The commands of the gate, as an operator types them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cli.conftest import Run
from firstlight.custody.note import Ed25519Signer
from firstlight.screen.publish import write_report
from firstlight.screen.report import Coverage, ScreenReport
from gate.test_modelfile import save, weights
from gate.vegetables import SOURCE


def rules_file(folder: Path, text: str = SOURCE) -> Path:
    path = folder / "rules.toml"
    path.write_text(text)
    return path


def prompts(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines))
    return path


def test_rules_from_a_file_to_being_in_force(run: Run, tmp_path: Path) -> None:
    benign = prompts(tmp_path, "benign", *(f"a lake, number {n}" for n in range(400)))
    examples = prompts(tmp_path, "examples", "a carrot in the cellar", "a turnip in the cellar")
    assert run("gate", "rules", "test", "--benign", benign).code == 2, "nothing was built yet"
    assert run("gate", "rules", "build", rules_file(tmp_path)).code == 0
    assert run("gate", "rules", "arm", "--by", "ada").code == 2, "nothing was tried yet"
    tried = run("gate", "rules", "test", "--benign", benign, "--examples", examples)
    assert tried.code == 1, "an example is missed"
    assert "missed, line 2: a turnip in the cellar" in tried.out
    assert run("gate", "rules", "test", "--benign", benign).code == 0
    assert run("gate", "rules", "arm", "--by", "ada").code == 0
    shown = run("gate", "rules", "show", "--json").document
    assert shown["armed"]["rules"][0]["id"] == "r1"
    assert "carrot" not in run("gate", "rules", "show", "--json").out
    assert run("gate", "rules", "disarm", "--by", "ada", "--reason", "a test").code == 0
    assert "No rules are in force" in run("gate", "rules", "show").out


def test_rules_that_disturb_are_not_armed(run: Run, tmp_path: Path) -> None:
    benign = prompts(tmp_path, "benign", *["a lake"] * 400, "thyme", "thyme tea", "thyme", "old thyme")
    run("gate", "rules", "build", rules_file(tmp_path))
    tried = run("gate", "rules", "test", "--benign", benign)
    assert tried.code == 1
    assert "disturbed, line 402: thyme tea" in tried.out
    armed = run("gate", "rules", "arm", "--by", "ada")
    assert (armed.code, "cannot be armed" in armed.err) == (1, True)


def test_a_bad_rules_file_is_told_with_its_place(run: Run, tmp_path: Path) -> None:
    bad = run("gate", "rules", "build", rules_file(tmp_path, SOURCE.replace('"roots", "places"', '"roots", "attic"')))
    assert bad.code == 2
    assert "attic" in bad.err
    assert run("gate", "rules", "build", tmp_path / "nowhere").code == 2


def test_development_keys_are_loud(run: Run, tmp_path: Path) -> None:
    made = run("gate", "keys", tmp_path / "keys")
    assert made.code == 0
    assert "DO NOT TRUST" in made.out
    assert run("gate", "keys", tmp_path / "keys").code == 2


def test_the_ledger_names_who_may_ask(run: Run) -> None:
    assert run("gate", "ledger", "show").code == 2, "there is no home yet"
    run("bank", "create", "known")
    key = run("gate", "ledger", "allow", "hotline", "--by", "ada").out.strip()
    assert key.startswith("fla-")
    shown = run("gate", "ledger", "show", "--json").document
    assert (shown["records"], shown["askers"]) == (0, ["hotline"])
    assert run("gate", "ledger", "open", "0" * 64, "--by", "ada", "--why", "x").code == 2
    for slip in ("abc", "g" * 64, ""):
        ran = run("gate", "ledger", "open", slip, "--by", "ada", "--why", "x")
        assert (ran.code, "is no SHA-256" in ran.err) == (2, True)
    assert run("gate", "ledger", "deny", "hotline", "--by", "ada").code == 0
    assert run("gate", "ledger", "deny", "hotline", "--by", "ada").code == 2


def keys(folder: Path) -> tuple[str, ...]:
    chain, key = folder / "keys" / "chain.pem", folder / "keys" / "key.pem"
    return ("--sign-chain", str(chain), "--sign-key", str(key))


def test_a_gate_that_cannot_stand_says_why(run: Run, tmp_path: Path) -> None:
    run("gate", "keys", tmp_path / "keys")
    for options, says in (
        ((), "No generator is named"),
        (("--upstream", "nonsense", "--unarmed"), "is no address"),
        (("--opinions", "--sign-key", str(tmp_path / "keys" / "key.pem")), "belong together"),
        (("--opinions", "--model", "garden"), "is no model"),
        (("--opinions", "--scorer", "card"), "is no scorer"),
        (("--opinions", "--on-failure", "rules=open"), "not understood"),
        (("--opinions", "--unarmed", "--on-failure", "bank=review"), "no check named bank"),
        (("--opinions", "--moderate-pictures"), "No moderation service"),
        (("--opinions", "--watermark", "/bin/cat"), "without a key"),
        (("--opinions", "--time-authority", "http://127.0.0.1:9"), "without a key"),
        (("--opinions", *keys(tmp_path), "--watermark", str(tmp_path / "nothing")), "no program"),
        (("--opinions", "--moderation", "host"), "no address of a moderation service"),
    ):
        found = run("gate", *options)
        assert (found.code, says in found.err) == (2, True), found.err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_gate_stops_in_order_although_a_client_sends_nothing(run: Run, house: Path, how: signal.Signals) -> None:
    run("bank", "create", "known")
    words = ["gate", "--opinions", "--unarmed", "--port", "0", "--home", str(house)]
    code = f"from firstlight.cli import gate_serve, main; gate_serve.STOP_WITHIN = 1; main.run({words!r})"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout as said, process.stderr as wrong:
        place = urlsplit(said.readline().split()[4].rstrip(","))
        with socket.create_connection((place.hostname or "", place.port or 0)) as client:
            client.sendall(b"POST /v1/moderations HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            httpx.get(f"http://{place.netloc}/v1/gate/status", trust_env=False)  # what came before it was taken up
            process.send_signal(how)
            assert "The gate has stopped." in said.read()
        assert (process.wait(), wrong.read()) == (0, "")


def test_a_model_is_told_blocked_and_linked_to_its_screening(run: Run, tmp_path: Path) -> None:
    path = save(tmp_path / "m.safetensors", weights(1))
    lines = run("gate", "model", path, "--as-blocklist")
    assert lines.code == 0
    listed = prompts(tmp_path, "removed.txt", "# removed in March", *lines.out.splitlines())
    assert "contents" in run("gate", "model", path).out
    other = save(tmp_path / "resaved.safetensors", weights(1), {"edited": "yes"})
    blocked = run("gate", "model", other, "--blocklist", listed)
    assert (blocked.code, "BLOCKLIST" in blocked.out) == (1, True)
    report = tmp_path / "report.json"
    report.write_bytes(a_report())
    assert run("gate", "model", path, "--name-screening", report).code == 2, "a copy needs a name"
    named = tmp_path / "named.safetensors"
    assert run("gate", "model", path, "--name-screening", report, "--out", named, "--by", "Ada").code == 0
    rests = run("gate", "model", named, "--screening", report)
    assert not rests.err
    assert (rests.code, "that is the report that was given" in rests.out) == (0, True)
    report.write_bytes(a_report("another"))
    assert run("gate", "model", named, "--screening", report).code == 1
    assert run("gate", "model", path, "--screening", report).code == 1
    assert run("gate", "model", listed).code == 2


def test_a_check_of_a_model_stands_in_the_log_of_a_home(run: Run, tmp_path: Path) -> None:
    path = save(tmp_path / "m.safetensors", weights(1))
    listed = prompts(tmp_path, "removed.txt", *run("gate", "model", path, "--as-blocklist").out.splitlines())
    run("trust", "ledger-add", "garden.example", "ab" * 32)
    run("gate", "model", path)  # looked at, compared with nothing
    missing = hosting(run)["missing"]
    assert (len(missing), "no check of a model" in missing[0]) == (1, True)
    assert run("gate", "model", path, "--blocklist", listed, "--by", "ada").code == 1
    assert run("gate", "model", save(tmp_path / "n.safetensors", weights(2)), "--blocklist", listed).code == 0
    assert hosting(run)["missing"] == []
    assert hosting(run)["figures"] == {"models": 0, "models_checked": 2, "models_found_wrong": 1}
    assert run("gate", "report", "--json").document["months"] == [], "a check is no request that was stopped"


def hosting(run: Run) -> Any:
    """What the report says of hosting models."""
    (found,) = [one for one in run("gate", "report", "--json").document["principles"] if "host models" in one["words"]]
    return found


def test_a_screening_is_checked_for_whose_it_is_and_how_old_its_lists_are(run: Run, tmp_path: Path) -> None:
    signer, stranger = (Ed25519Signer("example.org/screening", bytes([n]) * 32) for n in (1, 2))
    folder = tmp_path / "run"
    folder.mkdir()
    write_report(folder, ScreenReport.from_json(a_report()), signer)
    report, named = folder / "report.json", tmp_path / "named.safetensors"
    model = save(tmp_path / "m.safetensors", weights(1))
    run("gate", "model", model, "--name-screening", report, "--out", named, "--by", "Ada")
    check = ("gate", "model", named, "--screening", report)
    good = run(*check, "--screening-key", signer.verifier.vkey, "--lists-since", "2026-02-01")
    assert (good.code, "signed with the key that was given" in good.out) == (0, True)
    assert "whose report it is was not checked" in run(*check).out
    other = run(*check, "--screening-key", stranger.verifier.vkey)
    assert (other.code, "SCREENING" in other.out) == (1, True)
    old = run(*check, "--lists-since", "2026-02-02")
    assert (old.code, "its lists are of 2026-02-01" in old.out) == (1, True)
    (folder / "report.note").unlink()
    unsigned = run(*check, "--screening-key", signer.verifier.vkey)
    assert (unsigned.code, "not signed" in unsigned.out) == (1, True)
    for bad in (("--screening-key", "nonsense"), ("--lists-since", "yesterday")):
        assert run(*check, *bad).code == 2
    assert run("gate", "model", named, "--lists-since", "2026-02-01").code == 2, "no report is given"


def a_report(data_set: str = "lakes") -> bytes:
    return ScreenReport(
        data_set=data_set,
        made=datetime(2026, 3, 1, tzinfo=UTC),
        software="firstlight",
        headline="nothing found",
        complete=True,
        shards=1,
        shards_done=1,
        shards_failed=0,
        coverage=Coverage(members=1, bytes=1, screened=1, comparable=1, by_pixels=1),
        fresh_until=datetime(2026, 2, 1, tzinfo=UTC),
        results="0" * 64,
    ).to_json()


def test_a_provider_answers_for_what_is_there_and_names_what_is_missing(run: Run) -> None:
    run("bank", "create", "known")
    found = run("gate", "report")
    assert found.code == 0
    assert "MISSING: no term rules are armed" in found.out
    assert "MISSING: imperceptible watermark" in found.out
    document = run("gate", "report", "--json").document
    assert {one["stage"] for one in document["principles"]} == {"develop", "deploy", "maintain"}
    assert len(document["principles"]) == 9


def test_the_node_is_written_where_comfyui_looks(run: Run, tmp_path: Path) -> None:
    assert run("gate", "comfyui", tmp_path).code == 0
    compile((tmp_path / "firstlight_gate.py").read_text(), "node", "exec")
    assert run("gate", "comfyui", tmp_path / "nowhere").code == 2
