"""The file with which a client finds a local API server and says who it is."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from baton_operator.local.home import write_private


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """
    One server and one identity.

    Attributes:
        server: The API server's address.
        authority: The PEM text of the certificate its own is signed with.
        token: The bearer token that is the identity.
        namespace: Where namespaced requests go by default.
    """

    server: str
    authority: str
    token: str
    namespace: str = "default"

    @classmethod
    def load(cls, path: Path) -> Kubeconfig:
        """Read a file that `write` wrote."""
        document: dict[str, Any] = yaml.safe_load(path.read_text())
        cluster = document["clusters"][0]["cluster"]
        return cls(
            cluster["server"],
            base64.b64decode(cluster["certificate-authority-data"]).decode(),
            document["users"][0]["user"]["token"],
            document["contexts"][0]["context"]["namespace"],
        )

    def write(self, path: Path) -> None:
        """Write it for kubectl and every other client; readable by its owner only."""
        data = base64.b64encode(self.authority.encode()).decode()
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "baton", "cluster": {"server": self.server, "certificate-authority-data": data}},
            ],
            "users": [{"name": "baton", "user": {"token": self.token}}],
            "contexts": [
                {"name": "baton", "context": {"cluster": "baton", "user": "baton", "namespace": self.namespace}},
            ],
            "current-context": "baton",
        }
        write_private(path, yaml.safe_dump(document, sort_keys=False))
