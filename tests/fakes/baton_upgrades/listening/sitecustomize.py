"""
Writes down every statement of a Python process whose ``PYTHONPATH`` begins here.

Where to is said by ``PYTHON_STATEMENTS_TO``: a worker passes on what begins with PYTHON. All processes of an operator
append to one file, a statement a line.
"""

from __future__ import annotations

import os
from typing import Any

from baton_upgrades.statements import encoded
from sqlalchemy import Engine, event

_PATH = os.environ.get("PYTHON_STATEMENTS_TO")


def _note(_connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
    line = encoded(statement, parameters, cursor.rowcount)
    descriptor = os.open(str(_PATH), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


if _PATH:
    event.listen(Engine, "after_cursor_execute", _note)
