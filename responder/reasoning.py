"""Removes a model's reasoning from its answer, in the notations in which models write it. Pure.

In doubt more is removed: a customer who gets no answer asks again; what a customer has read cannot be taken back.
"""

from __future__ import annotations

import re

_NAMES = (
    r"(?:\w{1,16}:)?(?:think|thinking|thoughts?|reason|reasoning|reflection|analysis|scratch_?pad|inner_monologue"
    r"|internal_monologue|cot|chain_of_thought)"
)
#: Bounded, as each repetition here: beside another one that takes the same characters it would cost their product.
_WORD = r"\w{0,16}"
_TOKENS = rf"{_WORD}(?:think|thought|reason){_WORD}"
#: Beginnings: <think>, [THINK], ◁think▷, <|START_THINKING|>, <|channel>thought, <details type=reasoning>, ```thinking.
_BEGIN = re.compile(
    rf"<\s*{_NAMES}(?:\s[^<>]{{0,200}})?>|\[\s*{_NAMES}\s*\]|◁\s*{_NAMES}\s*▷|<\|(?!{_WORD}end){_TOKENS}\|>"
    r"|<\|channel>\s*(?:thought|analysis)|<unused94>(?:thought)?|<details\s+type=[\"']?reasoning[^<>]{0,200}>"
    r"|```[ \t]*(?:think|thinking|thought|reasoning)[ \t]*\n",
    re.IGNORECASE,
)
_END = re.compile(
    rf"<\s*/\s*{_NAMES}\s*>|\[\s*/\s*{_NAMES}\s*\]|◁\s*/\s*{_NAMES}\s*▷|<\|{_WORD}end{_TOKENS}\|>|<\|/{_TOKENS}\|>"
    r"|<channel\|>|<unused95>",
    re.IGNORECASE,
)
#: Ends that are written alike elsewhere: they end reasoning only where their own beginning stands before them.
_ENDS_OF = {"<details": re.compile(r"</details\s*>", re.IGNORECASE), "```": re.compile(r"```")}
_MARK = re.compile("|".join(one.pattern for one in (_BEGIN, _END, *_ENDS_OF.values())), re.IGNORECASE)
_ESCAPED = re.compile(rf"&lt;(\s*(?:/\s*)?{_NAMES}\s*)&gt;", re.IGNORECASE)
#: A tag that a length limit cut.
_CUT_TAG = re.compile(r"<\|?/?[a-z][\w|:]{0,24}$", re.IGNORECASE)
#: Channels as gpt-oss writes them; only the one called `final` is meant for the reader.
_CHANNEL = re.compile(r"<\|channel\|>\s*([^<]{0,64})(?:<\|constrain\|>[^<]{0,64})?<\|message\|>", re.IGNORECASE)
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start|channel)\|>", re.IGNORECASE)
#: The same after a server has removed the markers: `analysisWe need to…assistantfinalHola`.
_BARE_CHANNEL = re.compile(r"\s*(?:assistant)?(?:analysis|commentary)(?=[A-ZÁÉÍÓÚÑ¿¡])")
_BARE_FINAL = "assistantfinal"
_SPOKEN = re.compile(r"\s*here(?:'s|’s| is) my thought process:?", re.IGNORECASE)
_SPOKEN_END = re.compile(r"here(?:'s|’s| is) my response:?", re.IGNORECASE)


def without_reasoning(text: str) -> str:
    """The part of an answer that is meant for the reader; empty if there is none.

    Reasoning that is not closed reaches to the end; reasoning that is closed without a beginning (some servers put
    the beginning into the prompt) reaches back to the start.
    """
    rest = _without_tags(_of_final_channel(_ESCAPED.sub(r"<\1>", text)))
    if _SPOKEN.match(rest):
        end = _SPOKEN_END.search(rest)
        rest = rest[end.end() :] if end else ""
    return _CUT_TAG.sub("", rest).strip()


def _of_final_channel(text: str) -> str:
    if "<|channel|>" in text.lower():
        final = []
        for marker in _CHANNEL.finditer(text):
            end = _CHANNEL_END.search(text, marker.end())
            if marker[1].strip().lower() == "final":
                final.append(text[marker.end() : end.start() if end else len(text)])
        return "".join(final)
    if _BARE_CHANNEL.match(text):
        return text.rpartition(_BARE_FINAL)[2] if _BARE_FINAL in text else ""
    return text


def _without_tags(text: str) -> str:
    kept: list[str] = []
    position = 0
    ending: re.Pattern[str] | None = None  # what closes the reasoning at this place; None outside of it
    for mark in _MARK.finditer(text):
        if ending is not None and ending.fullmatch(mark[0]):
            position, ending = mark.end(), None
        elif ending is None and _BEGIN.fullmatch(mark[0]):
            kept.append(text[position : mark.start()])
            ending = _end_of(mark[0])
        elif ending is None and _END.fullmatch(mark[0]):
            kept, position = [], mark.end()
    return "".join(kept) + (text[position:] if ending is None else "")


def _end_of(begin: str) -> re.Pattern[str]:
    return next((end for start, end in _ENDS_OF.items() if begin.lower().startswith(start)), _END)
