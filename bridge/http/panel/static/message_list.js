// The messages of a chat as bubbles. Only a window of them is drawn, which moves with the scrolling, and a bubble is
// kept while it shows the same: a new message costs one bubble, however long the chat is.

import { h, update } from './element.js';
import { locale, word } from './language.js';
import { button } from './widgets.js';

//: Bubbles of the window, and by how many it moves.
const DRAWN = 160, STEP = 60;
//: Pixels from the end of the window at which it moves, and from the end of all at which that counts as reached.
const NEAR = 900, AT_END = 120;

const isSame = (one, other) => {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
};

export class MessageList {
  #items = [];
  #from = 0;
  #parts = new Map(); // key of a drawn message -> what it shows, and its element
  #days = new Map(); // name of a day -> its heading
  #follows = true; // the end is in sight and stays so
  #found = null;

  // `look(item)` is what a message shows, flat; `draw(shown)` makes its bubble. `onTop` is called at the first one.
  constructor({ look, draw, onTop }) {
    Object.assign(this, { look, draw, onTop });
    this.log = h('div.log', {
      role: 'log',
      'aria-label': word('messages'),
      tabindex: 0,
      onscroll: () => this.#scrolled(),
      onkeydown: (event) => this.#key(event),
    });
    // pictures that load later push the end down, and a form that grows hides it
    const stay = () => { if (this.#follows) this.#toBottom(); };
    this.log.addEventListener('load', stay, true);
    new ResizeObserver(stay).observe(this.log);
    const name = { 'aria-label': word('toNewest'), title: word('toNewest'), hidden: true };
    this.newest = button('newest', '↓', () => { this.toEnd(); this.log.focus(); }, name);
    this.element = h('div.log-frame', null, this.log, this.newest);
    this.day = new Intl.DateTimeFormat(locale(), { weekday: 'long', day: 'numeric', month: 'long' });
  }

  // Takes the messages of another chat, from their end.
  restart(items, empty) {
    this.#parts.clear();
    this.#days.clear();
    this.log.replaceChildren();
    this.#follows = true;
    this.take(items, empty);
  }

  // Takes the messages of the chat, oldest first; `empty` is shown where there is none.
  take(items, empty) {
    const place = this.#follows ? items.length : this.#placeIn(items);
    this.#items = items;
    if (!items.length) return update(this.log, empty);
    this.#show(place);
  }

  // What a drawn message shows now: the parts of its bubble that did not change have an older one.
  shown(key) {
    return this.#parts.get(key)?.shown;
  }

  toEnd() {
    this.#follows = true;
    if (this.#items.length) this.#show(this.#items.length);
  }

  // Shows the message with this id (or the key of one without); nothing where the page does not have it.
  jump(id) {
    const index = this.#items.findIndex((item) => item.key === id);
    if (index < 0) return;
    this.#follows = false;
    this.#show(index - DRAWN / 2);
    this.#found?.classList.remove('found');
    this.#found = this.#parts.get(this.#items[index].key).element;
    this.#found.classList.add('found');
    this.#found.scrollIntoView({ block: 'center' });
  }

  // Where the window begins in `items`: the first drawn message that is still there keeps its place.
  #placeIn(items) {
    let offset = 0;
    for (const key of this.#parts.keys()) {
      const index = items.findIndex((item) => item.key === key);
      if (index >= 0) return index - offset;
      offset += 1;
    }
    return items.length;
  }

  // Draws the window that begins at `from`, or the last one. What is in sight stays where it is.
  #show(from) {
    this.#from = Math.max(0, Math.min(from, this.#items.length - DRAWN));
    const wanted = this.#items.slice(this.#from, this.#from + DRAWN);
    const anchor = this.#follows ? null : this.#anchor(new Set(wanted.map(({ key }) => key)));
    const before = anchor?.getBoundingClientRect().top;
    // messages from above are not read out as new ones
    this.log.setAttribute('aria-live', this.#follows ? 'polite' : 'off');
    this.#place(wanted);
    if (this.#follows) this.#toBottom();
    else if (anchor) this.log.scrollTop += anchor.getBoundingClientRect().top - before;
    this.newest.hidden = this.#follows;
  }

  // The topmost bubble in sight that stays drawn.
  #anchor(wanted) {
    const { top } = this.log.getBoundingClientRect();
    for (const [key, { element }] of this.#parts) {
      if (wanted.has(key) && element.getBoundingClientRect().bottom > top) return element;
    }
    return null;
  }

  #place(wanted) {
    const parts = new Map(), days = new Map(), elements = [];
    let day = '';
    for (const item of wanted) {
      const name = this.day.format(item.at);
      if (name !== day) {
        day = name;
        days.set(day, this.#days.get(day) ?? h('p.day', null, day));
        elements.push(days.get(day));
      }
      const part = this.#part(item);
      parts.set(item.key, part);
      elements.push(part.element);
    }
    this.#parts = parts;
    this.#days = days;
    const kept = new Set(elements);
    for (const old of [...this.log.children]) if (!kept.has(old)) old.remove();
    let next = this.log.firstElementChild;
    for (const element of elements) {
      if (element === next) next = next.nextElementSibling;
      else this.log.insertBefore(element, next);
    }
  }

  // The bubble of a message. Of one that changed only the changed parts are new, so that a film plays on.
  #part(item) {
    const shown = this.look(item), known = this.#parts.get(item.key);
    if (!known) return { shown, element: this.draw(shown) };
    if (!isSame(known.shown, shown)) update(known.element, ...this.draw(shown).children);
    known.shown = shown;
    return known;
  }

  #isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    return this.#from + DRAWN >= this.#items.length && scrollHeight - scrollTop - clientHeight < AT_END;
  }

  #toBottom() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  #scrolled() {
    this.#follows = this.#isAtEnd();
    this.newest.hidden = this.#follows;
    const { scrollHeight, scrollTop, clientHeight } = this.log;
    if (scrollTop < NEAR && this.#from > 0) this.#show(this.#from - STEP);
    else if (scrollHeight - scrollTop - clientHeight < NEAR && this.#from + DRAWN < this.#items.length) {
      this.#show(this.#from + STEP);
    } else if (scrollTop < AT_END && this.#from === 0 && scrollHeight > clientHeight) this.onTop();
  }

  // Home and End mean the chat, not the window.
  #key(event) {
    if (event.target !== this.log || !['Home', 'End'].includes(event.key)) return;
    event.preventDefault();
    if (event.key === 'End') return this.toEnd();
    this.#follows = false;
    this.#show(0);
    this.log.scrollTop = 0;
  }
}
