// Builds and updates page elements. Text is inserted as text, never as markup.

// `h('div.card.wide', { title: 'x' }, child, …)`; children that are null, undefined or false are left out.
export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split('.');
  const made = document.createElement(name || 'div');
  if (classes.length) made.className = classes.join(' ');
  setAttributes(made, attributes);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

function setAttributes(made, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith('on')) listen(made, name.slice(2), value);
    else if (name === 'value' || name === 'checked') made[name] = value;
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
}

// Element -> event -> what is called. An element that is kept calls what the fresh one would: two that look the same
// may be of different chats.
const calls = new WeakMap();
// Elements whose action has not ended: another press of them does nothing.
const acting = new WeakSet();

function listen(made, event, call) {
  calls.set(made, { ...calls.get(made), [event]: call });
  const acts = event === 'click' || event === 'submit';
  made.addEventListener(event, (given) => {
    if (acts && acting.has(made)) {
      given.preventDefault();
      return;
    }
    const ended = calls.get(made)[event](given);
    if (!acts || !(ended instanceof Promise)) return;
    acting.add(made);
    ended.finally(() => acting.delete(made));
  });
}

function takeCalls(old, fresh) {
  if (calls.has(fresh)) calls.set(old, calls.get(fresh));
  [...old.children].forEach((child, index) => takeCalls(child, fresh.children[index]));
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// What is pressed at this moment, and the containers with it that were to change meanwhile: a click ends at what it
// began at, so that a button that is replaced under the finger does nothing.
let pressed = null;
const postponed = new Map();

document.addEventListener('pointerdown', ({ target, button }) => { pressed = button === 0 ? target : null; }, true);
document.addEventListener('click', () => { pressed = null; }, true); // what it calls may change anything
for (const end of ['pointerup', 'pointercancel', 'contextmenu']) { // no pointerup comes where a menu has opened
  document.addEventListener(end, () => setTimeout(() => { // after the click
    pressed = null;
    for (const [container, parts] of postponed) update(container, ...parts);
  }), true);
}

// Makes `parts` the children of `container`. Children that would look the same are kept, so that a refresh does not
// take away the focus or the selection.
export function update(container, ...parts) {
  postponed.delete(container);
  const fresh = parts.flat().filter(Boolean);
  const old = [...container.children];
  const same = old.map((one, index) => isSame(one, fresh[index]));
  if (old.length === fresh.length && same.every(Boolean)) return;
  if (pressed && container !== pressed && container.contains(pressed)) {
    postponed.set(container, parts);
    return;
  }
  const focused = container.contains(document.activeElement) ? pathTo(container, document.activeElement) : null;
  // A child with a key may have another place now.
  const key = focused?.length ? old[focused[0]].dataset.key : undefined;
  same.forEach((kept, index) => { if (kept) fresh[index] = old[index]; });
  container.replaceChildren(...fresh);
  if (key) focused[0] = fresh.findIndex((one) => one.dataset.key === key);
  if (focused) atPath(container, focused)?.focus({ preventScroll: true });
}

// Whether two elements are equal but for their times, which are copied from `fresh` to `old`, and for what is unfolded,
// which stays so.
function isSame(old, fresh) {
  if (!fresh) return false;
  const [before, after] = [old, fresh].map((one) => [...one.querySelectorAll('time')]);
  if (before.length === after.length) before.forEach((time, index) => copyTime(after[index], time));
  const [unfolded, folds] = [old, fresh].map(foldsOf);
  unfolded.forEach((one, index) => keepFold(one, folds[index]));
  const same = old.isEqualNode(fresh);
  if (same) takeCalls(old, fresh);
  return same;
}

const foldsOf = (one) => [...(one.matches('details') ? [one] : []), ...one.querySelectorAll('details')];

function keepFold(old, fresh) {
  if (fresh?.firstElementChild.isEqualNode(old.firstElementChild)) fresh.open = old.open;
}

function copyTime(from, to) {
  for (const { name, value } of from.attributes) to.setAttribute(name, value);
  if (to.textContent !== from.textContent) to.textContent = from.textContent;
}

function pathTo(root, node) {
  const steps = [];
  for (let at = node; at !== root; at = at.parentNode) steps.unshift([...at.parentNode.children].indexOf(at));
  return steps;
}

const atPath = (root, steps) => steps.reduce((at, step) => at?.children[step], root);
