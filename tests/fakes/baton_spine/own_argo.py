"""A fake Argo of one test's own, that can be switched off and on again without losing what it keeps."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from baton_fakes.argo import FakeArgo
from baton_spine.stage import Stage

from baton_operator.engines.conformance import serving_in_thread
from baton_operator.local.ports import pick_free


class OwnArgo:
    """
    A server at one address.

    Attributes:
        fake: Its state, its faults and its books.
    """

    def __init__(self) -> None:
        self.fake = FakeArgo()
        self._port = pick_free()
        self._serving = ExitStack()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        """Let it answer."""
        self._serving.enter_context(serving_in_thread(self.fake.app(), port=self._port))

    def down(self) -> None:
        """Let nobody answer: connections are refused."""
        self._serving.close()

    def on(self, stage: Stage) -> Stage:
        """Give *stage* with this server instead of the shared one."""
        return replace(stage, argo=self.fake, argo_url=self.url)
