"""Everything that a site can set, read once from the environment by `Settings.read`."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network

from baton_models import address
from baton_operator.engines.base import REQUEST_DEADLINE

LOOPS = ("intake", "dispatch", "track", "project", "sweep")


class InvalidSettingError(ValueError):
    """A setting cannot be read; the text names the variable and the fix."""


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


def _names(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())


def _flag(text: str) -> bool:
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"", "0", "false", "no", "off"}:
        return False
    raise ValueError("true or false")


def _setting(default: object, read: Callable[[str], object]) -> object:
    return field(default=default, metadata={"read": read})


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What a site can set. Each field is read from ``BATON_<NAME>`` in capitals; times are in seconds.

    Attributes:
        database_url: PostgreSQL, e.g. ``postgresql://user:password@host/name``. Required.
        pool_size: Connections kept open. Default 5.
        max_overflow: Connections beyond that under load. Default 10.
        loops: Which loops this process runs. Default: all of intake, dispatch, track, project, sweep.
        namespaces: Namespaces to watch. Default: none named, which means all.
        http_port: Where /healthz, /readyz and /metrics answer; 0 picks a free port. Default 8080.
        http_host: The address they listen on. Default 0.0.0.0.
        worker: Whether to start one `baton-worker` beside the loops. Default true.
        engine_networks: Networks that engines may be in although they are loopback, link-local or otherwise
            refused, e.g. ``127.0.0.0/8``. An Engine's author is not trusted with that. Default: none.
        request_deadline: How long one request to an engine may take altogether. Default 10.
        freeze_allowance: How long a process may be frozen between its last check and the first byte. Default 5.
        network_delay: How long a request may travel after its sender gave up. Default 5.
        settle_time: How far two looks for an absent execution lie apart at least. Default 2.
        lost_confirmation: How far two direct looks lie apart before an execution is Lost. Default 30.
        batch_size: Rows that one turn of a loop claims at most. Default 100.
        idle: How long a loop sleeps when nothing wakes it. Default 1.
        status_interval: How far two status patches of one moving Run lie apart at least. Default 1.
        sweep_interval: How often sweep compares the custom resources with the rows. Default 30.
        log_format: ``json`` or ``text``; empty chooses text on a terminal. Default empty.
        log_level: DEBUG, INFO, WARNING or ERROR. Default INFO.
        revision: Which revision of the source the build is of; an image sets it. Default unknown.
        replica: How this process is named in leases and logs. Default: host name and process id.
    """

    database_url: str
    pool_size: int = _setting(5, int)  # type: ignore[assignment]
    max_overflow: int = _setting(10, int)  # type: ignore[assignment]
    loops: tuple[str, ...] = _setting(LOOPS, _names)  # type: ignore[assignment]
    namespaces: tuple[str, ...] = _setting((), _names)  # type: ignore[assignment]
    http_port: int = _setting(8080, int)  # type: ignore[assignment]
    http_host: str = _setting("0.0.0.0", str)  # type: ignore[assignment] # noqa: S104 - probes come from the node
    worker: bool = _setting(True, _flag)  # type: ignore[assignment]
    engine_networks: tuple[IPv4Network | IPv6Network, ...] = _setting((), _networks)  # type: ignore[assignment]
    request_deadline: float = _setting(REQUEST_DEADLINE, float)  # type: ignore[assignment]
    freeze_allowance: float = _setting(5.0, float)  # type: ignore[assignment]
    network_delay: float = _setting(5.0, float)  # type: ignore[assignment]
    settle_time: float = _setting(2.0, float)  # type: ignore[assignment]
    lost_confirmation: float = _setting(30.0, float)  # type: ignore[assignment]
    batch_size: int = _setting(100, int)  # type: ignore[assignment]
    idle: float = _setting(1.0, float)  # type: ignore[assignment]
    status_interval: float = _setting(1.0, float)  # type: ignore[assignment]
    sweep_interval: float = _setting(30.0, float)  # type: ignore[assignment]
    log_format: str = _setting("", str)  # type: ignore[assignment]
    log_level: str = _setting("INFO", str)  # type: ignore[assignment]
    revision: str = _setting("unknown", str)  # type: ignore[assignment]
    replica: str = field(default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}", metadata={"read": str})

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """
        Read all settings from *environ*.

        Raises:
            InvalidSettingError: A variable is missing or cannot be read.
        """
        environ = {**environ, address.URL_VARIABLE: address.database_url(environ)}
        if not environ[address.URL_VARIABLE]:
            raise InvalidSettingError("BATON_DATABASE_URL is not set: postgresql://user:password@host/name")
        values: dict[str, object] = {}
        for each in fields(cls):
            text = environ.get(f"BATON_{each.name.upper()}")
            if text is None:
                continue
            try:
                values[each.name] = each.metadata.get("read", str)(text)
            except ValueError as error:
                raise InvalidSettingError(f"BATON_{each.name.upper()}={text!r}: {error}") from None
        settings = cls(**values)  # type: ignore[arg-type]
        unknown = set(settings.loops) - set(LOOPS)
        if unknown:
            raise InvalidSettingError(f"BATON_LOOPS: no loop {sorted(unknown)}; there are {', '.join(LOOPS)}")
        return settings
