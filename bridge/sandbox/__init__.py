"""The sandbox: a test double of WhatsApp Web on which the real wa-js boots, and a phone to type on."""

from bridge.sandbox.server import AddressUnavailable, Sandbox
from bridge.sandbox.state import StateUnreadable
from bridge.sandbox.world import World

__all__ = ["AddressUnavailable", "Sandbox", "StateUnreadable", "World"]
