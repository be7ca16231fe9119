"""Settings of the responder that are valid and have no effect, or can match nothing. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from responder.policy import Groups
from responder.prompt import unused_variables
from responder.rules import RulesHours
from responder.settings import ResponderSettings

_OF_A_DATABASE = ("db_port", "db_user", "db_password", "db_database")
_OF_HOURS = ("hours", "closed_text")
_OF_A_MODEL = (
    *("openai_base_url", "openai_model", "temperature", "max_tokens", "max_text", "max_prompt", "model_timeout"),
    *("model_retries", "model_concurrency", "price_in", "price_out", "prompt_file", "prompt_vars", "images"),
)


def ineffective(settings: ResponderSettings, hours: RulesHours | None = None) -> Iterator[tuple[str, str]]:
    """What has no effect, with the setting and its value, and what to do. Raises WrongSettings for a broken prompt.

    `hours` are those of the rules file, if it has any: they count instead of the settings.
    """
    if settings.db_host is None and (names := _given(settings, _OF_A_DATABASE)):
        yield (
            f"{names} without DB_HOST: conversations go to {settings.data_dir / 'responder.db'} instead.",
            "Set DB_HOST, or unset the others.",
        )
    if settings.openai_api_key is None and (names := _given(settings, _OF_A_MODEL)):
        yield (
            f"{names} without OPENAI_API_KEY: only rules answer.",
            "Set OPENAI_API_KEY; a server that needs none takes any text.",
        )
    elif unused := unused_variables(settings.system_template(), settings.prompt_vars):
        yield (
            f"RESPONDER_PROMPT_VARS: the system text does not contain {{{{{unused[0]}}}}}.",
            "Write the name as RESPONDER_PROMPT has it.",
        )
    if settings.images and settings.sender_url is not None:
        yield ("RESPONDER_IMAGES with MASSIVE_SENDER_URL: the legacy sender gives no files.", "Use the broker.")
    if settings.transcribe and settings.sender_url is not None:
        yield (
            "RESPONDER_TRANSCRIBE with MASSIVE_SENDER_URL: the legacy sender gives no files.",
            "Use the broker, or unset it.",
        )
    if names := _given(settings, ("transcribe_url", "transcribe_key")):
        if not settings.transcribe:
            yield (f"{names} without RESPONDER_TRANSCRIBE: voice messages stay unread.", "Set RESPONDER_TRANSCRIBE.")
        elif settings.transcribe_url is None:
            yield (f"{names} without RESPONDER_TRANSCRIBE_URL: the model's key is used.", "Set both, or neither.")
    if settings.callback_url is not None and settings.sender_url is None:
        yield (
            f"RESPONDER_CALLBACK_URL={settings.callback_url} without MASSIVE_SENDER_URL: nothing posts there.",
            "Set both, or neither.",
        )
    if hours is not None:
        if names := _given(settings, _OF_HOURS):
            yield (
                f"{names} without effect: `hours` in {settings.rules_path} count.",
                "Change the hours there or in the panel, and unset the settings.",
            )
        if hours.closed_text and not hours.open.spans:
            yield (
                f"closed_text of `hours` in {settings.rules_path} is never sent: without `open` it is always open.",
                "Write the hours in `open`, or delete closed_text.",
            )
    elif settings.closed_text and not settings.hours.spans:
        yield (
            f"RESPONDER_CLOSED_TEXT={settings.closed_text[:40]!r} is never sent without RESPONDER_HOURS.",
            "Set RESPONDER_HOURS.",
        )
    if settings.own and settings.groups is Groups.NEVER:
        yield (
            f"RESPONDER_OWN={','.join(sorted(settings.own))} has no effect with RESPONDER_GROUPS=never.",
            "Set RESPONDER_GROUPS=mentioned.",
        )
    if both := sorted(settings.admins & settings.blocked):
        yield (f"{both[0]} is in ADMIN_NUMBERS and in RESPONDER_BLOCKED.", "Remove it from one of them.")


def _given(settings: ResponderSettings, fields: tuple[str, ...]) -> str:
    """The variables that are set, as a subject with its verb; empty for none."""
    shown = [
        f"{field.validation_alias}" + ("" if "SecretStr" in str(field.annotation) else f"={getattr(settings, name)}")
        for name, field in ResponderSettings.model_fields.items()
        if name in fields and name in settings.model_fields_set
    ]
    return f"{', '.join(shown)} {'is' if len(shown) == 1 else 'are'} set" if shown else ""
