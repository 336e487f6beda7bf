"""Cheats on the bag: files, names and lists, first without covering up, then with all lists made right again."""

from __future__ import annotations

import os
from collections.abc import Callable

from custody.bad.cheat import RECORD, Cheats
from custody.forger import CUSTODY, Forger

cheat = Cheats()

# ---- without touching the lists -------------------------------------------------------------------------------------

NOT_RECORDED = "this file is not the one that the log recorded when the package was made"
NEW = "this file was not in the package when the log recorded it"
CHANGED = "this file was changed: its SHA256 is not the one in manifest-sha256.txt"
CHANGED_TAG = "this file was changed: its SHA256 is not the one in tagmanifest-sha256.txt"


@cheat(RECORD, CHANGED)
def record_changed(f: Forger) -> None:
    f.replace(RECORD, b"2", b"4")


@cheat(RECORD, "this file is listed in manifest-sha256.txt but is not in the package")
def record_deleted(f: Forger) -> None:
    f.path(RECORD).unlink()


@cheat("data/records/more.json", "this file is not listed in manifest-sha256.txt")
def record_added(f: Forger) -> None:
    f.write("data/records/more.json", b"{}")


@cheat(RECORD, CHANGED)
def record_emptied(f: Forger) -> None:
    f.write(RECORD, b"")


@cheat("data/report/cybertip.xml", CHANGED)
def report_line_ends_changed(f: Forger) -> None:
    f.replace("data/report/cybertip.xml", b"\r\n", b"\n")


@cheat("START-HERE.txt", CHANGED_TAG)
def first_page_changed(f: Forger) -> None:
    f.replace("START-HERE.txt", b"Nobody", b"Somebody")


@cheat("verify/verify.py", CHANGED_TAG)
def verifier_changed(f: Forger) -> None:
    f.replace("verify/verify.py", b"return 1", b"return 0")


@cheat("notes.txt", "this file is not listed in tagmanifest-sha256.txt")
def file_added_beside(f: Forger) -> None:
    f.write("notes.txt", b"by the way")


@cheat("bagit.txt", "this is no BagIt 1.0 package")
def another_bagit_version(f: Forger) -> None:
    f.replace("bagit.txt", b"1.0", b"0.97")


@cheat("bagit.txt", "this file is missing")
def bagit_missing(f: Forger) -> None:
    f.path("bagit.txt").unlink()


@cheat("tagmanifest-sha256.txt", "this file is missing")
def tag_list_missing(f: Forger) -> None:
    f.path("tagmanifest-sha256.txt").unlink()


@cheat("tagmanifest-sha256.txt", "this file is too large to be what it should be")
def tag_list_blown_up(f: Forger) -> None:
    with f.path("tagmanifest-sha256.txt").open("r+b") as file:
        file.truncate(256 * 1024 * 1024 + 1)  # a hole: it takes no room on the disk


@cheat("a.txt", "this file is not listed in tagmanifest-sha256.txt")
def several_files_added(f: Forger) -> None:
    """The first in the order of names is named, whatever the order on the disk."""
    for name in ("z.txt", "m/n.txt", "a.txt", "b.txt"):
        f.write(name, b"")


@cheat("data/certificate/draft-902.txt", CHANGED)
def every_payload_file_changed(f: Forger) -> None:
    _change_all(f)


def _change_all(f: Forger) -> None:
    for name in reversed(f.files()):
        if name.startswith("data/") and not name.startswith("data/custody/"):
            f.write(name, b"changed")


@cheat("data/certificate/draft-902.txt", CHANGED)
def every_payload_file_changed_and_a_list_turned_round(f: Forger) -> None:
    _change_all(f)
    _edit_list(f, lambda text: "".join(line + "\n" for line in reversed(text.splitlines())))


@cheat("data/records/a.json", NEW)
def several_files_added_and_lists_adjusted(f: Forger) -> None:
    for name in reversed("abcdefghijklmnopqrstuvwxyz"):
        f.write(f"data/records/{name}.json", b"")
    f.cover_up()


@cheat("manifest-sha512.txt", "this file is listed in tagmanifest-sha256.txt but is not in the package")
def sha512_list_missing(f: Forger) -> None:
    f.path("manifest-sha512.txt").unlink()


@cheat("manifest-sha512.txt", "this file is missing")
def sha512_list_missing_and_unlisted(f: Forger) -> None:
    f.path("manifest-sha512.txt").unlink()
    f.cover_tags()


# ---- names and links ------------------------------------------------------------------------------------------------


@cheat(RECORD, "this is a link; a package holds only files and folders")
def record_is_a_link(f: Forger) -> None:
    f.path(RECORD).rename(f.folder.parent / (f.folder.name + ".elsewhere"))
    f.path(RECORD).symlink_to(f.folder.parent / (f.folder.name + ".elsewhere"))


@cheat("data/records/folder", "this is a link; a package holds only files and folders")
def folder_is_a_link(f: Forger) -> None:
    f.path("data/records/folder").symlink_to(f.folder.parent, target_is_directory=True)


@cheat("data/records/pipe", "this is no ordinary file")
def a_pipe(f: Forger) -> None:
    os.mkfifo(f.path("data/records/pipe"))


@cheat("'data/records/up\\nloads.json'", "this name is not one that a package may hold")
def name_with_a_newline(f: Forger) -> None:
    f.write("data/records/up\nloads.json", b"{}")


@cheat("'data/records/.hidden'", "this name is not one that a package may hold")
def hidden_name(f: Forger) -> None:
    f.write("data/records/.hidden", b"{}")


@cheat("'data/records/\\u202egpj.exe'", "this name is not one that a package may hold")
def name_that_reads_backwards(f: Forger) -> None:
    f.write("data/records/\u202egpj.exe", b"{}")


@cheat("data/records/uploads.json", "this name differs from data/records/Uploads.json only in upper case")
def names_that_collide(f: Forger) -> None:
    f.write("data/records/Uploads.json", b"{}")


# ---- the lists themselves -------------------------------------------------------------------------------------------


def _edit_list(f: Forger, change: Callable[[str], str]) -> None:
    f.write("manifest-sha256.txt", change(f.read("manifest-sha256.txt").decode()).encode())
    f.cover_tags()


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def one_space_instead_of_two(f: Forger) -> None:
    _edit_list(f, lambda text: text.replace("  ", " ", 1))


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def digest_in_upper_case(f: Forger) -> None:
    _edit_list(f, lambda text: text[:64].upper() + text[64:])


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def empty_line_in_a_list(f: Forger) -> None:
    _edit_list(f, lambda text: "\n" + text)


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def list_climbs_out(f: Forger) -> None:
    _edit_list(f, lambda text: "0" * 64 + "  data/../../secret\n" + text)


@cheat("manifest-sha256.txt", "line 1 of this list is malformed")
def list_names_an_absolute_path(f: Forger) -> None:
    _edit_list(f, lambda text: "0" * 64 + "  /etc/passwd\n" + text)


@cheat("manifest-sha256.txt", "data/certificate/draft-902.txt is listed twice")
def file_listed_twice(f: Forger) -> None:
    _edit_list(f, lambda text: text + text.split("\n")[0] + "\n")


@cheat("manifest-sha256.txt", "the last line of this list is cut off")
def list_cut_off(f: Forger) -> None:
    _edit_list(f, lambda text: text[:-1])


@cheat("manifest-sha256.txt", "this file is not UTF-8 text")
def list_not_text(f: Forger) -> None:
    f.write("manifest-sha256.txt", f.read("manifest-sha256.txt") + b"\xff\n")
    f.cover_tags()


@cheat("manifest-sha256.txt", "this file is listed in manifest-sha256.txt but is not in the package")
def list_names_what_is_not_payload(f: Forger) -> None:
    _edit_list(f, lambda text: text + "0" * 64 + "  manifest-sha256.txt\n")


@cheat(RECORD, "this file was changed: its SHA512 is not the one in manifest-sha512.txt")
def only_one_list_adjusted(f: Forger) -> None:
    old = f.read("manifest-sha512.txt")
    f.replace(RECORD, b"2", b"4")
    f.cover_up()
    f.write("manifest-sha512.txt", old)
    f.cover_tags()


# ---- covered up: all lists of the bag are right again ---------------------------------------------------------------


@cheat(RECORD, NOT_RECORDED)
def record_changed_and_lists_adjusted(f: Forger) -> None:
    f.replace(RECORD, b"2", b"4")
    f.cover_up()


@cheat("START-HERE.html", NOT_RECORDED)
def first_page_changed_and_lists_adjusted(f: Forger) -> None:
    f.replace("START-HERE.html", b"Nobody", b"Somebody")
    f.cover_up()


@cheat("verify/verify.py", NOT_RECORDED)
def verifier_changed_and_lists_adjusted(f: Forger) -> None:
    f.replace("verify/verify.py", b"return 1", b"return 0")
    f.cover_up()


@cheat(RECORD, "this file was in the package when the log recorded it and is missing now")
def record_dropped_and_lists_adjusted(f: Forger) -> None:
    f.path(RECORD).unlink()
    f.cover_up()


@cheat("data/media/picture.jpg", NEW)
def media_smuggled_in(f: Forger) -> None:
    f.write("data/media/picture.jpg", b"anything")
    f.cover_up()


@cheat("data/custody/note.txt", NEW)
def file_hidden_among_the_proofs(f: Forger) -> None:
    f.write("data/custody/note.txt", b"anything")
    f.cover_up()


@cheat(RECORD, "this file was in the package when the log recorded it and is missing now")
def record_moved_to_the_statements(f: Forger) -> None:
    f.path(RECORD).rename(f.path("data/report/uploads.json"))
    f.cover_up()


@cheat(CUSTODY + "contents-sha256.txt", "this list is not the one that the log recorded when the package was made")
def list_of_contents_rewritten(f: Forger) -> None:
    f.replace(RECORD, b"2", b"4")
    f.relist()
    f.cover_up()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def organisation_renamed(f: Forger) -> None:
    f.replace("bag-info.txt", b"Example Ltd", b"Another Ltd")
    f.cover_tags()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def package_back_dated(f: Forger) -> None:
    f.replace("bag-info.txt", b"2026-03-01", b"2025-03-01")
    f.cover_tags()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def package_renamed(f: Forger) -> None:
    f.replace("bag-info.txt", b"example-case-1", b"example-case-7")
    f.cover_tags()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def numbers_wrong(f: Forger) -> None:
    f.replace("bag-info.txt", b"Oxum: ", b"Oxum: 1")
    f.cover_tags()


@cheat("bag-info.txt", "it does not say what the log recorded, or states wrong numbers")
def line_added_to_the_label(f: Forger) -> None:
    f.write("bag-info.txt", f.read("bag-info.txt") + b"Contact-Name: somebody\n")
    f.cover_tags()
