"""Baton's own chain: alembic's environment, the template of a revision, and the revisions."""
