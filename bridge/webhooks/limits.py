"""The numbers of webhook delivery: counts, and seconds. Tests pass their own."""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.contract.backoff import Backoff


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLimits:
    """When a post is repeated, how many are made at once, and how long an unregistered webhook is kept.

    - `retry`: pauses between the posts of one item. A receiver that recovers waits no longer than the limit.
    - `longest_retry_after`: the longest pause that a receiver may request.
    - `open_after`: failures in a row that open the circuit.
    - `server_errors`: responses of 500 and the like to one item after which the receiver is taken to be unable to
      process it; `unanswered`: posts of one item that the receiver took and answered late or not at all. On the legacy
      path few: those receivers do not recognise a repeated post, and the old bridge posted once.
    - `lanes`: posts in progress at once to one webhook, each of another chat; fewer to a slow one (`LaneWidth`).
    - `held`: items of one webhook that wait for those before them in their chat, or for another attempt. Only their
      numbers are in memory. Beyond it, nothing more is read: one stuck chat then holds the others up.
    - `posts`: posts in progress at once. Webhooks whose last post failed share `failing_posts` of their own: receivers
      that hang must not use up the slots of those that respond.
    - `pause`: seconds for which posts wait at most while a message is on its way to MQTT.
    - `page`: items read at once.
    - `page_age`: seconds for which a page may be reused. `wa forget` changes items in the journal.
    - `ended_retention`: seconds for which an unregistered webhook keeps its cursor: a receiver that restarts
      unregisters and registers again.
    - `poll`: seconds between two checks for unregistered webhooks to remove, and before a failed worker is restarted.
    """

    retry: Backoff = field(default_factory=lambda: Backoff(1.0, 60.0, jitter=0.5))
    longest_retry_after: float = 3600.0
    open_after: int = 5
    server_errors: int = 20
    unanswered: int = 20
    legacy_unanswered: int = 3
    lanes: int = 8
    held: int = 1000
    posts: int = 128
    failing_posts: int = 16
    pause: float = 0.02
    page: int = 20
    page_age: float = 1.0
    ended_retention: float = 600.0
    poll: float = 60.0
