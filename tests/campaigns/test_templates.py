"""Texts with variables: filled in, refused when something is missing, and never carried out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.agreement import is_yes
from campaigns.errors import WrongPlan
from campaigns.templates import MissingVariable, Template


def test_variables_defaults_and_spellings() -> None:
    template = Template.parse("Hola {{ Nombre }}, {{ zona | tu barrio }}: {{saldo}}")
    assert template.names == {"nombre", "zona", "saldo"}
    assert template.render({"nombre": " Ana "}, {"saldo": "0"}) == "Hola Ana, tu barrio: 0"


def test_a_missing_or_invisible_value_is_never_an_empty_greeting() -> None:
    template = Template.parse("Hola {{nombre}}")
    for values in ({}, {"nombre": ""}, {"nombre": "  "}, {"nombre": "\u200b\u2060"}):
        with pytest.raises(MissingVariable, match="nombre is empty"):
            template.render(values, {})


@pytest.mark.parametrize(
    "text",
    [
        "{% for x in y %}{{x}}{% endfor %}",
        "{{ 7*7 }}",
        "{{ ''.__class__ }}",
        "{{nombre",
        "{{}}",
        "{# c #}",
        "{{ nombre | upper() }} }}",
        "  ",
    ],
)
def test_what_is_no_variable_is_refused(text: str) -> None:
    with pytest.raises(WrongPlan):
        Template.parse(text)


@given(st.text(min_size=1).filter(lambda text: any(c.isalnum() for c in text)))
def test_a_value_is_inserted_as_it_is(value: str) -> None:
    template = Template.parse("<{{x}}>")
    assert template.render({"x": value}, {}) == f"<{value.strip()}>"
    assert template.render({"x": "a{{y}}{% for %}"}, {}) == "<a{{y}}{% for %}>"


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        *(
            (text, True)
            for text in ("Sí", "si, dale!", "OK gracias", "Dale por favor", "👍", "Sí, quiero", "me interesa")
        ),
        *((text, False) for text in ("no", "si me das descuento", "no sé", "", "gracias", "quién es?", "sin interés")),
    ],
)
def test_a_yes_is_a_yes_and_nothing_else(text: str, yes: bool) -> None:
    assert is_yes(text) is yes
