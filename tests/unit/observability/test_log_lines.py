"""Whoever logs, one line comes out: an object with the promised keys, and without secrets."""

import io
import json
import logging
import warnings
from collections.abc import Iterator

import kopf
import pytest

from baton_operator import logs

CANARY = "canary-7f3e"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Configure JSON lines into memory, and put logging back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    logs.configure("json", "INFO", stream=stream)
    yield stream
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_becomes_one_object_with_its_keys_in_order(stream: io.StringIO):
    """The event is the message, the extras follow in the documented order."""
    logging.getLogger("baton_operator.loops.track").info(
        "run.finished",
        extra={
            "run_id": "r1",
            "engine": "ns/argo",
            "object_name": "fleet",
            "namespace": "ns",
            "kind": "Run",
            "took": 2,
        },
    )

    (line,) = lines(stream)
    assert list(line) == ["ts", "level", "logger", "event", "namespace", "name", "kind", "run_id", "engine", "took"]
    assert line["level"] == "info"
    assert line["logger"] == "baton_operator.loops.track"
    assert (line["event"], line["name"], line["took"]) == ("run.finished", "fleet", 2)
    assert line["ts"].endswith("Z")


def test_kopfs_records_name_their_object(stream: io.StringIO):
    """Kopf keeps the object in an attribute of its own; positional arguments are filled in."""
    reference = {"apiVersion": "baton.dev/v1alpha1", "kind": "Run", "name": "fleet", "uid": "u1", "namespace": "ns"}
    logging.getLogger("kopf.objects").warning(
        "Handler %r failed",
        "run_seen",
        extra={"k8s_ref": reference, "k8s_skip": True, "settings": kopf.OperatorSettings()},
    )

    (line,) = lines(stream)
    assert line["event"] == "Handler 'run_seen' failed"
    assert {key: line[key] for key in ("namespace", "name", "kind", "uid")} == {
        "namespace": "ns",
        "name": "fleet",
        "kind": "Run",
        "uid": "u1",
    }
    assert not {"k8s_ref", "k8s_skip", "settings"} & set(line)


def test_a_traceback_stays_in_its_line_and_loses_its_secrets(stream: io.StringIO):
    """Exceptions of drivers quote URLs and statements with values."""
    try:
        raise ConnectionError(f"cannot reach postgresql://baton:{CANARY}@db/baton\n[parameters: {{'x': '{CANARY}'}}]")
    except ConnectionError:
        logging.getLogger("sqlalchemy.pool").exception("lost")

    (line,) = lines(stream)
    assert "ConnectionError: cannot reach postgresql://[redacted]@db/baton" in line["exception"]
    assert CANARY not in stream.getvalue()


@pytest.mark.parametrize(
    "extra",
    [
        {"password": CANARY},
        {"headers": {"Authorization": f"Bearer {CANARY}"}},
        {"parameters": {"anything": CANARY}},
        {"payload": [CANARY]},
        {"detail": {"deep": [{"clientSecret": CANARY}, f"Authorization: Basic {CANARY}"]}},
        {"url": f"https://jenkins:{CANARY}@ci.example/job"},
        {"raw": CANARY.encode()},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_secrets_and_contents_are_not_written(stream: io.StringIO, extra: dict):
    """Values under the names of secrets, contents of runs and credentials inside texts are left out."""
    logging.getLogger("baton").info("engine.asked", extra=extra)

    (line,) = lines(stream)
    assert next(iter(extra)) in line
    assert CANARY not in stream.getvalue()


def test_texts_that_cannot_be_encoded_are_written_all_the_same(stream: io.StringIO):
    """Names from outside may hold lone surrogates; a record must not be lost for that."""
    logging.getLogger("baton").info("run.seen", extra={"object_name": "a\ud800b", "number": 2**70})

    (line,) = lines(stream)
    assert (line["name"], line["number"]) == ("a\ud800b", 2**70)


def test_a_newline_in_a_name_does_not_make_a_second_line(stream: io.StringIO):
    """Nobody can forge a record by naming a thing cleverly."""
    logging.getLogger("baton").info("run.seen", extra={"object_name": 'x\n{"event": "forged"}'})

    assert len(stream.getvalue().splitlines()) == 1


def test_warnings_go_the_same_way(stream: io.StringIO):
    """What Python warns of is a record too, not stray text between the lines."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old habit", UserWarning, stacklevel=1)

    (line,) = lines(stream)
    assert line["logger"] == "py.warnings"
    assert "old habit" in line["event"]


def test_text_is_for_people(stream: io.StringIO):
    """The other format is no JSON, and redacts just the same."""
    logs.configure("text", "DEBUG", stream=stream)
    logging.getLogger("baton").debug("run.seen", extra={"object_name": "fleet", "token": CANARY})

    text = stream.getvalue()
    assert "run.seen" in text
    assert "name=fleet" in text
    assert CANARY not in text


def test_libraries_are_quiet_below_warnings(stream: io.StringIO):
    """SQLAlchemy at INFO would write each statement with its values."""
    logging.getLogger("sqlalchemy.engine.Engine").info("SELECT 1 [%s]", CANARY)

    assert not stream.getvalue()


def test_an_unknown_format_is_refused():
    """A typing error is told at the start."""
    with pytest.raises(ValueError, match="yaml"):
        logs.configure("yaml", "INFO")
