"""Lists from files: every spelling of CSV, XLSX, and what is refused with which sentence."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from campaigns.errors import CampaignError
from campaigns.http.csv_report import harmless
from campaigns.lists.contacts import Columns, ListedContact, WrongRow, number_key
from campaigns.lists.files import read_contacts
from campaigns.lists.workbook_part import LARGEST_UNPACKED

#: Where the panel has them.
PANEL_TEXTS = (Path(__file__).parents[2] / "bridge/http/panel/static/texts/campaigns.js").read_text()


def read(path: Path) -> tuple[Columns, list[ListedContact], list[WrongRow]]:
    columns, *rows = read_contacts(path)
    assert isinstance(columns, Columns)
    contacts = [row for row in rows if isinstance(row, ListedContact)]
    return columns, contacts, [row for row in rows if isinstance(row, WrongRow)]


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_every_delimiter_and_encoding(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [["Teléfono", "Nombre", "Año"], ["+54 9 11 5550-0001", f'"Muñoz{delimiter} Ángela"', "2024"]]
    path = write(tmp_path / "a.csv", "\r\n".join(delimiter.join(row) for row in rows), encoding)
    columns, [contact], wrong = read(path)
    assert (contact.to, contact.name, contact.values) == ("5491155500001", f"Muñoz{delimiter} Ángela", {"año": "2024"})
    assert (columns.variables, wrong) == (["nombre", "name", "año"], [])


def test_each_bad_row_is_named_with_its_line_and_the_rest_is_used(tmp_path: Path) -> None:
    lines = [
        "telefono;nombre",
        "5491155500001;Ana",
        "",
        ";Beto",
        "no sé;Caro",
        '5,49E+12;"dos\nlíneas"',
        "+5491155500002;Dani",
    ]
    _, contacts, wrong = read(write(tmp_path / "a.csv", "\n".join(lines)))
    assert [(contact.line, contact.name) for contact in contacts] == [(2, "Ana"), (8, "Dani")]
    assert [(row.line, row.reason[:20]) for row in wrong] == [
        (4, "has no number"),
        (5, "'no sé' is no phone n"[:20]),
        (6, "'5,49E+12' is no pho"),
    ]


def test_all_spellings_of_a_number_are_one_person(tmp_path: Path) -> None:
    rows = ["telefono", "5491155500001", "54 11 5550-0001", "+54 9 (11) 5550 0001", "541155500001"]
    _, contacts, _ = read(write(tmp_path / "a.csv", "\n".join(rows)))
    assert len({contact.key for contact in contacts}) == 1


@pytest.mark.parametrize(
    ("given", "of_argentina", "elsewhere"),
    [
        ("1155500001", "5491155500001", "1155500001"),
        ("11 15 5550-0001", "5491155500001", "111555500001"),
        ("351 15 555-0001", "5493515550001", "351155550001"),
        ("2966 55-0001", "5492966550001", "2966550001"),
        ("+354 555 0001", "3545550001", "3545550001"),  # Iceland
        ("+1 155 550 0001", "11555500001", "11555500001"),
        ("4915155500001", "4915155500001", "4915155500001"),
        ("5491155500001", "5491155500001", "5491155500001"),
    ],
)
def test_numbers_without_a_country_are_those_of_the_accounts(given: str, of_argentina: str, elsewhere: str) -> None:
    for own, expected in (("5491155509999", of_argentina), ("34600500001", elsewhere), (None, elsewhere)):
        found = number_key(given, own)
        assert found is not None
        assert found[0] == expected


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b"nombre;zona\nAna;Sur\n", "No column has phone numbers"),
        (b"telefono;celular\n1;2\n", "could all be the number"),
        (b"5491155500001;Ana\n", "put a row with titles"),
        (b"telefono;a;a\n1;2;3\n", "same title"),
        (b"telefono;nombre;Nombre\n1;Ana;Beto\n", "same title"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "neither CSV nor XLSX"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "old or a locked Excel"),
        (b'telefono;nombre\n1;"' + b"x" * 80_000, "cannot be read as CSV"),
        (b"telefono\n" + b"1\n" * 200_001, "more than 200,000 rows"),
    ],
)
def test_an_unusable_file_is_refused_with_what_to_do(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    refused(path, sentence)


def refused(path: Path, sentence: str) -> None:
    """With a code that has a Spanish text, too."""
    with pytest.raises(CampaignError, match=sentence) as caught:
        list(read_contacts(path))
    assert f"\n    {caught.value.detail}: '" in PANEL_TEXTS


def workbook(path: Path, sheet: str, **parts: str) -> Path:
    """The least that is an XLSX file, with these rows; `parts` are further ones (`sharedStrings`, `styles`)."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    names = [("r1", "worksheet", "worksheets/sheet1.xml"), *((f"x{name}", name, f"/xl/{name}.xml") for name in parts)]
    related = "".join(f'<Relationship Id="{key}" Type="{rel}/{kind}" Target="{to}"/>' for key, kind, to in names)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{rel}"><sheets><sheet name="H" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels", f'<Relationships xmlns="{package}/relationships">{related}</Relationships>'
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>'
        )
        for name, content in parts.items():
            archive.writestr(f"xl/{name}.xml", content)
    return path


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def test_a_spreadsheet_with_numbers_and_formulas(tmp_path: Path) -> None:
    """A formula is its stored result: this one claims 3 where it would calculate 2."""
    formula = "<f>1+1</f><v>3</v>"
    head = f'<row r="1">{cell("A1", "Nombre")}{cell("B1", "Celular")}{cell("C1", "saldo")}</row>'
    rows = f'<row r="3">{cell("A3", "=HYPERLINK(1)")}<c r="B3"><v>5491155500001</v></c>'
    rows += f'<c r="C3">{formula}</c></row>'
    _, [contact], wrong = read(workbook(tmp_path / "a.xlsx", head + rows))
    assert (contact.line, contact.to, contact.values) == (3, "5491155500001", {"saldo": "3"})
    assert (contact.name, wrong) == ("=HYPERLINK(1)", [])


def test_shared_texts_dates_and_what_is_no_word(tmp_path: Path) -> None:
    texts = "".join(
        f"<si>{text}</si>"
        for text in (
            "<t>Celular</t>",
            "<t>fecha</t>",
            "<t>hora</t>",
            "<t>de</t>",
            "<t>pago</t>",
            "<r><t>Mu</t></r><r><t>ñoz</t></r><rPh><t>no</t></rPh>",
        )
    )
    styles = '<x:styleSheet xmlns:x="m"><x:numFmts><x:numFmt numFmtId="164" formatCode="[$-2C0A]d\\ mmm;@"/>'
    styles += '<x:numFmt numFmtId="165" formatCode="[Red]0.00&quot; días&quot;"/></x:numFmts>'
    styles += '<x:cellStyleXfs><x:xf numFmtId="14"/></x:cellStyleXfs><x:cellXfs><x:xf numFmtId="0"/>'
    styles += '<x:xf numFmtId="14"/><x:xf numFmtId="164"/><x:xf numFmtId="20"/><x:xf numFmtId="165"/></x:cellXfs>'
    styles += "</x:styleSheet>"
    head = "".join(f'<c r="{place}1" t="s"><v>{n}</v></c>' for n, place in enumerate("ABCDE"))
    row = '<c><v>5.491155500001E+12</v></c><c s="1"><v>46235</v></c><c s="3"><v>0.75</v></c><c t="s"><v>5</v></c>'
    row += '<c s="4"><v>1.5</v></c>'
    other = '<c t="str"><f>A2</f><v>5491155500002</v></c><c s="2"><v>46235.5</v></c><c t="e"><v>#N/A</v></c>'
    other += '<c t="b"><v>1</v></c><c t="d"><v>2026-08-01T00:00:00</v></c>'
    sheet = f"<row>{head}</row><row>{row}</row><row>{other}</row>"
    path = workbook(tmp_path / "a.xlsx", sheet, sharedStrings=f'<sst xmlns="m">{texts}</sst>', styles=styles)
    _, [one, two], wrong = read(path)
    assert (one.to, two.to, wrong) == ("5491155500001", "5491155500002", [])
    assert one.values == {"fecha": "01/08/2026", "hora": "18:00", "de": "Muñoz", "pago": "1.5"}
    assert two.values == {"fecha": "01/08/2026 12:00", "hora": "", "de": "sí", "pago": "01/08/2026"}


@pytest.mark.parametrize(
    ("sheet", "parts", "sentence"),
    [
        (f'<row r="1">{cell("A1", "telefono")}{cell("XFD1", "x")}</row>', {}, "more than 200 columns"),
        (f'<row r="1">{cell("A1", "x" * 80_000)}</row>', {}, "a cell has more than 70,000"),
        (f'<row r="1">{cell("A1", "telefono")}</row>' + "<row><c><v>1</v></c></row>" * 200_001, {}, "200,000 rows"),
        ("<row><c>", {}, "cannot be read"),
        (
            "",
            {"sharedStrings": '<!DOCTYPE sst [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "/etc/passwd">]><sst>&b;</sst>'},
            "declares entities",
        ),
        ('<row><c t="s"><v>7</v></c></row>', {}, "cannot be read"),
    ],
)
def test_an_unusable_workbook_is_refused_with_what_to_do(
    tmp_path: Path, sheet: str, parts: dict[str, str], sentence: str
) -> None:
    refused(workbook(tmp_path / "a.xlsx", sheet, **parts), sentence)


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", f'<row r="1">{cell("A1", "telefono")}</row>')
    with zipfile.ZipFile(path, "a") as archive:
        archive.getinfo("xl/worksheets/sheet1.xml").file_size = LARGEST_UNPACKED
        archive.writestr("xl/more.xml", "")  # the directory is written again
    refused(path, "unpacks to more than 300 MB")


@pytest.mark.parametrize("text", ["=1+1", "+54", "-2", "@SUM(A1)", "\t=1", "  =cmd|'/c calc'!A1", "＝1"])
def test_no_cell_of_a_report_is_a_formula(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless("Hola = bien") == "Hola = bien"
