// A question before what cannot be undone.

const dialog = document.getElementById('ask');
const part = (name) => document.getElementById(`ask-${name}`);

part('cancel').addEventListener('click', () => dialog.close());

// Whether the person pressed the button with `action`.
export function ask({ title, text, action }) {
  part('title').textContent = title;
  part('text').textContent = text;
  part('action').textContent = action;
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

// The question is about what is no longer shown.
export const withdraw = () => dialog.close();
