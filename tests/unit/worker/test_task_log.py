"""Lines are cut at 256 KiB, and positions in them stay true."""

from hypothesis import given
from hypothesis import strategies as st

from baton_operator.engines.embedded.log import MAX_BYTES, TaskLog

LINES = st.lists(st.integers(min_value=1, max_value=60_000), max_size=30)


@given(sizes=LINES, reread=st.booleans())
def test_a_reader_who_keeps_up_sees_every_byte_once(sizes, reread):
    log, cursor, seen, written = TaskLog(), None, "", ""
    for number, size in enumerate(sizes):
        line = chr(97 + number % 26) * size + "\n"
        written += line
        log.append(line.encode())
        log = TaskLog(log.text) if reread else log
        text, cursor = log.read_from(cursor)
        seen += text
    assert seen == written
    assert len(log.text.encode()) <= MAX_BYTES + 60


def test_a_reader_who_was_late_is_told_what_was_cut():
    log = TaskLog()
    log.append(b"a" * MAX_BYTES + b"\n" + b"last\n")
    assert log.cut == MAX_BYTES + 1
    assert log.text == f"[… {MAX_BYTES + 1} bytes cut …]\nlast\n"
    assert log.read_from("1") == (f"[… {MAX_BYTES} bytes cut …]\nlast\n", str(MAX_BYTES + 6))


def test_one_endless_line_is_cut_too():
    log = TaskLog()
    for _ in range(3):
        log.append(b"x" * MAX_BYTES)
    assert (log.cut, len(log.text.splitlines()[1])) == (2 * MAX_BYTES, MAX_BYTES)


def test_any_bytes_become_text_that_postgresql_takes():
    log = TaskLog()
    log.append(b"\xff\x00caf\xc3\xa9\n")
    assert log.text == "\ufffd\ufffdcaf\u00e9\n"


def test_a_character_that_comes_in_two_pieces_is_one():
    log = TaskLog()
    log.append(b"caf\xc3")
    log.append(b"\xa9\n")
    assert log.text == "caf\u00e9\n"


def test_a_cursor_that_makes_no_sense_reads_from_the_beginning():
    log = TaskLog("one\n")
    for cursor in (None, "", "-1", "x", "999", "²"):
        assert log.read_from(cursor) == ("one\n", "4")


def test_a_reader_of_what_was_stored_counts_as_the_writer_does():
    log = TaskLog()
    log.append(b"\xff\n" * 10)
    _, cursor = TaskLog(log.text).read_from(None)
    log.append(b"x" * (MAX_BYTES - 5) + b"\nend\n")
    assert TaskLog(log.text).read_from(cursor)[0].startswith(f"[… {log.cut - int(cursor)} bytes cut …]\nend")
