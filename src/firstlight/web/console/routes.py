"""The addresses of the console's pages, room by room."""

from __future__ import annotations

from fastapi import APIRouter

from firstlight.web.console import bankbook, case, custody, jobs, looking, mine, people, records, reports, today

router = APIRouter(include_in_schema=False)
for _room in (today, case, looking, reports, records, bankbook, custody, people, jobs, mine):
    router.include_router(_room.router)
