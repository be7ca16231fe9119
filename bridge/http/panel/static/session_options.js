// Proxy and sleep of one session, in a form of an admin. An empty field changes nothing; the password is never shown.

import { get, patch, sessionPath } from './api.js';
import { openForm } from './dialogs.js';
import { h } from './element.js';
import { word } from './language.js';
import { problemText } from './problems.js';
import { field, toast } from './widgets.js';

const duration = (seconds) => {
  const [size, unit] = [[86400, 'd'], [3600, 'h'], [60, 'm'], [1, 's']].find(([each]) => seconds % each === 0);
  return `${seconds / size}${unit}`;
};

export async function openOptions(session) {
  const now = await get(`${sessionPath(session)}/options`).catch((problem) => toast(problemText(problem), true));
  if (!now) return;
  const text = (name, label, shown, entered) => field(word(label), h('input', {
    name,
    maxlength: 2000,
    autocomplete: 'off',
    spellcheck: false,
    placeholder: shown,
    value: entered?.get(name) ?? '',
  }));
  const describe = (entered) => ({
    title: word('optionsOf', session),
    text: word('optionsText'),
    action: word('save'),
    cancel: word('cancel'),
    fields: [
      text('proxy', 'proxy', now.proxy ?? 'off', entered),
      text('sleep_after', 'sleepAfter', now.sleep_after ? duration(now.sleep_after) : 'off', entered),
    ],
  });
  const saved = await openForm(describe, (data) => {
    const given = [...data].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value);
    return patch(`${sessionPath(session)}/options`, Object.fromEntries(given));
  });
  if (saved) toast(word('done'));
}
