"""Listeners: callback URLs, each a durable reader of its session's journal. Knows nothing of HTTP but its statuses."""

from bridge.webhooks.delivery import SessionDeliveries, WebhookHealth
from bridge.webhooks.headers import SESSION_HEADER, signature
from bridge.webhooks.registry import FORGOTTEN_AFTER, Start, WebhookRegistry
from bridge.webhooks.retry_policy import RETRY, Circuit

__all__ = [
    "FORGOTTEN_AFTER",
    "RETRY",
    "SESSION_HEADER",
    "Circuit",
    "SessionDeliveries",
    "Start",
    "WebhookHealth",
    "WebhookRegistry",
    "signature",
]
