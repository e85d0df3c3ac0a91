// How long a call waits for its answer, and how long after it the next one is made. Needs no page.
export const RETRY_AFTER = 2000;
export const ANSWER_WITHIN = 4000;
export const MESSAGE_WITHIN = 20000;     // of what goes on its own, in a room: nobody waits for it
const FILE_AGAIN_AFTER = 20000;  // unless the network or the socket is back before
const FILE_AGAIN_AT_LAST = 300000;
const SLOWEST = 4;               // characters a ms that a line takes, at least: what is on its way is not given up

export const patienceFor = (body, least = ANSWER_WITHIN) => least + String(body).length / SLOWEST;

// A file is sent whole each time: ever more rarely, and not before the server (`retryAfter`, in s) takes it.
export const fileAgainAfter = (tries, retryAfter = 0) =>
  Math.max(Math.min(FILE_AGAIN_AT_LAST, FILE_AGAIN_AFTER * 2 ** (tries - 1)), 1000 * retryAfter);
