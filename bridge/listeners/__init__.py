"""Listeners: callback URLs, each a durable reader of its session's journal. Knows nothing of HTTP but its statuses."""

from .deliveries import Deliveries
from .headers import SESSION_HEADER, signature
from .reading import Standing
from .registry import FORGOTTEN_AFTER, Listeners, Start
from .verdict import Circuit

__all__ = ["FORGOTTEN_AFTER", "SESSION_HEADER", "Circuit", "Deliveries", "Listeners", "Standing", "Start", "signature"]
