"""The figures of a session as charts."""

from __future__ import annotations

from playwright.async_api import expect

from tests.http.conftest import HttpBridge
from tests.http.panel.pages import OpenPanel


async def test_long_delays_are_charted_in_seconds(started: HttpBridge, open_panel: OpenPanel) -> None:
    page = await open_panel(started, locale="es-AR", at="#charts")
    await expect(page.get_by_role("heading", name="Demora en milisegundos")).to_be_visible()
    script = """async () => {
        const { delaysOf } = await import('/panel/static/charts.js');
        const { lineChart } = await import('/panel/static/chart.js');
        const { word } = await import('/panel/static/language.js');
        const at = new Date().toISOString();
        const [unit, buckets] = delaysOf([391000, null].map((send_ms) => ({ at, send_ms, publish_ms: 3 })));
        const series = [['one', 'toWhatsapp', 'send_ms'], ['two', 'toMqtt', 'publish_ms']];
        const made = lineChart(word(unit), buckets, series);
        document.querySelector('.charts').replaceChildren(made);
        const left = made.getBoundingClientRect().left;
        const labels = [...made.querySelectorAll('text')].map((one) => one.getBoundingClientRect().left);
        return [made.textContent, Math.min(...labels) > left, delaysOf([{ send_ms: 9000, publish_ms: null }])[0]];
    }"""
    said, fits, other = await page.evaluate(script)
    assert "Demora en segundos" in said
    assert "ø 391" in said
    assert "ø 0,003" in said
    assert (fits, other) == (True, "latency")
