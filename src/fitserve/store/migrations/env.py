"""Alembic's entry: runs the migrations on the connection, and in the transaction, that it is given."""

from alembic import context

from fitserve.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite can, and a killed migration must leave nothing
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
