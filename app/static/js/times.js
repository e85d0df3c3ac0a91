// Times in the reader's own zone and words: "5 minutes ago", "in 7 days", with the exact time on hover.

let language, relative, full, day, clock, dated, near, whole;

// A workspace may get another language while the page is open.
function speak() {
  if (language === document.documentElement.lang) return;
  language = document.documentElement.lang;
  relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  full = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "short" });
  day = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" });
  clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
  dated = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  whole = new Intl.DateTimeFormat(language, { dateStyle: "full" });
  near = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
}

// As the reader's calendar counts them: what was said late on Monday is not yesterday on Wednesday morning.
function daysUntil(moment) {
  const [then, now] = [moment, new Date()].map((each) => Date.UTC(each.getFullYear(), each.getMonth(), each.getDate()));
  return Math.round((then - now) / 86400000);
}

function write(element) {
  const stamp = element.getAttribute("datetime");
  let text;
  if (/^\d{4}-\d\d-\d\d$/.test(stamp)) {
    text = day.format(new Date(stamp));
  } else {
    const moment = new Date(stamp);
    const seconds = Math.round((moment - Date.now()) / 1000);
    element.title = full.format(moment);
    if ("moment" in element.dataset) text = dated.format(moment);
    else if ("hour" in element.dataset) text = clock.format(moment);
    else if ("clock" in element.dataset) {
      text = (moment.toDateString() === new Date().toDateString() ? clock : dated).format(moment);
    } else if (Math.abs(seconds) < 60) text = relative.format(0, "second");
    else if (Math.abs(seconds) < 3600) text = relative.format(Math.round(seconds / 60), "minute");
    else if (Math.abs(seconds) < 86400) text = relative.format(Math.round(seconds / 3600), "hour");
    else if (Math.abs(daysUntil(moment)) <= 7) text = relative.format(daysUntil(moment), "day");
    else text = near.format(moment);
  }
  if (element.textContent !== text) element.textContent = text;
  element.dataset.shown = "";
}

// In a list by days the first item of each says which it is, and items have the time of the day alone.
function nameDays() {
  for (const list of document.querySelectorAll("[data-days]")) {
    let before = "";
    for (const heading of list.querySelectorAll(":scope > li > .day")) {
      const time = heading.parentElement.querySelector(".when time");
      const moment = new Date(time.getAttribute("datetime"));
      const days = daysUntil(moment);
      const name = days > -2 ? relative.format(days, "day") : whole.format(moment);
      heading.hidden = name === before;
      heading.textContent = name === before ? "" : name[0].toLocaleUpperCase(language) + name.slice(1);
      before = name;
      time.dataset.hour = "";
      write(time);
    }
  }
}
function writeAll() {
  speak();
  nameDays();
  document.querySelectorAll("time[datetime]").forEach(write);
}
// A page may have many, and much may come in a moment: only what is new.
const writeNew = () => { nameDays(); document.querySelectorAll("time[datetime]:not([data-shown])").forEach(write); };
document.addEventListener("htmx:after:swap", writeNew);
document.addEventListener("list:changed", writeNew);
document.addEventListener("page:refreshed", writeAll);

// At the reader's midnight, or when the machine wakes after it, all days have other names ("day:changed").
let today = new Date().toDateString();
let midnight = null;
function turnPage() {
  const now = new Date();
  clearTimeout(midnight);
  midnight = setTimeout(turnPage, new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1) - now);
  if (now.toDateString() === today) return;
  today = now.toDateString();
  writeAll();
  document.dispatchEvent(new CustomEvent("day:changed"));
}
turnPage();
document.addEventListener("visibilitychange", turnPage);
setInterval(() => { turnPage(); writeAll(); }, 30000);
writeAll();
