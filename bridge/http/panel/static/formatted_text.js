// A text with WhatsApp's marks (*bold*, _italic_, ~struck~, `code`) and links, as nodes. No markup of a text counts.

import { h } from './element.js';

// Marks stand at the edges of words and within a line. Bounded: a long text of open marks must not hold the page up.
const PART = new RegExp([
  '```([^`]{1,4000})```',
  '`([^`\\n]{1,500})`',
  '(https?://[^\\s<>"]{1,2000})',
  '(?<![\\p{L}\\p{N}])([*_~])(?=[^\\s*_~]|[*_~][^\\s*_~])([^\\n]{1,500}?)(?<=\\S)\\4(?![\\p{L}\\p{N}])',
].join('|'), 'giu');
const TAGS = { '*': 'strong', _: 'em', '~': 's' };
const DEEPEST = 3;

export function formatted(text, depth = 0) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(PART)) {
    const [whole, block, inline, address, mark, inner] = found;
    parts.push(text.slice(end, found.index));
    end = found.index + whole.length;
    if (address) {
      const href = address.replace(/[).,;:!?'»]+$/, '');
      parts.push(outside(href, href), address.slice(href.length));
    } else if (mark) {
      parts.push(h(TAGS[mark], null, depth < DEEPEST ? formatted(inner, depth + 1) : inner));
    } else {
      parts.push(h('code', null, block ?? inline));
    }
  }
  return [...parts, text.slice(end)].filter((part) => part !== '');
}

export const outside = (href, label) => h('a', { href, target: '_blank', rel: 'noopener noreferrer' }, label);
