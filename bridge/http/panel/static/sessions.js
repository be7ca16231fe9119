// Sessions as cards; one of them is a page of its own.

import { hasScope, post } from './api.js';
import { openForm } from './dialogs.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { sessionCards } from './session_card.js';
import { openSession } from './session_page.js';
import { button, field, heading } from './widgets.js';

const details = (session) =>
  h('a.button', { href: `#sessions/${session}`, 'aria-label': word('detailsOf', session) }, word('details'));

// `session`: the one whose page is opened.
export function open(view, app, session) {
  return session ? openSession(view, app, session) : openList(view, app);
}

function openList(view, app) {
  const list = h('div.cards'), cards = sessionCards(app, draw);
  let closed = false;
  const add = hasScope('admin') ? button('button', word('addSession'), addSession) : null;
  view.append(heading(word('sessions'), word('sessionsLead'), add), list);

  function draw() {
    if (closed) return;
    update(list, app.sessions.map((status) => cards.card(status, status.session, details(status.session))));
  }

  const refresh = () => cards.ask(app.sessions);

  async function addSession() {
    const describe = (entered) => ({
      title: word('addSession'),
      text: word('addSessionText'),
      action: word('addSession'),
      cancel: word('cancel'),
      fields: [
        field(word('sessionName'), h('input', {
          name: 'session',
          required: true,
          maxlength: 64,
          pattern: '[A-Za-z0-9_\\-]+',
          value: entered?.get('session') ?? '',
        })),
        field(word('clientNumber'), h('input', {
          name: 'cliente_id',
          type: 'number',
          required: true,
          min: 0,
          max: 2147483647,
          value: entered?.get('cliente_id') ?? '',
        })),
      ],
    });
    const status = await openForm(describe, (data) =>
      post('/v1/sessions', { session: data.get('session'), cliente_id: Number(data.get('cliente_id')) }));
    if (!status) return;
    app.sessions = [...app.sessions.filter((one) => one.session !== status.session), status];
    draw();
  }

  refresh();
  return { refresh, close: () => { closed = true; } };
}
