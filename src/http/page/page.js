// PoundCake operator page: refresh, keys, copying, times. The page works without it.
"use strict";
const $ = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const main = () => $("main");
const typing = (at) => at?.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");

// Times: shown in the viewer's zone, UTC in the title. Ages count from the server's clock, never the viewer's.
let serverAhead = 0;
const two = (n) => String(n).padStart(2, "0");
const ago = (s) => s < 60 ? `${s} s` : s < 3600 ? `${Math.floor(s / 60)} min` : s < 172800
  ? `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min` : `${Math.floor(s / 86400)} d`;
function showTimes() {
  const now = Date.now() + serverAhead;
  for (const el of all("time[datetime]")) {
    const at = new Date(el.dateTime);
    if (isNaN(at)) continue;
    const s = Math.round((now - at) / 1000), clock = `${two(at.getHours())}:${two(at.getMinutes())}`;
    switch (el.dataset.show) {
      case "ago": el.textContent = `${ago(Math.max(0, s))} ago`; break;
      case "age": el.textContent = ago(Math.max(0, s)); break;
      case "in": el.textContent = s < 0 ? `in ${ago(-s)}` : "now"; break;
      case "minute": el.textContent = clock; break;
      case "ms": el.textContent = `${clock}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`; break;
      case "near":
        el.textContent = at.toDateString() === new Date(now).toDateString() ? `${clock}:${two(at.getSeconds())}`
          : `${at.getDate()} ${at.toLocaleString("en", { month: "short" })} ${clock}`;
        break;
      case "day": el.textContent = `${at.getDate()} ${at.toLocaleString("en", { month: "short" })} ${clock}`; break;
      default: el.textContent = `${clock}:${two(at.getSeconds())}`;
    }
  }
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const el of all("[data-zone]")) el.textContent = zone === "UTC" ? "Times in UTC" : `Times in ${zone}`;
}
function readClock() {
  const now = Date.parse(main()?.dataset.now ?? "");
  serverAhead = isNaN(now) ? 0 : now - Date.now();
}

// Refresh: fetches this same page and takes over <main> and [data-live]; waits while a person selects, types or reads.
let paused = false, since = Date.now();
function busy() {
  const at = document.activeElement, selection = getSelection();
  return document.hidden || paused || typing(at) || $("dialog[open], input[name=id]:checked") || (selection && !selection.isCollapsed)
    || all("main input, main textarea, main select").some((el) => el.type === "checkbox" || el.type === "radio"
      ? el.checked !== el.defaultChecked : el.value !== (el.defaultValue ?? $("option[selected]", el)?.value ?? el.options?.[0]?.value));
}
function say(text) { for (const el of all("[data-refresh-state]")) el.textContent = text; }
async function refresh(asked) {
  if (!asked && busy()) return say(paused ? "Refresh paused" : "Refresh waits for you");
  try {
    const answer = await fetch(location.href, { headers: { "X-Refresh": "1" }, credentials: "same-origin" });
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) return say("Signed out: sign in again");
    if (!answer.ok) throw new Error(answer.status);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!asked && busy()) return;
    const open = all("main details[open][id]").map((el) => el.id), at = document.activeElement;
    const focused = at?.id ? `#${CSS.escape(at.id)}` : at?.matches("main a.key") ? `a.key[href="${CSS.escape(at.getAttribute("href"))}"]` : null;
    for (const el of all("[data-live]")) {
      const fresh = next.getElementById(el.id);
      if (fresh) el.replaceWith(document.adoptNode(fresh));
    }
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    if (focused) $(focused)?.focus({ preventScroll: true });
    since = Date.now();
    readClock(); showTimes();
    say(`Every ${main().dataset.refresh} s`);
  } catch { say(`Not refreshed for ${ago(Math.round((Date.now() - since) / 1000))}`); }
}
let last = Date.now();
setInterval(() => {
  showTimes();
  const every = Number(main()?.dataset.refresh) * 1000;
  if (every && Date.now() - last >= every) { last = Date.now(); refresh(false); }
}, 1000);

// Copying also over plain HTTP, where navigator.clipboard does not exist.
async function copy(text) {
  try { if (navigator.clipboard) return await navigator.clipboard.writeText(text); } catch { /* refused: the old way */ }
  const area = document.createElement("textarea");
  area.value = text; area.className = "sr"; area.readOnly = true;
  document.body.append(area); area.select();
  document.execCommand("copy"); area.remove();
}

// Selection: how many, and the box in the head of the table.
function counted() {
  const picks = all("input[name=id]"), n = picks.filter((el) => el.checked).length;
  for (const el of all("[data-picked]")) el.textContent = `${n} selected`;
  const head = $("[data-pick-all]");
  if (head) { head.checked = n > 0 && n === picks.length; head.indeterminate = n > 0 && n < picks.length; }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick-all]")) for (const el of all("input[name=id]")) el.checked = event.target.checked;
  counted();
});
document.addEventListener("click", async (event) => {
  const el = event.target.closest("button, a");
  if (!el) return;
  if (el.dataset.copy) {
    await copy(document.getElementById(el.dataset.copy)?.textContent.trim() ?? "");
    const was = el.textContent;
    el.textContent = "Copied";
    setTimeout(() => { el.textContent = was; }, 1500);
  } else if (el.matches("[data-theme-next]")) {
    const next = { "": "dark", dark: "light", light: "" }[document.documentElement.dataset.theme ?? ""];
    if (next) document.documentElement.dataset.theme = next; else delete document.documentElement.dataset.theme;
    document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=strict`;
    el.textContent = `Theme: ${next || "system"}`;
  } else if (el.matches("[data-refresh-toggle]")) {
    paused = !paused; el.textContent = paused ? "Resume" : "Pause";
    say(paused ? "Refresh paused" : `Every ${main().dataset.refresh} s`);
  } else if (el.matches("[data-close]")) el.closest("dialog").close();
  else if (el.matches("[data-help]") && $("#help")) { event.preventDefault(); $("#help").showModal(); }
});

// Keys: / search, j k rows, x select, . refresh, ? help.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && typing(document.activeElement)) return document.activeElement.blur();
  if (typing(event.target) || $("dialog[open]")) return;
  const links = all("a.key"), at = links.indexOf(document.activeElement?.closest("tr, li")?.querySelector("a.key"));
  const step = { j: 1, k: -1 }[event.key];
  if (step) links[Math.min(links.length - 1, Math.max(0, at + step))]?.focus();
  else if (event.key === "x") links[at]?.closest("tr")?.querySelector("input[name=id]")?.click();
  else if (event.key === "/") ($("input[type=search]") ?? $("a[data-alerts]"))?.focus();
  else if (event.key === ".") refresh(true);
  else if (event.key === "?" && $("#help")) $("#help").showModal();
  else return;
  event.preventDefault();
});

for (const el of all("[data-js]")) el.hidden = false; // what works only with this file
$(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }); // the pages' list scrolls on a phone
readClock(); showTimes(); counted();
