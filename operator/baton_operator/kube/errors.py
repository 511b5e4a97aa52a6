"""
Errors of the Kubernetes room.

* KubeError
  + UnavailableError    the API server is away, busy or throttling: ask again, after `retry_after` seconds if it said so
  + ConflictError       somebody else wrote at the same time, or the name is taken: look, then decide
  + ForbiddenError      a rule is missing in our role, or the credential is not taken: ask again in a minute
  + NotFoundError       the object, or its kind, is not there
    - ReplacedError     another object of the same name is there: ours is gone
  + InvalidError        the API server understood and refused; the same again cannot help
    - TooLargeError     the object would be bigger than etcd takes; the same again cannot help
  + NoConnectionError   nothing says where the API server is, or the file that should cannot be read
"""


class KubeError(Exception):
    """
    Anything that went wrong between Baton and the API server; the text is for people and holds no secret.

    Attributes:
        status: The HTTP status, or None where there was no answer.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class UnavailableError(KubeError):
    """Ask again, after ``retry_after`` seconds if the API server said so."""

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class ConflictError(KubeError):
    """Somebody else wrote at the same time, or the name is taken."""


class ForbiddenError(KubeError):
    """Our role or our credential does not allow it; a person may mend that."""


class NotFoundError(KubeError):
    """The object, or its kind, is not there."""


class ReplacedError(NotFoundError):
    """Another object of the same name is there: the one that was meant is gone."""


class InvalidError(KubeError):
    """The API server understood and refused; the same again cannot help."""


class TooLargeError(InvalidError):
    """The object would be bigger than etcd takes; the same again cannot help."""


class NoConnectionError(KubeError):
    """Nothing says where the API server is, or the file that should cannot be read; the text says what to set."""
