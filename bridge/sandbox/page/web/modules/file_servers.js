// The service's two servers for files, asked as WhatsApp Web does it: the chosen one twice, then its fallback twice, with
// pauses of 1, 2 and 4 seconds. Only what may pass is tried again: no whole answer, or an error of the server. A server
// that is slow is not left.

const SERVERS = ['', '', '/fallback', '/fallback'];
let retryMs = 1000;

export function setRetry(milliseconds) {
  retryMs = milliseconds;
}

async function attempt(url, options, read) {
  const response = await fetch(url, options);
  if (response.status >= 500) throw new Error(`HTTP ${response.status}`);
  return { status: response.status, content: response.ok ? await read(response) : undefined };
}

// What a server answers: `status`, and the `content` that `read` makes of a response. Rejects when all attempts failed.
export async function fromServers(path, options, read) {
  for (const [number, server] of SERVERS.entries()) {
    try {
      return await attempt(server + path, options, read);
    } catch (error) {
      if (number === SERVERS.length - 1) throw error;
      await new Promise((done) => setTimeout(done, retryMs * 2 ** number));
    }
  }
}
