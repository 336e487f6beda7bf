"""The task that a caged worker runs: one file in, its indicators as plain JSON out."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from firstlight.errors import InputError
from firstlight.origin.examination import examine_bytes
from firstlight.origin.trust import NO_TRUST, TrustLists


def prepare() -> None:
    """Load what examining needs, before the first foreign byte."""
    import c2pa  # noqa: F401
    import numpy as np  # noqa: F401
    from PIL import Image

    from firstlight.origin.second_reader import second_opinion

    second_opinion(b"", "image/jpeg")
    Image.preinit()


def examine(data: Any, _limits: object, *, trust: dict[str, Any] | None = None, pixels: bool = True) -> dict[str, Any]:  # noqa: ANN401
    """The indicators of a caged file: `{"indicators": [...]}`.

    Raises:
        InputError: the trust lists that came along are damaged.
    """
    try:
        lists = NO_TRUST if trust is None else TrustLists.model_validate(trust)
    except ValidationError as e:
        raise InputError("The trust lists did not reach the worker whole.", hint="Load the lists anew.") from e
    content = data if isinstance(data, bytes) else data.read()
    found = examine_bytes(content, lists, pixels=pixels)
    return {"indicators": [indicator.model_dump(mode="json") for indicator in found]}
