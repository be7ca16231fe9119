// The last hour and day of one session: throughput, time on the way, deliveries, webhooks. Drawn here, in SVG.

import { get, of } from './api.js';
import { empty, h, show, svg } from './element.js';
import { said } from './faults.js';
import { locale, number, word } from './words.js';

const WIDTH = 600, HEIGHT = 200, LEFT = 52, BOTTOM = 28;
const TONES = { one: 'good', two: 'calm', three: 'bad' };

export function open(view, world) {
  const { session } = world;
  const chips = h('div.chips'), charts = h('div.charts');
  let span = 'hour', ended = false;

  async function load() {
    const asked = span, told = await get(`${of(session)}/history?span=${span}`);
    if (ended || asked !== span) return;
    draw(told);
  }

  function draw({ step, buckets }) {
    show(chips, ['hour', 'day'].map((name) => h('button', { type: 'button', 'aria-pressed': String(span === name), onclick: () => { span = name; load(); } }, word(name))));
    const every = word(step > 60 ? 'perQuarter' : 'perMinute');
    show(charts,
      chart(`${word('throughput')}, ${every}`, buckets, 'bars', [['one', 'incoming', 'received'], ['two', 'outgoing', 'sent']]),
      chart(word('latency'), buckets, 'lines', [['one', 'toWhatsapp', 'send_ms'], ['two', 'toMqtt', 'publish_ms']]),
      chart(`${word('deliveries')}, ${every}`, buckets, 'bars', [['one', 'notRead', 'delivered'], ['two', 'readMany', 'read'], ['three', 'failedMany', 'failed']]),
      chart(`${word('webhooks')}, ${every}`, buckets, 'bars', [['one', 'delivered', 'webhooks_delivered'], ['three', 'refusedMany', 'webhooks_failed']]));
  }

  view.append(h('div.head', null, h('h1', null, word('charts')), chips, h('p.soft', null, word('chartsLead'))), charts);
  const gentle = () => load().catch((problem) => { if (!ended) show(charts, empty(said(problem))); });
  gentle();
  return { tick: gentle, end: () => { ended = true; } };
}

function chart(title, buckets, form, series) {
  const top = ceiling(Math.max(0, ...buckets.flatMap((one) => series.map(([, , field]) => one[field] ?? 0))));
  const totals = series.map(([tone, name, field]) => {
    const values = buckets.map((one) => one[field]).filter((value) => value !== null);
    const sum = values.reduce((all, value) => all + value, 0);
    const told = form === 'bars' ? number(sum) : values.length ? `ø ${number(Math.round(sum / values.length))}` : '–';
    return [tone, word(name), told];
  });
  const drawn = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${title}: ${totals.map(([, name, told]) => `${name} ${told}`).join(', ')}` });
  const y = (value) => (HEIGHT - BOTTOM) * (1 - value / top) + 4, wide = (WIDTH - LEFT) / buckets.length;
  for (const part of [0, .5, 1]) {
    drawn.append(svg('line', { class: 'grid', x1: LEFT, x2: WIDTH, y1: y(top * part), y2: y(top * part) }), label(LEFT - 6, y(top * part) + 4, number(top * part), 'end'));
  }
  series.forEach(([tone, , field], at) => drawn.append(...(form === 'bars' ? bars(buckets, field, tone, at, series.length, y, wide) : line(buckets, field, tone, y, wide))));
  for (const at of [0, Math.floor(buckets.length / 2), buckets.length - 1]) {
    drawn.append(label(LEFT + wide * at + wide / 2, HEIGHT - 2, time(buckets[at].at), at === 0 ? 'start' : at === buckets.length - 1 ? 'end' : 'middle'));
  }
  const busy = buckets.map((one) => series.filter(([, , field]) => one[field]));
  if (busy.every((told) => !told.length)) drawn.append(label((WIDTH + LEFT) / 2, (HEIGHT - BOTTOM) / 2 + 8, word('quiet'), 'middle'));
  // one place to point at for each moment, the whole height of it
  buckets.forEach((one, at) => {
    if (!busy[at].length) return;
    const told = busy[at].map(([, name, field]) => `${word(name)} ${number(one[field])}`).join(', ');
    drawn.append(svg('rect', { class: 'point', x: LEFT + wide * at, y: 4, width: wide, height: HEIGHT - BOTTOM }, svg('title', {}, `${time(one.at)}: ${told}`)));
  });
  return h('figure.card.chart', null, h('figcaption', null, h('h2', null, title)),
    h('div.legend', null, totals.map(([tone, name, told]) => h(`span.${TONES[tone]}`, null, `${name} `, h('b', null, told)))), drawn);
}

const time = (at) => new Date(at).toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

const label = (x, y, text, anchor) => svg('text', { x, y, 'text-anchor': anchor }, text);

function bars(buckets, field, tone, at, count, y, wide) {
  const slim = Math.max(1, (wide * .8) / count);
  return buckets.flatMap((one, place) => {
    if (!one[field]) return [];
    const from = y(one[field]);
    return [svg('rect', { class: tone, 'stroke-width': 0, x: LEFT + place * wide + wide * .1 + at * slim, y: from, width: slim, height: y(0) - from, rx: Math.min(2, slim / 2) })];
  });
}

function line(buckets, field, tone, y, wide) {
  let path = '';
  const dots = [];
  buckets.forEach((one, place) => {
    if (one[field] === null) return;
    const x = LEFT + place * wide + wide / 2;
    path += `${path && buckets[place - 1]?.[field] !== null ? 'L' : 'M'}${x.toFixed(1)} ${y(one[field]).toFixed(1)}`;
    dots.push(svg('circle', { class: tone, cx: x, cy: y(one[field]), r: 2.5 }));
  });
  return path ? [svg('path', { class: tone, d: path }), ...dots] : [];
}

function ceiling(value) {
  if (value <= 4) return 4;
  const magnitude = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((part) => part * magnitude).find((one) => one >= value);
}
