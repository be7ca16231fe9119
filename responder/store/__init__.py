"""What the responder keeps: conversations in the legacy tables, and its own bookkeeping beside them."""
