"""Alembic's entry: the connection is given by `run.migrate`, which also owns the transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
