// The last hour or day of one session: messages, delays, results of sends, webhooks.

import { get, sessionPath } from './api.js';
import { barChart, lineChart } from './chart.js';
import { h, update } from './element.js';
import { word } from './language.js';
import { problemText } from './problems.js';
import { chip, emptyState, heading } from './widgets.js';

//: Milliseconds above which delays are shown in seconds: longer figures do not fit beside the chart.
const LONG = 10_000;
const DELAYS = ['send_ms', 'publish_ms'];

// The key of the unit's title, and the buckets with their delays in it.
export function delaysOf(buckets) {
  const highest = Math.max(...buckets.flatMap((bucket) => DELAYS.map((field) => bucket[field] ?? 0)));
  if (highest <= LONG) return ['latency', buckets];
  const inSeconds = (bucket) => DELAYS.map((field) => [field, bucket[field] === null ? null : bucket[field] / 1000]);
  return ['latencySeconds', buckets.map((bucket) => ({ ...bucket, ...Object.fromEntries(inSeconds(bucket)) }))];
}

export function open(view, app) {
  const path = `${sessionPath(app.session)}/history`, chips = h('div.chips'), charts = h('div.charts');
  let span = 'hour', closed = false;

  async function load() {
    const requested = span, history = await get(`${path}?span=${span}`);
    if (!closed && requested === span) draw(history);
  }

  function draw({ step, buckets }) {
    const choose = (name) => { span = name; load(); };
    update(chips, ['hour', 'day'].map((name) => chip(word(name), span === name, () => choose(name))));
    const every = word(step > 60 ? 'perQuarter' : 'perMinute');
    const [unit, delays] = delaysOf(buckets);
    // Of each series: its class in the chart, the key of its name, and its field in a bucket.
    update(charts,
      barChart(`${word('throughput')}, ${every}`, buckets, [
        ['one', 'incoming', 'received'],
        ['two', 'outgoing', 'sent'],
      ]),
      lineChart(word(unit), delays, [
        ['one', 'toWhatsapp', 'send_ms'],
        ['two', 'toMqtt', 'publish_ms'],
      ]),
      barChart(`${word('deliveries')}, ${every}`, buckets, [
        ['one', 'notRead', 'delivered'],
        ['two', 'readMany', 'read'],
        ['three', 'failedMany', 'failed'],
      ]),
      barChart(`${word('webhooks')}, ${every}`, buckets, [
        ['one', 'delivered', 'webhooks_delivered'],
        ['three', 'refusedMany', 'webhooks_failed'],
      ]));
  }

  function refresh() {
    load().catch((problem) => { if (!closed) update(charts, emptyState(problemText(problem))); });
  }

  view.append(heading(word('charts'), word('chartsLead'), chips), charts);
  refresh();
  return { refresh, close: () => { closed = true; } };
}
