// Which numbers of a file or a list are on WhatsApp. What could not be asked is shown as unknown, never as "no".

import { readableAddress } from './addresses.js';
import { saveCsv } from './csv.js';
import { h } from './element.js';
import { counted, lookup, number, word } from './language.js';
import { errorText, problemText } from './problems.js';
import { follow } from './requests.js';
import { isSpreadsheet, sheetText } from './spreadsheet.js';
import { button, field } from './widgets.js';

//: Numbers in one request, and rows of the result that are drawn; the file has all.
const MOST = 1000, DRAWN = 200;
const KINDS = [['onWhatsapp', 'good', true], ['notOnWhatsapp', 'dim', false], ['notKnown', 'wait', null]];

// A date, which has as many digits; and a number as programs write it that take it for an amount.
const DATE = /^\d{1,4}[-.]\d{1,2}[-.]\d{1,4}( |$)/, AMOUNT = /^(\d{8,15})\.0$/;
const NUMBER = /^\+?[\d\s().-]+(@c\.us|@s\.whatsapp\.net)?$/;

// The first cell of each line that can be a number, each number once. Lines without one are counted.
export function numbersIn(text) {
  const found = new Map();
  let without = 0;
  for (const line of text.split(/\r?\n/)) {
    const cells = line.split(/[;,\t]/).map((one) => one.replace(/^[\s"']+|[\s"']+$/g, '').replace(AMOUNT, '$1'));
    const cell = cells.find((one) => NUMBER.test(one) && !DATE.test(one) && /^\d{8,15}$/.test(one.replace(/\D/g, '')));
    if (cell) found.set(cell.replace(/\D/g, ''), cell);
    else if (line.trim()) without += 1;
  }
  return { numbers: [...found.values()], without };
}

const reason = (code) => lookup('words', `check_${code}`) ?? errorText({ code, text: code });

export class NumberCheck {
  constructor(session) {
    this.session = session;
    this.found = new Map(); // number as given -> what is known of it
    this.closed = false;
    this.text = h('textarea', { rows: 6, spellcheck: 'false', placeholder: '+54 9 11 5550-0001\n011 15 5550-0002' });
    const accept = '.csv,.xlsx,.txt,text/csv,text/plain';
    const file = h('input', { type: 'file', accept, onchange: () => this.#read(file) });
    this.submit = h('button.main-button', { type: 'submit' }, word('check'));
    this.bar = h('progress', { hidden: true, 'aria-label': word('checkNumbers') });
    this.status = h('p', { role: 'status' });
    this.result = h('div.parts');
    this.element = h('div.parts', null,
      h('p.soft', null, word('checkLead')),
      h('form.parts', { onsubmit: (event) => this.#start(event) },
        field(word('numberFile'), file), field(word('numberList'), this.text), h('div.row', null, this.submit)),
      this.bar, this.status, this.result);
  }

  close() {
    this.closed = true;
  }

  async #read(file) {
    const [chosen] = file.files;
    if (!chosen) return;
    try {
      this.text.value = await (isSpreadsheet(chosen) ? sheetText(chosen) : chosen.text());
    } catch {
      this.#say(word('notASheet'));
    }
  }

  #start(event) {
    event.preventDefault();
    const { numbers, without } = numbersIn(this.text.value);
    this.found.clear();
    this.left = without ? counted('linesWithout', without) : '';
    if (numbers.length) this.#run(numbers);
    else this.#say(word('noNumbers'));
  }

  #say(text) {
    this.status.textContent = [text, this.left].filter(Boolean).join(' ');
  }

  async #run(numbers) {
    this.submit.disabled = true;
    this.bar.hidden = false;
    this.result.replaceChildren();
    const total = numbers.length;
    const show = (done) => {
      Object.assign(this.bar, { max: total, value: done });
      this.#say(word('checked', number(done), number(total)));
    };
    try {
      for (let at = 0; at < total && !this.closed; at += MOST) {
        show(at);
        const contacts = numbers.slice(at, at + MOST);
        const onProgress = (done) => show(at + done);
        const data = await follow(this.session, 'contacts.check', { contacts }, onProgress, () => this.closed);
        data?.contacts.forEach((one, index) => this.found.set(contacts[index], one));
      }
      show(total);
    } catch (problem) {
      this.#say(problemText(problem));
      for (const one of numbers) if (!this.found.has(one)) this.found.set(one, { exists: null, code: problem.code });
    }
    this.submit.disabled = false;
    this.bar.hidden = true;
    this.#draw();
  }

  #draw() {
    const all = [...this.found], of = (value) => all.filter(([, { exists }]) => exists === value);
    const counts = KINDS.map(([key, tone, value]) =>
      h(`span.badge.${tone}`, null, `${word(key)}: ${number(of(value).length)}`));
    const unknown = of(null).map(([given]) => given);
    const kindOf = (exists) => KINDS.find(([, , value]) => value === exists);
    const row = ([given, { exists, code }]) => {
      const [key, tone] = kindOf(exists), why = exists === null ? reason(code) : '';
      return h('tr', null, h('td', { 'data-head': word('number') }, readableAddress(given)),
        h('td', { 'data-head': 'WhatsApp' }, h(`span.badge.${tone}`, null, word(key))),
        h('td', { 'data-head': word('why') }, why));
    };
    const heads = [word('number'), 'WhatsApp', word('why')].map((one) => h('th', { scope: 'col' }, one));
    this.result.replaceChildren(
      h('div.row', null, ...counts),
      h('div.row', null,
        button('button', word('saveCsv'), () => this.#save()),
        unknown.length ? button('button', word('askUnknown'), () => this.#run(unknown)) : null),
      h('div.wide', null, h('table', null, h('thead', null, h('tr', null, heads)),
        h('tbody', null, all.slice(0, DRAWN).map(row)))),
      h('p.soft', null, all.length > DRAWN ? counted('moreInFile', all.length - DRAWN) : ''));
  }

  #save() {
    const rows = [...this.found].map(([given, { to, exists, chat, code }]) =>
      [given, to?.split('@')[0], { true: 'yes', false: 'no', null: 'unknown' }[exists], chat, code]);
    saveCsv('whatsapp-numbers.csv', [['given', 'number', 'on_whatsapp', 'chat', 'code'], ...rows]);
  }
}
