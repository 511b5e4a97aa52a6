"""
Errors of migrations; each is one line for people, with the exit code that says what to do.

* MigrationError            exit 1: look at the message, then run ``baton migrate`` again
  + ChainError              an extension's migrations cannot be used
  + LockNotFreeError        another migrator did not come to its end
* SchemaNotReadyError       exit 78: waiting does not help
  + SchemaBehindError       run ``baton migrate``
  + SchemaTooNewError       this release cannot work with what a newer one made
"""

from typing import ClassVar


class MigrationError(Exception):
    """Migrating failed; running it again is safe."""

    exit_code: ClassVar[int] = 1


class ChainError(MigrationError):
    """An extension's migrations cannot be used."""


class LockNotFreeError(MigrationError):
    """Another migrator did not come to its end in the time given."""


class SchemaNotReadyError(Exception):
    """The schema is not one that this release works with (EX_CONFIG of sysexits.h)."""

    exit_code: ClassVar[int] = 78


class SchemaBehindError(SchemaNotReadyError):
    """The database waits for ``baton migrate``."""


class SchemaTooNewError(SchemaNotReadyError):
    """A newer release has made changes that this one cannot work with."""
