"""A page without a mouse: what Tab reaches, in which order, and whether the focus is seen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from playwright.async_api import Page

#: Every control that is shown and enabled, in the order of the document. An open dialog makes the rest unreachable.
_CONTROLS = """() => {
    const top = document.querySelector('dialog:modal') ?? document.body;
    const all = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
    const shown = [...top.querySelectorAll(all)].filter((one) =>
        one.checkVisibility({ visibilityProperty: true }) && !one.disabled && one.tabIndex >= 0
            && !one.matches('.skip'));
    globalThis.walked = shown; // not marked: a page that draws again would take a marked one for another
    return shown.map((one) => `${one.tagName} ${one.ariaLabel ?? one.textContent.trim().slice(0, 40)}`);
}"""
_FOCUSED = """() => {
    const one = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(one);
    const { left, right, top, bottom } = one.getBoundingClientRect();
    const onScreen = right > 0 && bottom > 0 && left < innerWidth && top < innerHeight;
    return {
        index: walked.indexOf(one),
        seen: onScreen && outlineStyle !== 'none' && parseFloat(outlineWidth) > 0,
    };
}"""


async def walk(page: Page) -> list[str]:
    """Press Tab until all that is shown has had the focus once; returns what is wrong with it."""
    controls: list[str] = await page.evaluate(_CONTROLS)
    order: list[int] = []
    wrong: list[str] = []
    for _ in range(len(controls) + 4):
        await page.keyboard.press("Tab")
        focused: dict[str, Any] = await page.evaluate(_FOCUSED)
        index = focused["index"]
        if index in order:
            break
        if index < 0:
            continue
        order.append(index)
        if not focused["seen"]:
            wrong.append(f"focus not seen: {controls[index]}")
    wrong += [f"not reached: {name}" for index, name in enumerate(controls) if index not in order]
    start = order.index(min(order)) if order else 0
    turned = order[start:] + order[:start]
    wrong += [f"out of order: {controls[two]}" for one, two in pairwise(turned) if two < one]
    return wrong
