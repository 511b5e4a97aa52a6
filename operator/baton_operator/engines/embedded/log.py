"""
How the lines of an Embedded task are kept: the last 256 KiB, with positions that stay true when the oldest are cut.

What was cut is counted in the first line, ``[… 1234 bytes cut …]``, for people and for cursors alike: a cursor is the
number of bytes that the task had ever written up to there.
"""

import codecs
import re

MAX_BYTES = 256 * 1024

_CUT = re.compile(r"\A\[… (\d+) bytes cut …\]\n")


class TaskLog:
    """
    The lines of one task, oldest first.

    Attributes:
        cut: Bytes that were written and are not kept any more.
    """

    def __init__(self, text: str = "") -> None:
        head = _CUT.match(text)
        self.cut = int(head[1]) if head else 0
        self._kept = bytearray((text[head.end() :] if head else text).encode())
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def append(self, data: bytes) -> None:
        """Keep *data*, any bytes, as text without NUL; whole lines go first when there is too much."""
        self._kept += self._decoder.decode(data).replace("\0", "\N{REPLACEMENT CHARACTER}").encode()
        excess = len(self._kept) - MAX_BYTES
        if excess <= 0:
            return
        line_end = self._kept.find(b"\n", excess)
        excess = line_end + 1 if line_end >= 0 else excess
        del self._kept[:excess]
        self.cut += excess

    @property
    def text(self) -> str:
        """What is stored: valid text without NUL, at most 256 KiB and a first line."""
        head = f"[… {self.cut} bytes cut …]\n" if self.cut else ""
        return head + self._kept.decode(errors="replace")

    def read_from(self, cursor: str | None) -> tuple[str, str]:
        """
        Read on from *cursor*, or from the beginning.

        Returns:
            The text, and the cursor of what comes after it. A cursor that makes no sense reads from the beginning;
            where lines were cut meanwhile, the text says so.
        """
        begin = int(cursor) if cursor and cursor.isascii() and cursor.isdigit() else 0
        end = self.cut + len(self._kept)
        if begin > end:
            begin = 0
        head = f"[… {self.cut - begin} bytes cut …]\n" if begin < self.cut else ""
        return head + self._kept[max(begin - self.cut, 0) :].decode(errors="replace"), str(end)
