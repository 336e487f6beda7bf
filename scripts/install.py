#!/usr/bin/env python3
"""Makes .venv in this clone and installs the locked packages into it; does nothing when that is done already.

    python3 scripts/install.py core    what Firstlight needs to run
    python3 scripts/install.py dev     the same, and the tools that check it

Standard library only, and written for old interpreters too, so that one which is too old is told so.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from typing import List, NoReturn

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
OLDEST = (3, 11)
PACKAGES_A_REPORT = 10  # how often a line is printed where no terminal shows a running count
LINES_OF_A_FAILURE = 25


def say(text: str) -> None:
    sys.stdout.write("Firstlight: " + text + "\n")
    sys.stdout.flush()


def stop(text: str) -> NoReturn:
    sys.stderr.write("Firstlight: " + text + "\n")
    sys.exit(2)


def check_interpreter() -> None:
    if sys.version_info < OLDEST:
        stop(
            "this is Python %d.%d, and Firstlight needs %d.%d or newer. Install a newer one and name it, "
            "for example: make install PYTHON=python3.11" % (sys.version_info[:2] + OLDEST)
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop(
            "this Python has no venv module. On Debian and Ubuntu: apt install python3-venv (as root), then try again."
        )


def in_venv(name: str) -> str:
    return os.path.join(VENV, "bin", name)


def lock_of(group: str) -> str:
    return os.path.join(ROOT, "lock", group + ".txt")


def stamp_of(lock: str) -> str:
    """What has to be the same for an installed .venv to be up to date: interpreter, place, project, lock."""
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as f:
        project = tomllib.load(f)
    with open(lock) as f:
        parts = [sys.version, VENV, project["project"], project["build-system"], f.read()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def stamp_file(group: str) -> str:
    return os.path.join(VENV, ".installed-" + group)


def is_current(group: str, stamp: str) -> bool:
    try:
        with open(stamp_file(group)) as f:
            return f.read() == stamp and os.access(in_venv("python"), os.X_OK)
    except OSError:
        return False


def make_venv() -> None:
    say("making .venv with Python %d.%d.%d" % sys.version_info[:3])
    result = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if result.returncode:
        stop("the virtual environment could not be made:\n" + (result.stderr or result.stdout))


def count_packages(lock: str) -> int:
    with open(lock) as f:
        return sum(1 for line in f if line[:1].isalnum())


def show_progress(done: int, total: int, name: str) -> None:
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K  %3d of about %d: %s" % (done, total, name))
        sys.stdout.flush()
    elif done % PACKAGES_A_REPORT == 0:
        say("%d of about %d packages fetched" % (done, total))


def pip(arguments: List[str], total: int) -> None:
    """Run pip; show how far it is, and its last words if it fails."""
    command = [in_venv("python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    environment = dict(os.environ, PIP_PROGRESS_BAR="off", PYTHONUNBUFFERED="1")
    process = subprocess.Popen(
        command + arguments,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    last: "List[str]" = []
    done, installing = 0, False
    with process:
        for line in process.stdout or ():
            last = (last + [line])[-LINES_OF_A_FAILURE:]
            if line.startswith("Collecting "):
                done += 1
                show_progress(done, total, line.split()[1])
            elif line.startswith("Installing collected packages") and total:
                installing = True
                clear_line()
                say("unpacking them")
    if process.returncode:
        clear_line()
        sys.stderr.writelines(last)
        stop("installing stopped; the last lines above say why. Mend that and run it again.")
    if not installing:
        clear_line()


def install_reference() -> None:
    """The reference PDQ comes as source. It is compared with where it can be built, and missed nowhere else."""
    why = "no C++ compiler is here (on Debian and Ubuntu: apt install g++ python3-dev)"
    if shutil.which("g++") or shutil.which("c++"):
        say("building the reference PDQ, which some tests compare ours with")
        lock = lock_of("reference")
        if pip_quietly(["--no-deps", "--require-hashes", "--requirement", lock]):
            return
        why = "it could not be built (on Debian and Ubuntu it needs g++ and python3-dev)"
    say("without the reference PDQ: %s. The tests that compare with it will skip." % why)


def pip_quietly(arguments: List[str]) -> bool:
    command = [in_venv("python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]
    return subprocess.run(command + arguments, cwd=ROOT, capture_output=True).returncode == 0


def clear_line() -> None:
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K")


def main() -> None:
    if sys.argv[1:] not in (["core"], ["dev"]):
        stop("say what to install: core or dev")
    group = sys.argv[1]
    check_interpreter()
    lock = lock_of(group)
    stamp = stamp_of(lock)
    if is_current(group, stamp) or (group == "core" and is_current("dev", stamp_of(lock_of("dev")))):
        return
    started = time.time()
    core_is_there = is_current("core", stamp_of(lock_of("core")))
    if not core_is_there:
        make_venv()
    total = count_packages(lock)
    say("fetching up to %d locked packages (%s); a minute or two on a fast line" % (total, os.path.relpath(lock, ROOT)))
    pip(["--require-hashes", "--requirement", lock], total)
    pip(["--no-deps", "--no-build-isolation", "--editable", ROOT], 0)
    if group == "dev":
        install_reference()
    with open(stamp_file(group), "w") as f:
        f.write(stamp)
    say("installed in %d s: .venv/bin/firstlight" % (time.time() - started))


if __name__ == "__main__":
    main()
