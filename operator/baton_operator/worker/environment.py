"""
Which part of the environment users' code may see.

Children are started by exec, so that neither ``/proc/<pid>/environ`` nor their memory holds anything else. The
database's URL reaches them through a pipe: programs that a task starts do not inherit it.
"""

from collections.abc import Mapping

NAMES = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH"}
)
PREFIXES = ("LC_", "PYTHON", "SSL_CERT_", "PGSSL", "BATON_TASK_")


def scrubbed(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the allowed part of *environ*: no engine's credential, no Kubernetes address, no database URL."""
    return {name: value for name, value in environ.items() if name in NAMES or name.startswith(PREFIXES)}
