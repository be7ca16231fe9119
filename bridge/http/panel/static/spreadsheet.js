// The first sheet with rows of an XLSX file as text: a row in each line, tabs between its cells. Nothing is calculated.
// An XLSX file is a ZIP archive of XML; the browser unpacks it, and no byte of it leaves the page.

//: Bytes of one part, unpacked: a small archive may hold much.
const LARGEST = 50_000_000;
const END = 0x06054b50, ENTRY = 0x02014b50, LONGEST_COMMENT = 65_557;

export const isSpreadsheet = ({ name }) => /\.xlsx$/i.test(name);

// Rejects where the file is none.
export async function sheetText(file) {
  const archive = entries(await file.arrayBuffer());
  const book = await parsed(archive, 'xl/workbook.xml'), links = await parsed(archive, 'xl/_rels/workbook.xml.rels');
  const target = (id) => [...links.getElementsByTagNameNS('*', 'Relationship')]
    .find((one) => one.getAttribute('Id') === id).getAttribute('Target');
  const shared = archive.has('xl/sharedStrings.xml')
    ? [...(await parsed(archive, 'xl/sharedStrings.xml')).getElementsByTagNameNS('*', 'si')].map(shown) : [];
  for (const sheet of book.getElementsByTagNameNS('*', 'sheet')) {
    const id = [...sheet.attributes].find(({ localName, prefix }) => localName === 'id' && prefix).value;
    const path = target(id), name = path.startsWith('/') ? path.slice(1) : `xl/${path}`;
    const rows = [...(await parsed(archive, name)).getElementsByTagNameNS('*', 'row')];
    const cells = (row) => [...row.getElementsByTagNameNS('*', 'c')].map((cell) => value(cell, shared)).join('\t');
    if (rows.length) return rows.map(cells).join('\n');
  }
  return '';
}

// The texts of a cell or of a shared text, without the reading aids of `rPh`.
const shown = (element) => [...element.getElementsByTagNameNS('*', 't')]
  .filter((one) => one.parentNode.localName !== 'rPh').map((one) => one.textContent).join('');

function value(cell, shared) {
  const kind = cell.getAttribute('t') ?? 'n', written = cell.getElementsByTagNameNS('*', 'v')[0]?.textContent ?? '';
  const text = { s: () => shared[Number(written)] ?? '', inlineStr: () => shown(cell), n: () => whole(written) }[kind];
  return (text ? text() : written).replace(/\s+/g, ' ').trim();
}

// A stored number without its exponent, as phone numbers are.
const whole = (written) => (Number.isSafeInteger(Number(written)) && written ? String(Number(written)) : written);

async function parsed(archive, name) {
  const made = new DOMParser().parseFromString(await archive.get(name)(), 'application/xml');
  if (made.querySelector('parsererror')) throw new Error('not a workbook');
  return made;
}

// Name of each part -> a function that unpacks it, as the archive's directory has them.
function entries(buffer) {
  const view = new DataView(buffer), found = new Map();
  let end = buffer.byteLength - 22;
  const first = Math.max(0, buffer.byteLength - LONGEST_COMMENT);
  while (end >= first && view.getUint32(end, true) !== END) end -= 1;
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error('not an archive');
    const [method, length, extra, comment] = [10, 28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const [packed, size, local] = [20, 24, 42].map((offset) => view.getUint32(at + offset, true));
    const name = new TextDecoder().decode(new Uint8Array(buffer, at + 46, length));
    found.set(name, () => unpack(buffer, view, local, { method, packed, size }));
    at += 46 + length + extra + comment;
  }
  return found;
}

async function unpack(buffer, view, local, { method, packed, size }) {
  if (size > LARGEST) throw new Error('too large');
  const begin = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const bytes = new Blob([new Uint8Array(buffer, begin, packed)]);
  if (method === 0) return bytes.text();
  let length = 0;
  const limited = new TransformStream({
    transform(part, to) {
      length += part.byteLength;
      if (length > LARGEST) throw new Error('too large'); // the directory may say less than there is
      to.enqueue(part);
    },
  });
  return new Response(bytes.stream().pipeThrough(new DecompressionStream('deflate-raw')).pipeThrough(limited)).text();
}
