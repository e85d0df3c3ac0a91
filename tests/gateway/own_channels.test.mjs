// An app's own channels, with pusher-js and the library for servers, over two workers.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Pusher, close, connect, event, eventually, follow, open, options, said, server, until } from "./clients.mjs";

const app = server();
const MANY = 6; // so many sockets are at both workers, nearly always
/** What a front end's own server answers, which knows the app's secret. */
const signed = (user) => ({
  channelAuthorization: { customHandler: ({ socketId, channelName }, done) => done(null, app.authorizeChannel(socketId, channelName, user && { user_id: user, user_info: { name: `Name of ${user}` } })) },
  userAuthentication: { customHandler: ({ socketId }, done) => done(null, app.authenticateUser(socketId, { id: user ?? "0" })) },
});
const several = (more) => Promise.all(Array.from({ length: MANY }, (_, number) => connect(typeof more === "function" ? more(number) : more)));
const ask = async (path, params) => (await app.get({ path, params })).json();
afterEach(close);

test("an event of a server comes to all who follow its channel, and not to the socket that it leaves out", async () => {
  const clients = await several();
  const channels = await Promise.all(clients.map((client) => follow(client, "news")));
  const first = channels.map((channel) => event(channel, "created"));
  assert.equal((await app.trigger("news", "created", { title: "Casmurro" })).status, 200);
  for (const got of await Promise.all(first)) assert.deepEqual(got, { title: "Casmurro" });
  const left = [];
  channels[0].bind("again", (data) => left.push(data));
  channels[0].bind("last", (data) => left.push(data));
  const others = channels.slice(1).map((channel) => event(channel, "again"));
  await app.trigger("news", "again", { n: 1 }, { socket_id: clients[0].connection.socket_id });
  await Promise.all(others);
  const last = event(channels[0], "last");
  await app.trigger("news", "last", { n: 2 });
  await last;
  assert.deepEqual(left, [{ n: 2 }]);
});

test("several channels and several events go out in one call", async () => {
  const [one, two] = await several();
  const [a, b] = [await follow(one, "a"), await follow(two, "b")];
  const got = [event(a, "both"), event(b, "both")];
  await app.trigger(["a", "b"], "both", "text");
  assert.deepEqual(await Promise.all(got), ["text", "text"]);
  const batch = [event(a, "first"), event(b, "second")];
  await app.triggerBatch([{ channel: "a", name: "first", data: { n: 1 } }, { channel: "b", name: "second", data: { n: 2 } }]);
  assert.deepEqual(await Promise.all(batch), [{ n: 1 }, { n: 2 }]);
});

test("a private channel is for whom the app's server has signed", async () => {
  const client = await connect(signed());
  const channel = await follow(client, "private-orders");
  const got = event(channel, "paid");
  await app.trigger("private-orders", "paid", { id: 7 });
  assert.deepEqual(await got, { id: 7 });
  const wrong = await connect({ channelAuthorization: { customHandler: (_, done) => done(null, { auth: `${said.app.key}:${"0".repeat(64)}` }) } });
  const refused = until((done) => wrong.connection.bind("error", done), "an error");
  wrong.subscribe("private-orders");
  assert.equal((await refused).data.code, 4009);
});

test("who is on a presence channel is the same at every worker", async () => {
  const clients = await several((number) => signed(String(number % 3)));
  const channels = await Promise.all(clients.map((client) => follow(client, "presence-room")));
  await eventually(() => channels.every((channel) => channel.members.count === 3), "three people on each");
  assert.deepEqual(channels[0].members.get("1").info, { name: "Name of 1" });
  assert.deepEqual((await eventually(async () => { const { users } = await ask("/channels/presence-room/users"); return users.length === 3 && users; })).map(({ id }) => id).sort(), ["0", "1", "2"]);
  const gone = [];
  channels[0].bind("pusher:member_removed", ({ id }) => gone.push(id));
  clients[4].disconnect(); // user 1 is there with another socket still
  clients[2].disconnect();
  clients[5].disconnect();
  await eventually(() => channels[0].members.count === 2, "user 2 has gone");
  assert.deepEqual(gone, ["2"]);
  const come = event(channels[0], "pusher:member_added");
  await follow(await connect(signed("late")), "presence-room");
  assert.equal((await come).id, "late");
});

test("events of clients come to the others, with who has sent them", async () => {
  const clients = await several((number) => signed(`u${number}`));
  const channels = await Promise.all(clients.map((client) => follow(client, "presence-typing")));
  const own = [];
  channels[0].bind("client-typing", (data) => own.push(data));
  const others = channels.slice(1).map((channel) => until((done) => channel.bind("client-typing", (data, about) => done([data, about.user_id])), "typing"));
  assert.ok(channels[0].trigger("client-typing", { keys: 3 }));
  for (const got of await Promise.all(others)) assert.deepEqual(got, [{ keys: 3 }, "u0"]);
  assert.deepEqual(own, []);
  const plain = await connect();
  const refused = until((done) => plain.connection.bind("error", done), "an error");
  plain.send_event("client-typing", {}, "presence-typing");
  assert.equal((await refused).data.code, 4009);
});

test("a channel with a cache tells who comes its last event, or that there is none", async () => {
  const channelOf = async (client) => { const channel = client.subscribe("cache-score"); return channel; };
  const miss = event(await channelOf(await connect()), "pusher:cache_miss");
  await miss;
  await app.trigger("cache-score", "goal", { home: 1 });
  await eventually(async () => (await ask("/channels/cache-score", { info: "cache" })).cache, "the event is kept");
  for (const client of await several()) assert.deepEqual(await event(await channelOf(client), "goal"), { home: 1 });
});

test("encrypted channels are passed on as they come", async () => {
  const encrypting = new app.constructor({ ...app.config, appId: said.app.id, key: said.app.key, secret: said.app.secret, host: said.host, port: String(said.port), useTLS: false, encryptionMasterKeyBase64: Buffer.alloc(32, 7).toString("base64") });
  const client = await connect({ channelAuthorization: { customHandler: ({ socketId, channelName }, done) => done(null, encrypting.authorizeChannel(socketId, channelName)) } });
  const channel = await follow(client, "private-encrypted-secrets");
  const raw = await connect();
  const got = event(channel, "told");
  const seen = until((done) => raw.connection.bind("message", (message) => message.event === "told" && done(message.data)), "what is on the wire");
  raw.send_event("pusher:subscribe", { channel: "private-encrypted-secrets", auth: encrypting.authorizeChannel(raw.connection.socket_id, "private-encrypted-secrets").auth });
  await eventually(async () => (await ask("/channels/private-encrypted-secrets", { info: "subscription_count" })).subscription_count === 2, "both are there");
  await encrypting.trigger("private-encrypted-secrets", "told", { plain: "text" });
  assert.deepEqual(await got, { plain: "text" });
  assert.ok((await seen).ciphertext);
});

test("who has signed in gets what is sent to them, at each of their sockets, until the app ends these", async () => {
  const clients = await several((number) => signed(number < 4 ? "ana" : "bruno"));
  await Promise.all(clients.map((client) => until((done) => { client.bind("pusher:signin_success", done); client.signin(); }, "sign-in")));
  await Promise.all(clients.map((client) => eventually(() => client.user.user_data && client.user.serverToUserChannel?.subscribed, "the user's channel")));
  const got = clients.slice(0, 4).map((client) => until((done) => client.user.bind("greeting", done), "a greeting"));
  const others = [];
  clients[4].user.bind("greeting", (data) => others.push(data));
  await app.sendToUser("ana", "greeting", { hello: "Ana" });
  for (const data of await Promise.all(got)) assert.deepEqual(data, { hello: "Ana" });
  assert.deepEqual(others, []);
  const ended = clients.slice(0, 4).map((client) => until((done) => client.connection.bind("disconnected", done), "the end"));
  assert.equal((await app.terminateUserConnections("ana")).status, 200);
  await Promise.all(ended);
  assert.equal(clients[4].connection.state, "connected");
});

test("a server learns which channels there are, and how many are on them", async () => {
  const clients = await several((number) => signed(String(number % 2)));
  await Promise.all(clients.map((client) => follow(client, "presence-count")));
  await Promise.all(clients.slice(0, 2).map((client) => follow(client, "other")));
  await eventually(async () => (await ask("/channels/presence-count", { info: "user_count,subscription_count" })).subscription_count === MANY, "all are there");
  assert.deepEqual(await ask("/channels/presence-count", { info: "user_count,subscription_count" }), { occupied: true, user_count: 2, subscription_count: MANY });
  assert.deepEqual(await ask("/channels", { filter_by_prefix: "presence-", info: "user_count" }), { channels: { "presence-count": { user_count: 2 } } });
  await eventually(async () => Object.keys((await ask("/channels")).channels).sort().join() === "other,presence-count", "both channels");
  assert.deepEqual(await ask("/channels/empty"), { occupied: false });
  await eventually(async () => (await ask("/connections")).connections === MANY, "all sockets");
  const told = await app.trigger("presence-count", "counted", {}, { info: "user_count,subscription_count" });
  assert.deepEqual(await told.json(), { channels: { "presence-count": { user_count: 2, subscription_count: MANY } } });
  clients[0].unsubscribe("presence-count");
  await eventually(async () => (await ask("/channels/presence-count", { info: "subscription_count" })).subscription_count === MANY - 1, "one is gone");
});

test("a wrong secret, and the workspace's own channels, are refused", async () => {
  const stranger = server({ ...said.app, secret: "0".repeat(40) });
  await assert.rejects(stranger.trigger("news", "created", {}), ({ status }) => status === 401);
  for (const channel of ["private-tenant.1", "private-user.1", "presence-tenant.1", "presence-editing.books.1"])
    await assert.rejects(app.trigger(channel, "created", {}), ({ status }) => status === 403);
  const client = await connect(signed("9"));
  const refused = until((done) => client.connection.bind("error", done), "an error");
  client.subscribe("private-tenant.1");
  assert.equal((await refused).data.code, 4009);
});

test("the key tells the workspace on the central host, and no other workspace's host knows it", async () => {
  for (const host of said.hosts) {
    const client = await connect({ wsHost: host });
    assert.match(client.connection.socket_id, /^\d+\.\d+$/);
  }
  const refused = await until((done) => {
    const client = new Pusher(said.app.key, options({ wsHost: said.otherHost }));
    open.push(client);
    client.connection.bind("error", done);
  }, "an error");
  assert.equal((refused.error ?? refused).data.code, 4001);
});
