// The bridge's hints that something changed, so that a page asks at once and not with its next poll. A browser has six
// connections to a bridge for all its windows: one of those that are shown holds the stream, and passes the hints on.

//: Milliseconds until a stream is asked for again that was refused: by a full bridge, or by a proxy without one.
const AGAIN = 10_000;
const NAME = 'panel changes';

export class ChangeHints {
  #channel = new BroadcastChannel(NAME);
  #onHint;
  #turn = null; // its signal ends what this window waits for or holds

  constructor(onHint) {
    this.#onHint = onHint;
    this.#channel.onmessage = onHint;
  }

  // Whether this window wants them: one that is hidden or logged out neither holds the stream nor waits for it.
  want(wanted) {
    if (!wanted) {
      this.#turn?.abort();
      this.#turn = null;
    } else if (!this.#turn && navigator.locks) { // no locks: the page came by plain HTTP from another machine
      this.#turn = new AbortController();
      this.#follow(this.#turn.signal);
    }
  }

  async #follow(signal) {
    while (!signal.aborted) {
      // A window that closes gives the lock back, too.
      await navigator.locks.request(NAME, { signal }, () => this.#hold(signal)).catch(() => null);
      if (!signal.aborted) await new Promise((resume) => { setTimeout(resume, AGAIN); });
    }
  }

  // Ends with the turn, or where the browser gives up; after a lost connection it connects again by itself.
  #hold(signal) {
    return new Promise((ended) => {
      const stream = new EventSource('/panel/changes');
      const end = () => { stream.close(); ended(); };
      signal.addEventListener('abort', end);
      stream.onmessage = () => {
        this.#channel.postMessage(null);
        this.#onHint();
      };
      stream.onerror = () => { if (stream.readyState === EventSource.CLOSED) end(); };
    });
  }
}
