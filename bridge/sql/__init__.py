"""The SQL database of a service beside the bridge: SQLite in the data directory, or MySQL by the DB_* settings.

Engine, transactions and migrations; the services own their tables.
"""
