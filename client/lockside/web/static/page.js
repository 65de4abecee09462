// Keeps a page live: a stream reports a change, then the page is requested again and the differences are
// applied. Without a stream (a browser has few connections) it is requested every 5 seconds.

import { Log } from "./log.js";
import { morph } from "./morph.js";
import { clock, dress, tick } from "./times.js";

const PAUSE = 250;
const WITHOUT_STREAM = 5000;
const ANNOUNCED = 5000;
const main = document.getElementById("main");
// The page shown says that the daemon is away.
const isProblem = main.dataset.topics === "away";
const banner = document.getElementById("banner");
let asOf = new Date();
let log = null;
let stream = null;

// -- updating the page

let isAsking = false;
let isWanted = false;
let last = 0;

function refresh() {
  isWanted = true;
  if (!isAsking && !document.hidden) ask();
}

async function ask() {
  isAsking = true;
  while (isWanted && !document.hidden) {
    const pause = last + PAUSE - performance.now();
    if (pause > 0) await new Promise((go) => setTimeout(go, pause));
    isWanted = false;
    last = performance.now();
    try {
      await draw();
    } catch {
      away("The server cannot be reached.");
      break;
    }
  }
  isAsking = false;
}

async function draw() {
  const answer = await fetch(location.href, { headers: { "X-Live": "1" }, redirect: "manual" });
  if (answer.status === 503) return away("The daemon cannot be reached; its jobs go on.");
  if (!answer.ok) return away("This page is shown no more: load it again.");
  if (isProblem) return location.reload();
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const wanted = fresh.getElementById("main");
  if (log && !stream) log.replace(wanted.querySelector("#tail"), nextOf(wanted));
  wanted.dataset.topics = main.dataset.topics;
  dress(wanted);
  tick(wanted);
  morph(main, wanted);
  log?.point();
  document.title = fresh.title;
  asOf = new Date();
  banner.hidden = true;
  announce();
  begin();
}

function away(why) {
  if (isProblem) return;
  const text = `${why} What is shown is as of ${clock(asOf)}.`;
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = false;
}

// -- the stream

function topicOf(page) {
  return page.dataset.topics.split(",").find((one) => one.startsWith("log:"));
}

function nextOf(page) {
  return Number(topicOf(page)?.split(":")[2] ?? 0);
}

function begin() {
  const box = document.getElementById("tail");
  const topic = topicOf(main);
  if (box && !log) log = new Log(box, nextOf(main));
  if (stream || isProblem || !main.dataset.topics || document.hidden) return;
  const topics = main.dataset.topics.split(",").filter((one) => !one.startsWith("log:"));
  if (topic && !log.isOver) {
    const [kind, job, , ...filters] = topic.split(":");
    topics.push([kind, job, log.next, ...filters].join(":"));
  }
  const query = new URLSearchParams({ topics: topics.join(",") });
  const project = new URLSearchParams(location.search).get("project");
  if (project) query.set("project", project);
  stream = new EventSource(`/live?${query}`);
  let wasOpen = false;
  stream.onopen = () => {
    wasOpen = true;
    refresh();
  };
  stream.onerror = () => {
    end();
    if (wasOpen) setTimeout(refresh, PAUSE);
  };
  stream.addEventListener("changed", refresh);
  stream.addEventListener("log", (message) => log.take(JSON.parse(message.data)));
  stream.addEventListener("away", () => away("The daemon cannot be reached; its jobs go on."));
  stream.addEventListener("back", refresh);
}

function end() {
  if (stream) stream.close();
  stream = null;
}

setInterval(() => {
  if (!stream && main.dataset.topics) {
    refresh();
    begin();
  }
}, WITHOUT_STREAM);

document.addEventListener("visibilitychange", () => {
  if (document.hidden) end();
  else {
    begin();
    if (main.dataset.topics) refresh();
  }
});

// -- announcements for screen readers

let said = -ANNOUNCED;
let later = null;

function announce() {
  const pause = said + ANNOUNCED - performance.now();
  const summary = main.querySelector("[data-summary]");
  const box = document.getElementById("said");
  if (!summary || later || box.textContent === summary.dataset.summary) return;
  if (pause > 0) {
    later = setTimeout(() => {
      later = null;
      announce();
    }, pause);
    return;
  }
  said = performance.now();
  box.textContent = summary.dataset.summary;
}

// -- switches and keys

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "plain";
  made.textContent = text();
  made.addEventListener("click", () => {
    act();
    made.textContent = text();
  });
  document.getElementById("switches").append(made);
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

button(
  () => (isDark() ? "Light colours" : "Dark colours"),
  () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
  },
);
button(
  () => (localStorage.getItem("utc") === "1" ? "Times here" : "Times in UTC"),
  () => {
    localStorage.setItem("utc", localStorage.getItem("utc") === "1" ? "0" : "1");
    dress(document);
  },
);
button(
  () => "Keys (?)",
  () => document.getElementById("help").showModal(),
);
document.getElementById("switches").hidden = false;

function move(by) {
  const lines = [...main.querySelectorAll("tbody tr:has(a), .lines li:has(a)")];
  const at = lines.findIndex((one) => one.contains(document.activeElement));
  const next = lines[Math.min(Math.max(at + by, 0), lines.length - 1)];
  if (next) next.querySelector("a").focus();
}

const KEYS = {
  "/": () => document.getElementById("find")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  g: () => document.querySelector(".brand").click(),
  x: () => document.activeElement.closest("tr")?.querySelector("input[type=checkbox]")?.click(),
  "?": () => document.getElementById("help").showModal(),
};

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey;
  if (isTyping || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});

main.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-choose]");
  if (form && event.target.list && [...event.target.list.options].some((one) => one.value === event.target.value)) {
    form.requestSubmit();
  }
});

dress(document);
tick(document);
setInterval(() => tick(main), 1000);
begin();
