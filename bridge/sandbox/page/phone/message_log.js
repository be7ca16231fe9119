// The messages of the open chat. Only a window of them is drawn, which moves with the scrolling, and a bubble is kept
// while it shows the same: a new message costs one bubble, however long the chat is.

import { element, part } from './element.js';
import { day } from './language.js';

const DRAWN = 160, STEP = 60; // bubbles of the window, and by how many it moves
const NEAR = 600, AT_END = 80; // pixels from an end of the window at which it moves, or counts as reached

const log = part('messages');

let items = []; // all messages of the chat that the page has, oldest first
let from = 0;
let drawn = new Map(); // position of a drawn message -> what its bubble shows, and its element
let follows = true; // the end is in sight, and stays so
let drawing, earlier;

// `draws()` is called for each drawing: its `look(message)` is what a bubble shows, as a text, and `make(message)` the
// bubble. `reads(all)` is called at the first message, and reads those before it.
export function startLog(draws, reads) {
  [drawing, earlier] = [draws, reads];
}

// Takes the messages of the chat, oldest first, and what stands below them.
export function takeMessages(messages, below) {
  const [first] = drawn.keys(), place = messages.findIndex(({ position }) => position === first);
  items = messages;
  show(follows || place < 0 ? items.length : place, below);
}

// Another chat is shown from its end.
export function restart() {
  drawn = new Map();
  log.replaceChildren();
  follows = true;
}

export function toEnd() {
  follows = true;
  show(items.length);
}

export function jump(wanted) {
  const index = items.findIndex(({ position }) => position === wanted);
  if (index < 0) return;
  follows = false;
  show(index - DRAWN / 2);
  for (const old of log.querySelectorAll('.found')) old.classList.remove('found');
  const { element: found } = drawn.get(wanted);
  found.classList.add('found');
  found.scrollIntoView({ block: 'center' });
  notePlace();
}

// Draws the window that begins at `place`, or the last one. What is in sight stays where it is.
function show(place, below = [...log.querySelectorAll('.typing')]) {
  from = Math.max(0, Math.min(place, items.length - DRAWN));
  const wanted = items.slice(from, from + DRAWN);
  const anchor = follows ? undefined : inSight(new Set(wanted.map(({ position }) => position)));
  const before = anchor?.getBoundingClientRect().top;
  log.setAttribute('aria-live', follows ? 'polite' : 'off'); // messages from above are not read out as new ones
  arrange(withDays(wanted).concat(below));
  if (follows) log.scrollTop = log.scrollHeight;
  else if (anchor) log.scrollTop += anchor.getBoundingClientRect().top - before;
  part('newest').hidden = follows;
}

function inSight(wanted) {
  const { top } = log.getBoundingClientRect();
  for (const [position, { element: one }] of drawn) {
    if (wanted.has(position) && one.getBoundingClientRect().bottom > top) return one;
  }
  return undefined;
}

function withDays(wanted) {
  const next = new Map(), now = drawing();
  let last;
  const elements = wanted.flatMap((message) => {
    const today = day(message.t);
    const separator = today === last ? [] : [element('div', { class: 'day' }, today)];
    last = today;
    const { position } = message;
    next.set(position, bubbleOf(message, drawn.get(position), now));
    return [...separator, next.get(position).element];
  });
  drawn = next;
  return elements;
}

function bubbleOf(message, known, { look, make }) {
  const shown = look(message);
  if (known?.shown === shown) return known;
  if (!known) return { shown, element: make(message) };
  renew(known.element, make(message));
  return { shown, element: known.element };
}

// Shows in a bubble what a new one has, but keeps its file: a film plays on.
function renew(old, fresh) {
  const [before, after] = [old, fresh].map((one) => one.querySelector(':scope > .file, :scope > .picture'));
  const isActive = old.contains(document.activeElement);
  const parts = [...fresh.childNodes], at = parts.indexOf(after);
  if (before && after?.isEqualNode(before)) {
    for (const child of [...old.childNodes]) if (child !== before) child.remove();
    before.before(...parts.slice(0, at));
    before.after(...parts.slice(at + 1));
  } else old.replaceChildren(...parts);
  const isFound = old.classList.contains('found');
  old.className = fresh.className;
  old.classList.toggle('found', isFound);
  old.dataset.id = fresh.dataset.id;
  if (isActive) old.querySelector('summary')?.focus({ preventScroll: true });
}

function arrange(elements) {
  const kept = new Set(elements);
  for (const old of [...log.children]) if (!kept.has(old)) old.remove();
  let next = log.firstElementChild;
  for (const one of elements) {
    if (one === next) next = next.nextElementSibling;
    else log.insertBefore(one, next);
  }
}

const pixelsBelow = () => log.scrollHeight - log.scrollTop - log.clientHeight;
const isLast = () => from + DRAWN >= items.length;

function notePlace() {
  follows = isLast() && pixelsBelow() < AT_END;
  part('newest').hidden = follows;
}

log.addEventListener('scroll', async () => {
  notePlace();
  const isNearTop = () => log.scrollTop < NEAR;
  if (isNearTop() && from > 0) show(from - STEP);
  else if (pixelsBelow() < NEAR && !isLast()) show(from + STEP);
  else if (isNearTop() && log.scrollHeight > log.clientHeight) {
    await earlier(false);
    if (isNearTop() && from > 0) show(from - STEP); // at scrollTop 0 no scroll event follows
  }
});

// Pictures that load later push the end down, and a composer that grows hides it.
const stay = () => { if (follows) log.scrollTop = log.scrollHeight; };
log.addEventListener('load', stay, true);
new ResizeObserver(stay).observe(log);

// Home and End mean the chat, not the window.
log.addEventListener('keydown', async (event) => {
  if (event.target !== log || !['Home', 'End'].includes(event.key)) return;
  event.preventDefault();
  if (event.key === 'End') return toEnd();
  follows = false;
  await earlier(true);
  show(0);
  log.scrollTop = 0;
});

part('newest').addEventListener('click', () => {
  toEnd();
  log.focus();
});
