// The way to the bridge: the same /v1 as everybody's, with the cookie of this log-in and the token for changes.

class Problem extends Error {
  constructor(status, detail, code) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

export const login = { me: null };

async function call(method, path, body, headers = {}) {
  const sent = { ...headers };
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  if (login.me?.csrf) sent['X-CSRF-Token'] = login.me.csrf;
  let answer;
  try {
    answer = await fetch(path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body), cache: 'no-store' });
  } catch {
    throw new Problem(0, 'offline', 'offline');
  }
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    if (answer.status === 401 && login.me) document.dispatchEvent(new Event('logged-out'));
    throw new Problem(answer.status, told.detail ?? told.details ?? told.error ?? answer.statusText, told.code);
  }
  return told;
}

export const get = (path) => call('GET', path);
export const post = (path, body) => call('POST', path, body);
export const remove = (path) => call('DELETE', path);
export const of = (session) => `/v1/sessions/${encodeURIComponent(session)}`;

// With a key, with the token of a link that works once, or with nothing where this machine is trusted.
export async function enter({ key, link } = {}) {
  const shown = key ? { 'x-api-key': key } : link ? { Authorization: `Link ${link}` } : {};
  login.me = null;
  login.me = await call('POST', '/panel/login', undefined, shown);
}

// The log-in that this browser has already; tells where none is needed.
export async function resume() {
  const told = await call('GET', '/panel/me');
  login.me = told.id ? told : null;
  return told;
}

// Rights can change under a log-in: from the first key on, nobody is trusted for where they are.
export async function renew() {
  await resume();
  document.dispatchEvent(new Event('renewed'));
}

export const leave = () => call('POST', '/panel/logout').finally(() => { login.me = null; });

export const may = (scope) => login.me?.scopes.some((one) => one === scope || one === 'admin') ?? false;
