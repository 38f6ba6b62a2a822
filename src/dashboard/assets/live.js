// Keeps a page as it is on the server: a stream says that something changed, or sends the part that moves. A broken connection
// is tried again, for as long as the page is open.
import { morph } from "./morph.js";
import { tellTimes } from "./times.js";

const RETRY_FIRST = 1000;
const RETRY_MOST = 30000;

const parse = (text) => new DOMParser().parseFromString(text, "text/html");

function replace(old, fresh) {
  const wasAtEnd = old.scrollHeight - old.scrollTop - old.clientHeight < 8;
  morph(old, fresh);
  tellTimes(old);
  if (old.id === "log" && wasAtEnd) old.scrollTop = old.scrollHeight;
}

class Follower {
  constructor() {
    this.pause = RETRY_FIRST;
    this.busy = false;
    this.again = false;
  }

  get root() {
    return document.querySelector("[data-live]:not([role=status])");
  }

  tell(state) {
    const element = document.getElementById("connection");
    if (!element) return;
    element.textContent = { on: element.dataset.live, off: element.dataset.offline, wait: element.dataset.connecting }[state];
    element.className = `connection ${state}`;
  }

  open() {
    this.tell("wait");
    const source = new EventSource(this.root.dataset.live);
    this.source = source;
    source.addEventListener("open", () => {
      this.pause = RETRY_FIRST;
      this.tell("on");
    });
    source.addEventListener("page", () => this.refresh());
    source.addEventListener("end", () => {
      source.close();
      this.refresh();
    });
    source.addEventListener("part", (event) => {
      const { id, markup } = JSON.parse(event.data);
      const old = document.getElementById(id);
      const fresh = parse(markup).getElementById(id);
      if (old && fresh) replace(old, fresh);
    });
    source.addEventListener("error", () => {
      source.close();
      this.tell("off");
      setTimeout(() => this.refresh().then(() => this.root && this.open()), this.pause);
      this.pause = Math.min(this.pause * 2, RETRY_MOST);
    });
  }

  // Gets the page anew. One at a time: what is asked for meanwhile is one more.
  async refresh() {
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (answer.redirected) location.assign(answer.url);
      if (!answer.ok) return;
      const fresh = parse(await answer.text());
      const old = this.root;
      const next = fresh.querySelector("main [data-live]") ?? fresh.querySelector("main > div");
      if (old && next) replace(old, next);
      if (!next?.dataset.live) this.stop();
    } catch {
      // The stream says that there is no connection.
    } finally {
      this.busy = false;
      if (this.again) {
        this.again = false;
        this.refresh();
      }
    }
  }

  stop() {
    this.source?.close();
    const element = document.getElementById("connection");
    if (element) element.textContent = "";
  }
}

export function follow() {
  const follower = new Follower();
  if (follower.root) follower.open();
}
