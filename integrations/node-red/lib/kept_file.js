"use strict";
// A JSON value that survives a restart and kill -9. Node-RED's own context is memory by default and, on disk, up to 30
// seconds old: too late for a cursor, and for a command whose outcome is not known.

const fs = require("node:fs");
const path = require("node:path");

class KeptFile {
  constructor(folder, name) {
    this.path = path.join(folder, `${name}.json`);
    this.saving = null;
    this.next = undefined;
  }

  /** The value; undefined where there is none. Throws where the file cannot be read. */
  load() {
    try {
      return JSON.parse(fs.readFileSync(this.path, "utf8"));
    } catch (error) {
      if (error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** Resolves once `value`, or a newer one, is on disk. Rejects where it cannot be written. */
  save(value) {
    this.next = JSON.stringify(value);
    // A save that is running may have taken an older value, so the newest one needs the round after it.
    const before = this.saving ?? Promise.resolve();
    const mine = before.catch(() => {}).then(() => this.#write());
    this.saving = mine;
    return mine;
  }

  /** Resolves when nothing is being written. */
  async settled() {
    await this.saving?.catch(() => {});
  }

  async remove() {
    await this.settled();
    await fs.promises.rm(this.path, { force: true });
  }

  async #write() {
    if (this.next === undefined) return; // an earlier round wrote it
    const text = this.next;
    this.next = undefined;
    try {
      await this.#replace(text);
    } catch (error) {
      this.next ??= text; // for the next round
      throw error;
    }
  }

  async #replace(text) {
    await fs.promises.mkdir(path.dirname(this.path), { recursive: true, mode: 0o700 });
    const part = `${this.path}.part`;
    const file = await fs.promises.open(part, "w", 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.promises.rename(part, this.path);
  }
}

module.exports = { KeptFile };
