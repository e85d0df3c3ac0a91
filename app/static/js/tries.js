// How long a call waits for its answer, and how long after it the next one is made. Needs no page.
export const RETRY_AFTER = 2000;
export const ANSWER_WITHIN = 4000;
export const MESSAGE_WITHIN = 20000;     // of what goes on its own, in a room: nobody waits for it
const SLOWEST = 4;               // characters a ms that a line takes, at least: what is on its way is not given up

export const patienceFor = (body, least = ANSWER_WITHIN) => least + String(body).length / SLOWEST;
