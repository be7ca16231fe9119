// Calls of the bridge's HTTP API, with the cookie of this login and the CSRF token that changes need.

class Problem extends Error {
  constructor(status, text, code, detailCode) {
    super(text);
    this.status = status;
    this.code = code;
    this.detailCode = detailCode;
  }
}

//: Milliseconds after which a call without an answer has failed: the bridge waits 25 s for WhatsApp, and a network that
// is gone is silent. A file has more, by its size: bytes that a slow connection takes in a millisecond.
const LIMIT = 40_000, SLOW = 10;

// The login of this browser; `me` is null without one.
export const account = { me: null };

async function call(method, path, body, { headers = {}, limit = LIMIT, reads = method === 'GET' } = {}) {
  const sent = { ...headers }, isFile = body instanceof Blob;
  const signal = AbortSignal.timeout(isFile ? limit + body.size / SLOW : limit);
  // What only reads has done nothing.
  const unanswered = () => {
    const code = signal.aborted && !reads ? 'no_answer' : 'offline';
    return new Problem(0, code, code);
  };
  if (body !== undefined) sent['Content-Type'] = isFile ? 'application/octet-stream' : 'application/json';
  if (account.me?.csrf) sent['X-CSRF-Token'] = account.me.csrf;
  const content = body === undefined || isFile ? body : JSON.stringify(body);
  let response;
  try {
    response = await fetch(path, { method, headers: sent, body: content, cache: 'no-store', signal });
  } catch {
    throw unanswered();
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => ({}));
  if (signal.aborted) throw unanswered();
  if (!response.ok) {
    if (response.status === 401 && account.me) document.dispatchEvent(new Event('logged-out'));
    const sentence = answer.detail ?? answer.details ?? answer.error ?? response.statusText;
    throw new Problem(response.status, sentence, answer.code, answer.detail_code);
  }
  return answer;
}

// `limit`: milliseconds for the answer.
export const get = (path, limit) => call('GET', path, undefined, { limit });
export const post = (path, body, limit) => call('POST', path, body, { limit });
// A post that only reads, and changes nothing.
export const query = (path, body, limit) => call('POST', path, body, { limit, reads: true });
export const put = (path, body) => call('PUT', path, body);
export const patch = (path, body) => call('PATCH', path, body);
export const upload = (path, file) => call('POST', path, file);
export const remove = (path) => call('DELETE', path);
export const sessionPath = (session) => `/v1/sessions/${encodeURIComponent(session)}`;

// With a key, with the one-time token of a link, or without a credential where this machine is trusted.
export async function logIn({ key, link } = {}) {
  const credential = key ? { 'x-api-key': key } : link ? { Authorization: `Link ${link}` } : {};
  account.me = null;
  account.me = await call('POST', '/panel/login', undefined, { headers: credential });
}

// Takes up this browser's login, if it has one. The answer says in `trusted` whether none is needed.
export async function resumeLogin() {
  const answer = await call('GET', '/panel/me');
  account.me = answer.id ? answer : null;
  return answer;
}

// The rights of a login can change: the first key ends the trust in this machine.
export async function renewLogin() {
  await resumeLogin();
  document.dispatchEvent(new Event('renewed'));
}

export const logOut = () => call('POST', '/panel/logout').finally(() => { account.me = null; });

export const hasScope = (scope) => account.me?.scopes.some((one) => one === scope || one === 'admin') ?? false;
