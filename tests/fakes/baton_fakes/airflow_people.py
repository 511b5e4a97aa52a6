"""What people do in Airflow beside what Baton does: no adapter needs it, the recordings have it."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

Answer = Callable[[Any, web.Request], web.StreamResponse]

PEOPLE: list[tuple[str, str, Answer]] = []
