// The text of the rules file with the numbers of its lines, and a list of mistakes that leads to them.

import { h, update } from './element.js';
import { language, word } from './language.js';
import { MISTAKES } from './texts/answers.js';
import { button } from './widgets.js';

// The loader's English sentences in the language of the page, by their beginnings and ends.
function mistakeText(text) {
  if (language() === 'en') return text;
  const said = (all, part) => MISTAKES[part.trim()] ?? all;
  return text
    .replace(/unknown key ('[^']*'); known:/, 'no hay una clave $1; las que hay:')
    .replace(/not YAML:/, 'no es YAML:')
    .replace(/(?<=: )([a-z][^:]*)$/, said);
}

export class RulesText {
  // `onChange` is called after every key.
  constructor(onChange) {
    this.numbers = h('pre.numbers', { 'aria-hidden': 'true' });
    this.area = h('textarea.mono', {
      spellcheck: false,
      wrap: 'off',
      rows: 18,
      'aria-label': word('rulesText'),
      'aria-describedby': 'rules-mistakes',
      oninput: () => { this.#number(); onChange(); },
      onscroll: () => { this.numbers.scrollTop = this.area.scrollTop; },
    });
    this.mistakes = h('ul.rows', { id: 'rules-mistakes' });
    this.element = h('div', null,
      h('div.numbered', null, this.numbers, this.area), h('div', { role: 'alert' }, this.mistakes));
  }

  get value() {
    return this.area.value;
  }

  set value(text) {
    this.area.value = text;
    this.#number();
  }

  // `found`: line and text of each mistake.
  show(found) {
    this.area.setAttribute('aria-invalid', String(found.length > 0));
    update(this.mistakes, found.map(({ line, text }) => h('li.bad', null, line
      ? button('plain', word('lineOf', line), () => this.#go(line))
      : null, ` ${mistakeText(text)}`)));
  }

  #go(line) {
    const lines = this.area.value.split('\n'), from = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0);
    this.area.focus();
    this.area.setSelectionRange(from, from + (lines[line - 1]?.length ?? 0));
    this.area.scrollTop = (line - 4) * (this.area.scrollHeight / lines.length);
  }

  #number() {
    const count = this.area.value.split('\n').length;
    this.numbers.textContent = Array.from({ length: count }, (_, index) => index + 1).join('\n');
    this.numbers.scrollTop = this.area.scrollTop;
  }
}
