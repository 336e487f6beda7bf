"""A scenario: who comes in, what is seen of them, who reviews. Every rate names its source or says "assumed"."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, model_validator

from firstlight.errors import InputError, NotFoundError, StorageError
from firstlight.values import Value

MAX_ITEMS = 2_000_000
"""Expected arrivals of one scenario; more would run for hours."""

_FOLDER = "firstlight.triage.simulation"


class Rate(Value):
    """A number with where it comes from. A scenario may vary what is assumed, not what was published."""

    value: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
    source: Annotated[str, Field(min_length=3)]

    @property
    def assumed(self) -> bool:
        """Whether nobody has measured it."""
        return self.source.startswith("assumed")


class Seen(Value):
    """What is observed of one class of item: each the probability of one observation, the same for every policy.

    `visible` is that the service states at least one fact of level high or immediate; `immediate` is the share of
    those where it is an immediate one. The rest are what the file and the detector show.
    """

    visible: Rate
    immediate: Rate
    new_upload: Rate
    user_report: Rate
    ai_mark: Rate
    camera_mark: Rate
    hard_camera: Rate
    photo_derived: Rate
    known_child: Rate
    attested: Rate
    called_ai: Rate

    @model_validator(mode="after")
    def _probabilities(self) -> Self:
        for name in type(self).model_fields:
            if getattr(self, name).value > 1:
                msg = f"{name} is a probability and cannot be above 1"
                raise ValueError(msg)
        return self


CLASSES = ("urgent", "child", "other", "flood")
"""urgent: a child who can be reached now; child: a real child; other: neither; flood: the machine-made smoke."""


class Reviewers(Value):
    """Who looks, and how fast: exponential times, day and night."""

    count: Annotated[int, Field(ge=1, le=10_000)]
    per_hour: Rate


class Arrivals(Value):
    """The ordinary stream."""

    per_hour: Rate
    urgent_share: Rate
    child_share: Rate


class Flood(Value):
    """The smoke. `near_duplicates` is the share recognised by pixels as a copy of one of `clusters` pictures."""

    from_hour: Annotated[float, Field(ge=0)]
    hours: Annotated[float, Field(ge=0)]
    per_hour: Rate
    near_duplicates: Rate
    clusters: Annotated[int, Field(ge=1)]


class Scenario(Value):
    """A checked scenario."""

    name: str
    says: str
    days: Annotated[float, Field(gt=0, le=366)]
    reviewers: Reviewers
    arrivals: Arrivals
    flood: Flood
    see: Mapping[str, Seen]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if set(self.see) != set(CLASSES):
            msg = f"see: name exactly {', '.join(CLASSES)}"
            raise ValueError(msg)
        if self.arrivals.urgent_share.value + self.arrivals.child_share.value > 1:
            msg = "arrivals: the shares cannot be more than everything"
            raise ValueError(msg)
        if self.flood.near_duplicates.value > 1:
            msg = "flood: near_duplicates is a share and cannot be above 1"
            raise ValueError(msg)
        items = self.days * 24 * self.arrivals.per_hour.value + self.flood.hours * self.flood.per_hour.value
        if items > MAX_ITEMS:
            msg = f"{items:.0f} items are expected, more than {MAX_ITEMS}"
            raise ValueError(msg)
        return self

    def with_rate(self, path: str, value: float) -> Scenario:
        """The same scenario with one assumed rate changed, named like `see.urgent.visible`.

        Raises:
            InputError: there is no such rate, or it is not assumed.
        """
        plain = self.model_dump()
        part: Any = plain
        for step in path.split("."):
            part = part.get(step) if isinstance(part, dict) else None
        if not isinstance(part, dict) or set(part) != {"value", "source"}:
            raise InputError(f"{path} is no rate of a scenario.", hint="Name one like see.urgent.visible.")
        if not Rate(**part).assumed:
            raise InputError(f"{path} was published, not assumed.", hint="Vary what is assumed.")
        part["value"] = value
        return _checked(plain, f"{self.name} with {path} = {value:g}")


def scenario_names() -> tuple[str, ...]:
    """The scenarios that come with the package, in the order of their numbers."""
    folder = resources.files(_FOLDER).joinpath("scenarios")
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return tuple(name.removesuffix(".toml").partition("-")[2] for name in files)


def load_scenario(name_or_path: str | Path) -> Scenario:
    """A shipped scenario by its name, or one from a file. A file may say `base = "NAME"` and give only what differs.

    Raises:
        NotFoundError: no scenario has that name. InputError: the file is no scenario. StorageError: it cannot be read.
    """
    if isinstance(name_or_path, Path):
        try:
            text = name_or_path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            raise StorageError(f"The scenario {name_or_path.name!r} cannot be read.", hint="Check the path.") from e
        return _checked(_merged(text, name_or_path.name), name_or_path.name)
    return _checked(_merged(_shipped(name_or_path), name_or_path), name_or_path)


def _shipped(name: str) -> str:
    folder = resources.files(_FOLDER).joinpath("scenarios")
    for entry in folder.iterdir():
        if entry.name.partition("-")[2] == f"{name}.toml":
            return entry.read_text(encoding="utf-8")
    raise NotFoundError(f"There is no scenario {name!r}.", hint=f"There are: {', '.join(scenario_names())}.")


def _merged(text: str, name: str, depth: int = 0) -> dict[str, Any]:
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise InputError(f"The scenario {name} is no TOML: {e}.", hint="Correct the line that is named.") from e
    base = raw.pop("base", None)
    if base is None:
        return raw
    if depth or not isinstance(base, str):
        raise InputError(f"The scenario {name}: base must name a scenario that has no base itself.")
    return _over(_merged(_shipped(base), base, depth + 1), raw)


def _over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in changes.items():
        inner = out.get(key)
        out[key] = _over(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return out


def _checked(plain: dict[str, Any], name: str) -> Scenario:
    try:
        return Scenario.model_validate(plain)
    except ValidationError as e:
        faults = "; ".join(
            ": ".join(filter(None, (".".join(map(str, error["loc"])), error["msg"])))
            for error in e.errors(include_url=False)
        )
        raise InputError(f"The scenario {name} cannot be used: {faults}.", hint="Start from a shipped one.") from e
