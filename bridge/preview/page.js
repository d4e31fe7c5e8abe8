"use strict";
// What a person sees on the page: the server renders, this shows. Texts go in as text; the message alone is markup, made
// by the server from escaped parts, and the page's policy lets nothing in it run.

const $ = (id) => document.getElementById(id);
const page = { event: "", type: "", file: "", saved: "", disk: "", sample: "", drawn: [], checked: [] };
let drawing = null;
let checking = null;

const dirty = () => $("text").value !== page.disk;
const recorded = () => $("payload").value !== page.sample;
const sign = (text, bad = false) => { $("state").textContent = text; $("state").dataset.bad = bad; };

async function ask(path, data, signal) {
  const answer = await fetch(path, {
    method: data ? "POST" : "GET",
    headers: data ? { "Content-Type": "application/json" } : {},
    body: data && JSON.stringify(data),
    signal,
  });
  const type = answer.headers.get("Content-Type") || "";
  return { status: answer.status, data: type.includes("json") ? await answer.json() : { refused: await answer.text() } };
}

function request(more = {}) {
  return {
    event: page.event,
    payload: recorded() ? $("payload").value : "",
    file: page.file,
    text: page.file && dirty() ? $("text").value : null,
    ...more,
  };
}

// Draws the message. `fresh`: what the editor shows comes from the disk; otherwise the editor keeps its text.
async function draw(fresh = false) {
  drawing?.abort();
  drawing = new AbortController();
  const asked = fresh ? request({ text: null }) : request();
  try {
    const { status, data } = await ask("look", asked, drawing.signal);
    if (status !== 200) {
      banner([data.refused || "the preview cannot show this"]);
      return;
    }
    banner(data.configuration.map(place));
    const other = page.type && data.event.type !== page.type;
    page.type = data.event.type;
    if (other && page.file && !dirty()) {
      // A payload of another type was pasted: show the file that serves it.
      page.file = "";
      draw(true);
      return;
    }
    if (!recorded()) page.sample = $("payload").value = data.payload;
    if (fresh || !page.file) takeFile(data);
    show(data);
    check();
  } catch (error) {
    if (error.name !== "AbortError") banner(["The preview does not answer: is `bridge preview` still running?"]);
  }
}

function takeFile(data) {
  page.file = data.file;
  page.saved = data.saved;
  $("text").value = data.text;
  page.disk = $("text").value;
  $("path").textContent = data.path;
}

async function check() {
  checking?.abort();
  checking = new AbortController();
  try {
    const { status, data } = await ask("check", request(), checking.signal);
    page.checked = status === 200 ? data.findings : [];
    problems();
  } catch (error) {
    if (error.name !== "AbortError") page.checked = [];
  }
}

function show(data) {
  $("title").textContent = data.event.title;
  $("template").textContent = `made by ${data.template}`;
  $("notification").textContent = data.notification || "none";
  $("goes").replaceChildren(...(data.goes.length ? data.goes : ["nowhere: no route wants it"]).map((one) => element("div", one)));
  $("json").textContent = data.json;
  if (data.html) $("message").innerHTML = data.html;
  else $("message").replaceChildren(element("div", `Not sent. The template says: ${data.skip}`, "skipped"));
  $("limits").replaceChildren(...data.measures.map(limit));
  $("file").replaceChildren(...data.files.map(({ name, new: isNew }) => option(name, isNew ? `${name} (new)` : name)));
  $("file").value = page.file;
  $("sample").disabled = !recorded();
  page.drawn = data.problems;
  problems();
  buttons();
}

function limit({ what, used, of }) {
  const row = element("tr");
  const meter = element("meter");
  Object.assign(meter, { min: 0, max: of, high: of * 0.9, value: used });
  meter.title = `${used} of ${of}`;
  const cell = element("td");
  cell.append(meter);
  row.append(element("td", what), cell, element("td", `${used} of ${of}`, "number"));
  return row;
}

function problems() {
  const seen = new Set();
  const all = [...page.drawn, ...page.checked].filter((one) => {
    const key = `${one.where}:${one.line}:${one.what}`;
    return !seen.has(key) && seen.add(key);
  });
  all.sort((a, b) => (a.level < b.level ? -1 : a.level > b.level ? 1 : (a.line || 0) - (b.line || 0)));
  const lines = all.map((one) => {
    const item = element("li", "", one.level);
    const text = ` ${one.what}${one.mend ? ` (${one.mend})` : ""}`;
    if (one.line && one.where === `templates/${page.file}`) {
      const jump = element("button");
      jump.type = "button";
      jump.append(element("b", `line ${one.line}:`), text);
      jump.addEventListener("click", () => select(one.line));
      item.append(jump);
    } else {
      item.append(element("b", `${one.level}${one.where ? ` ${one.where}${one.line ? `:${one.line}` : ""}` : ""}:`), text);
    }
    return item;
  });
  $("problems").replaceChildren(...(lines.length ? lines : [element("li", "none", "none")]));
  gutter(all.filter((one) => one.where === `templates/${page.file}`));
}

function gutter(marks = []) {
  const level = new Map(marks.map(({ line, level }) => [line, level]).reverse());
  const number = $("text").value.split("\n").length;
  $("gutter").replaceChildren(...Array.from({ length: number }, (_, at) => element("span", String(at + 1), level.get(at + 1))));
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
  if (!dirty()) return;
  const text = $("text").value;
  sign("saving …");
  const { status, data } = await ask("save", request({ text, saved: page.saved }));
  if (status === 200) {
    page.saved = data.saved;
    page.disk = text;
    sign("saved");
    banner([]);
    draw();
  } else {
    sign("not saved", true);
    banner([data.refused, ...(data.findings || []).map(place)]);
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

const place = ({ where, line, what, mend }) => `${where ? `${where}${line ? `:${line}` : ""}: ` : ""}${what}${mend ? ` (${mend})` : ""}`;

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

const leave = () => !dirty() || confirm("What you typed is not saved. Leave it?");

function choose(name) {
  if (name === page.event) return;
  if (!leave()) {
    $("event").value = page.event;
    return;
  }
  Object.assign(page, { event: name, type: "", file: "", sample: "" });
  $("payload").value = "";
  $("event").value = name;
  location.hash = name;
  draw(true);
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

$("text").addEventListener("input", () => { sign(""); gutter(); buttons(); soon(); });
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
  page.file = $("file").value;
  draw(true);
});
$("save").addEventListener("click", save);
$("revert").addEventListener("click", () => { $("text").value = page.disk; draw(true); sign(""); });
document.addEventListener("keydown", (pressed) => {
  if ((pressed.ctrlKey || pressed.metaKey) && pressed.key === "s") {
    pressed.preventDefault();
    save();
  }
});
window.addEventListener("beforeunload", (leaving) => { if (dirty()) leaving.preventDefault(); });
window.addEventListener("hashchange", () => choose(decodeURIComponent(location.hash.slice(1))));
toggle("theme", "theme", "light", "dark");
toggle("width", "width", "desktop", "phone");

// The person's own editor has written: take it, unless something typed here would be lost.
new EventSource("changes").addEventListener("message", async () => {
  if (!dirty()) {
    draw(true);
    return;
  }
  const { status, data } = await ask("look", request({ text: null }));
  if (status === 200 && data.saved !== page.saved) sign("changed on disk, too: save is refused until you take the file’s text", true);
  else draw();
});

ask("events").then(({ data }) => {
  const names = data.events.map(({ name, title }) => option(name, title));
  $("events").replaceChildren(...names);
  choose(decodeURIComponent(location.hash.slice(1)) || data.events[0].name);
});
