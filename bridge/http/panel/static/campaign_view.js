// One campaign: how far it is, live; its chart, its people with their ticks and answers, and what can be done with it.

import { get, post, remove } from './api.js';
import { badRows, badge, bar, codeText, numbers, planOnce, previewOf, recipientName, why } from './campaign_parts.js';
import { growthChart } from './chart.js';
import { openDialog } from './dialogs.js';
import { h, update } from './element.js';
import { counted, number, word } from './language.js';
import { problemText } from './problems.js';
import { ago, timeOfDay } from './times.js';
import { button, chip, emptyState, heading, toast } from './widgets.js';

const PAGE = 50;
//: Spans of time that a chart has at least.
const FEWEST = 12;
const RETRIED = ['done', 'paused', 'stopped'];
//: Of each selection of people: its states, comma list, and the key of its name.
const SELECTIONS = [
  ['', 'all'],
  ['read', 'to_read'],
  ['delivered', 'to_delivered'],
  ['sent', 'to_sent'],
  ['waiting,sending', 'to_waiting'],
  ['failed', 'to_failed'],
  ['unknown', 'to_unknown'],
  ['skipped', 'to_skipped'],
];

export function openCampaign(view, id, { toList, toCampaign }) {
  const path = `/v1/campaigns/${encodeURIComponent(id)}`;
  const title = h('h1'), head = h('section.card'), chart = h('div.charts'), preview = h('div.feed');
  const chips = h('div.chips', { role: 'group', 'aria-label': word('people_of') });
  const people = h('div.wide'), foot = h('div');
  const reminding = {};
  let campaign = null, states = '', length = PAGE, closed = false;

  async function load() {
    const asked = states, query = `limit=${length}${asked ? `&state=${asked}` : ''}`;
    const [found, page, history] = await Promise.all([
      get(path), get(`${path}/recipients?${query}`), get(`${path}/history`),
    ]);
    if (closed || asked !== states) return;
    campaign = found;
    title.textContent = campaign.name;
    update(head, ...headParts());
    update(chart, history.buckets.length ? progressChart(history) : null);
    update(preview, campaign.state === 'draft' ? [previewOf(campaign.preview), badRows(campaign)] : badRows(campaign));
    drawPeople(page);
  }

  function headParts() {
    return [
      h('div.row.apart', null, badge(campaign), h('span.soft.mono', null, campaign.id)),
      bar(campaign),
      numbers(campaign),
      why(campaign),
      campaign.eta ? h('p', null, `${word('endsAbout')} `, timeOfDay(campaign.eta)) : null,
      h('div.row', null, actions()),
    ];
  }

  function actions() {
    const { state, name, failed, sent, read, planned } = campaign;
    const act = (action) => () => attempt(() => post(`${path}/${action}`, {}));
    const start = () => ask('startAsk', counted('startText', planned), 'start', act('start'));
    const cancel = () => ask('cancelAsk', word('cancelText'), 'cancelCampaign', act('cancel'), true);
    const erase = () => ask('eraseAsk', word('removeText'), 'remove', () => remove(path).then(toList), true);
    const over = ['done', 'cancelled'].includes(state), open = ['running', 'scheduled', 'paused', 'stopped', 'draft'];
    return [
      state === 'draft' ? button('main-button', word('start'), start) : null,
      ['running', 'scheduled'].includes(state) ? button('button', word('pauseCampaign'), act('pause')) : null,
      ['paused', 'stopped'].includes(state) ? button('main-button', word('resumeCampaign'), act('resume')) : null,
      failed && RETRIED.includes(state) ? button('button', word('retryFailed'), act('retry')) : null,
      state === 'done' && sent > read ? button('button', word('remindUnread'), () => remind(name)) : null,
      h('a.button', { href: `${path}/report.csv`, download: `${campaign.id}.csv` }, word('reportCsv')),
      open.includes(state) && state !== 'draft' ? button('danger', word('cancelCampaign'), cancel) : null,
      over || state === 'draft' ? button('danger', word('remove'), erase) : null,
    ];
  }

  async function ask(question, text, action, work, danger = false) {
    const asked = { title: word(question, campaign.name), text, action: word(action), cancel: word('close') };
    if (await openDialog({ ...asked, danger })) await attempt(async () => work());
  }

  // A draft for those who have not read, with the same texts.
  async function remind(name) {
    await attempt(async () => {
      const { variants, defaults, media, window, pace } = campaign.plan;
      const who = { name: word('reminderName', name), follow_up: { campaign: id, who: 'not_read' } };
      const plan = { variants, defaults, media, window, pace, ...who };
      toCampaign((await planOnce({ ...plan, session: campaign.session }, reminding)).id);
    });
  }

  function drawPeople({ recipients, next }) {
    const choose = (value) => { states = value; length = PAGE; refresh(); };
    const lengthen = () => { length = Math.min(1000, length * 2); refresh(); };
    update(chips, SELECTIONS.map(([value, name]) => chip(word(name), states === value, () => choose(value))));
    update(people, recipients.length ? h('ul.feed', null, recipients.map(person)) : emptyState(word('noSuchPeople')));
    update(foot, next !== null && length < 1000 ? button('button', word('morePeople'), lengthen) : null);
  }

  function person(row) {
    const at = row.read_at ?? row.delivered_at ?? row.sent_at;
    return h('li.card.send-item', null,
      h('div.row.apart', null,
        recipientName(row.name, row.to),
        h(`span.badge.${tone(row.state)}`, null, word(`to_${row.state}`))),
      h('details', null, h('summary', null, [...row.text.split('\n', 1)[0]].slice(0, 60).join('')),
        h('p.text', { dir: 'auto' }, row.text)),
      row.code ? h('p.soft', null, codeText(row)) : null,
      row.answer ? h('p.advice.good', { dir: 'auto' }, `${word('answered_by')}: ${row.answer}`) : null,
      at ? h('p.soft', null, ago(at)) : null);
  }

  async function attempt(work) {
    try {
      await work();
    } catch (problem) {
      toast(problemText(problem), true);
    }
    if (!closed) await load().catch(() => null);
  }

  function refresh() {
    load().catch((problem) => { if (!closed) update(people, emptyState(problemText(problem))); });
  }

  const back = button('plain', word('backToCampaigns'), toList);
  const titled = heading('', null, back);
  titled.querySelector('h1').replaceWith(title);
  const list = h('section.feed', null, h('h2', null, word('people_of')), chips, people, foot);
  view.append(titled, head, chart, preview, list);
  refresh();
  return { refresh, close: () => { closed = true; } };
}

const tone = (state) =>
  ({ failed: 'bad', unknown: 'wait', read: 'good', delivered: 'good', sent: 'good' })[state] ?? 'dim';

// The numbers as they grew.
function progressChart({ step, buckets }) {
  const totals = { sent: 0, read: 0 };
  const grown = buckets.map((bucket) => {
    for (const name of Object.keys(totals)) totals[name] += bucket[name];
    return { at: bucket.at, ...totals };
  });
  while (grown.length < FEWEST) {
    const last = grown.at(-1);
    grown.push({ ...last, at: new Date(Date.parse(last.at) + 1000 * step).toISOString() });
  }
  const made = growthChart(word('overTime'), grown, [['one', 'sentTo', 'sent'], ['two', 'read_by', 'read']]);
  made.classList.add('growth');
  return made;
}
