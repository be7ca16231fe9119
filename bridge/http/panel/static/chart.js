// Draws a chart of buckets of time as SVG.

import { h, svg } from './element.js';
import { locale, number, word } from './language.js';

const WIDTH = 600, HEIGHT = 200, LEFT = 52, BOTTOM = 28;
const TONES = { one: 'good', two: 'calm', three: 'bad' };

export const barChart = (title, buckets, series) => chart(title, buckets, series, bars, total);
export const lineChart = (title, buckets, series) => chart(title, buckets, series, line, average);
// Of numbers that only grow.
export const growthChart = (title, buckets, series) => chart(title, buckets, series, line, latest);

function chart(title, buckets, series, shape, summary) {
  const highest = Math.max(0, ...buckets.flatMap((bucket) => series.map(([, , field]) => bucket[field] ?? 0)));
  const scale = scaleFor(ceiling(highest), buckets.length);
  const totals = series.map(([tone, name, field]) => [tone, word(name), summary(valuesOf(buckets, field))]);
  const spoken = totals.map(([, name, value]) => `${name} ${value}`).join(', ');
  const drawing = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${title}: ${spoken}` });
  drawing.append(
    ...grid(scale),
    ...series.flatMap(([tone, , field], index) => shape(buckets, field, tone, scale, index, series.length)),
    ...times(buckets, scale),
    ...tooltips(buckets, series, scale));
  return h('figure.card.chart', null,
    h('figcaption', null, h('h2', null, title)),
    h('div.legend', null, totals.map(([tone, name, value]) =>
      h(`span.${TONES[tone]}`, null, `${name} `, h('b', null, value)))),
    drawing);
}

const valuesOf = (buckets, field) => buckets.map((bucket) => bucket[field]).filter((value) => value !== null);
const sum = (values) => values.reduce((all, value) => all + value, 0);
const total = (values) => number(sum(values));
const latest = (values) => number(values.at(-1) ?? 0);
const average = (values) => (values.length ? `ø ${number(rounded(sum(values) / values.length))}` : '–');
// A small value keeps two digits: 0.003 s is not 0.
const rounded = (value) => (value < 10 ? Number(value.toPrecision(2)) : Math.round(value));

function scaleFor(top, count) {
  const wide = (WIDTH - LEFT) / count;
  return { top, wide, x: (index) => LEFT + index * wide, y: (value) => (HEIGHT - BOTTOM) * (1 - value / top) + 4 };
}

// The round number above `value`.
function ceiling(value) {
  if (value <= 4) return 4;
  const magnitude = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 10].map((part) => part * magnitude).find((one) => one >= value);
}

const clock = (at) =>
  new Date(at).toLocaleTimeString(locale(), { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

const label = (x, y, text, anchor) => svg('text', { x, y, 'text-anchor': anchor }, text);

function grid({ top, y }) {
  return [0, .5, 1].flatMap((part) => {
    const at = y(top * part);
    return [
      svg('line', { class: 'grid', x1: LEFT, x2: WIDTH, y1: at, y2: at }),
      label(LEFT - 6, at + 4, number(top * part), 'end'),
    ];
  });
}

function times(buckets, { wide, x }) {
  const last = buckets.length - 1;
  return [[0, 'start'], [Math.floor(buckets.length / 2), 'middle'], [last, 'end']].map(([index, anchor]) =>
    label(x(index) + wide / 2, HEIGHT - 2, clock(buckets[index].at), anchor));
}

// One area per bucket that has values, as high as the chart, to point at.
function tooltips(buckets, series, { wide, x }) {
  const areas = buckets.map((bucket, index) => {
    const shown = series.filter(([, , field]) => bucket[field]);
    if (!shown.length) return null;
    const values = shown.map(([, name, field]) => `${word(name)} ${number(bucket[field])}`).join(', ');
    return svg('rect', { class: 'point', x: x(index), y: 4, width: wide, height: HEIGHT - BOTTOM },
      svg('title', {}, `${clock(bucket.at)}: ${values}`));
  }).filter(Boolean);
  return areas.length ? areas : [label((WIDTH + LEFT) / 2, (HEIGHT - BOTTOM) / 2 + 8, word('quiet'), 'middle')];
}

function bars(buckets, field, tone, { wide, x, y }, series, count) {
  const width = Math.max(1, (wide * .8) / count);
  return buckets.flatMap((bucket, index) => {
    if (!bucket[field]) return [];
    const top = y(bucket[field]);
    return [svg('rect', {
      class: tone,
      'stroke-width': 0,
      x: x(index) + wide * .1 + series * width,
      y: top,
      width,
      height: y(0) - top,
      rx: Math.min(2, width / 2),
    })];
  });
}

// A bucket without a value interrupts the line.
function line(buckets, field, tone, { wide, x, y }) {
  let path = '';
  const dots = [];
  buckets.forEach((bucket, index) => {
    if (bucket[field] === null) return;
    const at = x(index) + wide / 2, continues = path && buckets[index - 1]?.[field] !== null;
    path += `${continues ? 'L' : 'M'}${at.toFixed(1)} ${y(bucket[field]).toFixed(1)}`;
    dots.push(svg('circle', { class: tone, cx: at, cy: y(bucket[field]), r: 2.5 }));
  });
  return path ? [svg('path', { class: tone, d: path }), ...dots] : [];
}
