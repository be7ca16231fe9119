"""Rules, hours and quick replies are changed from the panel: checked, tried, saved whole, and in force at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from responder.errors import RulesNotWritten, WrongRules
from responder.faults import FaultLog
from responder.hours import Hours, written_hours
from responder.rules_editor import RulesEditor
from responder.rules_file import RulesFile
from responder.rules_text import with_section
from tests.client.conftest import ANA, BETO
from tests.loopback import http_client
from tests.responder.conftest import ResponderHarness

OWN = """# de la panadería
version: 1
hours:  # de invierno
  open: lun-vie 09:00-18:00

rules:
  # lo que más preguntan
  - name: hours
    when: {contains: [horario]}
    answer: "De 9 a 18."
"""
ALL_WEEK = ["00:00-24:00"] * 7


def editor(path: Path, *, optional: bool = True) -> RulesEditor:
    file = RulesFile(path, FaultLog(lambda: 0.0, lambda _: None), optional=optional)
    file.load()
    return RulesEditor(file)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (OWN, ["# de la panadería", "  # lo que más preguntan", '    answer: "De 9 a 18."']),
        ("version: 1\nhours:\n  closed_text: |\n    Una\n    dos\n# fin\nrules: []\n", ["# fin", "rules: []"]),
        ("version: 1\nhours: {open: ''}\nrules: []  # nada", ["rules: []  # nada"]),
        ("version: 1\nrules: []  # nada", ["rules: []  # nada"]),
        ("# solo\n", []),
    ],
)
def test_a_section_is_replaced_and_the_rest_stays_as_written(text: str, kept: list[str]) -> None:
    changed = with_section(text, "hours", {"open": "dom 10:00-12:00"})
    assert changed.count("hours:") == 1
    assert "hours:\n  open: dom 10:00-12:00\n" in changed
    assert [line for line in kept if line not in changed.splitlines()] == []
    assert "Una" not in changed
    assert "hours:" not in with_section(changed, "hours", None)


def test_hours_of_seven_days_are_written_as_the_setting() -> None:
    days = [*["09:00-13:00, 15:00-19:00"] * 5, "22:00-02:00", ""]
    assert written_hours(days) == "lun-vie 09:00-13:00, 15:00-19:00; sab 22:00-02:00"
    assert Hours.parse(written_hours(days)).by_day() == days
    with pytest.raises(ValueError, match="is not days and times"):
        written_hours(["9 a 18", *[""] * 6])


def test_the_old_file_is_kept_and_a_file_that_cannot_be_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "reglas.yaml"
    ours = editor(path)
    shipped = ours.read()
    assert (shipped.is_own, "hola / hello" in shipped.text) == (False, True)
    first = ours.save(OWN, shipped.revision)
    assert (path.read_text(), path.stat().st_mode & 0o777) == (OWN, 0o600)
    path.chmod(0o640)
    ours.set_hours(["10:00-12:00", *[""] * 6], "Cerrado: hasta el lunes", first.revision)
    assert (path.with_name("reglas.yaml.bak").read_text(), path.stat().st_mode & 0o777) == (OWN, 0o640)
    assert ours.check(path.read_text()).hours.open.by_day()[0] == "10:00-12:00"  # type: ignore[union-attr]
    (tmp_path / "file").write_text("")
    nowhere = editor(tmp_path / "no" / "reglas.yaml")
    (tmp_path / "no").write_text("a file in the place of the folder")
    with pytest.raises((RulesNotWritten, WrongRules)):
        nowhere.save(OWN, nowhere.read().revision)


def test_a_text_from_the_panel_names_no_private_file(tmp_path: Path) -> None:
    path, rule = (
        tmp_path / "reglas.yaml",
        "version: 1\nrules: [{{name: a, when: {{contains: [b]}}, answer: {{document: {{file: {}}}}}}}]",
    )
    (tmp_path / "archivos").mkdir()
    for name in ("broker.json", "carta.pdf", "archivos/lista.pdf"):
        (tmp_path / name).write_bytes(b"%PDF-1.4")
    path.write_text(rule.format("carta.pdf"))
    ours = editor(path)
    for kept in ("carta.pdf", "archivos/lista.pdf"):
        ours.check(rule.format(kept))
    (tmp_path / "archivos" / "link.pdf").symlink_to(tmp_path / "broker.json")
    for private in ("broker.json", "/etc/passwd", "archivos/../broker.json", "archivos/link.pdf", "missing"):
        with pytest.raises(WrongRules, match="can only name files in the folder archivos/"):
            ours.check(rule.format(private))


async def test_an_owner_without_a_file_changes_rules_hours_and_replies(harness: ResponderHarness) -> None:
    responder = await harness.start()
    async with http_client(responder.url) as http:

        async def put(path: str, **body: Any) -> dict[str, Any]:
            answer = await http.put(f"/api/rules{path}", json=body)
            return {**answer.json(), "http": answer.status_code}

        shown = (await http.get("/api/rules")).json()
        assert (shown["own"], shown["path"], shown["mistakes"]) == (False, str(responder.rules.path), [])
        broken = OWN.replace("contains: [horario]", "contien: [horario]") + "templates: [{name: a}]\n"
        found = (await http.post("/api/rules/check", json={"text": broken})).json()["mistakes"]
        assert [one["line"] for one in found] == [9, 11]
        assert "unknown key 'contien'; known: whole" in found[0]["text"]
        assert (await put("", text=broken, revision=shown["revision"]))["http"] == 400
        assert not responder.rules.path.exists()
        tried = (await http.post("/api/rules/try", json={"text": OWN, "message": "¿Qué HORARIO tienen?"})).json()
        assert (tried["rule"], tried["answer"]) == ("hours", "De 9 a 18.")
        assert (await http.post("/api/rules/try", json={"message": "horario"})).json()["rule"] is None
        saved = await put("", text=OWN, revision=shown["revision"])
        assert (saved["http"], saved["own"], [one["name"] for one in saved["rules"]]) == (200, True, ["hours"])
        assert (await put("", text=OWN, revision=shown["revision"]))["code"] == "rules_changed"
        closed = ["" if day else "03:00-03:01" for day in range(7)]
        saved = await put("/hours", days=closed, closed_text="Estamos cerrados.", revision=saved["revision"])
        assert (saved["hours"]["days"], saved["hours"]["in_file"]) == (closed, True)
        assert "# lo que más preguntan" in responder.rules.path.read_text()
        harness.bridge.phone.incoming(ANA, "horario")
        assert await harness.answers(1) == ["Estamos cerrados."]
        saved = await put("/hours", days=ALL_WEEK, closed_text="", revision=saved["revision"])
        harness.bridge.phone.incoming(BETO, "horario")
        assert (await harness.answers(2))[1] == "De 9 a 18."
        reply = {"name": "precios", "text": "La lista:\n- pan: $2.000"}
        saved = await put("/templates", templates=[reply], revision=saved["revision"])
        assert (await http.get("/api/templates")).json() == {"templates": [reply]}


async def test_a_chat_is_paused_without_end_and_says_who_took_over(harness: ResponderHarness) -> None:
    responder = await harness.start()
    harness.bridge.phone.incoming(ANA, "¿Cuánto sale?")
    await harness.verdicts(1)
    at = {"session": "haby", "chat": ANA}
    async with http_client(responder.url) as http:
        found = (await http.get("/api/chats/at", params=at)).json()
        assert (found["refusal"], found["chat"]["waiting"], found["chat"]["taken_by"]) == (None, True, None)
        unknown = (await http.get("/api/chats/at", params=at | {"chat": BETO})).json()
        assert unknown == {"chat": None}
        pause = f"/api/chats/{found['chat']['id']}/pause"
        others = {"x-wa-sessions": "ventas"}
        assert (await http.post(pause, json={"seconds": None}, headers=others)).status_code == 404
        assert (await http.get("/api/chats/at", params=at, headers=others)).status_code == 404
        assert (await http.get("/api/chats", headers=others)).json()["waiting"] == 0
        assert (await http.get("/api/chats", params={"session": "haby"})).json()["waiting"] == 1
        await http.post(pause, json={"seconds": None})
        found = (await http.get("/api/chats/at", params=at)).json()
        assert (found["refusal"], found["no_end"], found["paused_by"]) == ("human", True, "button")
        await http.post(pause, json={"seconds": 0})
        harness.bridge.phone.own(ANA, "$4.500", timestamp=harness.bridge.phone.now() + 5)
        await harness.verdicts(2)
        found = (await http.get("/api/chats/at", params=at)).json()
        assert (found["refusal"], found["no_end"], found["paused_by"]) == ("human", False, "own")
