"""The API keeps to its own description, whatever is sent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance, unsupported_method

from casework.making import new_home
from firstlight.casework.settings import Service as ServiceSettings
from firstlight.media import Cage
from firstlight.web.access import api_keys
from firstlight.web.access.policy import FOR_MACHINES
from firstlight.web.app import create_app
from firstlight.web.service import Service


@pytest.fixture(scope="module")
def api(cage: Cage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    """The API as described, called with a key that has every scope."""
    with new_home(Path(tmp_path_factory.mktemp("api")) / "home") as home:
        service = Service(home=home, settings=ServiceSettings(also_known_as=("testserver",)), cage=cage)
        _, secret = api_keys.add(home, "tester", FOR_MACHINES)
        headers = {"Authorization": f"Bearer {secret}"}
        found = schemathesis.openapi.from_asgi("/v1/openapi.json", create_app(service))
        found.config.update(headers=headers)
        yield found
        service.audit.close()


FACTS = "/v1/items"
"""What takes facts of an upload: some rules on them lie between fields or in kinds of characters, such as that an
account holds no control character. No schema says them; an answer of 422 does."""

BOUNDED = settings(max_examples=6, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_one_that_the_description_names(
    api: schemathesis.BaseSchema, mode: GenerationMode, subtests: pytest.Subtests
) -> None:
    for found in api.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]

        @BOUNDED
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case[Any]) -> None:
            ruled = [positive_data_acceptance] if case.operation.path == FACTS else []
            case.call_and_validate(excluded_checks=[unsupported_method, ignored_auth, *ruled])

        with (
            subtests.test(f"{operation.method} {operation.path}"),
            contextlib.suppress(Unsatisfiable),  # what takes nothing cannot be asked wrongly
        ):
            check()
