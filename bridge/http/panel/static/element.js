// Builds page elements; text goes in as text, never as markup.

export function h(tag, attributes, ...children) {
  const [name, ...classes] = tag.split('.');
  const made = document.createElement(name || 'div');
  if (classes.length) made.className = classes.join(' ');
  fill(made, attributes);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

function fill(made, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (name === 'value' || name === 'checked') made[name] = value;
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Shows `parts` in `place`, and leaves alone what looks the same already: a refresh must not take the focus,
// the selection or a half-pressed button away.
export function show(place, ...parts) {
  const fresh = parts.flat().filter(Boolean);
  const old = [...place.children];
  const same = old.map((one, at) => looksLike(one, fresh[at]));
  if (old.length === fresh.length && same.every(Boolean)) return;
  const busy = place.contains(document.activeElement) ? path(place, document.activeElement) : null;
  same.forEach((kept, at) => { if (kept) fresh[at] = old[at]; });
  place.replaceChildren(...fresh);
  if (busy) follow(place, busy)?.focus({ preventScroll: true });
}

// Whether two elements are alike but for times, which run on by themselves: `old` then tells those of `fresh`.
function looksLike(old, fresh) {
  if (!fresh) return false;
  const [was, is] = [old, fresh].map((one) => [...one.querySelectorAll('time')]);
  if (was.length === is.length) {
    was.forEach((one, at) => {
      for (const { name, value } of is[at].attributes) one.setAttribute(name, value);
      if (one.textContent !== is[at].textContent) one.textContent = is[at].textContent;
    });
  }
  return old.isEqualNode(fresh);
}

const path = (root, node) => {
  const steps = [];
  for (let at = node; at !== root; at = at.parentNode) steps.unshift([...at.parentNode.children].indexOf(at));
  return steps;
};

const follow = (root, steps) => steps.reduce((at, step) => at?.children[step], root);

// What to say where there is nothing: what that means, and what to do next.
export const empty = (text, hint) => h('div.empty', null, h('p', null, text), hint ? h('p.soft', null, hint) : null);

export function toast(text, bad = false) {
  const made = h(bad ? 'p.bad' : 'p', null, text);
  document.getElementById('toasts').append(made);
  setTimeout(() => made.remove(), bad ? 8000 : 3500);
}
