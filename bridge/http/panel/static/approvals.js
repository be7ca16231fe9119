// What agents want to send: a person approves or refuses each.

import { get, post, sessionPath } from './api.js';
import { readableAddress } from './addresses.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { problemText } from './problems.js';
import { ago, clockText } from './times.js';
import { button, emptyState, heading, toast } from './widgets.js';

export function open(view, app) {
  const list = h('div.feed'), base = `${sessionPath(app.session)}/approvals`;
  let closed = false;

  async function load() {
    const { approvals } = await get(base);
    const none = emptyState(word('noApprovals'), word('agentKeys'));
    if (!closed) update(list, approvals.length ? approvals.map(card) : none);
  }

  const card = (asked) => h('article.card.send-item.asked', null,
    h('div.row.apart', null,
      h('span', null, h('bdi', null, h('strong', null, asked.name)), ` → ${readableAddress(asked.chat)}`),
      h('span.soft', null, ago(asked.at))),
    h('p.text', { dir: 'auto' }, asked.text),
    h('p.soft', null, word('approveUntil', clockText(asked.expires_at), minutesLeft(asked.expires_at))),
    h('div.row', null,
      button('main-button', word('approveSend'), () => decide(asked, 'approve')),
      button('danger', word('refuseSend'), () => decide(asked, 'refuse'))));

  async function decide({ number }, decision) {
    try {
      await post(`${base}/${number}/${decision}`);
      toast(word(decision === 'approve' ? 'sendApproved' : 'sendRefused'));
    } catch (problem) {
      toast(problem.status === 404 ? word('approvalGone') : problemText(problem), true);
    }
    await load();
  }

  function refresh() {
    load().catch((problem) => { if (!closed) update(list, emptyState(problemText(problem))); });
  }

  view.append(heading(word('approvals'), word('approvalsLead')), list);
  if (app.session) refresh();
  return { refresh, close: () => { closed = true; } };
}

const minutesLeft = (end) => String(Math.max(0, Math.ceil((new Date(end) - Date.now()) / 60000)));
