"""The life of a campaign and of a recipient. The states and the campaign's transitions are the contract's. Pure."""

from __future__ import annotations

from bridge.contract.campaigns import CAMPAIGN_TRANSITIONS, CampaignAction, CampaignState, RecipientState
from bridge.contract.errors import Expired, NotConnected, ReachOutLocked
from bridge.contract.lifecycle import AckName
from campaigns.errors import WrongState

#: The state in which an action leaves a campaign; `start` of one with a future `start_at` is `scheduled`.
_AFTER = {
    CampaignAction.START: CampaignState.RUNNING,
    CampaignAction.PAUSE: CampaignState.PAUSED,
    CampaignAction.RESUME: CampaignState.RUNNING,
    CampaignAction.CANCEL: CampaignState.CANCELLED,
    CampaignAction.RETRY: CampaignState.RUNNING,
}
_FROM = {
    CampaignAction.START: frozenset({CampaignState.DRAFT}),
    CampaignAction.RESUME: frozenset({CampaignState.PAUSED, CampaignState.STOPPED}),
    CampaignAction.RETRY: frozenset({CampaignState.DONE, CampaignState.PAUSED, CampaignState.STOPPED}),
}
#: States in which nothing more is sent unless a person asks.
ENDED = frozenset({CampaignState.DONE, CampaignState.CANCELLED})

#: Codes of failures that prove that nothing was sent and that end by themselves: the recipient waits again.
NOT_SENT = frozenset({Expired.code, NotConnected.code, ReachOutLocked.code, "cancelled"})
#: Commands for one recipient that may fail that way before it counts as failed.
MOST_ATTEMPTS = 20

_R = RecipientState
_OF_ACK = {AckName.SERVER: _R.SENT, AckName.DEVICE: _R.DELIVERED, AckName.READ: _R.READ, AckName.PLAYED: _R.READ}
_RANK = {_R.WAITING: 0, _R.SENDING: 1, _R.UNKNOWN: 2, _R.SENT: 3, _R.DELIVERED: 4, _R.READ: 5}


def after_action(state: CampaignState, action: CampaignAction, *, later: bool) -> CampaignState:
    """The state after an action; `later`: its start is still to come. Raises `WrongState`."""
    after = _AFTER[action]
    if later and action in (CampaignAction.START, CampaignAction.RESUME):
        after = CampaignState.SCHEDULED
    allowed = _FROM.get(action)
    if after not in CAMPAIGN_TRANSITIONS[state] or (allowed is not None and state not in allowed):
        raise WrongState(f"A campaign that is {state} cannot be changed by {action}.")
    return after


def check_transition(before: CampaignState, after: CampaignState) -> None:
    """Raise `WrongState` for a transition that the table does not have."""
    if after not in CAMPAIGN_TRANSITIONS[before]:
        raise WrongState(f"A campaign that is {before} cannot become {after}.")


def after_tick(before: RecipientState, ack: AckName) -> RecipientState | None:
    """The state of a recipient after an ack; None if it changes nothing. Ticks come in any order and again."""
    after = _OF_ACK.get(ack)
    if after is None or before not in _RANK or before is RecipientState.WAITING:
        return None
    return after if _RANK[after] > _RANK[before] else None
