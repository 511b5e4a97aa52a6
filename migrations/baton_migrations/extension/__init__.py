"""What the chains of all extensions share: alembic's way in, and the template of their revisions."""
