"""
One line a record, for machines or for people, whoever wrote it: Baton, kopf or SQLAlchemy.

Everybody logs with the standard library, the event's name as the message and its values as ``extra``::

    logger = logging.getLogger(__name__)
    logger.info("run.finished", extra={"namespace": ns, "object_name": name, "run_id": run_id})

The keys are ``ts level logger event namespace name kind uid run_id engine external_id attempt trace_id``, others
follow them. ``name`` is taken in the standard library, so it is written ``object_name`` there.
"""

import json
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from baton_operator.redaction import redact_named

KEYS = (
    "ts",
    "level",
    "logger",
    "event",
    "namespace",
    "name",
    "kind",
    "uid",
    "run_id",
    "engine",
    "external_id",
    "attempt",
    "trace_id",
)
_ABOUT_THE_LINE = frozenset({"ts", "level", "logger"})
_NOISE = frozenset({"settings", "k8s_skip", "k8s_ref", "_record", "_from_structlog", "color_message", "taskName"})
_QUIET = dict.fromkeys(("sqlalchemy", "alembic", "aiohttp", "httpx", "httpx2"), logging.WARNING)

Format = Literal["json", "text", ""]
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def configure(format: Format, level: str, *, stream: TextIO | None = None) -> None:  # noqa: A002 - the setting's name
    """
    Send every record of this process through one formatter; what was configured before is replaced.

    Args:
        format: ``json`` for one object a line, ``text`` for people, empty for text on a terminal and json elsewhere.
        level: DEBUG, INFO, WARNING or ERROR, in whatever case.
        stream: Where lines go. Default: standard error.

    Raises:
        ValueError: There is no such format or level; the text names the variable and what there is.
    """
    target = stream or sys.stderr
    if format not in {"json", "text", ""}:
        raise ValueError(f"BATON_LOG_FORMAT={format!r}: json or text")
    if level.upper() not in LEVELS:
        raise ValueError(f"BATON_LOG_LEVEL={level!r}: {', '.join(LEVELS)}")
    people = format == "text" or (not format and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter(people=people, colors=people and target.isatty()))
    root = logging.getLogger()
    root.setLevel(level.upper())
    for each in root.handlers[:]:
        root.removeHandler(each)
    root.addHandler(handler)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.captureWarnings(capture=True)


def formatter(*, people: bool, colors: bool = False) -> logging.Formatter:
    """Make the formatter that `configure` installs: JSON, or lines for people."""
    shared: list[Processor] = [
        structlog.stdlib.ExtraAdder(),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        _name_the_object,
        structlog.processors.format_exc_info,
        redact,
        _in_order,
    ]
    shown: list[Processor] = (
        [structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="ts")] if people else [_as_json]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shown]
    )


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take secrets out of a record: the last thing done before it is written."""
    for key, value in event.items():
        if key not in _ABOUT_THE_LINE and not key.startswith("_"):
            event[key] = redact_named(key, value)
    return event


def _name_the_object(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    reference = event.get("k8s_ref")
    if isinstance(reference, MutableMapping):
        for key in ("namespace", "name", "kind", "uid"):
            if reference.get(key):
                event.setdefault(key, reference[key])
    if "object_name" in event:
        event["name"] = event.pop("object_name")
    for key in _NOISE - {"_record", "_from_structlog"}:
        event.pop(key, None)
    return event


def _in_order(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    first = {key: event[key] for key in KEYS if event.get(key) is not None}
    return first | {key: value for key, value in event.items() if key not in KEYS}


def _as_json(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return orjson.dumps(cast("dict[str, Any]", event), default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # lone surrogates and huge integers, which come from outside, are beyond orjson
        return json.dumps(event, default=str)
