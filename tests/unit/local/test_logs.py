"""What reading a server's log promises."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from baton_operator.local.logs import read_log
from baton_operator.local.process import ServerProcess


def test_a_log_is_followed_to_the_server_s_last_words(tmp_path: Path) -> None:
    process = ServerProcess("talker", tmp_path)
    process.start(["sh", "-c", "echo first; while [ ! -e go ]; do sleep 0.01; done; echo last"])
    pieces = read_log(process, follow=True)
    text = next(pieces)
    while "first" not in text:
        text += next(pieces)
    assert "last" not in text
    (tmp_path / "go").touch()
    assert "last" in "".join(pieces)


def test_a_log_that_is_not_followed_ends_where_it_is(tmp_path: Path) -> None:
    process = ServerProcess("talker", tmp_path)
    process.start(["sh", "-c", "echo first; exec sleep 600"])
    process.wait_ready(lambda: "first" in process.log_of_this_start(), seconds=60)
    began = time.monotonic()
    assert "".join(read_log(process, follow=False)).endswith("first\n")
    assert time.monotonic() - began < 5
    process.stop()


def test_a_server_that_never_started_has_no_log(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(read_log(ServerProcess("none", tmp_path), follow=False))


def test_a_log_that_became_long_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton_operator.local.process._LONG_LOG", 100)
    process = ServerProcess("talker", tmp_path)
    for words in ("x" * 200, "new"):
        process.start(["echo", words])
        list(read_log(process, follow=True))
    assert "x" not in process.log_file.read_text()
    assert "x" * 200 in (tmp_path / "log.old").read_text()
