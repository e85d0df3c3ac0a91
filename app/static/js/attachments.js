// Brings files to the box of a room: by button, drop and paste, with progress.
(() => {
  "use strict";
  const box = () => document.getElementById("composer");
  const files = () => box().querySelector("[data-files]");
  const say = (words) => document.dispatchEvent(new CustomEvent("composer:say", { detail: words }));
  const uploads = new WeakMap();
  let turn = Promise.resolve();  // one after another: a message has its files in the order in which they came

  function bring(chosen) {
    const { fileLimit, tooLarge, mostFiles, tooMany } = box().dataset;
    say("");
    for (const file of chosen) {
      if (file.size > Number(fileLimit) * 1e6) say(`${file.name}: ${tooLarge}`);
      else if (files().children.length >= Number(mostFiles)) say(tooMany);
      else upload(file);
    }
  }
  function upload(file) {
    const form = box();
    const item = document.createElement("li");
    item.className = "file";
    const name = document.createElement("span");
    name.className = "name";
    name.textContent = file.name;
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    const stop = document.createElement("button");
    stop.type = "button";
    stop.className = "link";
    stop.dataset.dropFile = "";
    stop.textContent = "✕";
    stop.setAttribute("aria-label", form.dataset.takeOut.replace("{}", () => file.name));
    item.append(name, bar, stop);
    files().append(item);
    turn = turn.then(() => item.isConnected && send(form, item, bar, file)).then(() => {
      if (!form.querySelector("[data-files] progress")) document.dispatchEvent(new CustomEvent("files:settled"));
    });
  }
  function send(form, item, bar, file) {
    const request = new XMLHttpRequest();
    uploads.set(item, request);
    request.open("POST", `${form.action}/files`);
    request.setRequestHeader("X-Page", "1");
    request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
    const body = new FormData();
    body.append("file", file, file.name);
    request.send(body);
    return new Promise((done) => request.addEventListener("loadend", () => {
      if (request.status === 200 && item.isConnected) {
        const brought = new DOMParser().parseFromString(request.responseText, "text/html");
        item.replaceWith(document.importNode(brought.body.firstElementChild, true));
      } else {
        const wanted = item.isConnected;
        item.remove();
        const words = request.getResponseHeader("content-type")?.startsWith("text/plain") && request.responseText;
        if (wanted) say(`${file.name}: ${words || form.dataset.notSent}`);
      }
      done();
    }));
  }

  // What can't be taken out on the server comes back: it would be there again after a reload.
  async function takeOut(item) {
    const [list, next] = [item.parentElement, item.nextSibling];
    const button = item.querySelector("[formaction]");
    item.remove();
    uploads.get(item)?.abort();
    if (!button) return;
    const response = await fetch(button.formAction, { method: "POST", headers: { "X-Page": "1" } }).catch(() => null);
    if (response?.ok || response?.status === 404) return;
    list.insertBefore(item, next?.parentElement === list ? next : null);
    if (list.isConnected) say(box().dataset.notDone);
  }

  document.addEventListener("click", (event) => {
    const item = event.target.closest("[data-drop-file]")?.closest("li");
    if (!item) return;
    event.preventDefault();
    event.stopPropagation();
    takeOut(item);
    document.getElementById("composer-text")?.focus();
  }, true);
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-attach]")) { bring(event.target.files); event.target.value = ""; }
  });
  // Spreadsheets and word processors put a picture of the text beside it.
  document.addEventListener("paste", (event) => {
    const data = event.clipboardData;
    if (event.target.id === "composer-text" && data.files.length && !data.types.includes("text/plain")) { event.preventDefault(); bring(data.files); }
  });
  const over = (shown) => box()?.classList.toggle("dropping", shown);
  document.addEventListener("dragover", (event) => {
    if (box() && event.dataTransfer.types.includes("Files")) { event.preventDefault(); over(true); }
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) over(false); });
  document.addEventListener("drop", (event) => {
    over(false);
    if (box() && event.dataTransfer.files.length) { event.preventDefault(); bring(event.dataTransfer.files); }
  });
})();
