"""What has to fit on a screen, whatever the names are."""

from __future__ import annotations

from playwright.async_api import Page

#: Without a space; from right to left; of characters that are several code points each.
NAMES = (
    "Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüsselbund"[:60],
    "شركة_النقل_البحري_والتجارة_العامة_المحدودة_للشرق_الأوسط_كلها"[:60],
    "👩‍👩‍👧‍👦🇦🇷" * 10,
)
#: With spaces.
SPACED = "Distribuidora Mayorista de Artículos de Limpieza y Bazar S.A."
#: What is wider than its place: the page itself, or a text that is cut without an ellipsis or a `title` with the whole.
_CUT = """() => {
    const found = [];
    const { scrollWidth } = document.documentElement;
    if (scrollWidth > innerWidth) found.push(`the page is ${scrollWidth - innerWidth} px too wide`);
    for (const one of document.querySelectorAll('body *')) {
        const { overflowX, textOverflow, display } = getComputedStyle(one), box = one.getBoundingClientRect();
        if (!one.checkVisibility({ visibilityProperty: true }) || box.width < 2 || display === 'inline') continue;
        // A bar of sections scrolls; one press shows a whole message.
        if (one.matches('input, textarea, select, option, svg, svg *, .tabs, button > .soft, .last')) continue;
        const name = `${one.tagName} ${one.id} ${one.className}: ${[...one.textContent.trim()].slice(0, 40).join('')}`;
        if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth) {
            const whole = one.closest('[title]')?.title ?? '';
            if (['auto', 'scroll'].includes(overflowX)) found.push(`scrolls sideways: ${name}`);
            else if (overflowX === 'visible') found.push(`overflows: ${name}`);
            else if (textOverflow !== 'ellipsis') found.push(`cut: ${name}`);
            else if (!whole.includes(one.textContent.trim())) found.push(`no title: ${name}`);
        }
    }
    return found;
}"""


async def check_fits(page: Page, where: str) -> None:
    """Nothing overflows the page, and no text is cut without an ellipsis and a title."""
    found: list[str] = await page.evaluate(_CUT)
    assert found == [], f"{where}: {found}"
