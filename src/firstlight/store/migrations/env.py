"""Runs the migrations on the connection that the store hands over."""

from alembic import context

from firstlight.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    transactional_ddl=False,  # the store's own transaction is around all of it
)
context.run_migrations()
