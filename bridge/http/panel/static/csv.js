// CSV files for spreadsheets.

import { language } from './language.js';

// A spreadsheet takes a cell that begins like this for a formula, which could call other programs. As in the reports of
// campaigns.
const FORMULA = /^ *[=+\-@\t\r\n＝＋－＠]/;

function cell(value) {
  const text = String(value ?? ''), safe = FORMULA.test(text) ? `'${text}` : text;
  return /[";,\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// Rows of values as CSV. In Spanish the cells are separated as spreadsheets of Argentina expect it.
export const csvOf = (rows, separator = language() === 'es' ? ';' : ',') =>
  rows.map((row) => `${row.map(cell).join(separator)}\r\n`).join('');

// Lets the browser save rows as a file; the mark at its beginning is for Excel.
export function saveCsv(name, rows) {
  const href = URL.createObjectURL(new Blob(['\ufeff', csvOf(rows)], { type: 'text/csv' }));
  Object.assign(document.createElement('a'), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
