"""Whatever happens, what was decided to be reported is reported once, and says only what was recorded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from casework.making import AT_ONCE, SETTINGS, case_of, jpeg, look_at, png, put, report_it, take_in, upload
from firstlight.casework import cases, facts, filing, preserve, reconcile
from firstlight.casework.home import Home
from firstlight.custody import EventType
from firstlight.cybertip import DEMO_CREDENTIALS, Client, Credentials, Fault, FaultKind, Filing, FilingState, Simulator
from firstlight.cybertip.model.codes import IndustryClassification
from firstlight.cybertip.simulator.faults import Endpoint
from firstlight.cybertip.simulator.reports import ReportState, StoredReport
from firstlight.errors import FirstlightError, InputError, RefusedError, StateError, UpstreamError
from firstlight.media import Cage
from firstlight.store import tables
from firstlight.store.tables import Item


@pytest.fixture
def case(home: Home, cage: Cage, tmp_path: Path) -> int:
    """A case of two accounts, decided to be reported."""
    about = {"a.jpg": upload("u1", ip="93.184.216.34", port=4711), "b.png": upload("u2")}
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1), "b.png": png(1)})], about)
    case = case_of(home, "a.jpg")
    look_at(home, cases.next_unit(home, case).shown)
    report_it(home, case)
    return case


def _finished(simulator: Simulator) -> list[StoredReport]:
    return [report for report in simulator.reports() if report.state is ReportState.FINISHED]


def _states(home: Home) -> set[str]:
    with home.look() as work:
        return set(work.session.scalars(select(Item.state)))


def test_each_account_of_a_case_gets_a_report_of_its_own(
    home: Home, case: int, client: Client, simulator: Simulator
) -> None:
    filed = filing.file_case(home, case, client, retries=AT_ONCE)
    assert [one.state for one in filed] == [FilingState.FINISHED] * 2
    reports = _finished(simulator)
    assert len(reports) == 2
    assert [len(report.files) for report in reports] == [1, 1]
    assert "<espIdentifier>u1</espIdentifier>" in reports[0].xml
    assert "u2" not in reports[0].xml
    assert "<espIdentifier>u2</espIdentifier>" in reports[1].xml
    assert cases.show(home, case).state == "filed"
    with pytest.raises(StateError, match="Nothing in case"):
        filing.file_case(home, case, client, retries=AT_ONCE)
    assert len(_finished(simulator)) == 2


def test_a_case_is_not_filed_as_long_as_one_of_its_reports_is_not(home: Home, case: int, simulator: Simulator) -> None:
    faults = (Fault(kind=FaultKind.STATUS, endpoint=Endpoint.SUBMIT, nth=2, times=50),)
    with Simulator.of(home.clock, faults=faults) as service, Client(service.destination, DEMO_CREDENTIALS) as client:
        with pytest.raises(UpstreamError):
            filing.file_case(home, case, client, retries=AT_ONCE)
        assert len(_finished(service)) == 1
    assert cases.show(home, case).state == "decided"
    assert reconcile.reconcile(home).reports_unfinished == 1
    with Client(simulator.destination, DEMO_CREDENTIALS) as client:
        filing.file_case(home, case, client, retries=AT_ONCE)
    assert len(_finished(simulator)) == 1
    assert cases.show(home, case).state == "filed"


def test_a_report_that_may_not_be_filed_does_not_block_the_others(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    about = {name: upload(account) for name, account in (("a.png", "u1"), ("b.png", "u2"), ("c.png", "u3"))}
    files = {"a.png": png(1), "b.png": png(1, Comment="copy"), "c.png": png(1, Comment="another")}
    take_in(home, cage, [put(tmp_path / "in", files)], about)
    case = case_of(home, "a.png")
    first, second, third = (item.item for item in cases.show(home, case).items)
    report_it(home, case, items=(first,), classification=IndustryClassification.A1)  # nobody saw it: untrue
    report_it(home, case, items=(second,))
    report_it(home, case, items=(third,), escalation="A child may be in danger now.")
    with pytest.raises(RefusedError, match="Of the 3 reports of this case, 2 are filed and 1 wait") as caught:
        filing.file_case(home, case, client, retries=AT_ONCE)
    assert caught.value.diagnostics().code == "refused.untrue"
    reports = _finished(simulator)
    assert [name in report.xml for report, name in zip(reports, ("u3", "u2"), strict=True)] == [True, True]
    look_at(home, first)
    filing.file_case(home, case, client, retries=AT_ONCE)
    assert len(_finished(simulator)) == 3
    assert reconcile.reconcile(home).adds_up


def test_an_escalated_report_that_was_begun_is_gone_on_with_first(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    about = {"a.png": upload("u1"), "b.png": upload("u2")}
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1), "b.png": png(1, Comment="copy")})], about)
    case = case_of(home, "a.png")
    first, second = (item.item for item in cases.show(home, case).items)
    report_it(home, case, items=(second,), escalation="A child may be in danger now.")
    faults = (Fault(kind=FaultKind.STATUS, endpoint=Endpoint.SUBMIT, times=50),)
    with Simulator.of(home.clock, faults=faults) as service, Client(service.destination, DEMO_CREDENTIALS) as other:
        with pytest.raises(UpstreamError) as caught:
            filing.file_case(home, case, other, retries=AT_ONCE)
        assert "reports of this case" not in caught.value.diagnostics().message
    report_it(home, case, items=(first,))
    filing.file_case(home, case, client, retries=AT_ONCE)
    assert ["u2" in report.xml for report in _finished(simulator)] == [True, False]


def test_credentials_that_are_refused_are_not_tried_for_every_report(home: Home, case: int) -> None:
    with Simulator.of(home.clock, credentials=Credentials("other", "other")) as service:
        with Client(service.destination, DEMO_CREDENTIALS) as client, pytest.raises(UpstreamError) as caught:
            filing.file_case(home, case, client, retries=AT_ONCE)
        assert caught.value.diagnostics().code == filing.CREDENTIALS
        assert len(service.log()) == 1


def test_who_is_found_again_is_reported_again_with_the_earlier_reports(
    home: Home, case: int, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    first, _ = filing.file_case(home, case, client, retries=AT_ONCE)
    assert first.receipt is not None
    take_in(
        home, cage, [put(tmp_path / "more", {"c.jpg": jpeg(1, quality=94), "d.jpg": jpeg(9)})], default=upload("u1")
    )
    assert case_of(home, "c.jpg") == case  # the case is open again
    for name in ("c.jpg", "d.jpg"):
        number = case_of(home, name)
        report_it(home, number)
        (again,) = filing.file_case(home, number, client, retries=AT_ONCE)
        assert again.receipt is not None
        xml = _finished(simulator)[-1].xml
        assert f"<priorCTReports>{first.receipt.report_id}</priorCTReports>" in xml
    assert len(_finished(simulator)) == 4
    account = reconcile.reconcile(home, originals=True)
    assert account.adds_up, account.discrepancies
    assert account.filed == 4


STEPS = [Endpoint.SUBMIT, Endpoint.UPLOAD, Endpoint.FILEINFO, Endpoint.FINISH]
KINDS = [FaultKind.DROP_REQUEST, FaultKind.DROP_ANSWER, FaultKind.STATUS, FaultKind.STATUS_AFTER, FaultKind.TRUNCATE]


@pytest.mark.parametrize("endpoint", STEPS)
def test_every_fault_at_every_step_ends_in_one_report_an_account(home: Home, case: int, endpoint: Endpoint) -> None:
    faults = tuple(Fault(kind=kind, endpoint=endpoint, nth=1 + 3 * n) for n, kind in enumerate(KINDS))
    with Simulator.of(home.clock, faults=faults) as service, Client(service.destination, DEMO_CREDENTIALS) as client:
        for _ in range(20):
            try:
                filing.file_case(home, case, client, retries=AT_ONCE)
            except UpstreamError:
                assert reconcile.reconcile(home).adds_up
            except StateError:
                break
        reports = _finished(service)
    assert sorted(len(report.files) for report in reports) == [1, 1]
    assert len({file.sha256 for report in reports for file in report.files.values()}) == 2
    assert _states(home) == {"filed"}
    assert reconcile.reconcile(home).adds_up


def test_two_that_file_one_case_at_once_file_it_once(home: Home, case: int, simulator: Simulator) -> None:
    def work(_: int) -> tuple[Filing, ...] | FirstlightError:
        with (
            Home.open(home.folder, clock=home.clock) as mine,
            Client(simulator.destination, DEMO_CREDENTIALS) as client,
        ):
            try:
                return filing.file_case(mine, case, client, retries=AT_ONCE)
            except FirstlightError as e:
                return e

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(work, range(4)))
    wrong = [one for one in found if isinstance(one, FirstlightError) and not isinstance(one, StateError)]
    assert not wrong, [one.diagnostics() for one in wrong]
    if _states(home) != {"filed"}:  # each may have met the other at another report
        with Client(simulator.destination, DEMO_CREDENTIALS) as client:
            filing.file_case(home, case, client, retries=AT_ONCE)
    assert len(_finished(simulator)) == 2
    assert reconcile.reconcile(home).adds_up
    with home.look() as work_:
        assert len(work_.session.scalars(select(tables.Filing)).all()) == 2


def test_what_is_untrue_is_refused_and_nothing_is_frozen(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})], default=upload("u1"))
    case = case_of(home, "a.jpg")
    item = cases.next_unit(home, case).shown
    report_it(home, case, classification=IndustryClassification.A1)
    with pytest.raises(RefusedError, match="nobody viewed it") as caught:
        filing.file_case(home, case, client, retries=AT_ONCE)
    assert caught.value.diagnostics().code == "refused.untrue"
    assert (simulator.reports(), filing.filings(home, case)) == ((), ())
    look_at(home, item)  # now it is true
    (filed,) = filing.file_case(home, case, client, retries=AT_ONCE)
    assert filed.state is FilingState.FINISHED
    assert reconcile.reconcile(home).adds_up


def test_a_viewing_after_the_draft_makes_a_new_draft_and_blocks_nothing(
    home: Home, cage: Cage, client: Client, simulator: Simulator, tmp_path: Path
) -> None:
    take_in(home, cage, [put(tmp_path / "in", {"a.jpg": jpeg(1)})], default=upload("u1"))
    case = case_of(home, "a.jpg")
    item = cases.next_unit(home, case).shown
    report_it(home, case)
    faults = (Fault(kind=FaultKind.STATUS, endpoint=Endpoint.SUBMIT, times=50),)
    with (
        Simulator.of(home.clock, faults=faults) as service,
        Client(service.destination, DEMO_CREDENTIALS) as other,
        pytest.raises(UpstreamError),
    ):
        filing.file_case(home, case, other, retries=AT_ONCE)
    look_at(home, item)
    with pytest.raises(RefusedError):
        filing.file_case(home, case, client, retries=AT_ONCE)
    assert cases.waiting_for_report(home) == (case,)
    (filed,) = filing.file_case(home, case, client, retries=AT_ONCE)
    assert filed.state is FilingState.FINISHED
    (report,) = _finished(simulator)
    assert "<fileViewedByEsp>true</fileViewedByEsp>" in (next(iter(report.files.values())).details or "")
    assert reconcile.reconcile(home).adds_up


def test_settings_that_do_not_say_who_reports_are_named(home: Home, case: int, client: Client) -> None:
    settings = home.folder / "settings.toml"
    settings.write_text(settings.read_text().replace(SETTINGS, ""))
    with Home.open(home.folder, clock=home.clock) as nobody:
        with pytest.raises(InputError, match="who reports") as caught:
            filing.file_case(nobody, case, client)
        assert "contact_email" in caught.value.diagnostics().hint
        assert filing.filings(nobody, case) == ()


def test_the_record_of_a_file_that_was_never_here_is_empty(home: Home) -> None:
    record = facts.SqlRecord(home)
    assert (record.viewings("0" * 64), record.matches("0" * 64), record.prior_reports()) == ((), (), frozenset())


def test_preservation_runs_from_the_receipt_and_is_logged(home: Home, case: int, client: Client) -> None:
    filed = filing.file_case(home, case, client, retries=AT_ONCE)
    until = {one.receipt.preserve_until for one in filed if one.receipt}
    with home.look() as work:
        items = work.session.scalars(select(Item)).all()
        logged = list(work.log.entries(types=[EventType.RETENTION_SET]))
    assert {item.deadline for item in items} == until
    assert {item.owner for item in items} == {"preservation"}
    assert len(logged) == 2


def test_a_package_speaks_for_the_most_urgent_item_also_when_it_is_decided(
    home: Home, cage: Cage, tmp_path: Path
) -> None:
    about = {"a.png": upload("u1"), "z.png": upload("u2", context={"facts": ["live"]})}
    take_in(home, cage, [put(tmp_path / "in", {"a.png": png(1), "z.png": png(1, Comment="copy")})], about)
    case = case_of(home, "a.png")
    urgent = next(item.item for item in cases.show(home, case).items if item.name == "z.png")
    report_it(home, case)
    package = Path(preserve.export(home, case, tmp_path / "out").folder)
    assert "A child may be in danger now" in (package / "START-HERE.txt").read_text()
    assert urgent


def test_what_an_export_that_was_cut_off_has_left_is_removed(
    home: Home, case: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    left = out / f".firstlight-case-{case}-1.0badcafe.partial"
    left.mkdir(parents=True)
    (left / "records").write_bytes(b"half of something")
    preserve.export(home, case, out)
    preserve.export(home, case, out)
    assert sorted(path.name for path in out.iterdir()) == [f"firstlight-case-{case}-1", f"firstlight-case-{case}-2"]


def test_an_export_that_fails_leaves_neither_a_package_nor_an_event(
    home: Home, case: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FirstlightError, match="file"):
        preserve.export(home, case, tmp_path / "file")
    with home.look() as work:
        assert list(work.log.entries(types=[EventType.EXPORT])) == []
