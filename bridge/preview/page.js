"use strict";
// Preview page: shows the server's results. All texts are inserted as text, except the message: its markup is built by the
// server from escaped parts, and the page's policy blocks any script in it.

const $ = (id) => document.getElementById(id);
// `file`: the file in the editor; `wanted`: the file to load next ("": the template of the event); `disk`: its text on disk;
// `saved`: the fingerprint of that text; `stale`: the file has changed on disk since it was loaded.
const page = { event: "", type: "", file: "", wanted: "", saved: "", disk: "", stale: false, sample: "" };
const found = { drawn: [], checked: [], unsaved: [], marks: new Map(), lines: 0 };
const UNAVAILABLE = "The preview does not answer: is `bridge preview` still running?";
let drawing = null;
let checking = null;

const dirty = () => $("text").value !== page.disk;
const recorded = () => $("payload").value !== page.sample;
const switching = () => !page.file || page.file !== page.wanted;
const setState = (text, bad = false) => { $("state").textContent = text; $("state").dataset.bad = bad; };

async function ask(path, data, signal) {
  try {
    const answer = await fetch(path, {
      method: data ? "POST" : "GET",
      headers: data ? { "Content-Type": "application/json" } : {},
      body: data && JSON.stringify(data),
      signal,
    });
    const type = answer.headers.get("Content-Type") || "";
    return { status: answer.status, data: type.includes("json") ? await answer.json() : { refused: await answer.text() } };
  } catch {
    return { status: 0, data: { refused: UNAVAILABLE } };
  }
}

function request(more = {}) {
  return {
    event: page.event,
    payload: recorded() ? $("payload").value : "",
    file: page.wanted,
    text: !switching() && dirty() ? $("text").value : null,
    ...more,
  };
}

// Draw the message; return false if the request was refused. `fresh`: use the text on disk, and load it into the editor
// unless the user has typed meanwhile.
async function draw(fresh = false) {
  drawing?.abort();
  const { signal } = (drawing = new AbortController());
  const take = switching();
  const typed = $("text").value;
  $("text").readOnly = take;
  const { status, data } = await ask("render", fresh ? request({ text: null }) : request(), signal);
  if (signal.aborted) return true;
  $("text").readOnly = false;
  if (status !== 200) {
    banner([data.refused]);
    return false;
  }
  banner([...found.unsaved, ...data.configuration.map(place)]);
  const other = page.type && data.event.type !== page.type;
  page.type = data.event.type;
  if (other && !take && !dirty()) {
    // The user pasted a payload of another type: load its template.
    page.wanted = "";
    return draw();
  }
  if (!recorded()) page.sample = $("payload").value = data.payload;
  if (take || (fresh && $("text").value === typed)) takeFile(data);
  show(data);
  check();
  return true;
}

function takeFile(data) {
  const same = page.file === data.file;
  const { selectionStart, selectionEnd, scrollTop } = $("text");
  Object.assign(page, { file: data.file, wanted: data.file, saved: data.saved, stale: false });
  $("text").value = data.text;
  page.disk = $("text").value;
  $("text").setSelectionRange(same ? selectionStart : 0, same ? selectionEnd : 0);
  $("text").scrollTop = same ? scrollTop : 0;
  $("path").textContent = data.path;
  found.unsaved = [];
  if (!same) found.checked = [];
}

async function check() {
  checking?.abort();
  const { signal } = (checking = new AbortController());
  $("problems").ariaBusy = "true";
  const { status, data } = await ask("check", request(), signal);
  if (signal.aborted) return;
  $("problems").ariaBusy = "false";
  found.checked = status === 200 ? data.findings : [{ severity: "error", message: `the check fails: ${data.refused}` }];
  problems();
}

function show(data) {
  $("title").textContent = data.event.line;
  $("template").textContent = `template ${data.template}`;
  $("notification").textContent = data.notification || "none";
  $("channels").replaceChildren(...(data.channels.length ? data.channels : ["nowhere: no route matches"]).map((one) => element("div", one)));
  $("json").textContent = data.json;
  if (data.html) $("message").innerHTML = data.html;
  else $("message").replaceChildren(element("div", `Skipped by the template: ${data.skip}`, "skipped"));
  $("limits").replaceChildren(...data.limits.map(limit));
  $("file").replaceChildren(...data.files.map(({ name, new: isNew }) => option(name, isNew ? `${name} (new)` : name)));
  $("file").value = page.file;
  $("sample").disabled = !recorded();
  found.drawn = data.problems;
  problems();
  buttons();
}

function limit({ name, used, maximum }) {
  const row = element("tr");
  const meter = element("meter");
  Object.assign(meter, { min: 0, max: maximum, high: maximum * 0.9, value: used });
  meter.title = `${used} of ${maximum}`;
  const cell = element("td");
  cell.append(meter);
  row.append(element("td", name), cell, element("td", `${used} of ${maximum}`, "number"));
  return row;
}

function problems() {
  // The check tells the same mistake for all samples: once is enough.
  const known = new Set(found.checked.filter((one) => one.severity === "error").map((one) => `${one.file}:${one.line}`));
  const all = [...found.drawn.filter((one) => one.severity !== "error" || !known.has(`${one.file}:${one.line}`)), ...found.checked];
  all.sort((a, b) => (a.severity < b.severity ? -1 : a.severity > b.severity ? 1 : (a.line || 0) - (b.line || 0)));
  const lines = all.map((one) => {
    const item = element("li", "", one.severity);
    const text = ` ${one.message}${one.hint ? ` (${one.hint})` : ""}`;
    if (one.line && one.file === `templates/${page.file}`) {
      const jump = element("button");
      jump.type = "button";
      jump.append(element("b", `line ${one.line}:`), text);
      jump.addEventListener("click", () => select(one.line));
      item.append(jump);
    } else {
      item.append(element("b", `${one.severity}${one.file ? ` ${one.file}${one.line ? `:${one.line}` : ""}` : ""}:`), text);
    }
    return item;
  });
  $("problems").replaceChildren(...(lines.length ? lines : [element("li", "none", "none")]));
  found.marks = new Map(all.filter((one) => one.file === `templates/${page.file}`).map(({ line, severity }) => [line, severity]).reverse());
  gutter();
}

function gutter() {
  found.lines = $("text").value.split("\n").length;
  const parts = [""];
  for (let line = 1; line <= found.lines; line++) {
    const level = found.marks.get(line);
    if (level) parts.push(element("span", String(line), level), "\n");
    else parts[parts.length - 1] += `${line}\n`;
  }
  $("gutter").replaceChildren(...parts);
  $("gutter").scrollTop = $("text").scrollTop;
}

function select(line) {
  const before = $("text").value.split("\n").slice(0, line - 1);
  const start = before.join("\n").length + (line > 1 ? 1 : 0);
  const end = $("text").value.indexOf("\n", start);
  $("text").focus();
  $("text").setSelectionRange(start, end < 0 ? $("text").value.length : end);
  $("text").scrollTop = Math.max(0, (line - 5) * parseFloat(getComputedStyle($("text")).lineHeight));
}

async function save() {
  if (switching() || !dirty()) return;
  const text = $("text").value;
  const { file } = page;
  setState("saving …");
  found.unsaved = [];
  const { status, data } = await ask("save", request({ text, saved: page.saved }));
  if (page.file !== file) return;
  if (status === 200) {
    Object.assign(page, { saved: data.saved, disk: text, stale: false });
    setState("saved");
    draw();
  } else {
    setState("not saved", true);
    found.unsaved = [data.refused, ...(data.findings || []).map(place)]; // shown until the user types
    banner(found.unsaved);
  }
  buttons();
}

function buttons() {
  $("save").disabled = !dirty();
  $("revert").disabled = !dirty();
  document.title = `${dirty() ? "● " : ""}${page.event} – Bridge preview`;
}

function banner(lines) {
  $("banner").textContent = lines.join("\n");
  $("banner").hidden = !lines.length;
}

const place = ({ file, line, message, hint }) => `${file ? `${file}${line ? `:${line}` : ""}: ` : ""}${message}${hint ? ` (${hint})` : ""}`;

function element(tag, text = "", className = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function option(value, text) {
  const made = element("option", text);
  made.value = value;
  return made;
}

const leave = () => !dirty() || confirm("Discard your unsaved changes?");

async function choose(name) {
  if (name === page.event) return;
  if (!leave()) {
    named(page.event);
    return;
  }
  const before = { ...page };
  const payload = $("payload").value;
  Object.assign(page, { event: name, type: "", file: "", wanted: "", sample: "" });
  $("payload").value = "";
  if (await draw()) {
    named(page.event);
  } else {
    Object.assign(page, before); // an event that cannot be shown leaves the current one in place
    $("payload").value = payload;
  }
}

function named(event) {
  $("event").value = event;
  location.hash = event;
}

function inAddress() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

let timer = 0;
function soon() {
  clearTimeout(timer);
  timer = setTimeout(draw, 120);
}

function toggle(id, name, off, on) {
  $(id).addEventListener("click", () => {
    const isOn = $("stage").dataset[name] !== on;
    $("stage").dataset[name] = isOn ? on : off;
    $(id).setAttribute("aria-pressed", isOn);
  });
}

$("text").addEventListener("input", () => {
  if (!page.stale) setState("");
  found.unsaved = [];
  if ($("text").value.split("\n").length !== found.lines) gutter();
  buttons();
  soon();
});
$("text").addEventListener("scroll", () => { $("gutter").scrollTop = $("text").scrollTop; });
$("payload").addEventListener("input", soon);
$("sample").addEventListener("click", () => { $("payload").value = page.sample; draw(); });
$("event").addEventListener("change", () => choose($("event").value.trim()));
$("event").addEventListener("focus", () => $("event").select());
$("file").addEventListener("change", () => {
  if (!leave()) {
    $("file").value = page.file;
    return;
  }
  page.wanted = $("file").value;
  draw();
});
$("save").addEventListener("click", save);
$("revert").addEventListener("click", () => { $("text").value = page.disk; draw(true); setState(""); });
document.addEventListener("keydown", (pressed) => {
  if ((pressed.ctrlKey || pressed.metaKey) && pressed.key.toLowerCase() === "s") {
    pressed.preventDefault();
    save();
  }
});
window.addEventListener("beforeunload", (leaving) => { if (dirty()) leaving.preventDefault(); });
window.addEventListener("hashchange", () => choose(inAddress()));
toggle("theme", "theme", "light", "dark");
toggle("width", "width", "desktop", "phone");

// The file changed on disk: load it, unless unsaved text would be lost.
async function changed() {
  if (!dirty()) {
    draw(true);
    return;
  }
  const { status, data } = await ask("render", request({ text: null }));
  page.stale = status === 200 && data.saved !== page.saved;
  if (page.stale) setState("changed on disk: reload from disk before you save", true);
  else draw();
}

let stream = null;
let missed = false; // true if changes may have been missed
function listen() {
  stream?.close();
  if (document.hidden) return; // a browser has six connections per host: hidden tabs leave them to others
  stream = new EventSource("changes");
  stream.addEventListener("message", changed);
  stream.addEventListener("open", () => {
    if (missed) changed();
    missed = false;
  });
  stream.addEventListener("error", () => {
    missed = true;
    const restarted = stream.readyState === EventSource.CLOSED;
    banner([restarted ? "The preview was restarted: copy your unsaved text, then open the new address." : UNAVAILABLE]);
  });
}
document.addEventListener("visibilitychange", () => {
  missed = true;
  listen();
});
listen();

const first = inAddress();
if (first) choose(first);
ask("events").then(({ data }) => {
  if (!data.events) return;
  $("events").replaceChildren(...data.events.map(({ name, line }) => option(name, line)));
  if (!first) choose(data.events[0].name);
});
