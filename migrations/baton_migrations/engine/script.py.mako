"""
${message.capitalize()}.

The rule: the previous release keeps working on the schema that this revision leaves, because its pods still run while
the new ones start. Add nullable columns or columns with a default, add tables, add indexes; rename and drop only what
no supported release uses any more, in a revision of its own, and say so in ``readable_since``.
One revision is one transaction, waits 4 s at most for a lock and 60 s for a statement, and can be killed and run again.
There is no way back: a release is rolled back by its image, never by the schema.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "SAY WHICH"


def upgrade() -> None:
    """${message.capitalize()}."""
    ${upgrades if upgrades else "pass"}
