"""The store: one set of tables over SQLite and PostgreSQL.

`tables` says what is kept, `migrations` how an older store becomes a newer one, `triggers` what may never
change, `engine` how to connect, `bulk` how rows get in fast, the `…_store` files answer the ports, `store`
joins them into transactions, `auditlog` gives the log its order.
"""

from countersign.adapters.sql.store import SqlStore, open_store, sqlite_url

__all__ = ["SqlStore", "open_store", "sqlite_url"]
