// Commands that are carried out once, however often they are posted: each has an id, which stays until an answer comes.

import { post } from './api.js';

// Not `randomUUID`: browsers offer it over HTTPS and on localhost only.
const newId = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

// Posts a command. After a missing answer the same command with the same `attempt`, at first `{}`, has the same id.
export async function postOnce(path, command, attempt) {
  const said = JSON.stringify(command);
  if (attempt.said !== said) Object.assign(attempt, { said, id: newId() });
  try {
    const answer = await post(path, { ...command, id: attempt.id });
    attempt.said = null;
    return answer;
  } catch (problem) {
    // A proxy that gives up has no code of the bridge.
    if (problem.status && problem.code) attempt.said = null;
    if (problem.code === 'no_answer') problem.code = 'no_answer_once';
    throw problem;
  }
}
