"""Keeps what the simulator received in a folder, so that it can be stopped and started again."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from firstlight.cybertip.simulator.reports import ReportState, StoredFile, StoredReport
from firstlight.cybertip.simulator.service import Service
from firstlight.errors import StorageError
from firstlight.values import Document, Instant, Value, Versioned

STATE_FILE = "simulator.json"


class _KeptFile(Value):
    file_id: str
    name: str
    size: int
    md5: str
    sha256: str
    details: str | None = None


class _KeptReport(Value):
    report_id: int
    user: str
    opened_at: Instant
    changed_at: Instant
    xml: str
    batched: bool
    state: ReportState
    finished_at: Instant | None = None
    files: tuple[_KeptFile, ...] = ()


class _Kept(Document):
    title_for_people: ClassVar[str] = "state of the simulator"

    kind: Literal["cybertip-simulator-state"] = "cybertip-simulator-state"
    version: Versioned = 1
    reports: tuple[_KeptReport, ...] = ()


class StateFolder:
    """A folder with the state of one simulator; the file is replaced whole, so a crash leaves the old one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self) -> tuple[StoredReport, ...]:
        """The reports that were kept; none when the folder is new.

        Raises:
            InputError: the file is damaged or of another version.
            StorageError: it cannot be read.
        """
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            data = (self._folder / STATE_FILE).read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as e:
            raise _storage(self._folder, e) from e
        return tuple(
            StoredReport(
                **{name: value for name, value in report if name != "files"},
                files={f.file_id: StoredFile(**dict(f)) for f in report.files},
            )
            for report in _Kept.from_json(data).reports
        )

    def save(self, service: Service) -> None:
        """Write the present state.

        Raises:
            StorageError: it cannot be written.
        """
        kept = _Kept(
            reports=tuple(
                _KeptReport(
                    report_id=r.report_id,
                    user=r.user,
                    opened_at=r.opened_at,
                    changed_at=r.changed_at,
                    xml=r.xml,
                    batched=r.batched,
                    state=r.state,
                    finished_at=r.finished_at,
                    files=tuple(
                        _KeptFile(
                            file_id=f.file_id,
                            name=f.name,
                            size=f.size,
                            md5=f.md5,
                            sha256=f.sha256,
                            details=f.details,
                        )
                        for f in r.files.values()
                    ),
                )
                for r in service.reports()
            )
        )
        new = self._folder / f"{STATE_FILE}.new"
        try:
            new.write_bytes(kept.to_json())
            new.replace(self._folder / STATE_FILE)
        except OSError as e:
            raise _storage(self._folder, e) from e


def _storage(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The simulator's folder {folder} cannot be used: {error.strerror}.", hint="Check the folder and the disk."
    )
