// The search over chats and messages.

import { part } from './element.js';
import { request } from './world.js';

const field = part('search');
const WAIT_MS = 150;
const MOST = 50; // messages that are shown
const MARKS = /\p{M}/gu;

let hits = [];
let number = 0;
let waiting;

const folded = (text) => text.normalize('NFKD').replaceAll(MARKS, '').toLowerCase();

export const searched = () => field.value.trim();
export const hitsOfSearch = () => hits;
export const isFound = ({ id, name }) => [id, name].some((text) => folded(text).includes(folded(searched())));

async function look(draw) {
  number += 1;
  const now = number, text = searched();
  const found = text ? await request(`messages?${new URLSearchParams({ search: text, count: MOST })}`) : [];
  if (now !== number) return; // a later search has begun
  hits = (found ?? []).reverse();
  draw();
}

// `draw` shows the chats, and the messages that are found.
export function offerSearch(draw) {
  field.addEventListener('input', () => {
    if (!searched()) hits = [];
    draw();
    clearTimeout(waiting);
    waiting = setTimeout(() => void look(draw), WAIT_MS);
  });
}
