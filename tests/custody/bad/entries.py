"""Cheats on the entries of the log and on the proof of the export."""

from __future__ import annotations

import json
from typing import Any

from custody.bad.cheat import Cheats
from custody.forger import CUSTODY, ENTRIES, Forger

cheat = Cheats()

# ---- the entries ----------------------------------------------------------------------------------------------------

MADE_UP = "entry {} is not in the log that was signed: it was changed or made up"
OTHER_EVENT = "the event shown for entry {} is not the one that was logged"


@cheat(ENTRIES, OTHER_EVENT.format(3))
def viewing_made_longer(f: Forger) -> None:
    entries = f.entries()
    f.change_entry(2, event=entries[2]["event"].replace('"seconds":4', '"seconds":40'))
    f.cover_up()


@cheat(ENTRIES, OTHER_EVENT.format(0))
def event_exchanged_with_another(f: Forger) -> None:
    entries = f.entries()
    f.change_entry(0, event=entries[1]["event"], salt=entries[1]["salt"])
    f.cover_up()


@cheat(ENTRIES, OTHER_EVENT.format(0))
def salt_changed(f: Forger) -> None:
    f.change_entry(0, salt="00" * 32)
    f.cover_up()


@cheat(ENTRIES, OTHER_EVENT.format(0))
def salt_with_zeros_behind(f: Forger) -> None:
    """HMAC pads a short key with zeros, so a longer salt gives the same commitment."""
    f.change_entry(0, salt=f.entries()[0]["salt"] + "00")
    f.cover_up()


@cheat(ENTRIES, "the salt of entry 0 is malformed")
def salt_not_hex(f: Forger) -> None:
    f.change_entry(0, salt="zz" * 32)
    f.cover_up()


@cheat(ENTRIES, "the field salt is missing or no text")
def salt_taken_away(f: Forger) -> None:
    f.change_entry(0, salt=...)
    f.cover_up()


@cheat(ENTRIES, MADE_UP.format(0))
def leaf_changed(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"ingest"', '"reveal"'))
    f.cover_up()


@cheat(ENTRIES, MADE_UP.format(3))
def event_and_its_commitment_changed(f: Forger) -> None:
    f.recommit(2, lambda event: event["payload"].update(seconds=40))
    f.cover_up()


@cheat(ENTRIES, MADE_UP.format(1))
def entry_claims_another_place(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":1'))
    f.cover_up()


@cheat(ENTRIES, "entry 99 is not in a log of 7 entries")
def entry_beyond_the_log(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":99'))
    f.cover_up()


@cheat(ENTRIES, "entry 7 is not in a log of 7 entries")
def entry_just_beyond_the_log(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":7'))
    f.cover_up()


@cheat(ENTRIES, "an entry has no number or no proof")
def entry_number_is_text(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":"0"'))
    f.cover_up()


@cheat(ENTRIES, "entry -1 stands behind entry -1")
def entry_before_the_log(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":-1'))
    f.cover_up()


@cheat(ENTRIES, "an entry has no number or no proof")
def entry_number_is_true(f: Forger) -> None:
    f.change_entry(0, leaf=f.entries()[0]["leaf"].replace('"seq":0', '"seq":false'))
    f.cover_up()


@cheat(ENTRIES, "an entry has no number or no proof")
def proof_taken_away(f: Forger) -> None:
    f.change_entry(0, proof=...)
    f.cover_up()


@cheat(ENTRIES, "the inclusion proof of entry 0 is too short")
def proof_cut(f: Forger) -> None:
    f.change_entry(0, proof=f.entries()[0]["proof"][:-1])
    f.cover_up()


@cheat(ENTRIES, "the inclusion proof of entry 0 is too long")
def proof_grown(f: Forger) -> None:
    f.change_entry(0, proof=f.entries()[0]["proof"] * 2)
    f.cover_up()


@cheat(ENTRIES, MADE_UP.format(0))
def proof_reordered(f: Forger) -> None:
    f.change_entry(0, proof=f.entries()[0]["proof"][::-1])
    f.cover_up()


@cheat(ENTRIES, "the base64 in this file is damaged")
def proof_not_base64(f: Forger) -> None:
    f.change_entry(0, proof=["!"] * 3)
    f.cover_up()


@cheat(ENTRIES, "entry 0 stands behind entry 2")
def entries_reordered(f: Forger) -> None:
    entries = f.entries()
    f.write_entries([entries[1], entries[0], *entries[2:]])
    f.cover_up()


@cheat(ENTRIES, "entry 0 stands behind entry 0")
def entry_shown_twice(f: Forger) -> None:
    entries = f.entries()
    f.write_entries([entries[0], *entries])
    f.cover_up()


@cheat(ENTRIES, "the last entry shown is not the log's record of this export")
def export_entry_dropped(f: Forger) -> None:
    f.write_entries(f.entries()[:-1])
    f.cover_up()


@cheat(ENTRIES, "the last entry shown is not the log's record of this export")
def export_entry_closed(f: Forger) -> None:
    f.change_entry(-1, event=..., salt=...)
    f.cover_up()


LEFT_OUT = "entries were left out, or closed, since the log recorded the export"


@cheat(ENTRIES, LEFT_OUT)
def viewing_left_out(f: Forger) -> None:
    f.write_entries([one for one in f.entries() if '"type":"reveal"' not in one["leaf"]])
    f.cover_up()


@cheat(ENTRIES, LEFT_OUT)
def first_entry_left_out(f: Forger) -> None:
    f.write_entries(f.entries()[1:])
    f.cover_up()


@cheat(ENTRIES, LEFT_OUT)
def all_entries_but_the_export_left_out(f: Forger) -> None:
    f.write_entries(f.entries()[-1:])
    f.cover_up()


@cheat(ENTRIES, LEFT_OUT)
def viewing_closed(f: Forger) -> None:
    f.change_entry(2, event=..., salt=...)
    f.cover_up()


@cheat(ENTRIES, "a line is cut off or too long")
def entries_cut_off(f: Forger) -> None:
    f.write(ENTRIES, f.read(ENTRIES)[:-1])
    f.cover_up()


@cheat(ENTRIES, "a line is cut off or too long")
def entry_without_end(f: Forger) -> None:
    f.write(ENTRIES, b" " * 9_000_000 + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "the last entry shown is not the log's record of this export")
def no_entries(f: Forger) -> None:
    f.write(ENTRIES, b"")
    f.cover_up()


@cheat(ENTRIES, "the JSON in this file is malformed")
def entry_not_text(f: Forger) -> None:
    f.write(ENTRIES, b"\xff\n" + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "this file is missing")
def entries_missing(f: Forger) -> None:
    f.path(ENTRIES).unlink()
    f.cover_up()


@cheat(ENTRIES, "the JSON in this file is malformed")
def entry_is_no_json(f: Forger) -> None:
    f.write(ENTRIES, b"{\n" + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "the JSON in this file is malformed")
def entry_nested_without_end(f: Forger) -> None:
    f.write(ENTRIES, b"[" * 200_000 + b"\n" + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "the JSON in this file is no object")
def entry_is_a_list(f: Forger) -> None:
    f.write(ENTRIES, b"[]\n" + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "the field leaf is missing or no text")
def entry_without_leaf(f: Forger) -> None:
    f.write(ENTRIES, b"{}\n" + f.read(ENTRIES))
    f.cover_up()


@cheat(ENTRIES, "a name stands twice in one JSON object")
def entry_with_two_events(f: Forger) -> None:
    f.replace(ENTRIES, b'"event":', b'"event":"{}","event":')
    f.cover_up()


@cheat(ENTRIES, "entry 2 and its event differ in type or time")
def insider_logs_a_leaf_of_another_type(f: Forger) -> None:
    f.recommit(2, lambda event: None, leaf={"type": "login"})
    f.relog(f.log_signer)
    f.cover_up()


@cheat(ENTRIES, "entry 2 and its event differ in type or time")
def insider_logs_a_leaf_of_another_time(f: Forger) -> None:
    f.recommit(2, lambda event: event.update(at="2025-03-01T12:00:00.000000Z"))
    f.relog(f.log_signer)
    f.cover_up()


@cheat(ENTRIES, "the JSON in this file is malformed")
def insider_logs_a_leaf_that_is_no_json(f: Forger) -> None:
    leaves = [json.dumps({"seq": i}) for i in range(len(f.entries()))]
    f.relog(f.log_signer, leaves=["no json", *leaves[1:]])
    f.cover_up()


# ---- the proof of the export ----------------------------------------------------------------------------------------

AT_PROOF = CUSTODY + "export.tlog-proof"


@cheat(AT_PROOF, "this proof is not that of the export, entry 6")
def proof_file_of_another_entry(f: Forger) -> None:
    f.replace(AT_PROOF, b"index 6", b"index 5")
    f.cover_up()


@cheat(AT_PROOF, "this proof is not that of the export, entry 6")
def proof_file_cut(f: Forger) -> None:
    f.write(AT_PROOF, f.read(AT_PROOF)[:-1])
    f.cover_up()


@cheat(AT_PROOF, "this file is missing")
def proof_file_missing(f: Forger) -> None:
    f.path(AT_PROOF).unlink()
    f.cover_up()


@cheat(CUSTODY + "contents-sha256.txt", "this file is missing")
def list_of_contents_missing(f: Forger) -> None:
    f.path(CUSTODY + "contents-sha256.txt").unlink()
    f.cover_up()


@cheat(CUSTODY + "contents-sha256.txt", "this list is not the one that the log recorded when the package was made")
def insider_exports_another_list(f: Forger) -> None:
    f.recommit(-1, lambda event: event["payload"].update(contents_sha256="00" * 32))
    f.relog(f.log_signer)
    f.cover_up()


@cheat(ENTRIES, "the last entry shown is not the log's record of this export")
def insider_exports_nothing(f: Forger) -> None:
    def change(event: dict[str, Any]) -> None:
        event["payload"] = "nothing"

    f.recommit(-1, change)
    f.relog(f.log_signer)
    f.cover_up()


@cheat(ENTRIES, "the last entry shown is not the log's record of this export")
def insider_ends_with_another_event(f: Forger) -> None:
    f.recommit(-1, lambda event: event.update(type="decide"), leaf={"type": "decide"})
    f.relog(f.log_signer)
    f.cover_up()
