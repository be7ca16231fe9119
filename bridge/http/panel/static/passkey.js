// What an admin does when WhatsApp asks for the account's passkey: run a line in the console of a WhatsApp Web tab, and
// bring its answer here. The answer gives this bridge the account, so the card says whose account it must be.

import { post, sessionPath } from './api.js';
import { openForm } from './dialogs.js';
import { h } from './element.js';
import { word } from './language.js';
import { timeOfDay } from './times.js';
import { button, field, toast } from './widgets.js';

export function passkeyCard(session, { origin, line, code, expires_at: expiresAt }) {
  const warning = h('p.warning', null, word('passkeyWarning'));
  if (code) {
    return h('div.passkey', null,
      h('h3', null, word('passkeyCompare')),
      h('p.code', { 'aria-label': [...code].join(' ') }, code.replace(/^(.{4})(.{4})$/, '$1-$2')),
      warning,
      h('div.row', null, button('main-button', word('passkeySame'), () => confirmCode(session, code))));
  }
  if (!line) return h('div.passkey', null, h('p', null, word('passkeyWait')));
  return h('div.passkey', null,
    h('h3', null, word('passkeyTitle')),
    warning,
    h('ol', null,
      h('li', null, word('passkey1', origin)),
      h('li', null, word('passkey2'),
        h('p.mono.line', { tabindex: 0 }, line),
        navigator.clipboard ? button('button', word('copy'), () => copy(line)) : null), // only over https or loopback
      h('li', null, word('passkey3'))),
    h('p.soft', null, word('passkeyUntil'), ' ', timeOfDay(expiresAt)),
    h('div.row', null, button('main-button', word('passkeyPaste'), () => paste(session))),
    h('p.soft', null, word('passkeyWindow')));
}

async function copy(text) {
  const failed = (problem) => toast(problem.message, true);
  await navigator.clipboard.writeText(text).then(() => toast(word('copied')), failed);
}

async function paste(session) {
  const describe = (entered) => ({
    title: word('passkeyPaste'),
    text: word('passkeyWarning'),
    action: word('passkeySend'),
    cancel: word('cancel'),
    fields: [field(word('passkeyAnswer'), h('textarea', {
      name: 'answer',
      required: true,
      rows: 5,
      spellcheck: 'false',
      autocomplete: 'off',
      value: entered?.get('answer') ?? '',
    }))],
  });
  await openForm(describe, async (data) => {
    await act(session, { action: 'passkey', response: parsed(data.get('answer')) });
    toast(word('done'));
    return true;
  });
}

async function confirmCode(session, code) {
  const describe = () => ({
    title: word('passkeyCompare'), text: word('passkeyWarning'), action: word('passkeySame'), cancel: word('cancel'),
  });
  await openForm(describe, () => act(session, { action: 'passkey_confirm', code }).then(() => true));
}

const act = (session, command) => post(`${sessionPath(session)}/control`, command);

// Consoles print text with quotes around it, or without.
function parsed(text) {
  const malformed = { code: 'invalid', detailCode: 'passkey_malformed', message: word('passkeyMalformed') };
  try {
    const answer = JSON.parse(text.trim().replace(/^'(.*)'$/s, '$1'));
    if (answer && typeof answer === 'object' && !Array.isArray(answer)) return answer;
  } catch {
    // as below
  }
  throw malformed;
}
