// Requests: everything that a session does and that is not a message.

import { post, query, sessionPath } from './api.js';

//: Seconds that one call waits for a request that takes long.
const WAIT = 2;

const pathOf = (session, action) => `${sessionPath(session)}/requests/${action}`;

// The whole response. Throws where the request failed; with the status `unknown` it may have been done.
export const respond = (session, action, given = {}) => post(pathOf(session, action), given);

// The data of a request that only reads.
export const ask = (session, action, given = {}) => query(pathOf(session, action), given).then(({ data }) => data);

// The data of a request that reads and takes long; `onProgress(done, total)` is called meanwhile, until `isClosed()`.
export async function follow(session, action, given, onProgress, isClosed) {
  const path = `${pathOf(session, action)}?wait=${WAIT}`;
  let response = await query(path, given);
  while (response.status === 'running') {
    if (isClosed()) return null;
    if (response.progress) onProgress(response.progress.done, response.progress.total);
    response = await query(path, { ...given, id: response.id });
  }
  return response.data;
}
