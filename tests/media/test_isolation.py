"""The layers that are taken from a worker, as far as they can be looked at from outside."""

from __future__ import annotations

import platform
import struct
import sys
from pathlib import Path

import pytest

from firstlight.media import Cage, Isolation
from firstlight.media import _isolation as isolation


@pytest.mark.parametrize("machine", sorted(isolation._ARCHITECTURES))
def test_every_jump_of_the_filter_stays_inside_it(machine: str) -> None:
    code = isolation._filter_program(machine)
    instructions = [struct.unpack("=HBBI", code[at : at + 8]) for at in range(0, len(code), 8)]
    assert len(instructions) < 4096  # the kernel's limit
    for at, (kind, yes, no, _) in enumerate(instructions):
        if kind & 7 == 5:
            assert at + 1 + max(yes, no) < len(instructions)
    assert instructions[-1] == (isolation._RETURN, 0, 0, isolation._ALLOW)


@pytest.mark.parametrize("machine", sorted(isolation._ARCHITECTURES))
def test_no_call_is_refused_twice_and_clone_is_not_refused_outright(machine: str) -> None:
    refused = isolation._REFUSED[machine]
    assert len(set(refused)) == len(refused)
    assert isolation._CLONE[machine] not in refused


def test_an_unknown_machine_has_no_call_filter_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "vax")
    assert isolation._restrict_calls() is False


def test_the_folder_somebody_works_in_is_not_readable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "site-packages").mkdir()
    monkeypatch.setattr("sys.path", ["", str(tmp_path), str(tmp_path / "site-packages"), *sys.path])
    readable = isolation.readable_folders()
    assert str(tmp_path / "site-packages") in readable
    assert str(tmp_path) not in readable
    assert "" not in readable
    assert sys.base_prefix in readable


def test_no_network_means_one_of_two_layers() -> None:
    assert not Isolation(limits=True).no_network
    assert Isolation(own_network=True).no_network
    assert Isolation(system_calls=True).no_network


def test_the_cage_reports_what_holds(cage: Cage) -> None:
    told = cage.isolation.as_dict()
    assert set(told) == {"limits", "no_new_privileges", "own_network", "system_calls", "files"}
    assert told["limits"]
