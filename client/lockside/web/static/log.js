// Shows the output of a job as text, at most once per frame. The page keeps 5,000 lines; earlier and later ones are
// fetched when the reader scrolls to them.

const MOST_LINES = 5000;
const NEAR = 200;

function made(name, text, className) {
  const one = document.createElement(name);
  if (className) one.className = className;
  if (text) one.textContent = text;
  return one;
}

export class Log {
  constructor(box, next) {
    this.box = box;
    this.next = next;
    this.isOver = false;
    this.isCut = false;
    this.isTrimmed = false;
    this.waiting = [];
    this.rest = box.querySelector("[data-rest]");
    this.isNumbered = box.classList.contains("numbered");
    if (box.dataset.earlier) this.before = { href: box.dataset.earlier };
    box.classList.toggle("boxed", this.isNumbered);
    const target = this.isNumbered && location.hash && document.getElementById(location.hash.slice(1));
    const isEnd = !part("later") && !part("more-found");
    if (target) target.scrollIntoView({ block: "center" });
    else if (isEnd) box.scrollTop = box.scrollHeight;
    box.addEventListener("scroll", () => this.scrolled(), { passive: true });
    box.addEventListener("wheel", (event) => event.deltaY < 0 && this.scrolled(), { passive: true });
    box.addEventListener("keydown", () => requestAnimationFrame(() => this.scrolled()));
  }

  take(message) {
    this.next = message.next;
    this.isOver = message.isComplete;
    if (this.isCut) return;
    if (message.skipped) {
      this.isTrimmed ||= !this.box.childElementCount && !this.waiting.length;
      this.waiting.push({ stream: "gap", text: "… some of it is left out here: see all of it" });
    }
    this.waiting.push(...message.lines);
    this.unfinished = message.rest;
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = null;
    const { box } = this;
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    if (this.rest) this.rest.remove();
    const drawn = document.createDocumentFragment();
    for (const line of this.waiting.splice(0).slice(-MOST_LINES)) drawn.append(this.line(line));
    box.append(drawn);
    this.rest = this.unfinished ? this.line({ stream: "stdout", text: this.unfinished }) : null;
    if (this.rest) box.append(this.rest);
    while (box.childElementCount > MOST_LINES) {
      box.firstElementChild.remove();
      this.isTrimmed = true;
    }
    if (this.isTrimmed && this.isNumbered) this.point();
    else if (this.isTrimmed) this.before = null;
    if (follows) box.scrollTop = box.scrollHeight;
  }

  line({ seq, stream, text }) {
    if (!this.isNumbered) return made("span", text + "\n", stream);
    const line = made("p", "", stream);
    if (seq === undefined || document.getElementById(`f${seq}`)) line.append(made("span"));
    else {
      line.id = `f${seq}`;
      const link = made("a", String(seq));
      link.href = `${here({ to: null, offset: seq })}#f${seq}`;
      link.setAttribute("aria-label", `Frame ${seq}`);
      line.append(link);
    }
    line.append(made("code", text));
    return line;
  }

  // Lines shown without a stream are shown again, unless the reader has scrolled up.
  replace(fresh, next) {
    const follows = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 40;
    if (!fresh || this.isNumbered || !follows) return;
    this.before = fresh.dataset.earlier && { href: fresh.dataset.earlier };
    this.box.replaceChildren(...fresh.childNodes);
    this.rest = this.box.querySelector("[data-rest]");
    this.next = next;
    this.box.scrollTop = this.box.scrollHeight;
  }

  // The link to earlier lines starts before the first line shown here, whatever a new page would show.
  point() {
    const seq = this.isNumbered && this.box.querySelector("p[id]")?.id.slice(1);
    const link = part("earlier");
    if (!seq) return;
    if (seq === "0") link?.parentElement.remove();
    else if (link) link.href = here({ offset: null, to: seq });
    else if (this.isTrimmed) {
      const before = made("p", "", "more");
      before.dataset.part = "earlier";
      before.append(made("a", "Earlier lines"));
      this.box.before(before);
      part("earlier").href = here({ offset: null, to: seq });
    }
  }

  async scrolled() {
    const { box } = this;
    if (box.scrollTop < NEAR) await this.fetch("earlier");
    else if (box.scrollHeight - box.scrollTop - box.clientHeight < NEAR) await this.fetch("later");
  }

  async fetch(where) {
    const link = part(where) || (where === "earlier" && this.before);
    if (!link || this.isFetching) return;
    this.isFetching = true;
    try {
      const answer = await fetch(link.href);
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      this.join(where, [...fresh.querySelectorAll("#tail > p")]);
      const more = fresh.querySelector(`[data-part="${where}"] a`);
      if (more) link.href = new URL(more.getAttribute("href"), answer.url).href;
      else if (link === this.before) this.before = null;
      else link.parentElement.remove();
    } finally {
      this.isFetching = false;
    }
  }

  join(where, fetched) {
    const { box } = this;
    const lines = this.isNumbered ? fetched : fetched.map(plain);
    const [height, top] = [box.scrollHeight, box.scrollTop];
    if (where === "later") box.append(...lines);
    else {
      while (this.isTrimmed && box.firstElementChild && !box.firstElementChild.id) box.firstElementChild.remove();
      this.isTrimmed = false;
      box.prepend(...lines);
      box.scrollTop = top + box.scrollHeight - height;
    }
    while (box.childElementCount > MOST_LINES) {
      if (where === "later") box.firstElementChild.remove();
      else box.lastElementChild.remove();
      this.isCut = true;
    }
    if (this.isCut && where === "earlier") box.append(made("p", "… what follows is left out here: see all of it", "gap"));
  }
}

// Returns a line of the whole log in the form of the box on the job's page.
function plain(numbered) {
  const line = made("span", "", numbered.className);
  line.append(...numbered.querySelector("code").childNodes, "\n");
  return line;
}

function part(name) {
  return document.querySelector(`[data-part="${name}"] a`);
}

function here(changed) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changed)) {
    if (value === null) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return `?${url.searchParams}`;
}
