"""What WhatsApp generates itself, or sends about another message. It is no message of a person and not published.

The list is that of WhatsApp Web's `WAWebMsgType` (April 2026), without the types of `contract/kinds`. A type in neither
is published with kind `unknown`: a message must not be lost because WhatsApp added a type.
"""

from __future__ import annotations

_NOTICES = {
    *("broadcast_notification", "call_log", "e2e_notification", "gp2", "group_notification", "newsletter_notification"),
    *("notification", "notification_template", "pinned_message", "status_notification", "guest_upsell_system_msg"),
    *("history_bundle", "group-history", "message_history_notice", "protocol", "debug"),
}
#: Votes, reactions, pins, edits and the like: events of the message that they name.
_ABOUT_OTHERS = {
    *("event_edit_encrypted", "event_response", "keep_in_chat", "message_edit_encrypted", "pin_message", "poll_update"),
    *("poll_add_option_decrypted", "poll_add_option_encrypted", "poll_edit_encrypted", "poll_result_snapshot"),
    *("reaction", "reaction_enc", "revoked"),
}
#: Nothing can be read in them: what follows can. Each picture of an album is a message of its own.
_PLACEHOLDERS = {
    *("album", "biz_content_placeholder", "biz-cover-photo", "ciphertext", "debug_placeholder", "loading_media"),
}
#: Placeholders of another type: name -> WhatsApp's type, and the field and its value that decide.
SYSTEM_VARIANTS: dict[str, tuple[str, str, bool | str]] = {
    "bot_typing": ("chat", "subtype", "bot_typing_placeholder"),
}
SYSTEM_TYPES = frozenset(_NOTICES | _ABOUT_OTHERS | _PLACEHOLDERS | SYSTEM_VARIANTS.keys())
