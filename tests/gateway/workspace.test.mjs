// The workspace's own channels, as a front end with Laravel Echo follows them, over two workers.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Echo, Pusher, close, event, eventually, open, options, said, until } from "./clients.mjs";

const base = `http://${said.host}:${said.port}`;
const { tenant, tokens, members } = said;

/** Echo with the options of docs/gateway.md. */
function echo(token, more = {}) {
  const made = new Echo({
    broadcaster: "reverb",
    Pusher,
    key: said.app.key,
    ...options(),
    authEndpoint: `${base}/broadcasting/auth`,
    userAuthentication: { endpoint: `${base}/broadcasting/user-auth`, headers: { Authorization: `Bearer ${token}` } },
    auth: { headers: { Authorization: `Bearer ${token}` } },
    ...more,
  });
  open.push(made.connector.pusher);
  return made;
}
const followed = (channel) => until((done) => channel.subscribed(done).error((error) => done(assert.fail(JSON.stringify(error)))), channel.name).then(() => channel);
const refused = (channel) => until((done) => channel.error(done), "a refusal");
const heard = (channel, name) => until((done) => channel.listen(name, done), name);
async function api(token, method, path, body, headers = {}) {
  const answer = await fetch(`${base}/api/v1${path}`, { method, headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...headers }, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.status === 204 ? null : answer.json();
}
afterEach(close);

test("a book that is created by the API is seen at once", async () => {
  const watching = await Promise.all(Array.from({ length: 4 }, () => followed(echo(tokens.carla).private(`tenant.${tenant}.collection.books`))));
  const told = watching.map((channel) => heard(channel, ".record.created"));
  const made = await api(tokens.ana, "POST", "/collections/books/records", { values: { title: "Told at once", author: "Ana" } });
  for (const got of await Promise.all(told)) {
    assert.equal(got.number, made.number);
    assert.ok(Number.isInteger(got.cursor));
  }
});

test("a message comes to its room, and what concerns one member to them alone", async () => {
  const room = await followed(echo(tokens.carla).private(`tenant.${tenant}.room.general`));
  await followed(echo(tokens.bruno).private(`user.${members.bruno}`));
  const posted = heard(room, ".message.posted");
  await api(tokens.ana, "POST", "/rooms/general/messages", { text: "Hello" });
  assert.ok((await posted).number > 0);
  for (const user of [members.ana, 999]) assert.equal((await refused(echo(tokens.bruno).private(`user.${user}`))).status, 403);
});

test("admins hear what is theirs, and others are refused it", async () => {
  await followed(echo(tokens.bruno).private(`tenant.${tenant}.admins`));
  assert.equal((await refused(echo(tokens.carla).private(`tenant.${tenant}.admins`))).status, 403);
});

test("another workspace's channels are refused, also with a token that works here", async () => {
  for (const name of [`tenant.${said.otherTenant}`, `tenant.${said.otherTenant}.collection.books`, `tenant.${tenant}.collection.nothing`, "tenant.0", "anything"])
    assert.equal((await refused(echo(tokens.carla).private(name))).status, 403);
  assert.equal((await refused(echo(said.otherToken).private(`tenant.${tenant}`))).status, 401);
  assert.equal((await refused(echo("mut_nothing").private(`tenant.${tenant}`))).status, 401);
});

test("who is here is told to those who join", async () => {
  const ana = echo(tokens.ana).join(`tenant.${tenant}`);
  const here = await until((done) => ana.here(done), "who is here");
  assert.deepEqual(here.map(({ name }) => name), ["Ana"]);
  const joining = until((done) => ana.joining(done), "somebody");
  const carla = echo(tokens.carla);
  const seen = await until((done) => carla.join(`tenant.${tenant}`).here(done), "who is here");
  assert.equal(seen.length, 2);
  assert.equal((await joining).name, seen.find(({ name }) => name !== "Ana").name);
  const leaving = until((done) => ana.leaving(done), "somebody");
  carla.leave(`tenant.${tenant}`);
  assert.ok((await leaving).name);
});

test("who comes back goes on behind the last event that it had", async () => {
  const before = await followed(echo(tokens.carla).private(`tenant.${tenant}.collection.books`));
  const first = heard(before, ".record.created");
  await api(tokens.ana, "POST", "/collections/books/records", { values: { title: "One", author: "A" } });
  const { cursor } = await first;
  close();
  const missed = [];
  for (const title of ["Two", "Three"]) missed.push((await api(tokens.ana, "POST", "/collections/books/records", { values: { title, author: "A" } })).number);
  const again = echo(tokens.carla, { auth: { headers: { Authorization: `Bearer ${tokens.carla}` }, params: { last_event_id: cursor } } });
  const got = [];
  again.private(`tenant.${tenant}.collection.books`).listen(".record.created", ({ number }) => got.push(number));
  await eventually(() => got.length === 2, "both");
  assert.deepEqual(got, missed);
});

test("a member signs in with their token", async () => {
  const client = echo(tokens.carla).connector.pusher;
  const signed = until((done) => client.bind("pusher:signin_success", done), "sign-in");
  client.signin();
  assert.equal(JSON.parse((await signed).user_data).id, String(members.carla));
});

test("no client sends events on the workspace's channels", async () => {
  const client = echo(tokens.carla);
  await followed(client.private(`tenant.${tenant}`));
  const error = until((done) => client.connector.pusher.connection.bind("error", done), "an error");
  client.connector.pusher.send_event("client-typing", {}, `private-tenant.${tenant}`);
  assert.equal((await error).data.code, 4009);
});
