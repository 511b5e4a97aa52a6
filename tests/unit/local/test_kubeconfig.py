"""What a kubeconfig of a local API server holds, and who may read it."""

from __future__ import annotations

import stat
from pathlib import Path

from baton_operator.local.certificates import ControlPlaneKeys
from baton_operator.local.kubeconfig import Kubeconfig


def test_a_kubeconfig_is_read_as_it_was_written(tmp_path: Path) -> None:
    config = Kubeconfig("https://127.0.0.1:1", "-----BEGIN", "a token", "somewhere")
    config.write(tmp_path / "kubeconfig")
    assert Kubeconfig.load(tmp_path / "kubeconfig") == config


def test_nobody_else_may_read_a_token_or_a_key(tmp_path: Path) -> None:
    Kubeconfig("https://127.0.0.1:1", "-----BEGIN", "a token").write(tmp_path / "kubeconfig")
    ControlPlaneKeys.kept_in(tmp_path)
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


def test_keys_are_made_once(tmp_path: Path) -> None:
    keys = ControlPlaneKeys.kept_in(tmp_path)
    first = keys.authority.read_bytes(), keys.service_accounts.read_bytes()
    assert ControlPlaneKeys.kept_in(tmp_path) == keys
    assert (keys.authority.read_bytes(), keys.service_accounts.read_bytes()) == first
