"""What `doctor` says of the cage and of the search kernels."""

from __future__ import annotations

from dataclasses import fields

from cli.conftest import Run
from firstlight.cli.doctor import LAYERS, isolation_words, kernel_words
from firstlight.errors import Fact
from firstlight.media import Cage


def test_every_layer_has_words(cage: Cage) -> None:
    assert set(LAYERS) == set(cage.isolation.as_dict()) == {field.name for field in fields(cage.isolation)}


def test_a_layer_that_this_kernel_does_not_give_is_named() -> None:
    whole = dict.fromkeys(LAYERS, True)
    assert "NOT GIVEN" not in isolation_words(whole)
    words = isolation_words({**whole, "files": False, "own_network": False})
    assert "memory, time and files are limited" in words
    assert words.endswith(f"NOT GIVEN by this kernel: {LAYERS['own_network'][1]}, {LAYERS['files'][1]}")
    assert isolation_words(dict.fromkeys(LAYERS, False)).startswith("NOT GIVEN")


def test_kernels_that_are_compiled_again_each_time_are_named() -> None:
    facts: dict[str, Fact] = {"cached": True, "cache_folder": "/var/cache", "processor": "some-cpu"}
    assert kernel_words(facts) == "compiled for some-cpu, kept in /var/cache"
    assert "NOT KEPT" in kernel_words({**facts, "cached": False, "cache_folder": ""})


def test_the_facts_stand_in_the_answer(run: Run, cage: Cage) -> None:
    checks = {check["name"]: check for check in run("doctor", "--json").document["checks"]}
    assert checks["caged workers"]["ok"], checks["caged workers"]["says"]
    assert checks["search kernels"]["ok"]
    assert checks["caged workers"]["facts"] == cage.isolation.as_dict()
    assert set(checks["search kernels"]["facts"]) == {"cached", "cache_folder", "processor"}
    assert str(checks["search kernels"]["facts"]["processor"]) in checks["search kernels"]["says"]
