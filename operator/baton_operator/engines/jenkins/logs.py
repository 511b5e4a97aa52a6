"""
Logs of a build.

Measured on 2.568.2: the next start is the header ``X-Text-Size``, an offset in the log's file; what is sent differs
from the file by its line ends (CRLF for LF). ``X-More-Data`` is there only while the build runs. A start beyond the end
begins anew. Notes of the console are hidden in the text behind an escape sequence.
"""

import re

from baton_operator.engines.answers import Answer
from baton_operator.engines.jenkins.api import JenkinsApi
from baton_operator.engines.options import LogPage

#: Bytes of log that are read at once at most; the rest is the next page.
LOG_LIMIT = 1024 * 1024

_NOTE = re.compile(r"\x1b\[8mha:.*?\x1b\[0m")


async def read_log(api: JenkinsApi, path: str, number: int, cursor: str | None) -> LogPage:
    """Return the lines after *cursor*, an offset in the log's file; anything else means from the beginning."""
    start = int(cursor) if cursor is not None and cursor.isascii() and cursor.isdigit() else 0
    answer = await api.log(path, number, start, LOG_LIMIT)
    body, following = _whole_lines(answer, start) if answer.cut else (answer.body, _size(answer, start))
    lines = body.decode("utf-8", "replace").splitlines()
    text = "".join(f"{api.http.clean(_NOTE.sub('', line), 4000)}\n" for line in lines)
    return LogPage(text, str(following), answer.cut or answer.headers.get("x-more-data") == "true")


def _size(answer: Answer, start: int) -> int:
    size = answer.headers.get("x-text-size", "")
    return int(size) if size.isascii() and size.isdigit() else start


def _whole_lines(answer: Answer, start: int) -> tuple[bytes, int]:
    """Keep the whole lines of a text that was cut, and count how far they reach in the file."""
    kept = answer.body[: answer.body.rfind(b"\n") + 1] or answer.body
    return kept, start + len(kept.replace(b"\r\n", b"\n"))
