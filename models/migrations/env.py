"""Alembic's entry: connects as the owner and runs what is missing, all of it or nothing."""

from alembic import context
from sqlalchemy import create_engine, pool, text

# Any number will do as long as all migrations agree: two of them at once wait for each other.
MIGRATION_LOCK = 20261124

engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        context.run_migrations()
