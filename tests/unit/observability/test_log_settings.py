"""A log setting that cannot be read ends a program with one line; a level counts in whatever case."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from baton_operator import logs, operate
from baton_operator.worker import work


@pytest.fixture(autouse=True)
def root() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards."""
    logger = logging.getLogger()
    before = logger.level, logger.handlers[:]
    yield logger
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]
    logging.captureWarnings(capture=False)


def test_a_level_counts_in_whatever_case(root: logging.Logger) -> None:
    logs.configure("json", "debug")
    assert root.level == logging.DEBUG


@pytest.mark.parametrize("main", [operate.main, work.main], ids=["operator", "worker"])
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("BATON_LOG_LEVEL=loud", "BATON_LOG_LEVEL='loud': DEBUG, INFO, WARNING, ERROR"),
        ("BATON_LOG_FORMAT=xml", "BATON_LOG_FORMAT='xml': json or text"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(
    main: Callable[[list[str]], None],
    setting: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Status 2, as for every other setting."""
    monkeypatch.setenv("BATON_DATABASE_URL", "postgresql://host/name")
    monkeypatch.setenv(*setting.split("="))
    monkeypatch.setattr("baton_operator.operate.Connection.discover", lambda _: None)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
