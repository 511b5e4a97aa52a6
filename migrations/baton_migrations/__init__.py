"""
How the store changes: Baton's own chain of revisions, then those of the extensions.

Law of this room: it knows the models, never the operator. Each revision is one transaction and keeps the previous
release working; the runner can be killed at any instruction and run again.
"""
