"""What a case is linked with, on its page: facts, and only where there are any."""

from __future__ import annotations

from pathlib import Path

import pytest

from casework.making import case_of, put, take_in, upload
from firstlight.casework import linking
from firstlight.casework.home import Home
from firstlight.casework.upload import Party
from firstlight.media import Cage
from firstlight.web.access.policy import Role
from web.conftest import SignedInAs


def test_a_case_names_the_cases_it_is_linked_with(
    home: Home, cage: Cage, tmp_path: Path, signed_in: SignedInAs
) -> None:
    mail = Party.model_validate({"emails": [{"value": "carrot@veg.example"}]})
    files = {"a.txt": b"one", "b.txt": b"two words", "c.txt": b"and three words"}
    about = {"a.txt": upload("<u1>", holder=mail), "b.txt": upload("<u2>", holder=mail), "c.txt": upload("u3")}
    take_in(home, cage, [put(tmp_path / "in", files)], about)
    first, second, alone = (case_of(home, name) for name in files)
    reader = signed_in(Role.REVIEWER)

    page = reader.get(f"/cases/{first}").text
    assert "Linked with" in page
    assert f'<a href="/cases/{second}">Case {second}</a>: &lt;u2&gt;, uploader of 1 item.' in page
    assert "email carrot@veg.example." in page
    assert "<img" not in page
    assert "Linked with" not in reader.get(f"/cases/{alone}").text

    edge = next(one.edge for one in linking.links_of(home, first).edges if one.account == "<u2>")
    address = f"/cases/{first}/links/{edge}"
    assert reader.post(address, data={"why": " "}).status_code == 400
    assert reader.post(address, data={"why": "A family's address."}).status_code == 303
    page = reader.get(f"/cases/{first}").text
    assert f'<a href="/cases/{second}">' not in page
    assert "Unlinked by reviewer-1: A family&#39;s address." in page
    assert [one.unlinked for one in linking.links_of(home, first).edges if one.edge == edge] == [True]
    assert "Link it again" in page
    refused = reader.post(address, data={"why": "Once more."})
    assert refused.status_code == 409
    assert 'value="Once more."' in refused.text
    assert reader.post(address, data={"why": "It is one person.", "joins": "true"}).status_code == 303
    assert f'<a href="/cases/{second}">' in reader.get(f"/cases/{first}").text


def test_a_person_lets_a_held_identifier_join(
    home: Home, cage: Cage, tmp_path: Path, signed_in: SignedInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linking, "MAX_SHARED", 1)
    mail = Party.model_validate({"emails": [{"value": "carrot@veg.example"}]})
    files = {"a.txt": b"one", "b.txt": b"two words"}
    take_in(home, cage, [put(tmp_path / "in", files)], {name: upload(name, holder=mail) for name in files})
    first, second = (case_of(home, name) for name in files)
    reader, reviewer = signed_in(Role.CUSTODIAN), signed_in(Role.REVIEWER)
    held = next(one for one in linking.links_of(home, first).edges if one.held)
    assert "Let it join" not in reader.get(f"/cases/{first}").text
    page = reviewer.get(f"/cases/{first}").text
    assert "Look first." in page
    assert f'<option value="{held.edge}" >a.txt: email carrot@veg.example</option>' in page

    said = {"edge": str(held.edge), "why": "One person."}
    assert reviewer.post(f"/cases/{first}/links/join", data=said | {"why": " "}).status_code == 400
    answer = reviewer.post(f"/cases/{first}/links/join", data=said)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{first}#links")
    page = reviewer.get(f"/cases/{first}").text
    assert f'<a href="/cases/{second}">Case {second}</a>: b.txt, uploader of 1 item.' in page
    assert "Look first." not in page
