from __future__ import annotations

import io
import json
import logging
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstlight import logs
from firstlight.clock import FixedClock
from firstlight.errors import InputError, StorageError, UnreadableError

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CANARY = "canary"


@pytest.fixture(autouse=True)
def quiet_again() -> Iterator[None]:
    yield
    logs.close()
    root = logging.getLogger()
    for handler in list(root.handlers):
        if type(handler).__module__ == logs.__name__:
            root.removeHandler(handler)


def lines_of(event: str = "thing-happened", /, **fields: Any) -> str:
    out = io.StringIO()
    logs.configure(to=out, style=logs.Style.JSON, clock=FixedClock(AT))
    logs.get_logger("media").warning(event, **fields)
    logs.close()
    return out.getvalue()


def line_of(event: str = "thing-happened", /, **fields: Any) -> dict[str, Any]:
    text = lines_of(event, **fields)
    assert text.count("\n") == 1
    line = json.loads(text)
    assert isinstance(line, dict)
    return line


def test_a_line_says_when_where_what() -> None:
    line = line_of("worker-died", worker=3, seconds=0.25, kind="decode", done=None, task="firstlight.media:probe")
    assert line == {
        "at": "2026-03-01T12:00:00.000000Z",
        "level": "warning",
        "room": "media",
        "event": "worker-died",
        "worker": 3,
        "seconds": 0.25,
        "kind": "decode",
        "done": None,
        "task": "firstlight.media:probe",
    }


def test_a_line_for_people() -> None:
    out = io.StringIO()
    logs.configure(to=out, clock=FixedClock(AT))
    logs.get_logger("index").info("compacted", count=12, seconds=0.5)
    assert out.getvalue() == "2026-03-01T12:00:00.000000Z info    index: compacted count=12 seconds=0.5\n"


def test_fields_that_were_not_agreed_are_dropped_and_counted() -> None:
    line = line_of(prompt="carrots", file="a.jpg", count=1, at="then", level_of="x")
    assert line["dropped"] == 4
    assert line["count"] == 1
    assert line["at"].startswith("2026")
    assert not line.keys() & {"prompt", "file", "level_of"}


@pytest.mark.parametrize(
    "value",
    [
        "d41d8cd98f00b204e9800998ecf8427e",
        "D41D8CD98F00B204E9800998ECF8427E",
        "f8f8f0ce" * 8,
        "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99",
        "x-" + "0123456789abcdef" * 2,
        "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
        "203.0.113.7",
        "203.0.113.7:443",
        "2001:db8::1",
        "::1",
        "fe80::1:2:3",
        "::ffff:203.0.113.7",
        "somebody@example.org",
        "two words",
        "a\nsecond line",
        "",
        "x" * 65,
        b"bytes",
        ["a", "list"],
        {"a": "mapping"},
        int("f8f8f0ce" * 8, 16),
        float("inf"),
        float("nan"),
        Path("/srv/pictures/holiday.jpg"),
    ],
)
def test_what_could_name_a_picture_or_a_person_is_masked(value: object) -> None:
    line = line_of(kind=value)
    assert logs.MASK in line["kind"] or line["kind"] == logs.TEXT_REMOVED
    assert str(value) not in line["kind"] or str(value) == ""


@pytest.mark.parametrize(
    "value", ["image/jpeg", "unreadable.truncated", "1.4.0", "case-000123", "known-ai", "a:b", "12:30"]
)
def test_ordinary_tokens_pass(value: str) -> None:
    assert line_of(kind=value)["kind"] == value


def test_the_event_is_a_fixed_word_and_never_a_sentence() -> None:
    assert line_of("worker-died")["event"] == "worker-died"
    assert line_of("media.worker-died")["event"] == "media.worker-died"
    assert line_of(f"file {CANARY}.jpg is bad")["event"] == logs.UNNAMED
    assert line_of("a" * 65)["event"] == logs.UNNAMED
    assert line_of("d41d8cd98f00b204e9800998ecf8427e")["event"] == logs.MASK


def test_an_error_of_ours_is_its_code_and_any_other_its_class() -> None:
    assert line_of(error=UnreadableError(f"{CANARY}", code="unreadable.truncated"))["error"] == "unreadable.truncated"
    assert line_of(error=ValueError(CANARY))["error"] == "ValueError"


def test_a_trace_names_places_and_no_values() -> None:
    def fails(secret: str) -> None:
        raise ValueError(secret)

    try:
        fails(CANARY)
    except ValueError as e:
        for given_as in (True, e, (type(e), e, e.__traceback__)):
            line = line_of(exc_info=given_as)
            assert line["error"] == "ValueError"
            assert re.search(r"test_logs\.py:\d+:test_a_trace.* > test_logs\.py:\d+:fails$", line["trace"])
            assert CANARY not in json.dumps(line)
    assert "trace" not in line_of(exc_info=False)


secrets = st.one_of(
    st.binary(min_size=16, max_size=48).map(bytes.hex),
    st.binary(min_size=32, max_size=32).map(lambda b: b.hex().upper()),
    st.ip_addresses().map(str),
    st.emails(),
    st.lists(st.sampled_from(["carrot", "leek", "in", "a", "basket"]), min_size=2).map(" ".join),
)


@given(
    secret=secrets,
    name=st.one_of(st.sampled_from(sorted(logs.FIELDS)), st.from_regex(r"[a-z_]{1,12}", fullmatch=True)),
    wrap=st.sampled_from(["{}", "x-{}", "{}.jpg", "({})", "{}, {}", "kind={}"]),
    as_error=st.booleans(),
)
def test_no_canary_comes_through(secret: str, name: str, wrap: str, as_error: bool) -> None:
    if name in ("event", "self"):
        name = "kind"
    text = wrap.format(secret, secret)
    value: object = ValueError(text) if as_error else text
    written = lines_of(**{name: value}) + lines_of(text)
    for part in {secret, secret.lower(), secret.upper()}:
        assert part not in written


def test_the_same_in_lines_for_people() -> None:
    out = io.StringIO()
    logs.configure(to=out)
    logs.get_logger("cli").error("fault", kind="203.0.113.7", reason="d41d8cd98f00b204e9800998ecf8427e", prompt=CANARY)
    assert "203.0" not in out.getvalue()
    assert "d41d8" not in out.getvalue()
    assert CANARY not in out.getvalue()


def test_nothing_is_written_before_configure_or_below_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logs.get_logger("banks")
    logger.error("early")
    out = io.StringIO()
    logs.configure(to=out, level="warning")
    logger.info("quiet")
    logger.warning("heard")
    assert "quiet" not in out.getvalue()
    assert "heard" in out.getvalue()
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_stderr_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logs.get_logger("cli").info("started")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "cli: started" in captured.err


def test_a_file_is_appended_to_and_private(tmp_path: Path) -> None:
    path = tmp_path / "firstlight.log"
    for _ in range(2):
        logs.configure(to=path)
        logs.get_logger("cli").info("started")
        logs.close()
    assert path.read_text().count("started") == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_opened_and_a_level_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be opened"):
        logs.configure(to=tmp_path / "missing" / "x.log")
    with pytest.raises(InputError, match="no level"):
        logs.configure(level="loud")


def test_a_full_disk_stops_no_work_and_is_told_later() -> None:
    class Full(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    out = Full()
    logs.configure(to=out, style=logs.Style.JSON)
    logger = logs.get_logger("custody")
    logger.info("one")
    logger.info("two")
    out.full = False
    logger.info("three")
    logger.info("four")
    three, four = map(json.loads, out.getvalue().splitlines())
    assert (three["event"], three["lost"]) == ("three", 2)
    assert "lost" not in four


def test_a_library_is_heard_but_not_quoted() -> None:
    out = io.StringIO()
    logs.configure(to=out, style=logs.Style.JSON)
    logging.getLogger("PIL.Image").warning("cannot open %s", CANARY)
    line = json.loads(out.getvalue())
    assert (line["room"], line["library"], line["level"]) == ("library", "PIL.Image", "warning")
    assert CANARY not in out.getvalue()


def test_every_field_is_explained() -> None:
    assert all(re.fullmatch(r"[a-z_]+", name) and meaning for name, meaning in logs.FIELDS.items())
