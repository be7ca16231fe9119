// Builds page elements; text is inserted as text, never as markup.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

export const button = (label, onclick, attributes = {}) =>
  element('button', { type: 'button', class: 'button', onclick, ...attributes }, label);

export const part = (id) => document.getElementById(id);

// The colour of a contact, always the same for an address.
export const tone = (address) => `tone-${[...address].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 6}`;

export const initial = (name) => [...name][0]?.toUpperCase() ?? '?';
