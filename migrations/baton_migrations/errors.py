"""
Errors of migrations; each is one line for people, with the exit code that says what to do.

* MigrationError            exit 1: look at the message, then run ``baton migrate`` again
  + ChainError              an extension's migrations cannot be used
  + LockNotFreeError        another migrator did not come to its end
  + RevisionFailedError     a revision failed and was rolled back; names file, statement, reason and fix
    - TrespassError         a revision of an extension changed what is not its own, and was rolled back
  + ExtensionsFailedError   some extensions failed; all others are at their heads
  + CannotReviseError       a new revision cannot be written here, or not now
* SchemaNotReadyError       exit 78: waiting does not help
  + SchemaBehindError       run ``baton migrate``
  + SchemaTooNewError       this release cannot work with what a newer one made
  + SchemaUnusableError     an installed extension's migrations cannot be used: nobody can say where its tables stand
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class MigrationError(Exception):
    """Migrating failed; running it again is safe."""

    exit_code: int = 1


class ChainError(MigrationError):
    """An extension's migrations cannot be used."""


class LockNotFreeError(MigrationError):
    """Another migrator did not come to its end in the time given."""


class RevisionFailedError(MigrationError):
    """A revision failed and was rolled back; the chain stands before it."""


class TrespassError(RevisionFailedError):
    """A revision of an extension changed what is not its own, and was rolled back."""


@dataclass(frozen=True, slots=True)
class Failure:
    """
    What became of one extension.

    Attributes:
        chain: Its namespace.
        error: Its text is one line for people: revision, why, what to do, file, statement.
    """

    chain: str
    error: Exception


class ExtensionsFailedError(MigrationError):
    """
    Some extensions failed; Baton's own chain and all other extensions are at their heads.

    Attributes:
        failures: Those that failed, in the order in which they ran.
        done: Names of the chains that are at their heads.
        exit_code: 78 if all of them only need another release, else 1.
    """

    def __init__(self, failures: Sequence[Failure], done: Sequence[str]) -> None:
        self.failures = tuple(failures)
        self.done = tuple(done)
        if all(isinstance(each.error, SchemaNotReadyError) for each in self.failures):
            self.exit_code = SchemaNotReadyError.exit_code
        reasons = "; ".join(str(each.error) for each in self.failures)
        super().__init__(f"{reasons}; at head: {', '.join(self.done) or 'none'}")


class CannotReviseError(MigrationError):
    """A new revision cannot be written here, or not now."""


class SchemaNotReadyError(Exception):
    """The schema is not one that this release works with (EX_CONFIG of sysexits.h)."""

    exit_code: ClassVar[int] = 78


class SchemaBehindError(SchemaNotReadyError):
    """The database waits for ``baton migrate``."""


class SchemaTooNewError(SchemaNotReadyError):
    """A newer release has made changes that this one cannot work with."""


class SchemaUnusableError(SchemaNotReadyError):
    """An installed extension's migrations cannot be used."""
