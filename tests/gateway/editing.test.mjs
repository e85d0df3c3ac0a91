// `presence-editing.books.42` is the edit lock: Echo clients, the API and each other, over two workers.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Echo, Pusher, close, eventually, open, options, said, until } from "./clients.mjs";

const base = `http://${said.host}:${said.port}`;
const { tokens, members } = said;
function echo(token, params = {}) {
  const made = new Echo({ broadcaster: "reverb", Pusher, key: said.app.key, ...options(), authEndpoint: `${base}/broadcasting/auth`, auth: { headers: { Authorization: `Bearer ${token}` }, params } });
  open.push(made.connector.pusher);
  return made;
}
const call = (token, method, path, body, headers = {}) =>
  fetch(`${base}/api/v1/collections/books/records/${path}`, { method, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...headers }, body: body && JSON.stringify(body) });
/** What a channel is followed with: who is there, and for its holder what proves the lock. */
const edit = (client, number) => { const channel = client.join(`editing.books.${number}`); return until((done) => { channel.here((people) => done({ channel, people })); channel.error((error) => done({ channel, error })); }, "an answer"); };
const own = (client, number) => client.connector.pusher.channel(`presence-editing.books.${number}`).members.me.info;
const heard = (channel, name) => until((done) => channel.listen(name, done), name);
afterEach(close);

test("the second editor is refused, and the first is told", async () => {
  const ana = echo(tokens.ana);
  const { channel, people } = await edit(ana, 10);
  assert.equal(people.length, 1);
  assert.deepEqual([people[0].name, people[0].editing], ["Ana", true]);
  const told = heard(channel, ".lock.requested");
  const { error } = await edit(echo(tokens.bruno), 10);
  assert.equal(error.status, 423);
  assert.equal((await told).name, "Bruno");
  assert.equal((await edit(echo(tokens.ana), 10)).error.status, 423, "nor may another tab of hers");
  assert.equal((await call(tokens.bruno, "POST", "10/lock")).status, 423, "nor a program");
});

test("the holder alone has what proves the lock, and saves with it", async () => {
  const ana = echo(tokens.ana);
  await edit(ana, 11);
  const { lock, version } = own(ana, 11);
  const change = (token, headers) => call(token, "PATCH", "11", { values: { title: "By Echo" } }, { "If-Match": `"${version}"`, ...headers });
  assert.equal((await change(tokens.bruno, { Lock: lock })).status, 423);
  assert.equal((await change(tokens.ana)).status, 423);
  assert.equal((await change(tokens.ana, { Lock: lock })).status, 200);
  const bruno = echo(tokens.bruno, { wait: "1" });
  const { people } = await edit(bruno, 11);
  assert.ok(people.every((person) => !person.lock));
});

test("who waits gets the lock when the channel is left", async () => {
  const ana = echo(tokens.ana);
  const { channel: first } = await edit(ana, 12);
  const joining = until((done) => first.joining(done), "who waits");
  const bruno = echo(tokens.bruno, { wait: "1" });
  const { channel, people } = await edit(bruno, 12);
  assert.deepEqual(people.map(({ name, editing }) => [name, editing]), [["Ana", true], ["Bruno", false]]);
  assert.deepEqual((({ name, editing }) => [name, editing])(await joining), ["Bruno", false]);
  const [released, acquired, leaving] = [heard(channel, ".lock.released"), heard(channel, ".lock.acquired"), until((done) => channel.leaving(done), "who has left")];
  ana.leave("editing.books.12");
  assert.equal((await released).user_id, String(members.ana));
  assert.equal((await acquired).user_id, String(members.bruno));
  assert.equal((await leaving).name, "Ana");
  await eventually(() => own(bruno, 12).lock, "the proof");
  assert.equal(own(bruno, 12).editing, true);
});

test("a program's lock and an Echo client's are one", async () => {
  const { lock } = await (await call(tokens.carla, "POST", "13/lock")).json();
  assert.equal((await edit(echo(tokens.ana), 13)).error.status, 423);
  const ana = echo(tokens.ana, { wait: "1" });
  const { people } = await edit(ana, 13);
  assert.deepEqual(people.map(({ name, editing }) => [name, editing]), [["Ana", false], ["Carla", true]]);
  await call(tokens.carla, "DELETE", "13/lock", undefined, { Lock: lock });
  await eventually(() => own(ana, 13).lock, "the proof");
});

test("a lost connection keeps the lease, and the same client has it back", async () => {
  const ana = echo(tokens.ana);
  await edit(ana, 14);
  const before = own(ana, 14).lock;
  const { pusher } = ana.connector;
  const again = until((done) => pusher.channel("presence-editing.books.14").bind("pusher:subscription_succeeded", done), "the lock again");
  pusher.connection.connection.transport.socket.close(); // as a network would; the library comes back by itself
  await again;
  assert.equal(own(ana, 14).lock, before);
  pusher.disconnect();
  await eventually(async () => (await edit(echo(tokens.ana), 14)).people, "another page of hers, as the first is gone");
  assert.equal((await edit(echo(tokens.bruno), 14)).error.status, 423);
});

test("a grant is for one socket", async () => {
  const [one, two] = [echo(tokens.ana), echo(tokens.ana)];
  await Promise.all([one, two].map((client) => eventually(() => client.connector.pusher.connection.state === "connected", "a connection")));
  const asked = await fetch(`${base}/broadcasting/auth`, { method: "POST", headers: { Authorization: `Bearer ${tokens.ana}` }, body: new URLSearchParams({ socket_id: one.socketId(), channel_name: "presence-editing.books.15" }) });
  const grant = await asked.json();
  const error = until((done) => two.connector.pusher.connection.bind("error", done), "an error");
  two.connector.pusher.send_event("pusher:subscribe", { channel: "presence-editing.books.15", ...grant });
  assert.equal((await error).data.code, 4009);
});

test("who may not edit is refused, and so is what is not there", async () => {
  assert.equal((await edit(echo(said.viewerToken), 16)).error.status, 403);
  assert.equal((await edit(echo(tokens.ana), 99999)).error.status, 403);
});
