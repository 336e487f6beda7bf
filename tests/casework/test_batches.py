"""One viral file and the many who passed it on become one report, without losing what is known of any of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from casework.making import AT_ONCE, SETTINGS, case_of, jpeg, png, put, report_it, statements, take_in, upload
from firstlight.casework import cases, facts, filing, overview, reconcile
from firstlight.casework.home import Home
from firstlight.cybertip import Client, FilingState, Simulator
from firstlight.cybertip.drafting.facts import FileSign
from firstlight.errors import InputError, RefusedError
from firstlight.media import Cage

VIRAL = (FileSign.VIRAL,)


def _case(home: Home, cage: Cage, tmp_path: Path, **accounts: dict[str, object]) -> int:
    """One picture, taken in from each of these accounts."""
    data = jpeg(1)
    files = {f"{name}.jpg": data for name in accounts}
    about = {f"{name}.jpg": upload(name, **more) for name, more in accounts.items()}
    take_in(home, cage, [put(tmp_path / "in", files)], about)
    return case_of(home, f"{next(iter(accounts))}.jpg")


def test_one_report_names_all_who_passed_it_on(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    case = _case(home, cage, tmp_path, u1={}, u2={}, u3={"recipients": [{"account": "u9"}]})
    report_it(home, case, signs=VIRAL)
    drafted = filing.draft(home, case, batched=True)
    assert [facts.accounts_of(one.account) for one in drafted] == [("u1", "u2"), ("u3",)]
    assert all(one.findings.may_be_filed for one in drafted)
    filed = filing.file_case(home, case, client, retries=AT_ONCE, batched=True)
    assert [one.state for one in filed] == [FilingState.FINISHED] * 2
    batched = [one for one in simulator.reports() if "batchedReport" in one.xml]
    (one,) = batched
    assert one.xml.count("<espIdentifier>") == 2
    assert len(one.files) == 1
    assert cases.show(home, case).state == "filed"
    assert reconcile.reconcile(home).adds_up
    assert overview.report_statistics(home).to_table()


def test_a_case_is_read_once_for_all_its_accounts(home: Home, cage: Cage, client: Client, tmp_path: Path) -> None:
    accounts: dict[str, dict[str, object]] = {f"u{number}": {} for number in range(5)}
    case = _case(home, cage, tmp_path, **accounts)
    report_it(home, case)

    def reads(said: list[str]) -> int:
        return sum("JOIN decisions" in one and "decisions.document" in one for one in said)

    with statements() as said:
        assert [one.account for one in filing.draft(home, case)] == list(accounts)
    assert reads(said) == 1
    with statements() as said:
        assert [one.account for one in overview.waiting(home).reports] == list(accounts)
    assert reads(said) == 1
    with statements() as said:
        assert len(filing.file_case(home, case, client, retries=AT_ONCE)) == len(accounts)
    assert reads(said) == 1
    assert reconcile.reconcile(home).adds_up


def test_who_was_in_a_batch_and_is_found_again_is_linked_to_it(
    home: Home, cage: Cage, client: Client, tmp_path: Path
) -> None:
    case = _case(home, cage, tmp_path, u1={}, u11={})
    report_it(home, case, signs=VIRAL)
    (filed,) = filing.file_case(home, case, client, retries=AT_ONCE, batched=True)
    assert filed.receipt is not None
    about = {"c.png": upload("u1"), "d.png": upload("u")}
    take_in(home, cage, [put(tmp_path / "more", {"c.png": png(7), "d.png": png(8)})], about)
    for name, prior in (("c.png", (filed.receipt.report_id,)), ("d.png", ())):
        again = case_of(home, name)
        report_it(home, again)
        (drafted,) = filing.draft(home, again)
        (suspect,) = drafted.draft.report.person_or_user_reported
        assert suspect.prior_ct_reports == prior


@pytest.mark.parametrize(
    "more",
    [
        {"signs": (FileSign.VIRAL, FileSign.INFANT)},
        {"escalation": "A child may be in danger."},
        {"case_signs": ("spam",)},
        {"signs": (FileSign.INFANT,)},
    ],
)
def test_what_a_batch_cannot_carry_gets_reports_of_its_own(
    home: Home, cage: Cage, tmp_path: Path, more: dict[str, object]
) -> None:
    case = _case(home, cage, tmp_path, u1={}, u2={})
    report_it(home, case, None, **({"signs": VIRAL} | more))
    assert [one.account for one in filing.draft(home, case, batched=True)] == ["u1", "u2"]


def test_a_single_account_is_no_batch(home: Home, cage: Cage, tmp_path: Path) -> None:
    case = _case(home, cage, tmp_path, u1={})
    report_it(home, case, signs=VIRAL)
    (drafted,) = filing.draft(home, case, batched=True)
    assert drafted.draft.report.batched_report is None


@pytest.fixture
def drawn(home: Home, cage: Cage, tmp_path: Path) -> int:
    """A case of drawings alone, decided to be reported."""
    case = _case(home, cage, tmp_path, u1={})
    report_it(home, case, signs=(FileSign.DRAWN,))
    return case


def _with_policy(home: Home, text: str) -> Home:
    settings = home.folder / "settings.toml"
    settings.write_text(settings.read_text().replace(SETTINGS, SETTINGS + text))
    return Home.open(home.folder, clock=home.clock)


def test_drawn_material_is_filed_under_a_written_policy_alone(
    home: Home, drawn: int, client: Client, simulator: Simulator
) -> None:
    for _ in range(2):
        (told,) = overview.waiting(home).reports
        assert told.troubles == (overview.POLICY_MISSING,)
        assert [one.lacks_policy for one in filing.draft(home, drawn)] == [True]
        with pytest.raises(RefusedError, match="written policy"):
            filing.file_case(home, drawn, client, retries=AT_ONCE)
    assert filing.filings(home, drawn) == ()
    assert simulator.reports() == ()
    text = '[drawn_material]\npolicy = "Policy 7"\nsigned_by = "Ada Example"\nsigned_at = 2026-01-31T12:00:00Z\n'
    with _with_policy(home, text) as allowed:
        policy = facts.drawn_policy(allowed)
        assert policy is not None
        assert policy.signed_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
        assert [one.troubles for one in overview.waiting(allowed).reports] == [()]
        assert [one.lacks_policy for one in filing.draft(allowed, drawn)] == [False]
        (filed,) = filing.file_case(allowed, drawn, client, retries=AT_ONCE)
    assert filed.state is FilingState.FINISHED


@pytest.mark.parametrize("half", ['policy = "Policy 7"', 'signed_by = "Ada"', "signed_at = 2026-01-31T12:00:00Z"])
def test_half_a_policy_is_none_and_said_to_be_half(home: Home, drawn: int, client: Client, half: str) -> None:
    with _with_policy(home, f"[drawn_material]\n{half}\n") as allowed, pytest.raises(InputError, match="by half"):
        filing.file_case(allowed, drawn, client, retries=AT_ONCE)
