// Faults that the sandbox simulates.

import { ask, world } from './world.js';

const trouble = document.querySelector('#trouble');
const site = document.querySelector('#site');

export function drawFaults() {
  trouble.value = world.state.trouble ?? '';
  site.value = world.state.settings.site;
}

trouble.addEventListener('change', () => void ask('trouble', { kind: trouble.value || null }, 'PUT'));
site.addEventListener('change', () => void ask('settings', { site: site.value }, 'PATCH'));
document.querySelector('#replace').addEventListener('click', () => void ask('replace'));
document.querySelector('#reload').addEventListener('click', () => void ask('reload'));
document.querySelector('#outdate').addEventListener('click', () => void ask('outdated'));
