// The page's line to the outside: calls with an answer, pushes by name. It reconnects by itself and decides nothing.

const RETRY_MS = 300;

export class Line {
  #socket;
  #calls = new Map();
  #lastCall = 0;
  #handlers = {};
  #opened = Promise.withResolvers();
  #up = Promise.withResolvers();
  #pushed = Promise.resolve();
  isUp = false;

  // `hello` makes the first frame of each connection; `handlers` take pushed frames by their `op`.
  connect(hello, handlers) {
    this.#handlers = handlers;
    const url = new URL('/ws/chat', location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const socket = new WebSocket(url);
    socket.addEventListener('open', () => {
      this.#socket = socket;
      this.#send(hello());
      this.#opened.resolve();
    });
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(data)));
    socket.addEventListener('close', () => {
      if (this.#socket === socket) {
        this.#socket = undefined;
        this.#opened = Promise.withResolvers();
        this.#lose();
        handlers.lost();
      }
      setTimeout(() => this.connect(hello, handlers), RETRY_MS);
    });
  }

  // Whether the service can be reached; the device's own database always can.
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

  // Waits for the link, however long that takes: so does the real site.
  async service(op, fields) {
    await this.#up.promise;
    return this.database(op, fields);
  }

  #send(frame) {
    this.#socket?.send(JSON.stringify(frame));
  }

  #take(frame) {
    if (frame.op !== 'answer') {
      // One after the other, also where one takes a while: a message must not be overtaken by the history before it.
      this.#pushed = this.#pushed.then(() => this.#handlers[frame.op](frame)).catch((error) => reportError(error));
      return;
    }
    const call = this.#calls.get(frame.call);
    this.#calls.delete(frame.call);
    if ('error' in frame) call?.reject(new Error(frame.error));
    else call?.resolve(frame.value);
  }

  #lose() {
    for (const { reject } of this.#calls.values()) reject(new Error('connection lost'));
    this.#calls.clear();
  }
}

export const line = new Line();
