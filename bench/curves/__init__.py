"""Cost against size: sessions, subscribers, listeners, open commands; and what follows for many numbers."""
