// What the scenarios share: clients of the gateway as the libraries make them, and ways to wait for what they tell.
import dns from "node:dns";
import assert from "node:assert/strict";
import { createRequire } from "node:module";

// What a library waits half a minute for, as for the farewell of an ended socket, keeps no scenario from its end.
const wait = globalThis.setTimeout;
globalThis.setTimeout = (work, after, ...more) => { const timer = wait(work, after, ...more); return after < 30_000 ? timer : timer.unref(); };

const require = createRequire(import.meta.url);
export const Pusher = require("pusher-js");
export const PusherServer = require("pusher");
export const { default: Echo } = await import("laravel-echo");

// Names below localhost lead here, also where the machine does not know that.
const lookup = dns.lookup;
dns.lookup = (name, options, done) => lookup(name.endsWith("localhost") ? "127.0.0.1" : name, options, done);

export const said = JSON.parse(process.env.SAID);
export const PATIENCE = 20_000;

/** The options of pusher-js for an app: as docs/gateway.md has them. */
export function options(more = {}) {
  return { cluster: "", wsHost: said.host, wsPort: said.port, wssPort: said.port, forceTLS: false, disableStats: true, enabledTransports: ["ws"], ...more };
}

export const open = [];

/** A client, connected. */
export async function connect(more = {}, key = said.app.key) {
  const client = new Pusher(key, options(more));
  open.push(client);
  await until((done) => client.connection.bind("connected", done), "a connection");
  return client;
}

/** What a callback is called with. */
export function until(begin, what) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${what}`)), PATIENCE);
    begin((value) => { clearTimeout(timer); resolve(value); });
  });
}

/** The next event of a name on a channel, or of a client. */
export const event = (channel, name) => until((done) => channel.bind(name, done), name);

/** A channel that a client follows from here on. */
export async function follow(client, name) {
  const channel = client.subscribe(name);
  if (!channel.subscribed)
    await until((done) => { channel.bind("pusher:subscription_succeeded", done); channel.bind("pusher:subscription_error", (error) => done(assert.fail(JSON.stringify(error)))); }, name);
  return channel;
}

/** Until something is so that is asked again and again. */
export async function eventually(ask, what = "condition") {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function close() {
  for (const client of open) client.disconnect();
  open.length = 0;
}

/** The library of servers for an app. */
export const server = (app = said.app) => new PusherServer({ appId: app.id, key: app.key, secret: app.secret, host: said.host, port: String(said.port), useTLS: false });
