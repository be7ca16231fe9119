// Questions before something is done: one that waits for a yes, and one that asks on until what was given is taken.

import { h } from './element.js';
import { said } from './faults.js';

// Resolves to the form's fields, or null where the person left.
export function ask({ title, text, action, danger = false, cancel, fields = [], problem }) {
  const dialog = document.getElementById('ask');
  return new Promise((resolve) => {
    let answer = null;
    const form = h('form', { method: 'dialog' },
      h('h2', { id: 'ask-title' }, title), text ? h('p', null, text) : null, ...fields, problem ? h('p.bad', { role: 'alert' }, problem) : null,
      h('div.actions', null,
        cancel ? h('button.button', { type: 'button', onclick: () => dialog.close() }, cancel) : null,
        h(danger ? 'button.danger' : 'button.main-button', { type: 'submit' }, action)));
    form.addEventListener('submit', () => { answer = new FormData(form); });
    dialog.replaceChildren(form);
    dialog.addEventListener('close', () => { dialog.replaceChildren(); resolve(answer); }, { once: true });
    dialog.showModal();
  });
}

// Asks, and tries `work` with what was given; what is refused can be corrected. `question` is told what stood there.
export async function askUntil(question, work) {
  let before = null, problem = null;
  for (;;) {
    const given = await ask({ ...question(before), problem });
    if (!given) return null;
    try {
      return await work(given);
    } catch (error) {
      [before, problem] = [given, said(error)];
    }
  }
}
