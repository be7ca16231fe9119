"""The responder's database: conversations in the legacy tables, its own records in tables of its own."""
