"""
${message[:1].upper() + message[1:]}.

The rule: tasks of the previous release still run while this revision is applied. Add nullable columns or columns with a
server_default, add tables, add indexes; rename and drop only what no release in use needs any more.
One revision is one transaction over the tables of this extension and no others; it waits 4 s at most for a lock and
60 s for a statement, and can be killed and run again. There is no way back but another revision.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}

#: The oldest release of this package that works with the tables as they are after this revision; without it, only the
#: release that brings the revision, and newer ones, are let near them.
# readable_since = "1.0.0"


def upgrade() -> None:
    """${message[:1].upper() + message[1:]}."""
    ${upgrades if upgrades else "pass"}
