// Dialogs: a question with buttons, and a form that stays open until what was entered is accepted.

import { h } from './element.js';
import { problemText } from './problems.js';
import { button, toast } from './widgets.js';

// Resolves to the form's data, or to null if the dialog was cancelled. With `stays` the caller closes it.
export function openDialog({ title, text, action, danger = false, cancel, fields = [], problem, stays = false }) {
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
    form.addEventListener('submit', (event) => {
      data = new FormData(form);
      if (!stays) return;
      event.preventDefault();
      form.querySelector('[type=submit]').disabled = true;
      resolve(data);
    });
    dialog.replaceChildren(form);
    dialog.addEventListener('close', () => { dialog.replaceChildren(); resolve(data); }, { once: true });
    if (!dialog.open) dialog.showModal();
    else form.querySelector('input, textarea, select, button').focus();
  });
}

// Cancels the open dialog, if there is one: what it asks about is no longer shown.
export const closeDialog = () => document.getElementById('ask').close();

// Opens the dialog that `describe(entered)` returns until `submit(data)` succeeds; `entered` is the data of the last
// attempt, and its error is shown. Resolves to what `submit` returns, or to null if the dialog was cancelled.
export async function openForm(describe, submit) {
  const dialog = document.getElementById('ask');
  let entered = null, problem = null;
  for (;;) {
    const asked = openDialog({ ...describe(entered), problem, stays: true }), form = dialog.firstElementChild;
    const data = await asked;
    if (!data) return null;
    try {
      const done = await submit(data);
      if (form.isConnected) await closed(dialog);
      return done;
    } catch (error) {
      [entered, problem] = [data, problemText(error)];
      if (form.isConnected) continue;
      toast(problem, true); // the dialog was left meanwhile
      return null;
    }
  }
}

// A caller may open the next dialog once this one is empty.
const closed = (dialog) => new Promise((resolve) => {
  dialog.addEventListener('close', resolve, { once: true });
  dialog.close();
});
