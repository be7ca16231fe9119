// Dialogs: a question with buttons, and a form that stays open until what was entered is accepted.

import { h } from './element.js';
import { problemText } from './problems.js';
import { button } from './widgets.js';

// Resolves to the form's data, or to null if the dialog was cancelled.
export function openDialog({ title, text, action, danger = false, cancel, fields = [], problem }) {
  const dialog = document.getElementById('ask');
  return new Promise((resolve) => {
    let data = null;
    const form = h('form', { method: 'dialog' },
      h('h2', { id: 'ask-title' }, title),
      text ? h('p', null, text) : null,
      ...fields,
      problem ? h('p.bad', { role: 'alert' }, problem) : null,
      h('div.actions', null,
        cancel ? button('button', cancel, () => dialog.close()) : null,
        h(danger ? 'button.danger' : 'button.main-button', { type: 'submit' }, action)));
    form.addEventListener('submit', () => { data = new FormData(form); });
    dialog.replaceChildren(form);
    dialog.addEventListener('close', () => { dialog.replaceChildren(); resolve(data); }, { once: true });
    dialog.showModal();
  });
}

// Cancels the open dialog, if there is one: what it asks about is no longer shown.
export const closeDialog = () => document.getElementById('ask').close();

// Opens the dialog that `describe(entered)` returns until `submit(data)` succeeds; `entered` is the data of the last
// attempt, and its error is shown. Resolves to what `submit` returns, or to null if the dialog was cancelled.
export async function openForm(describe, submit) {
  let entered = null, problem = null;
  for (;;) {
    const data = await openDialog({ ...describe(entered), problem });
    if (!data) return null;
    try {
      return await submit(data);
    } catch (error) {
      [entered, problem] = [data, problemText(error)];
    }
  }
}
