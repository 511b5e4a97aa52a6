"""
Errors of the local room.

* LocalError
  + PartMissing     a program cannot be had on this machine; the message says what to install
  + BuildFailed     the Go toolchain or pip refused; the message ends with its last words
  + ServerFailed    a server ended or did not get ready in time; the message ends with its log's last words
  + ApiError        a local API server refused a request; carries its status
"""


class LocalError(Exception):
    """Something about the local servers failed; the message is one line for a person, then details."""


class PartMissing(LocalError):  # noqa: N818 - reads as the fact it states
    """A program that is needed cannot be had here; the message says what to install."""


class BuildFailed(LocalError):  # noqa: N818 - reads as the fact it states
    """A program could not be built from source, or not be installed."""


class ServerFailed(LocalError):  # noqa: N818 - reads as the fact it states
    """A server ended, or was not ready in time."""


class ApiError(LocalError):
    """
    A local API server refused a request.

    Attributes:
        status: The HTTP status of its answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the API server answered {status}: {message}")
        self.status = status
