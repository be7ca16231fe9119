"""Webhooks: callback URLs, each a durable reader of its session's journal. Knows nothing of HTTP but its statuses."""
