"""Screening of data sets: what a set of pictures holds of known material, what was checked, and what could not be."""

from firstlight.screen.hits import Hit
from firstlight.screen.launch import Done, Launcher, LocalPool
from firstlight.screen.lists import Lists, OpenLists
from firstlight.screen.publish import Verification, verify_report
from firstlight.screen.report import ScreenReport
from firstlight.screen.runs import RunReport, prepare, run
from firstlight.screen.shard import Screener, Settings, Tally
from firstlight.screen.shards import Kind, Shard

__all__ = [
    "Done",
    "Hit",
    "Kind",
    "Launcher",
    "Lists",
    "LocalPool",
    "OpenLists",
    "RunReport",
    "ScreenReport",
    "Screener",
    "Settings",
    "Shard",
    "Tally",
    "Verification",
    "prepare",
    "run",
    "verify_report",
]
