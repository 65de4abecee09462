// Times in the viewer's zone, with UTC in their titles; durations that run.

const utc = () => localStorage.getItem("utc") === "1";

function two(number) {
  return String(number).padStart(2, "0");
}

export function clock(time) {
  if (utc()) return time.toISOString().slice(0, 19).replace("T", " ") + " UTC";
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const at = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  const here = new Date().toDateString() === time.toDateString() ? `today ${at}` : `${day} ${at}`;
  return time.getTimezoneOffset() ? `${here} (${time.toISOString().slice(11, 16)} UTC)` : here;
}

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

export function span(seconds) {
  if (seconds < 9.95) return `${Math.max(seconds, 0).toFixed(1)} s`;
  let left = Math.round(seconds);
  const parts = [];
  for (const [size, unit] of UNITS) {
    const count = Math.floor(left / size);
    left %= size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

function ago(seconds) {
  const [size, unit] = UNITS.find(([size]) => Math.abs(seconds) >= size) || [1, "s"];
  const count = Math.floor(Math.abs(seconds) / size);
  return seconds < 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`;
}

export function dress(root) {
  for (const one of root.querySelectorAll("time:not(.ago)")) {
    const at = new Date(one.dateTime);
    if (!Number.isNaN(at.getTime())) one.textContent = clock(at);
  }
}

export function tick(root) {
  const now = Date.now();
  const put = (one, text) => {
    if (one.textContent !== text) one.textContent = text;
  };
  for (const one of root.querySelectorAll(".elapsed")) put(one, span((now - Date.parse(one.dataset.since)) / 1000));
  for (const one of root.querySelectorAll("time.ago")) put(one, ago((now - Date.parse(one.dateTime)) / 1000));
}
