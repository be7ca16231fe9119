"""Webhooks: callback URLs, each a durable reader of its session's journal. Knows nothing of HTTP but its statuses."""

from bridge.webhooks.delivery import WebhookHealth
from bridge.webhooks.delivery_log import PostRecord, PostResult
from bridge.webhooks.headers import SESSION_HEADER
from bridge.webhooks.limits import WebhookLimits
from bridge.webhooks.registry import Start, WebhookRegistry
from bridge.webhooks.retry_policy import Circuit
from bridge.webhooks.session_deliveries import SessionDeliveries

__all__ = [
    "SESSION_HEADER",
    "Circuit",
    "PostRecord",
    "PostResult",
    "SessionDeliveries",
    "Start",
    "WebhookHealth",
    "WebhookLimits",
    "WebhookRegistry",
]
