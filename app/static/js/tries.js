// Tries: how long a call waits for its answer, what that means, how long after it the next one is made, and by what the
// server knows that it is the same. Needs no page.
export const RETRY_AFTER = 2000;
export const ANSWER_WITHIN = 4000;
export const MESSAGE_WITHIN = 20000;     // of what goes on its own, in a room: nobody waits for it
const FILE_AGAIN_AFTER = 20000;  // unless the network or the socket is back before
const FILE_AGAIN_AT_LAST = 300000;
const AGAIN = new Set([0, 408, 425, 502, 503, 504]);   // 0 is no answer at all
const SLOWEST = 4;               // characters a ms that a line takes, at least: what is on its way is not given up

export function makeKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// "sent", "again" (nobody knows whether it is there), "slower", "signed out", or "refused" (it is not there).
export function verdict(status) {
  if (status >= 200 && status < 300) return "sent";
  if (status === 429) return "slower";
  if (status === 401) return "signed out";
  return AGAIN.has(status) ? "again" : "refused";
}

export const patienceFor = (body, least = ANSWER_WITHIN) => least + String(body).length / SLOWEST;

// A file is sent whole each time: ever more rarely, and not before the server (`retryAfter`, in s) takes it.
export const fileAgainAfter = (tries, retryAfter = 0) =>
  Math.max(Math.min(FILE_AGAIN_AT_LAST, FILE_AGAIN_AFTER * 2 ** (tries - 1)), 1000 * retryAfter);
