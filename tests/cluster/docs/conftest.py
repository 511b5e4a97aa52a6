"""Newcomers, each with a home for a local Baton."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from baton_docs.reader import Reader

from baton_operator.local.home import Home
from baton_operator.local.progress import say_on_stderr
from baton_operator.local.scratch import scratch_home


@pytest.fixture(scope="module")
def new_reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], tuple[Reader, Home]]]:
    """Makes somebody with a home for a local Baton, who has typed nothing yet, and whose programs are in a folder."""
    with scratch_home(say_on_stderr) as home:

        def make(programs: Path) -> tuple[Reader, Home]:
            own = {key: value for key, value in os.environ.items() if not key.startswith(("BATON_", "PYTEST_"))}
            path = os.pathsep.join([str(programs), str(Path(sys.prefix) / "bin"), own["PATH"]])
            environ = {**own, "PATH": path, "BATON_HOME": str(home.path)}
            return Reader(tmp_path_factory.mktemp("reader"), environ), home

        yield make
