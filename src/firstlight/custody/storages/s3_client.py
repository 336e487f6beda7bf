"""The one door to an object store: a client that knows nothing but the settings, and the words for its errors."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import Any

from firstlight.errors import InputError, MissingExtraError, StorageError

_AWAY = ("500", "502", "503", "504", "InternalError", "ServiceUnavailable", "SlowDown", "RequestTimeout")
_DENIED = ("AccessDenied", "403", "InvalidRequest", "AccessDeniedException")


@dataclass(frozen=True, slots=True)
class Speaks:
    """How patiently: tries of one request, with growing pauses, and seconds until one counts as unanswered."""

    attempts: int = 5
    connect_seconds: float = 5.0
    read_seconds: float = 60.0


def connect(endpoint: str, region: str, access_key: str, secret_key: str, speaks: Speaks) -> Any:  # noqa: ANN401 - foreign
    """A client of this endpoint and of no other place; nothing is sent yet.

    Raises:
        MissingExtraError: boto3 is not installed.
        InputError: the endpoint is no address.
    """
    try:
        session_type: Any = importlib.import_module("botocore.session").Session
        config_type: Any = importlib.import_module("botocore.config").Config
        boto3: Any = importlib.import_module("boto3")
    except ImportError as e:
        raise MissingExtraError(
            "Originals in an object store need the library boto3.", hint="pip install 'firstlight[s3]'"
        ) from e
    session = session_type()
    for name in ("config_file", "credentials_file"):
        session.set_config_variable(name, os.devnull)  # nothing but the settings of this house counts
    config = config_type(
        retries={"mode": "standard", "total_max_attempts": speaks.attempts},
        connect_timeout=speaks.connect_seconds,
        read_timeout=speaks.read_seconds,
        proxies={},
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        return boto3.session.Session(botocore_session=session).client(
            "s3",
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=config,
        )
    except ValueError as e:
        raise InputError(
            f"{endpoint!r} is no address of an object store.",
            hint="It begins with https://, as in https://s3.eu-west-1.amazonaws.com",
        ) from e


def call(client: Any, what: str, **arguments: object) -> Any:  # noqa: ANN401 - foreign
    """What the store answers to one request; bodies are read here, so that their errors are told here too.

    Raises:
        StorageError: it refuses or does not answer; `error_code` tells the store's own code.
    """
    errors: Any = importlib.import_module("botocore.exceptions")
    try:
        answer = getattr(client, what)(**arguments)
        if "Body" in answer:
            answer["Body"] = answer["Body"].read()
    except errors.ClientError as e:
        raise _refusal(client, what, e) from e
    except (errors.BotoCoreError, OSError) as e:
        raise _silence(client, type(e).__name__) from e
    return answer


def error_code(error: StorageError) -> str:
    """The store's own code of a refusal; empty where it did not answer at all."""
    return str(error.diagnostics().facts.get("store_code", ""))


def denied(error: StorageError) -> bool:
    """Whether the store does not permit what was asked for."""
    return error_code(error) in _DENIED


def _refusal(client: Any, what: str, error: Any) -> StorageError:  # noqa: ANN401 - foreign
    found = error.response.get("Error", {})
    code, status = str(found.get("Code") or ""), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in _AWAY or (isinstance(status, int) and status >= 500):
        return _silence(client, code or str(status))
    message = str(found.get("Message") or "it gives no reason")[:200]
    return StorageError(
        f"The object store {_address(client)} refuses {what.replace('_', ' ')}: {code}: {message}.",
        hint="Check bucket, credentials and permissions in the settings of the vault.",
        code="storage.s3-refused",
        store_code=code,
    )


def _silence(client: Any, why: str) -> StorageError:  # noqa: ANN401 - foreign
    return StorageError(
        f"The object store {_address(client)} does not answer ({why}).",
        hint="Nothing is lost: what was kept before stands, and what was not kept was not said to be. Try again later.",
        code="storage.s3-away",
    )


def _address(client: Any) -> str:  # noqa: ANN401 - foreign
    return str(client.meta.endpoint_url)
