"""The custody log's leaves in the tables, written in the transaction of the change they record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import func, insert, literal_column, select, update
from sqlalchemy.orm import Session

from firstlight.custody import EventType, StoredLeaf
from firstlight.custody.leaf import parse_leaf
from firstlight.errors import StateError
from firstlight.store.tables import LogCheckpoint, LogHash, LogLeaf

_MANY = 500  # values in one statement; far below every database's limit
_PAGE = 1000  # leaves read at a time
_VIEWING = b'"type":"%s"' % EventType.REVEAL.value.encode()  # exact: inside a text of the leaf quotes are escaped
_LEAVES = select(LogLeaf.seq, LogLeaf.leaf, LogLeaf.sealed, LogLeaf.case_name, LogLeaf.subject)


class SqlLeafStore:
    """A leaf store inside one session: what is appended is kept or lost with everything else in the session.

    A writing session holds the database's write lock from its start, so there is one writer at a time.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def size(self) -> int:
        """How many leaves there are."""
        last = self._session.scalar(select(func.max(LogLeaf.seq)))
        return 0 if last is None else last + 1

    def append(self, leaves: Sequence[StoredLeaf], first_hash: int, hashes: Sequence[bytes]) -> None:
        """Keep leaves and the tree's new hashes.

        Raises:
            StateError: somebody else appended in between.
        """
        if not leaves:
            return
        if leaves[0].seq != self.size():
            raise StateError("The log has grown in the meantime.", hint="Append again; a log has one writer at a time.")
        self._session.execute(
            insert(LogLeaf),
            [
                {
                    "seq": one.seq,
                    "leaf": one.leaf,
                    "sealed": one.sealed,
                    "case_name": one.case,
                    "subject": one.subject,
                    "viewing": _VIEWING in one.leaf,
                }
                for one in leaves
            ],
        )
        self._session.execute(
            insert(LogHash), [{"place": first_hash + i, "hash": value} for i, value in enumerate(hashes)]
        )

    def hashes(self, places: Sequence[int]) -> list[bytes]:
        """The tree's hashes at these places, in this order."""
        found: dict[int, bytes] = {}
        for start in range(0, len(places), _MANY):
            part = places[start : start + _MANY]
            rows = self._session.execute(select(LogHash.place, LogHash.hash).where(LogHash.place.in_(part)))
            found.update(rows.all())
        return [found[place] for place in places if place in found]

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[StoredLeaf]:
        """The leaves from `start` up to but without `stop`, a page at a time."""
        at = max(start, 0)
        while stop is None or at < stop:
            end = at + _PAGE if stop is None else min(at + _PAGE, stop)
            rows = self._session.execute(
                _LEAVES.where(LogLeaf.seq >= at, LogLeaf.seq < end).order_by(LogLeaf.seq)
            ).all()
            if not rows:
                return
            for row in rows:
                yield StoredLeaf(*row)
            at = end

    def pick(self, seqs: Sequence[int]) -> Iterator[StoredLeaf]:
        """The leaves with these numbers, a page at a time."""
        for start in range(0, len(seqs), _MANY):
            wanted = _LEAVES.where(LogLeaf.seq.in_(seqs[start : start + _MANY])).order_by(LogLeaf.seq)
            for row in self._session.execute(wanted).all():
                yield StoredLeaf(*row)

    def find(self, *, cases: Sequence[str] = (), subjects: Sequence[str] = ()) -> list[int]:
        """The places of leaves of any of these cases or subjects, ascending."""
        found: set[int] = set()
        for column, wanted in ((LogLeaf.case_name, cases), (LogLeaf.subject, subjects)):
            for start in range(0, len(wanted), _MANY):
                part = wanted[start : start + _MANY]
                found.update(self._session.scalars(select(LogLeaf.seq).where(column.in_(part))))
        return sorted(found)

    def viewings(self, start: int, after: datetime) -> list[StoredLeaf]:
        """The leaves from `start` on that say that somebody was shown a file, logged after this time; in order. It
        costs what there are of them, and not what else the log holds."""
        found: list[StoredLeaf] = []
        before = self._session.execute(
            _LEAVES.where(LogLeaf.seq >= start, literal_column("viewing") == literal_column("1"))
            .order_by(LogLeaf.seq.desc())
            .execution_options(yield_per=_PAGE)
        )
        for row in before:
            leaf = StoredLeaf(*row)
            if parse_leaf(leaf.leaf, leaf.seq).logged <= after:  # the log's own times never go back
                break
            found.append(leaf)
        before.close()
        return found[::-1]

    def forget(self, seqs: Sequence[int]) -> None:
        """Destroy what opens these leaves."""
        for start in range(0, len(seqs), _MANY):
            part = seqs[start : start + _MANY]
            self._session.execute(update(LogLeaf).where(LogLeaf.seq.in_(part)).values(sealed=None))

    def save_checkpoint(self, size: int, note: bytes) -> None:
        """Keep a signed checkpoint; one of the same size takes its place."""
        self._session.merge(LogCheckpoint(size=size, note=note))
        self._session.flush()

    def checkpoints(self) -> list[bytes]:
        """All kept checkpoints, smallest first."""
        return list(self._session.scalars(select(LogCheckpoint.note).order_by(LogCheckpoint.size)))

    def latest_checkpoint(self) -> bytes | None:
        """The largest kept checkpoint."""
        return self._session.scalar(select(LogCheckpoint.note).order_by(LogCheckpoint.size.desc()).limit(1))
