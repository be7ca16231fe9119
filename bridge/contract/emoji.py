"""What counts as one emoji: Unicode's form of an emoji sequence (UTS #51). Pure."""

from __future__ import annotations

import re

#: Characters with the property `Emoji` but the ASCII ones; the blocks above U+1F000 as a whole, for later additions.
_BASE = (
    "©®‼⁉™ℹ↔-↙↩-↪⌚-⌛⌨⏏⏩-⏳⏸-⏺Ⓜ▪-▫▶◀◻-◾☀-☄☎☑☔-☕☘☝☠☢-☣☦☪☮-☯☸-☺♀♂♈-♓♟-♠♣♥-♦♨♻♾-♿⚒-⚗⚙⚛-⚜⚠-⚡⚧⚪-⚫⚰-⚱⚽-⚾⛄-⛅⛈⛎-⛏⛑⛓-⛔⛩-⛪⛰-⛵⛷-⛺"
    "⛽✂✅✈-✍✏✒✔✖✝✡✨✳-✴❄❇❌❎❓-❕❗❣-❤➕-➗➡➰➿⤴-⤵⬅-⬇⬛-⬜⭐⭕〰〽㊗㊙"
    "\U0001f000-\U0001f1e5\U0001f200-\U0001faff"
)
_REGIONAL = "[\U0001f1e6-\U0001f1ff]"
_ELEMENT = (
    rf"(?:{_REGIONAL}{{2}}|[{_BASE}](?:[\U0001f3fb-\U0001f3ff]|\ufe0f\u20e3?|[\U000e0020-\U000e007e]+\U000e007f)?)"
)
_EMOJI = re.compile(rf"(?:[0-9#*]\ufe0f?\u20e3|{_ELEMENT}(?:\u200d{_ELEMENT})*)")


def is_emoji(text: str) -> bool:
    """Whether the text is one emoji and nothing else."""
    return _EMOJI.fullmatch(text) is not None
