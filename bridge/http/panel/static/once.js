// Commands that are carried out once, however often they are posted: each has an id, which stays until an answer comes.

import { post } from './api.js';

//: Errors of the bridge that leave open whether a service behind it has done it.
const UNDECIDED = new Set(['campaigns_down']);

// Not `randomUUID`: browsers offer it over HTTPS and on localhost only.
const random = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

function newId(name) {
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  const words = plain.replace(/[^a-z0-9]+/g, '-').replace(/^-/, '').slice(0, 24).replace(/-$/, '');
  return words ? `${words}-${random().slice(0, 12)}` : random();
}

// Posts a command. After a missing answer the same command with the same `attempt`, at first `{}`, has the same id.
// `limit`: milliseconds for the answer; `name`: what the id begins with, where people see it.
export async function postOnce(path, command, attempt, { limit, name = '' } = {}) {
  const said = JSON.stringify(command);
  if (attempt.said !== said) Object.assign(attempt, { said, id: newId(name) });
  try {
    const answer = await post(path, { ...command, id: attempt.id }, limit);
    attempt.said = null;
    return answer;
  } catch (problem) {
    // A proxy that gives up has no code of the bridge.
    if (problem.status && problem.code && !UNDECIDED.has(problem.code)) attempt.said = null;
    if (problem.code === 'no_answer') problem.code = 'no_answer_once';
    throw problem;
  }
}
