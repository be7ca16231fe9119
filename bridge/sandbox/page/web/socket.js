// The page's web socket to the sandbox: calls with an answer, pushed frames by name. It reconnects automatically.

const RETRY_MS = 300;

class ServerStatusCodeError extends Error {
  name = 'ServerStatusCodeError';

  constructor(status) {
    super(`server responded with status ${status}`);
    this.status = status;
  }
}

export class PageSocket {
  #webSocket;
  #calls = new Map();
  #lastCall = 0;
  #handlers = {};
  #opened = Promise.withResolvers();
  #up = Promise.withResolvers();
  #pushed = Promise.resolve();
  isUp = false;

  // `hello` returns the first frame of each connection; `handlers` receive pushed frames by their `op`.
  connect(hello, handlers) {
    this.#handlers = handlers;
    const url = new URL('/ws/chat', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const webSocket = new WebSocket(url);
    webSocket.addEventListener('open', () => {
      this.#webSocket = webSocket;
      this.#send(hello());
      this.#opened.resolve();
    });
    webSocket.addEventListener('message', ({ data }) => this.#take(JSON.parse(data)));
    webSocket.addEventListener('close', () => {
      if (this.#webSocket === webSocket) {
        this.#webSocket = undefined;
        this.#opened = Promise.withResolvers();
        this.#lose();
        handlers.lost();
      }
      setTimeout(() => this.connect(hello, handlers), RETRY_MS);
    });
  }

  // Whether the service is reachable; the device's own database always is.
  setUp(up) {
    this.isUp = up;
    if (up) this.#up.resolve();
    else this.#up = Promise.withResolvers();
  }

  async database(op, fields) {
    await this.#opened.promise;
    const call = ++this.#lastCall;
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#calls.set(call, { resolve, reject });
    this.#send({ op, call, ...fields });
    return promise;
  }

  // Waits for the link without a timeout, as the real site does.
  async service(op, fields) {
    await this.#up.promise;
    return this.database(op, fields);
  }

  #send(frame) {
    this.#webSocket?.send(JSON.stringify(frame));
  }

  #take(frame) {
    if (frame.op !== 'answer') {
      // One after the other, even if one takes a while: a message must not overtake the history before it.
      this.#pushed = this.#pushed.then(() => this.#handlers[frame.op](frame)).catch((error) => reportError(error));
      return;
    }
    const call = this.#calls.get(frame.call);
    this.#calls.delete(frame.call);
    if ('error' in frame) call?.reject(frame.status ? new ServerStatusCodeError(frame.status) : new Error(frame.error));
    else call?.resolve(frame.value);
  }

  #lose() {
    for (const { reject } of this.#calls.values()) reject(new Error('connection lost'));
    this.#calls.clear();
  }
}

export const socket = new PageSocket();
