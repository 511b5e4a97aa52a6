"""Writing a status and posting its Events: one place that says what each answer of the API server means."""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from baton_operator.kube.client import KubeClient
from baton_operator.kube.errors import (
    ForbiddenError,
    InvalidError,
    KubeError,
    NotFoundError,
    UnavailableError,
)
from baton_operator.kube.events import Regarding, event, event_name

logger = logging.getLogger(__name__)

#: Seconds to wait where the API server does not say how long.
UNAVAILABLE, CONFLICT, FORBIDDEN = 2.0, 1.0, 30.0
#: Events of this process that are remembered, so that they are not posted again for nothing.
REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Written:
    """
    What became of a status.

    Attributes:
        outcome: ``shown`` it is there; ``gone`` nobody is there to show it to; ``refused`` it will never be taken;
            ``later`` ask again.
        again_in: Seconds to wait, for ``later``.
        is_away: Whether there was no answer at all: others need not be tried now.
    """

    outcome: Literal["shown", "gone", "refused", "later"]
    again_in: float = 0.0
    is_away: bool = False


class StatusWriter:
    """
    Writes status documents and posts Events; raises nothing that the API server can be the cause of.

    Args:
        instance: How this replica is named in Events.
    """

    def __init__(self, client: KubeClient, *, instance: str) -> None:
        self._client = client
        self._instance = instance
        self._posted: OrderedDict[str, None] = OrderedDict()

    async def write(self, about: Regarding, status: Mapping[str, Any]) -> Written:
        """Make *status* the whole status of the object, and say what became of it."""
        try:
            await self._client.replace_status(about.kind, about.namespace, about.name, uid=about.uid, status=status)
        except KubeError as error:
            return self._verdict(about, error)
        return Written("shown")

    async def shown(self, about: Regarding) -> Mapping[str, Any] | Written:
        """Read the status that the object shows now, or say why it cannot be had."""
        try:
            found = await self._client.get(about.kind, about.namespace, about.name)
        except KubeError as error:
            return self._verdict(about, error)
        if found["metadata"]["uid"] != about.uid:
            return Written("gone")
        status: Mapping[str, Any] = found.get("status") or {}
        return status

    async def post(
        self, about: Regarding, *, reason: str, key: str, severity: Literal["Normal", "Warning"], note: str
    ) -> None:
        """Post an Event once; one that cannot be posted is logged and left: what it says is in the status too."""
        name = event_name(about, reason, key)
        if name in self._posted:
            return
        document = event(
            about,
            reason=reason,
            key=key,
            severity=severity,
            note=note,
            at=datetime.now(UTC),
            instance=self._instance,
        )
        try:
            await self._client.create_event(document)
        except KubeError as error:
            logger.warning("event.not_posted", extra={**_named(about), "reason": reason, "error": str(error)})
            return
        self._posted[name] = None
        if len(self._posted) > REMEMBERED:
            self._posted.popitem(last=False)

    def _verdict(self, about: Regarding, error: KubeError) -> Written:
        match error:
            case NotFoundError():
                return Written("gone")
            case InvalidError():
                logger.error("status.refused", extra={**_named(about), "error": str(error)})
                return Written("refused")
            case ForbiddenError():
                logger.warning("status.forbidden", extra={**_named(about), "error": str(error)})
                return Written("later", FORBIDDEN)
            case UnavailableError():
                return Written("later", error.retry_after or UNAVAILABLE, is_away=error.status is None)
            case _:
                return Written("later", CONFLICT)


def _named(about: Regarding) -> dict[str, str]:
    return {"kind": about.kind, "namespace": about.namespace, "object_name": about.name, "uid": about.uid}
