// What an edit page asks the server for, each time with the proof of its lock (docs/live.md), and what the answers say of
// whoever edits.
import { OUTLIVES } from "./leaving.js";
import { call, fetchPage, leaveWith } from "./page.js";
import { patienceFor } from "./tries.js";

export class EditingCalls {
  isRefused = false;             // the record is not the member's to edit any more, or not there
  isSignedOut = false;           // the server takes nothing from this page: somebody else, or nobody, is signed in

  constructor(editor) { this.editor = editor; }

  // All that its form has.
  fields(more = {}) {
    const { form, proof, dataset } = this.editor;
    const body = form ? new URLSearchParams(new FormData(form)) : new URLSearchParams();
    for (const [name, value] of Object.entries({ "lock-token": proof, version: dataset.version, ...more })) body.set(name, value);
    return body;
  }

  post(path, body, more = {}) {
    return call(`${this.editor.address}/${path}`, body, { signal: AbortSignal.timeout(patienceFor(body)), ...more });
  }

  async renewLock() {
    const { proof, dataset } = this.editor;
    const response = await this.post("lock/renew", new URLSearchParams({ "lock-token": proof, version: dataset.version }));
    this.isSignedOut = response.status === 401;
    return response;
  }

  // The status of the answer.
  async sendDraft(late, signal) {
    const body = this.fields(late ? { "sent-late": "yes" } : {});
    const { status } = await this.post("draft", body, { signal: AbortSignal.any([signal, AbortSignal.timeout(patienceFor(body))]) });
    this.isSignedOut = status === 401;
    this.isRefused = [403, 404].includes(status);
    return status;
  }

  // The lock is freed, with what is typed, of a page that another has taken the place of.
  releaseLock(body) {
    return this.post("lock/release", body, { keepalive: String(body).length < OUTLIVES });
  }

  // The same of one that is left for good. What is too long for that stays in the tab.
  releaseWith(body, short) {
    const address = `${this.editor.address}/lock/release`;
    if (!leaveWith(address, body)) leaveWith(address, short);
  }

  // Whether the record's own page is for whoever edited it: null where it is not, false when nobody knows yet.
  async askWhetherShown() {
    try {
      const { status } = await fetchPage(this.editor.address);
      if ([403, 404].includes(status)) return null;
      return status < 500 && status !== 429;
    } catch {
      return false;
    }
  }
}
