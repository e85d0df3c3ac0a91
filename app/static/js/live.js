// The page's side of the live protocol (docs/live.md): says hello, keeps the cursor, redials, refreshes.
(() => {
  "use strict";
  const { bringScripts, drop, fetchPage, formsTypedInto, holds, isForOtherScripts, keepTyped, markStale, morph } = mutirao;
  const SILENCE = 45000;
  const QUIET = 4000;    // how long a server that sends its pages away may take to serve again, before it is said
  let hello = 0;         // number of the newest hello
  let answered = 0;      // number of the newest hello that was answered
  let cursor = 0;        // up to where this page is shown
  let followed = null;   // the <main> that the newest hello was for
  let asked = "";        // the channels it asked for
  let heard = Date.now();
  let socket = null;
  let returning = null;  // runs while the page is on its way to the next server

  const root = document.documentElement;
  const main = () => document.getElementById("main");
  const live = () => document.getElementById("live");
  const path = () => location.pathname + location.search;

  // What the page follows, and parts of it. With a part that is pushed the server goes on to what it follows by itself.
  function channels() {
    const names = main().dataset.channels.split(" ");
    for (const part of document.querySelectorAll("[data-follow]")) names.push(part.dataset.follow);
    return [...new Set(names)].join(" ");
  }

  function show(state) {
    clearTimeout(returning);
    returning = null;
    root.dataset.live = state;
    if (state === "off") {
      root.dataset.lost = "";
      root.dataset.ready = "no";
    } else if ("lost" in root.dataset) {
      delete root.dataset.lost;
      root.dataset.back = "";
      setTimeout(() => delete root.dataset.back, 4000);
    }
  }

  function sayHello() {
    const shown = main();
    if (!shown || !shown.dataset.channels || !socket || socket.readyState !== WebSocket.OPEN) return;
    if (followed !== shown) cursor = Number(shown.dataset.cursor);
    followed = shown;
    asked = channels();
    hello += 1;
    root.dataset.ready = "no";
    socket.send(JSON.stringify({ sub: asked, last: cursor, n: hello }));
  }

  // Where on its page somebody is: a part of the page that is a stretch of something long says which stretch to bring.
  function placeOnPage() {
    const detail = { address: new URL(location.href) };
    document.dispatchEvent(new CustomEvent("page:refreshing", { detail }));
    return detail.address.pathname + detail.address.search;
  }

  // Frames are for the page that said hello, until the one in its place has: that one may show what they say already, and
  // gets what it lacks as the answer to its own hello.
  const isAnswered = () => answered === hello && main() === followed;

  // A form that the browser sent by itself has brought the address of its answer, which may take forms alone: a reload,
  // going back and entering it again lead to where the form was. By htmx the address stays as it is.
  function keepAddress() {
    const { answer, answered } = main()?.dataset ?? {};
    if (answer && location.pathname === answered) history.replaceState(history.state, "", answer);
  }
  document.addEventListener("DOMContentLoaded", keepAddress);

  // Where a page is fetched anew from. The answer to a form has no address of its own: its form's page has.
  const addressOf = (shown) => shown.dataset.answer ?? placeOnPage();

  async function fetchAnew(address) {
    const seen = document.visibilityState === "visible" ? "refresh" : "refresh hidden";
    return fetchPage(address, { "X-Refresh": seen });
  }

  // What the reader does by a form of the page may end the page: until that is answered, nothing is fetched anew. Nor while
  // something of the page is held, such as what is dragged (`page:held`).
  const acts = new Set();
  let late = null;         // the <main> that was to be refreshed meanwhile
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => { if (ctx.request.method !== "GET") acts.add(ctx); });
  function end(act) {
    acts.delete(act);
    if (!late || acts.size) return;
    const shown = late;
    late = null;
    if (main() === shown) refresh();
  }
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => end(ctx));
  document.addEventListener("page:held", ({ detail: { until } }) => {
    acts.add(until);
    until.then(() => end(until));
  });

  // Of a page that stays as it is, what nobody types into and what is no answer.
  async function refreshParts(shown, next) {
    for (const part of shown.querySelectorAll("[data-part]")) {
      const fresh = next.querySelector(`#${part.id}`);
      if (fresh) await morph(part, document.importNode(fresh, true));
    }
  }

  // What stands around a page, up to where the log was when it was made: from there on it is followed.
  async function takeAllAround(fresh, isTranslated, isHeld) {
    main().dataset.cursor = cursor = Number(fresh.getElementById("main").dataset.cursor);
    behind = null;
    document.body.dataset.role = fresh.body.dataset.role;
    if (isTranslated) root.lang = fresh.documentElement.lang;
    document.title = fresh.title;
    for (const part of [".side", ".bar", ...(isTranslated ? [".skip", ".live-state", "#quick-switcher"] : [])]) {
      const shown = fresh.querySelector(part);
      if (shown) await morph(document.querySelector(part), document.importNode(shown, true), "innerMorph");
    }
    if (isTranslated) mutirao.translate(fresh, formsTypedInto().map(({ form }) => form), !isHeld);
  }

  // The parts of the page that a fresh load would bring, with what is being typed left alone.
  let refreshing = null;
  let wanted = null;       // the <main> that was to be refreshed last
  let gone = "";           // where a page leads that is not its reader's any more, if it was said
  let told = true;         // whether a page that stays as it is says that it would be another one by now
  let behind = null;       // the <main> that the log no longer reaches back to
  function refresh() {
    if (acts.size) { late = main(); return; }
    root.dataset.refreshing = "yes";
    const shown = wanted = main();
    const isAnswer = "answer" in shown.dataset;
    const address = addressOf(shown);
    refreshing ??= fetchAnew(address)
      .then(async (response) => {
        // An address that only takes forms can't be asked whether the page is still for this person; a role can.
        const unknown = isAnswer && response.status === 405;
        if (unknown) response = await fetchAnew("/");
        if (response.redirected) return location.assign(response.url);
        if (response.status === 401) {                 // somebody else has signed in with this browser
          document.dispatchEvent(new CustomEvent("page:cut", { detail: { kept: false } }));
          return location.reload();
        }
        if (response.status >= 500) throw new Error(response.statusText);
        if (!response.ok) {                            // it is gone, or not for this person any more
          if (main() !== shown) return;
          if (shown.querySelector("[data-keep]")) return document.dispatchEvent(new CustomEvent("page:refused"));
          const said = new DOMParser().parseFromString(await response.text(), "text/html").querySelector(".error-page h1 + p");
          if (main() !== shown || keepTyped(shown, address, document, said?.textContent)) return;
          if (gone) return location.assign(gone);
          shown.replaceChildren();
          setTimeout(() => { if (main() === shown) isAnswer ? location.assign(address) : location.reload(); }, 1000);   // unless another page is on its way
          return;
        }
        const text = await response.text();
        const fresh = new DOMParser().parseFromString(text, "text/html");
        if (!isForOtherScripts(response.headers)) await bringScripts(text);   // what is morphed in runs none
        if (main() !== shown) return;                  // navigated meanwhile: that page is newer
        if (acts.size) { late = shown; return; }
        const next = fresh.getElementById("main");
        if (!next) return location.reload();
        if (unknown && fresh.body.dataset.role !== document.body.dataset.role) return keepTyped(shown, "/", fresh) || location.assign("/");
        if (isForOtherScripts(response.headers) && !holds(shown)) return location.replace(address);
        const isHeld = holds(shown);
        if (isHeld) await refreshParts(shown, next);
        if (isHeld) { if (told) markStale(unknown ? "/" : address, fresh, shown.querySelector("[data-news]")?.textContent.trim()); }
        else await morph(main(), document.importNode(next, true));
        if (!isAnswer) main().dataset.channels = next.dataset.channels;
        const isTranslated = fresh.documentElement.lang !== root.lang;
        const isOthers = isTranslated || fresh.body.dataset.role !== document.body.dataset.role;
        // A page that stays goes on where it is, with all around it: what is pushed meanwhile is nowhere else to be seen.
        if (!isHeld || isOthers || behind === shown) await takeAllAround(fresh, isTranslated, isHeld);
        document.dispatchEvent(new CustomEvent("page:refreshed"));
        sayHello();
      })
      .catch(() => setTimeout(refresh, 2000))
      .finally(() => {
        refreshing = null;
        delete root.dataset.refreshing;
        if (wanted !== shown && wanted === main()) refresh();   // a page that came meanwhile
      });
    return refreshing;
  }
  document.addEventListener("page:refresh", () => { told = true; refresh(); });
  document.addEventListener("htmx:after:swap", () => {
    const marks = document.querySelectorAll("[data-refresh]");
    if (!marks.length) return;
    told = ((refreshing || late) && told) || [...marks].some((mark) => mark.dataset.refresh !== "names" && !mark.closest("[data-of-parts]"));   // a name alone is no other page
    marks.forEach((mark) => mark.remove());
    gone = [...marks].find((mark) => mark.dataset.gone)?.dataset.gone ?? "";
    refresh();
  });

  function redial() {
    const element = live();
    if (element) htmx.process(element, true);
  }

  document.addEventListener("htmx:ws:after:connection", (event) => {
    socket = event.detail.connection.socket;
    socket.addEventListener("close", leave);
    heard = Date.now();
    answered = -1;
    sayHello();
  });

  document.addEventListener("htmx:ws:before:message:incoming", (event) => {
    heard = Date.now();
    const text = event.detail.message.data;
    const mark = /^<!--(@?)(\d+)([^>]*)-->/.exec(text);
    if (!mark) {                                       // a signal: presence, typing
      if (!isAnswered()) event.preventDefault();
      return;
    }
    const number = Number(mark[2]);
    if (mark[1]) {                                     // the answer to a hello
      event.preventDefault();
      if (number !== hello) return;
      answered = number;
      root.dataset.ready = "yes";
      root.toggleAttribute("data-refused", mark[3].includes(" refused:"));
      if (mark[3].includes(" refresh")) { told = true; behind = main(); refresh(); }
      show("on");
      return;
    }
    if (!isAnswered() || number <= cursor) {
      event.preventDefault();
      drop(text);
      return;
    }
    cursor = number;
    if (main()) main().dataset.cursor = number;        // so that Back and morphs know
    if (text.length === mark[0].length) event.preventDefault();
  });

  // Who signs out here is led on by that.
  let signingOut = false;
  document.addEventListener("submit", (event) => { signingOut ||= event.target.matches("[data-release]") && !event.defaultPrevented; });

  // htmx tells the code of a close, but not its reason.
  function leave(event) {
    if (event.code === 4401 && !signingOut) {
      const cut = new CustomEvent("page:cut", { detail: { kept: false } });
      document.dispatchEvent(cut);
      const kept = cut.detail.kept ? "&kept=yes" : "";
      location.assign(`${document.body.dataset.signIn || "/login"}?why=${encodeURIComponent(event.reason)}${kept}&next=${encodeURIComponent(path())}`);
    }
  }
  document.addEventListener("htmx:ws:close", (event) => {
    root.dataset.ready = "no";
    if (event.detail.code === 1012) returning ??= setTimeout(() => show("off"), QUIET);
    else if (!returning) show("off");
  });

  // Of a page that one has gone to, htmx puts in what is in <body>. Its language, and what its reader may do, stand around it.
  function takeAround(text) {
    const [, language] = /<html lang="([^"]+)"/.exec(text) ?? [];
    const [, role] = /<body [^>]*data-role="(\w+)"/.exec(text) ?? [];
    if (language && language !== root.lang) root.lang = language;     // all of the page is styled anew by it
    if (role) document.body.dataset.role = role;
  }

  // After a navigation the new page has its own channels and cursor. What was refused may be gone from the page by now.
  document.addEventListener("htmx:after:swap", (event) => {
    if (main() !== followed) takeAround(event.detail.ctx.text ?? "");
    if (main() !== followed || ("refused" in root.dataset && channels() !== asked)) sayHello();
  });
  window.addEventListener("online", redial);
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  setInterval(() => {
    if (Date.now() - heard > SILENCE) { heard = Date.now(); show("off"); redial(); }
  }, 5000);
  window.addEventListener("offline", () => show("off"));
})();
