// What a page asks for by itself goes through here: it names the member that the page was made for, and the server
// refuses it when somebody else is signed in by now. What comes from somewhere else (the page of a hotel's network, say)
// lacks the mark of our answers, and is no answer. A classic script, as htmx is given some of it before its first request;
// modules import these by name (js/page.js).
(() => {
  "use strict";
  const PATIENCE = 20000;        // ms until a call counts as failed

  const named = () => (document.body.dataset.member ? { "X-Member": document.body.dataset.member } : {});

  async function ask(address, options) {
    const response = await fetch(address, options);
    if (!response.headers.has("X-Page")) throw new TypeError("the answer is not ours");
    return response;
  }

  // Pages that were asked for before their links are followed (js/prefetch.js): for each address what takes its page, once.
  // What is changed meanwhile may change them.
  const ahead = new Map();

  const call = (address, body, options = {}) => {
    ahead.clear();
    return ask(address, {
      method: "POST", body, redirect: "manual", headers: { "X-Page": "1", ...named() }, signal: AbortSignal.timeout(PATIENCE), ...options,
    });
  };

  // A page, as the member has it.
  const fetchPage = (address, headers = {}, signal = null) => ask(address, { signal, headers: { Accept: "text/html", ...named(), ...headers } });

  // A call that goes on when the page is left. It has no headers, so its form names the member, as posted forms do.
  const leaveWith = (address, body) => {
    body.set("for-member", document.body.dataset.member);
    return navigator.sendBeacon(address, body);
  };

  // The version of the scripts that this page has (web/assets.py). A page that was made for others, as the program was
  // replaced by a newer one meanwhile, is opened as a whole, and brings its own.
  const version = new URL(document.currentScript.src).pathname.split("/").at(-2);
  const isForOtherScripts = (headers) => headers.has("X-Static") && headers.get("X-Static") !== version;

  // A page comes with its scripts: what it shows is not dead for the moment in which they are on their way. What they import
  // is asked for at the same time.
  const module = new RegExp(`<(?:script type="module" src|link rel="modulepreload" href)="(/static/${version}/js/[\\w-]+\\.js)">`, "g");
  const bringScripts = (text) => Promise.allSettled([...text.matchAll(module)].map(([, script]) => import(script)));
  async function fetchWithScripts(address, request) {
    const response = (request.method === "GET" && await ahead.get(address)?.(request)) || await fetch(address, request);
    if (isForOtherScripts(response.headers)) return response;
    const text = await response.clone().text().catch(() => "");
    await bringScripts(text);
    return response;
  }

  // What an answer that nobody is shown may have taken is given back; of a frame that is not for the page, toasts are shown.
  async function drop(text) {
    if (/<(record-editor|place-in-line) |"#toasts"/.test(text)) await (await import(`/static/${version}/js/not-shown.js`)).giveBack(text);
  }

  // Who goes on before a page is there waits for it no more. One that takes a lock goes on to its end, as the lock may be
  // taken: who asks for it meanwhile gets it, else the lock is given back.
  async function fetchUntilLeft(address, request) {
    const { signal, ...unbound } = request;
    const takesLock = request.method === "GET" && /\/edit\b/.test(address);
    const coming = fetchWithScripts(address, takesLock ? unbound : request);
    try {
      return await Promise.race([coming, new Promise((_, reject) => { signal.onabort = () => reject(signal.reason); })]);
    } catch (error) {
      if (takesLock) keepComing(address, coming);
      throw error;
    }
  }

  async function keepComing(address, coming) {
    let isWanted = false;
    ahead.set(address, () => {
      isWanted = ahead.delete(address);
      return coming;
    });
    const response = await coming.catch(() => null);
    ahead.delete(address);
    if (!isWanted) drop(await response?.text());
  }
  document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => { ctx.fetch = fetchUntilLeft; });

  // What waits for a script is shown without it (css/room.css).
  addEventListener("error", ({ target }) => { if (target.localName === "script") document.documentElement.dataset.scriptFailed = ""; }, true);

  // What a form changes is changed as the member whose page it is on, also by a form that was pushed, the same to all.
  document.addEventListener("htmx:config:request", ({ detail: { ctx: { request } } }) => {
    if (request.method !== "GET") Object.assign(request.headers, named());
  });

  // A page that was asked for on one that has been left since, by Back or another link, takes no place of what is shown
  // now: htmx swaps what is "issuing". The path tells, and of a link also its search. Of links that are followed before
  // their pages are there the last one counts; what a form answers meanwhile is shown before.
  let asked = 0;
  let last = null;               // the link, or Back, that is on its way
  const place = ({ method }) => location.pathname + (method === "GET" ? location.search : "");
  const isLeft = ({ from, request }) => from && from !== place(request);
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (ctx.target !== document.body) return;
    ctx.from = place(ctx.request);
    ctx.turn = asked += 1;
    if (ctx.request.method !== "GET") return;
    if (last) last.from = "left";
    last?.request.abort?.();
    last = ctx;
  });
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (!isLeft(ctx)) return;
    ctx.status = "left";
    drop(ctx.text);
  });
  document.addEventListener("htmx:after:swap", ({ detail }) => { if (detail?.ctx?.turn < last?.turn) last.from = place(last.request); });
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => { if (ctx === last) last = null; });

  // A page of somebody else's, who has signed in with this browser since, is not put into this one: it is opened.
  document.addEventListener("htmx:before:response", (event) => {
    const { request, response: { raw } } = event.detail.ctx;
    if (isLeft(event.detail.ctx)) return;
    const theirs = raw.headers.get("X-Member");
    const isTheirs = theirs && theirs !== document.body.dataset.member;
    const isPage = raw.redirected || request.method === "GET";
    if (!isTheirs && !(isPage && isForOtherScripts(raw.headers))) return;
    event.preventDefault();
    raw.text().then(drop).finally(() => location.assign(isPage ? raw.url : location.href));
  });

  // The answer to a form has no address to be opened at: it goes without the scripts that it was made for.
  document.addEventListener("htmx:before:swap", ({ detail: { tasks } }) => {
    for (const script of tasks.flatMap(({ fragment }) => [...fragment?.querySelectorAll("script") ?? []])) {
      if (!script.getAttribute("src")?.includes(`/${version}/`)) script.remove();
    }
  });

  globalThis.mutirao = { ahead, bringScripts, call, drop, fetchPage, leaveWith, isForOtherScripts };
})();
