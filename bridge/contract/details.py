"""Codes below the error codes: what exactly is invalid, and why the outcome of a command is unknown.

They are stable and for programs, which show a text in their own language. Adding one changes the contract; a program
must accept unknown codes.
"""

from __future__ import annotations

from enum import StrEnum


class InvalidDetail(StrEnum):
    """`detail_code` of an `invalid` error. Errors that only a developer sees have none."""

    NOT_A_PHONE_NUMBER = "not_a_phone_number"
    NOT_A_RECIPIENT = "not_a_recipient"  # not a WhatsApp address, or one that takes no messages
    NO_SUCH_CHAT = "no_such_chat"  # groups and hidden addresses (LIDs) can be answered, not written to first
    NOT_AN_INVITE = "not_an_invite"  # neither the link of a group nor the code at its end
    URL_INVALID = "url_invalid"
    URL_SCHEME = "url_scheme"  # neither http:// nor https://
    URL_CREDENTIALS = "url_credentials"
    URL_FRAGMENT = "url_fragment"
    URL_HOST_UNKNOWN = "url_host_unknown"  # the host name could not be resolved
    URL_FORBIDDEN = "url_forbidden"  # WA_CALLBACK_HOSTS does not allow the address
    URL_OF_THE_BRIDGE = "url_of_the_bridge"


class FileDetail(StrEnum):
    """`detail_code` of a file that its URL does not give."""

    HOST_UNKNOWN = "file_host_unknown"
    CONNECTION_REFUSED = "file_connection_refused"
    TIMED_OUT = "file_timed_out"
    STATUS = "file_status"  # the server answers, with a status other than 200


class RefusalDetail(StrEnum):
    """`detail_code` of what WhatsApp refused."""

    NEW_CHAT_LIMIT = "new_chat_limit"  # the account's monthly number of new chats is used up
    TOO_FAST = "too_fast"
    CONTACT_BLOCKED = "contact_blocked"  # this account has blocked the recipient
    PAIRING_NUMBER = "pairing_number"  # no pairing code for this number


class PasskeyDetail(StrEnum):
    """`detail_code` of an answer to WhatsApp's passkey request that was not taken."""

    NOT_ASKED = "passkey_not_asked"  # no request waits for one
    MALFORMED = "passkey_malformed"  # not what the browser printed, or not all of it
    ORIGIN = "passkey_origin"  # the line was run on another site
    OUTDATED = "passkey_outdated"  # it answers an earlier request
    NOT_GIVEN = "passkey_not_given"  # the person's browser refused, or the person cancelled
    NOT_ACCEPTED = "passkey_not_accepted"  # by WhatsApp
    CODE = "passkey_code"  # the code to confirm is not the one that is shown


class Doubt(StrEnum):
    """`doubt_code`: why the outcome of a command is unknown."""

    CONNECTION_LOST = "connection_lost"
    ERROR_SHOWN = "error_shown"
    NOT_CONFIRMED = "not_confirmed"
    LEFT_OPEN = "left_open"


DOUBT_TEXT: dict[Doubt, str] = {
    Doubt.CONNECTION_LOST: (
        "The message may have been sent before the connection was lost, and WhatsApp Web does not know it."
    ),
    Doubt.ERROR_SHOWN: "WhatsApp Web shows an error that does not say whether the message was sent.",
    Doubt.NOT_CONFIRMED: "WhatsApp has not confirmed the message in time; it may still be sent.",
    Doubt.LEFT_OPEN: (
        "It was open when the store was restored or another bridge had the session; it may have been sent."
    ),
}
