// The card of a session: state, pairing code, and the controls of an admin.

import { get, hasScope, post, remove, sessionPath } from './api.js';
import { budgetFacts, heldBack } from './budget.js';
import { openDialog, openForm } from './dialogs.js';
import { h } from './element.js';
import { language, number, reasonText, stateName, word } from './language.js';
import { passkeyCard } from './passkey.js';
import { problemText } from './problems.js';
import { openOptions } from './session_options.js';
import { ago } from './times.js';
import { button, fact, field, toast } from './widgets.js';

const TONES = {
  connected: 'good',
  starting: 'wait',
  connecting: 'wait',
  authenticated: 'wait',
  pairing: 'calm',
  reconnecting: 'wait',
  unreachable: 'bad',
  conflict: 'bad',
  page_changed: 'bad',
  error: 'bad',
  logged_out: 'bad',
  stopped: 'dim',
  standby: 'dim',
  offline: 'bad',
};
export const tone = (state) => TONES[state] ?? 'dim';
//: States from which `init` starts the session.
const AT_REST = new Set(['stopped', 'logged_out']);

// Makes the cards of `app`. `draw` is called when they look different.
export function sessionCards(app, draw) {
  const codes = new Map(), passkeys = new Map(), busy = new Set();

  // What these sessions ask for: a code to be scanned or typed, or a passkey.
  async function ask(statuses) {
    await Promise.all(statuses.map(async ({ session, state, reason }) => {
      const asks = reason === 'passkey_required', pairs = state === 'pairing' && hasScope('admin');
      await keep(passkeys, session, pairs && asks ? 'passkey' : null);
      await keep(codes, session, pairs && !asks ? 'qr' : null);
    }));
    draw();
  }

  async function keep(shown, session, name) {
    const found = name && await get(`${sessionPath(session)}/${name}`).catch(() => null);
    if (found) shown.set(session, found);
    else shown.delete(session);
  }

  // `links` stand before the controls.
  function card(status, title, links) {
    const { session, state, queue } = status, code = codes.get(session);
    return h('article.card.session', { 'aria-label': session },
      h('div.row.apart', null,
        h('h2.name', null, title),
        h(`span.badge.${tone(state)}`, null, stateName(state))),
      h('p.reason', null, reasonText(status)),
      heldBack(status),
      passkeys.has(session) ? passkeyCard(session, passkeys.get(session)) : null,
      code ? pairing(session, code) : null,
      h('dl.facts', null,
        fact(word('since'), ago(status.since)),
        fact(word('lastMessage'), status.last_inbound ? ago(status.last_inbound) : word('never')),
        fact(word('journalled'), number(status.last_seq)),
        fact(word('queueOut'), number(queue?.out ?? 0)),
        fact(word('queueIn'), number(queue?.in ?? 0)),
        budgetFacts(status),
        fact(word('memory'), status.memory?.browser_mb ? `${number(status.memory.browser_mb)} MB` : '–'),
        fact(word('owner'), status.owner.split(':')[0])),
      h('div.row', null, links, hasScope('admin') ? controls(session, state) : null));
  }

  function pairing(session, { link_code: linkCode, expires_at: expiresAt }) {
    if (linkCode) {
      const spelled = [...linkCode].join(' '), grouped = linkCode.replace(/^(.{4})(.{4})$/, '$1-$2');
      return h('div.pairing.typed', null,
        h('p.code', { 'aria-label': spelled }, grouped),
        button('button', word('pairOther'), () => pairByPhone(session)));
    }
    const image = `${sessionPath(session)}/qr.png?at=${encodeURIComponent(expiresAt)}`;
    return h('div.pairing', null,
      h('img', { src: image, alt: word('qrAlt', session), width: 200, height: 200 }),
      h('div', null, h('h3', null, word('pairTitle')),
        h('ol', null, ['pair1', 'pair2', 'pair3'].map((step) => h('li', null, word(step)))),
        button('button', word('pairPhone'), () => pairByPhone(session))));
  }

  function controls(session, state) {
    const control = (action, label, confirms = true) => {
      const danger = action === 'logout';
      const question = { title: word(`${action}Ask`, session), text: word(`${action}Text`) };
      return button(danger ? 'danger' : 'button', word(label), async () => {
        const options = { ...question, action: word(label), cancel: word('cancel'), danger };
        if (confirms && !(await openDialog(options))) return;
        await send(session, { action }).catch((problem) => toast(problemText(problem), true));
      }, { disabled: busy.has(session) });
    };
    const options = button('button', word('sessionOptions'), () => openOptions(session));
    if (AT_REST.has(state)) {
      const others = app.sessions.length > 1;
      return [
        control('init', 'init', false),
        options,
        others ? button('danger', word('removeSession'), () => removeSession(session)) : null,
      ];
    }
    return [
      control('restart', 'restart'),
      control('close', 'closeSession'),
      state === 'connected' ? control('sleep', 'sleep') : null,
      options,
      state === 'pairing' ? null : control('logout', 'logout'),
    ];
  }

  async function removeSession(session) {
    const question = { title: word('removeSessionAsk', session), text: word('removeSessionText') };
    const options = { ...question, action: word('removeSession'), cancel: word('cancel'), danger: true };
    if (!(await openDialog(options))) return;
    try {
      const { text } = await remove(sessionPath(session));
      app.sessions = app.sessions.filter((one) => one.session !== session);
      draw();
      toast(language() === 'en' ? text : word('done')); // the bridge's sentence is English
    } catch (problem) {
      toast(problemText(problem), true);
    }
  }

  async function pairByPhone(session) {
    const describe = (entered) => ({
      title: word('pairPhone'),
      action: word('pairAsk'),
      cancel: word('cancel'),
      fields: [field(word('phone'), h('input', {
        name: 'phone',
        type: 'tel',
        required: true,
        maxlength: 32,
        value: entered?.get('phone') ?? '',
        placeholder: '+54 9 11 5550-0001',
        autocomplete: 'tel',
      }))],
    });
    await openForm(describe, (data) => send(session, { action: 'init', phone: data.get('phone') }, 'codeAsked'));
  }

  async function send(session, command, confirmation = 'done') {
    busy.add(session);
    draw();
    try {
      const { status } = await post(`${sessionPath(session)}/control`, command);
      app.sessions = app.sessions.map((one) => (one.session === session ? status : one));
      toast(word(confirmation));
    } finally {
      busy.delete(session);
      draw();
    }
  }

  return { ask, card };
}
