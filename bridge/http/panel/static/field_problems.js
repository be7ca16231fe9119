// What keeps a form from being sent is said at its field in the panel's language: a browser's own bubbles speak the
// browser's. It covers every form of the page, those of dialogs included.

import { h } from './element.js';
import { number, word } from './language.js';

const ID = 'field-problem';
let shown = null; // the control that is spoken of, and the text

function textOf({ validity, type, min, max, minLength }) {
  if (validity.valueMissing) return word(type === 'file' ? 'fileMissing' : 'fieldMissing');
  if (validity.rangeUnderflow) return word('fieldLow', number(min));
  if (validity.rangeOverflow) return word('fieldHigh', number(max));
  if (validity.tooShort) return word('fieldShort', number(minLength));
  if (validity.patternMismatch) return word('fieldPattern');
  if (type === 'number') return word('fieldNumber');
  return word(type === 'url' ? 'fieldUrl' : 'fieldWrong');
}

function clear() {
  if (!shown) return;
  shown.text.remove();
  shown.control.removeAttribute('aria-invalid');
  shown.control.removeAttribute('aria-describedby');
  shown = null;
}

document.addEventListener('invalid', (event) => {
  event.preventDefault(); // no bubble, and no focus
  if (shown?.text.isConnected) return; // the first field of the form that is wrong
  clear();
  const control = event.target, line = control.closest('.row') ?? control.closest('label') ?? control;
  shown = { control, text: h('p.bad.field-problem', { id: ID, role: 'alert' }, textOf(control)) };
  control.setAttribute('aria-invalid', 'true');
  control.setAttribute('aria-describedby', ID);
  line.after(shown.text);
  control.focus();
}, true);
// A click may send the form again, and the text may have changed without a key. It does not go while a button is
// pressed: what moves under the finger is not clicked.
for (const event of ['input', 'click']) document.addEventListener(event, clear, true);
