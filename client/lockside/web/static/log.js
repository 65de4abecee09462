// What a job writes, drawn once a frame and only as text. The page keeps the last lines; all are one link away.

const MOST_LINES = 5000;

export class Log {
  constructor(box, next) {
    this.box = box;
    this.next = next;
    this.isOver = false;
    this.waiting = [];
    this.rest = box.querySelector("[data-rest]");
  }

  take(part) {
    this.next = part.next;
    this.isOver = part.isComplete;
    if (part.skipped) this.waiting.push({ stream: "gap", text: "… some of it is left out here: see all of it" });
    this.waiting.push(...part.lines);
    this.unfinished = part.rest;
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = null;
    const { box } = this;
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    if (this.rest) this.rest.remove();
    const drawn = document.createDocumentFragment();
    for (const line of this.waiting.splice(0).slice(-MOST_LINES)) {
      const one = document.createElement("span");
      one.className = line.stream;
      one.textContent = line.text + "\n";
      drawn.append(one);
    }
    box.append(drawn);
    this.rest = null;
    if (this.unfinished) {
      this.rest = document.createElement("span");
      this.rest.textContent = this.unfinished;
      box.append(this.rest);
    }
    while (box.childElementCount > MOST_LINES) box.firstElementChild.remove();
    if (follows) box.scrollTop = box.scrollHeight;
  }
}
