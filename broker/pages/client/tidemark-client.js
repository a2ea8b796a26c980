// tidemark-client 0.1.0, MIT. A persistent log broker's client for browsers, as one module.
// Bundled from protocol/js/ of Tidemark, also as broker/pages/client/: edit it there.

// src/backoff.ts
var Backoff = class {
  #attempts = 0;
  #least;
  #most;
  #random;
  constructor(least, most, random = Math.random) {
    this.#least = least;
    this.#most = most;
    this.#random = random;
  }
  next() {
    const step = Math.min(this.#most, this.#least * 2 ** Math.min(this.#attempts++, 30));
    return Math.round(step / 2 + step / 2 * this.#random());
  }
  reset() {
    this.#attempts = 0;
  }
};

// src/errors.ts
var TidemarkError = class extends Error {
  name = "TidemarkError";
  code;
  topic;
  gap;
  retryAfterMs;
  constructor(code, message, details = {}) {
    super(message, details);
    this.code = code;
    ({ topic: this.topic, gap: this.gap, retryAfterMs: this.retryAfterMs } = details);
  }
};
var PASSING = /^(overloaded|shutting_down|storage_failed|disk_full|state_failed|rate_limited|timed_out|cancelled)$/;
function mayPass(code) {
  return PASSING.test(code);
}

// src/credential.ts
var Credential = class {
  #refusals = 0;
  #source;
  constructor(source) {
    this.#source = source;
  }
  get fresh() {
    return this.#refusals === 1;
  }
  async get() {
    if (typeof this.#source !== "function")
      return this.#source;
    let cause;
    try {
      const token = await this.#source();
      if (typeof token === "string" && token)
        return token;
    } catch (error) {
      cause = error;
    }
    this.#refusals += 2;
    throw new TidemarkError("token_failed", "no token", { cause });
  }
  accepted() {
    this.#refusals = 0;
  }
  refused() {
    ++this.#refusals;
    return typeof this.#source === "function";
  }
};

// src/emitter.ts
var Emitter = class {
  #listeners = /* @__PURE__ */ new Map();
  on(name, listener) {
    const all = this.#listeners.get(name) ?? /* @__PURE__ */ new Set();
    this.#listeners.set(name, all.add(listener));
    return () => {
      all.delete(listener);
    };
  }
  emit(name, value) {
    for (const listener of [...this.#listeners.get(name) ?? []]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
};

// src/environment.ts
function platformEnvironment() {
  const page = typeof document === "object" ? document : void 0;
  const target = typeof addEventListener === "function" ? globalThis : void 0;
  const hidden = () => page?.visibilityState === "hidden";
  return {
    online: () => typeof navigator !== "object" || navigator.onLine !== false,
    hidden,
    watch(changed) {
      const end = new AbortController();
      const hear = (on, name, change) => on?.addEventListener(name, () => changed(change ?? (hidden() ? "hidden" : "visible")), end);
      hear(target, "online", "online");
      hear(target, "offline", "offline");
      hear(target, "pageshow", "resumed");
      hear(page, "resume", "resumed");
      hear(page, "visibilitychange");
      return () => end.abort();
    }
  };
}

// src/heartbeat.ts
var QUIET = 25e3;
var ANSWER_WITHIN = 1e4;
var PROBE_WITHIN = 3e3;
var Heartbeat = class {
  #timer;
  #running = false;
  #asked = false;
  #heardAt = 0;
  #ping;
  #dead;
  constructor(ping, dead) {
    this.#ping = ping;
    this.#dead = dead;
  }
  start() {
    this.#running = true;
    this.#asked = false;
    this.#heardAt = performance.now();
    this.#arm(QUIET);
  }
  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
  }
  heard() {
    this.#heardAt = performance.now();
    if (!this.#asked || !this.#running)
      return;
    this.#asked = false;
    this.#arm(QUIET);
  }
  probe() {
    if (this.#running)
      this.#ask(PROBE_WITHIN);
  }
  #ask(within) {
    this.#asked = true;
    this.#arm(within);
    this.#ping();
  }
  #arm(after) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#check(), after);
  }
  #check() {
    if (this.#asked)
      return this.#dead();
    const quiet = performance.now() - this.#heardAt;
    if (quiet < QUIET)
      this.#arm(QUIET - quiet);
    else
      this.#ask(ANSWER_WITHIN);
  }
};

// src/http_exchange.ts
var ANSWER_MS = 6e4;
var CHARS_PER_MS = 1;
function errorOf(problem, { id, topic }) {
  const { detail: message } = problem;
  return { ...problem, type: "error", message, id, topic };
}
function encode(value) {
  return encodeURIComponent(value.replace(/\p{Surrogate}/gu, "�"));
}
var HttpExchange = class {
  token = "";
  whole = false;
  over = false;
  #running = new AbortController();
  #context;
  #watcher;
  #stop;
  constructor(context, watcher, stop) {
    this.#context = context;
    this.#watcher = watcher;
    this.#stop = stop;
  }
  tell(message) {
    if (!this.over)
      this.#watcher.received(message);
  }
  end(code = 1006, reason = "") {
    if (this.over)
      return;
    this.close();
    this.#watcher.ended({ code, reason });
  }
  close() {
    this.over = true;
    this.#running.abort();
    this.#stop();
  }
  async fetch(path, init = {}) {
    const { base, fetch } = this.#context;
    const shown = this.token && { authorization: `Bearer ${this.token}` };
    const headers = { ...init.headers, ...shown };
    const response = await fetch(base + path, { signal: this.#running.signal, ...init, headers });
    if (!response.body)
      this.whole = true;
    return response;
  }
  async read(response) {
    const { ok, status } = response;
    const body = await response.json().catch(() => void 0);
    if (status === 401)
      this.end(3e3, body?.code ?? "unauthorized");
    else if (body && (ok || typeof body.code === "string"))
      return { ok, body };
    else
      this.end();
    return void 0;
  }
  async ask(path, init = {}, ms = ANSWER_MS) {
    if (this.over)
      return void 0;
    const more = String(init.body ?? "").length / CHARS_PER_MS;
    const timer = setTimeout(() => this.end(), ms + more);
    const response = await this.fetch(path, init).catch(() => void 0);
    const answer = response && await this.read(response);
    clearTimeout(timer);
    if (!answer)
      this.end();
    return answer;
  }
};

// src/event_stream.ts
var MOST_CHARS = (64 * 4 / 3 + 1) * 1024 * 1024;
var EventStream = class {
  most;
  retry;
  #afterCr = false;
  #line = "";
  #data;
  #size = 0;
  constructor(most = MOST_CHARS) {
    this.most = most;
  }
  push(piece) {
    const out = [];
    let from = 0;
    if (this.#afterCr && piece) {
      this.#afterCr = false;
      if (piece[0] === "\n")
        from = 1;
    }
    const ends = /\r\n?|\n/g;
    ends.lastIndex = from;
    for (let found = ends.exec(piece); found; found = ends.exec(piece)) {
      this.#grow(piece.slice(from, found.index));
      from = ends.lastIndex;
      this.#afterCr = found[0] === "\r" && from === piece.length;
      this.#endLine(out);
    }
    this.#grow(piece.slice(from));
    return out;
  }
  #grow(text) {
    this.#size += text.length;
    if (this.#size > this.most)
      throw new RangeError("too large an event");
    this.#line += text;
  }
  #endLine(out) {
    const line = this.#line;
    this.#line = "";
    if (!line) {
      if (this.#data !== void 0)
        out.push(this.#data);
      this.#data = void 0;
      this.#size = 0;
      return;
    }
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "data")
      this.#data = this.#data === void 0 ? value : this.#data + "\n" + value;
    else if (name === "retry" && /^\d+$/.test(value))
      this.retry = Number(value);
    else if (!name)
      this.#size -= line.length;
  }
};

// src/payload.ts
function decodePayload(payload) {
  if (payload.data_base64 === void 0)
    return payload.data;
  return Uint8Array.from(atob(payload.data_base64), (char) => char.charCodeAt(0));
}
function encodePayload(data) {
  if (data instanceof ArrayBuffer)
    data = new Uint8Array(data);
  if (!ArrayBuffer.isView(data))
    return { data: data === void 0 ? null : data };
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { data_base64: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
}

// src/place.ts
var NOTHING = {};
var Place = class {
  position;
  awaitsState = false;
  head = 0;
  #epoch = 0;
  #begun;
  #jump = false;
  #parts;
  #topic;
  #onGap;
  #filtered;
  constructor(topic, onGap, filtered) {
    this.#topic = topic;
    this.#onGap = onGap;
    this.#filtered = filtered;
  }
  subscribed(message, beginning) {
    this.#jump = false;
    this.#parts = void 0;
    this.awaitsState = beginning === "state";
    this.#epoch = message.epoch;
    this.head = message.head;
    this.#begun = void 0;
    if (this.position)
      return void 0;
    const position = { epoch: message.epoch, offset: message.offset };
    if (beginning === "events")
      return this.position = position;
    this.#begun = position;
    return void 0;
  }
  take(message) {
    switch (message.type) {
      case "event":
        return this.#event(message);
      case "state":
        return this.#state(message);
      case "gap":
        return this.#gap(message);
      case "advanced":
        return this.#advanced(message.offset);
      case "epoch":
        this.#begin("a new epoch");
        this.#epoch = message.epoch;
        this.position = { epoch: message.epoch, offset: this.position.offset };
        return { position: this.position };
      case "caught_up":
        this.#begin("the end");
        return { caughtUp: true };
      default:
        return NOTHING;
    }
  }
  lost(head, earliest) {
    const epoch = this.#epoch;
    const gap = { first: 1, end: earliest, cause: "position_lost", epoch, earliest, head };
    return this.#gap(gap, this.awaitsState ? "state" : this.#onGap);
  }
  #begin(what) {
    if (this.awaitsState)
      throw this.#wrong(`${what} before the state`);
    this.position ??= this.#begun;
    this.#begun = void 0;
    if (!this.position)
      throw this.#wrong(`${what} too early`);
  }
  #event(message) {
    this.#begin("an event");
    const { offset, time, key, headers = {} } = message;
    const last2 = this.position.offset;
    if (!this.#jump && offset <= last2)
      return NOTHING;
    if (!this.#jump && !this.#filtered && offset !== last2 + 1) {
      throw this.#wrong(`event ${offset} after ${last2}`);
    }
    const data = this.#decoded(message);
    const position = { epoch: this.#epoch, offset };
    this.#jump = false;
    this.position = position;
    this.head = Math.max(this.head, offset);
    return {
      item: { type: "event", topic: this.#topic, position, offset, time, key, headers, data },
      position
    };
  }
  #state(part) {
    if (part.first)
      this.#parts = [];
    if (!this.#parts)
      throw this.#wrong("half a state");
    for (const { key, offset, time, headers = {}, ...payload } of part.entries ?? []) {
      this.#parts.push({ key, offset, time, headers, data: this.#decoded(payload) });
    }
    if (!part.last) {
      this.awaitsState = true;
      return NOTHING;
    }
    const contentType = part.content_type;
    const data = part.entries ? void 0 : this.#decoded(part);
    const entries = part.entries ? this.#parts : void 0;
    const position = { epoch: part.epoch, offset: part.offset };
    this.#parts = this.#begun = void 0;
    this.awaitsState = this.#jump = false;
    this.#epoch = part.epoch;
    this.head = Math.max(this.head, part.offset);
    this.position = position;
    const item = {
      type: "state",
      topic: this.#topic,
      position,
      contentType,
      data,
      entries
    };
    return { item, position };
  }
  #gap(gap, onGap = this.#onGap) {
    const { first, end, cause, epoch, earliest, head } = gap;
    this.#begun = this.#parts = void 0;
    this.#epoch = epoch;
    this.head = head;
    this.awaitsState = onGap === "state";
    if (onGap === "earliest") {
      this.#jump = true;
      this.position = afterGap(gap);
    }
    const told = { first, end, cause, epoch, earliest, head };
    const next = onGap === "fail" ? "end" : onGap;
    return {
      item: { type: "gap", topic: this.#topic, gap: told, next },
      position: next === "earliest" ? this.position : void 0
    };
  }
  #advanced(offset) {
    this.#begin("an advance");
    if (offset <= this.position.offset)
      return NOTHING;
    if (!this.#filtered)
      throw this.#wrong(`an advance without a filter`);
    this.#jump = false;
    this.position = { epoch: this.#epoch, offset };
    return { position: this.position };
  }
  #decoded(payload) {
    try {
      return decodePayload(payload);
    } catch (cause) {
      throw this.#wrong("no base64", cause);
    }
  }
  #wrong(what, cause) {
    const topic = this.#topic;
    return new TidemarkError("protocol_error", `${topic}: ${what}`, { topic, cause });
  }
};
function afterGap({ cause, end, earliest, epoch }) {
  const ours = cause !== "epoch" && cause !== "ahead" && cause !== "position_lost";
  return { epoch, offset: Math.max(ours ? end : 1, earliest, 1) - 1 };
}

// src/wire.ts
function decodeMessage(text) {
  try {
    const message = typeof text === "string" ? JSON.parse(text) : void 0;
    return typeof message?.type === "string" ? message : void 0;
  } catch {
    return void 0;
  }
}

// src/http_stream.ts
var FIRST_MS = 1e4;
var SILENT_MS = 45e3;
var SILENT_WHOLE_MS = 9e4;
var RETRY_MS = 1e3;
var NEWS = /* @__PURE__ */ new Set(["event", "state", "gap", "epoch", "advanced"]);
function startAfter({ epoch, offset }) {
  const [a, b] = [epoch, offset].map((n) => String(n).padStart(16, "0"));
  return `offset=${a}_${b}`;
}
function beforeLast(count, { head, earliest, lineage }) {
  const offset = Math.max(head - count, earliest - 1);
  const epoch = lineage.filter(({ first }) => first <= offset + 1).at(-1)?.epoch ?? 0;
  return startAfter({ epoch, offset });
}
function optionsOf({ on_gap = "fail", filter = {}, state_if_behind }) {
  const { keys = [], headers = {} } = filter;
  const matches = Object.entries(headers).flatMap(([name, values]) => [values].flat().map((value) => "&filter_header=" + encode(`${name}:${value}`)));
  const wanted = keys.map((key) => "&filter_key=" + encode(key));
  const most = state_if_behind?.events;
  const behind = most === void 0 ? "" : "&state_if_behind=" + most;
  return ["&on_gap=" + on_gap, behind, ...wanted, ...matches].join("");
}
var HttpStream = class {
  #running = new AbortController();
  #closed = false;
  #id;
  #start = "";
  #position = { epoch: 0, offset: 0 };
  #known = false;
  #leaving = false;
  #timer;
  #exchange;
  #asked;
  #ended;
  constructor(exchange, asked, ended) {
    this.#exchange = exchange;
    this.#asked = asked;
    this.#ended = ended;
    this.#id = asked.id;
  }
  async run() {
    const start = await this.#resolve();
    if (start === void 0)
      return;
    this.#start = start;
    while (!this.#closed) {
      const wait = await this.#follow();
      if (wait)
        await new Promise((resolve) => this.#timer = setTimeout(resolve, wait));
    }
  }
  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#running.abort();
  }
  #finish() {
    if (this.#closed)
      return;
    this.close();
    this.#ended();
  }
  #refuse(problem) {
    if (this.#closed)
      return;
    this.#finish();
    this.#exchange.tell(errorOf(problem, { id: this.#id, topic: this.#asked.topic }));
  }
  async #find(kind, query = "") {
    const answer = await this.#exchange.ask(`/v1/${kind}/${this.#asked.topic}${query}`);
    if (!answer || this.#closed)
      return void 0;
    return answer.ok ? answer.body : this.#refuse(answer.body);
  }
  async #resolve() {
    const { topic, cursor, state, after, time, last: last2, from } = this.#asked;
    if (cursor) {
      const there = await this.#exchange.ask(`/v1/cursors/${topic}?cursor=${encode(cursor)}`);
      if (!there)
        return void 0;
      if (there.ok)
        return "offset=" + there.body.token;
      if (there.body.code !== "unknown_cursor")
        return this.#refuse(there.body);
    }
    if (state)
      return "state=true";
    if (after)
      return startAfter(after);
    if (time !== void 0) {
      const found = await this.#find("offsets", "?time=" + time);
      return found && "offset=" + found.token;
    }
    if (last2 !== void 0) {
      const found = await this.#find("topics");
      return found && beforeLast(last2, found);
    }
    return "offset=" + (from === "earliest" ? -1 : "now");
  }
  async #follow() {
    const exchange = this.#exchange;
    const { whole } = exchange;
    const events = new EventStream();
    let told = false;
    let news = false;
    if (this.#known)
      this.#start = startAfter(this.#position);
    this.#known = false;
    for await (const piece of this.#pieces(events, whole)) {
      for (const data of piece) {
        const message = decodeMessage(data);
        if (!message)
          exchange.end(1002, "protocol_error");
        if (!message || this.#closed)
          return 0;
        told = true;
        news ||= NEWS.has(message.type);
        this.#receive(message);
      }
    }
    if (this.#closed)
      return 0;
    if (this.#leaving)
      exchange.end(1012, "shutting_down");
    else if (whole !== exchange.whole)
      return 0;
    else if (!told)
      exchange.end();
    return whole && news ? 0 : events.retry ?? RETRY_MS;
  }
  async *#pieces(events, whole) {
    const exchange = this.#exchange;
    const { signal } = this.#running = new AbortController();
    let heard = whole;
    try {
      this.#watch(whole ? SILENT_WHOLE_MS : FIRST_MS);
      const query = `?live=sse&form=messages${whole ? "&once=true" : ""}&${this.#start}`;
      const path = `/v1/stream/${this.#asked.topic}${query}${optionsOf(this.#asked)}`;
      const response = await exchange.fetch(path, { signal });
      if (!response.ok) {
        const answer = await exchange.read(response);
        if (answer)
          this.#refuse(answer.body);
        return;
      }
      if (!response.body)
        return yield events.push(await response.text());
      const reader = response.body.getReader();
      const decoder = new TextDecoder();
      for (let got = await reader.read(); !got.done; got = await reader.read()) {
        heard = true;
        this.#watch(SILENT_MS);
        yield events.push(decoder.decode(got.value, { stream: true }));
      }
    } catch (error) {
      if (this.#closed)
        return;
      if (error instanceof RangeError)
        exchange.end(1002, "protocol_error");
      else if (signal.aborted && !heard)
        exchange.whole = true;
      else
        exchange.end();
    } finally {
      clearTimeout(this.#timer);
    }
  }
  #watch(ms) {
    const running = this.#running;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => running.abort(), ms);
  }
  #receive(message) {
    switch (message.type) {
      case "subscribed":
        if (this.#id)
          message.id = this.#id;
        this.#id = void 0;
        this.#reach(message, this.#start === "offset=now");
        break;
      case "state":
        this.#start = "state=true";
        this.#reach(message, message.last);
        break;
      case "gap":
        if (this.#asked.on_gap === "state")
          this.#start = "state=true";
        this.#reach(afterGap(message), this.#asked.on_gap !== "state");
        break;
      case "event":
      case "advanced":
      case "caught_up":
      case "epoch":
        this.#reach(message);
        break;
      case "goodbye":
        this.#leaving = true;
        break;
      case "unsubscribed":
        this.#finish();
    }
    this.#exchange.tell(message);
  }
  #reach({ epoch, offset }, known = true) {
    const at = this.#position;
    this.#position = { epoch: epoch ?? at.epoch, offset: offset ?? at.offset };
    this.#known = known;
  }
};

// src/http_link.ts
var JSON_TYPE = "application/json";
var OPEN_MS = 1e4;
var MOST_STREAMS = 4;
function openHttp(context, watcher) {
  return new HttpLink(context, watcher);
}
var HttpLink = class {
  kind = "http";
  #exchange;
  #streams = /* @__PURE__ */ new Map();
  #posts = /* @__PURE__ */ new Map();
  constructor(context, watcher) {
    this.#exchange = new HttpExchange(context, watcher, () => {
      for (const stream of this.#streams.values())
        stream.close();
    });
    void this.#open(watcher);
  }
  send(message) {
    queueMicrotask(() => {
      if (!this.#exchange.over)
        this.#take(message);
    });
  }
  close() {
    this.#exchange.close();
  }
  async #open(watcher) {
    const answer = await this.#exchange.ask("/healthz", {}, OPEN_MS);
    if (!answer)
      return;
    if (answer.body.problems)
      watcher.opened();
    else
      this.#exchange.end(1006, answer.body.code);
  }
  #take(message) {
    const exchange = this.#exchange;
    const topic = "topic" in message ? message.topic : "-";
    if (!topic.split("/").every((segment) => /^(?!\.\.?$)[\w.~-]+$/.test(segment))) {
      return this.#refuse(message, "invalid_topic", "no topic");
    }
    switch (message.type) {
      case "subscribe":
        return this.#subscribe(message);
      case "unsubscribe":
        this.#streams.get(topic)?.close();
        this.#streams.delete(topic);
        return exchange.tell({ type: "unsubscribed", id: message.id, topic });
      case "publish":
        return this.#publish(message);
      case "ping":
        return void this.#relay(message, "pong", "/healthz");
      case "ack": {
        const { cursor, epoch, offset } = message;
        const path = `/v1/cursors/${topic}?cursor=${encode(cursor)}`;
        return void this.#relay(message, "acknowledged", path, "PUT", { epoch, offset });
      }
      case "auth":
        exchange.token = message.token;
        return exchange.tell({ type: "authenticated", id: message.id, subject: "" });
    }
  }
  #subscribe(message) {
    const { topic, filter } = message;
    const streams = this.#streams;
    if (streams.size >= MOST_STREAMS) {
      return this.#refuse(message, "too_many_subscriptions", `over HTTP ${MOST_STREAMS} topics at most`);
    }
    const headers = Object.entries(filter?.headers ?? {});
    if (headers.some(([name, values]) => /:/.test(name) || ![values].flat().length)) {
      return this.#refuse(message, "unsupported", "no filter over HTTP");
    }
    const stream = new HttpStream(this.#exchange, message, () => streams.delete(topic));
    streams.set(topic, stream);
    void stream.run();
  }
  #publish(message) {
    const { type, id, topic, ...event } = message;
    const before = this.#posts.get(topic);
    const post = () => this.#relay(message, "published", `/v1/topics/${topic}/events`, "POST", event);
    const mine = (before ? before.then(post) : post()).then(() => {
      if (this.#posts.get(topic) === mine)
        this.#posts.delete(topic);
    });
    this.#posts.set(topic, mine);
  }
  async #relay(subject, type, path, method = "GET", body) {
    const init = body && { body: JSON.stringify(body), headers: { "content-type": JSON_TYPE } };
    const answer = await this.#exchange.ask(path, { method, ...init });
    if (!answer)
      return;
    const { id } = subject;
    if (answer.ok || answer.body.problems)
      this.#exchange.tell({ ...answer.body, id, type });
    else
      this.#exchange.tell(errorOf(answer.body, subject));
  }
  #refuse(subject, code, detail) {
    this.#exchange.tell(errorOf({ code, detail }, subject));
  }
};

// src/locks.ts
function platformLocks() {
  const manager = typeof navigator === "object" ? navigator.locks : void 0;
  return manager ? webLocks(manager) : processLocks;
}
function webLocks(manager) {
  return {
    shared: true,
    tryHold: (name) => new Promise((resolve, reject) => {
      const held2 = (lock) => {
        if (lock)
          return new Promise((release) => resolve(() => release()));
        resolve(void 0);
        return void 0;
      };
      manager.request(name, { ifAvailable: true }, held2).catch(reject);
    }),
    alone: (name, work) => manager.request(name, work)
  };
}
var held = /* @__PURE__ */ new Set();
var last = Promise.resolve();
var processLocks = {
  shared: false,
  async tryHold(name) {
    if (held.has(name))
      return void 0;
    held.add(name);
    return () => void held.delete(name);
  },
  alone: (_, work) => {
    const done = last.then(work, work);
    last = done;
    return done;
  }
};

// src/lane.ts
var IN_FLIGHT = 64;
var CHARS_IN_FLIGHT = 1 << 18;
var IDLE_TOPICS = 256;
var Deferred = class {
  resolve;
  reject;
  promise = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
  constructor() {
    this.promise.catch(() => {
    });
  }
};
var Lane = class {
  id;
  release;
  borrowed;
  #topics = /* @__PURE__ */ new Map();
  #requests = /* @__PURE__ */ new Map();
  #next = 0;
  #charsInFlight = 0;
  #writing = Promise.resolve();
  #queued;
  #send;
  #store;
  #hooks;
  #random;
  #left;
  constructor(id, store, hooks, random, left, release, borrowed) {
    this.id = id;
    this.release = release;
    this.borrowed = borrowed;
    this.#store = store;
    this.#hooks = hooks;
    this.#random = random;
    this.#left = left;
  }
  get empty() {
    return [...this.#topics.values()].every(({ entries }) => entries.length === 0);
  }
  async load() {
    const head = await this.#store.readHead(this.id);
    this.#next = head?.next ?? 0;
    const all = [];
    for (const [name, kept] of Object.entries(head?.topics ?? {})) {
      const topic = this.#topic(name, kept);
      for (const n of kept.entries) {
        const event = await this.#store.readEntry(this.id, n, name).catch((error) => {
          if (error.code !== "store_corrupt")
            throw error;
          this.#hooks.failed(error);
        });
        const entry = makeEntry(JSON.stringify(event ?? { topic: name }));
        Object.assign(entry, { n, isStored: true, doubtful: true, done: !event });
        entry.stored.resolve();
        topic.entries.push(entry);
        if (event)
          all.push(entry);
      }
      topic.hole = kept.hole ?? (this.borrowed ? Infinity : topic.entries.length);
    }
    for (const topic of this.#topics.values())
      this.#settle(topic);
    return all;
  }
  async add(entry) {
    const { topic: name } = entry.event;
    const topic = this.#topic(name);
    entry.n = this.#next++;
    topic.entries.push(entry);
    this.#forgetIdle();
    try {
      await this.#store.writeEntry(this.id, entry.n, entry.text);
      await this.#save();
      entry.isStored = true;
      entry.stored.resolve();
    } catch (error) {
      topic.entries = topic.entries.filter((other) => other !== entry);
      this.#left(entry);
      fail(entry, error, this.#hooks);
      void this.#save().catch(() => {
      });
      void this.#store.writeEntry(this.id, entry.n).catch(() => {
      });
    }
    this.#pump();
  }
  attach(send) {
    this.#send = send;
    this.#pump();
  }
  detach() {
    this.#send = void 0;
    this.#requests.clear();
    this.#charsInFlight = 0;
    for (const topic of this.#topics.values()) {
      clearTimeout(topic.timer);
      topic.timer = void 0;
      for (const entry of topic.entries) {
        entry.doubtful ||= entry.id !== 0;
        entry.id = 0;
      }
    }
  }
  published(message) {
    const entry = this.#answered(message.id);
    if (!entry)
      return entry !== void 0;
    const { topic: name, epoch, last: last2, duplicate } = message;
    const topic = this.#topic(name);
    entry.done = true;
    topic.backoff.reset();
    entry.published.resolve({ topic: name, epoch, offset: last2, duplicate: duplicate === true });
    this.#settle(topic);
    return true;
  }
  refused(message) {
    const entry = this.#answered(message.id ?? this.#largest(message.code));
    if (!entry)
      return entry !== void 0;
    const topic = this.#topic(entry.event.topic);
    const { code } = message;
    const first = entry === topic.entries[0];
    const numbered = !first || topic.base > 0;
    if (code === "sequence_gap" && numbered) {
      if (first)
        this.#renumber(topic);
    } else if (code === "producer_fenced" && (numbered || topic.epoch > 0)) {
      this.#fenced(topic, message);
    } else if (mayPass(code) || code === "unauthorized" || code === "token_expired") {
      this.#hold(topic, message.retry_after_ms);
    } else {
      this.#reject(topic, entry, errorFor(message, entry));
    }
    this.#pump();
    return true;
  }
  async settled() {
    await this.#writing.catch(() => {
    });
  }
  async remove() {
    await this.settled();
    await this.#store.enlist(this.id, false);
    await this.#store.writeHead(this.id);
  }
  #pump() {
    for (const topic of this.#topics.values()) {
      if (topic.timer || topic.saving)
        continue;
      for (const [i, entry] of topic.entries.entries()) {
        if (!entry.isStored || i === topic.hole)
          break;
        if (entry.done || entry.id)
          continue;
        if (!this.#send || this.#requests.size >= IN_FLIGHT)
          return;
        if (this.#charsInFlight && this.#charsInFlight + entry.text.length > CHARS_IN_FLIGHT)
          return;
        this.#request(topic, entry, topic.base + i);
      }
    }
  }
  #request({ producer, epoch }, entry, sequence) {
    const id = this.#hooks.nextId();
    entry.id = id;
    this.#requests.set(id, entry);
    this.#charsInFlight += entry.text.length;
    const { headers, ...event } = entry.event;
    this.#send({
      type: "publish",
      id,
      ...event,
      ...headers && { headers: { ...headers } },
      producer: { id: producer, epoch, sequence }
    });
  }
  #largest(code) {
    const [first] = [...this.#requests].sort(([, a], [, b]) => b.text.length - a.text.length);
    return code === "message_too_large" && first ? first[0] : 0;
  }
  #answered(id) {
    const entry = this.#requests.get(id);
    if (!entry)
      return void 0;
    this.#requests.delete(id);
    this.#charsInFlight -= entry.text.length;
    if (entry.id !== id)
      return null;
    entry.id = 0;
    return entry;
  }
  #settle(topic) {
    while (topic.entries[0]?.done) {
      const entry = topic.entries.shift();
      ++topic.base;
      --topic.hole;
      this.#leave(entry);
    }
    if (topic.hole === 0)
      this.#renumber(topic);
    this.#pump();
  }
  #reject(topic, entry, error) {
    const at = topic.entries.indexOf(entry);
    topic.entries.splice(at, 1);
    topic.hole = Math.min(topic.hole, at);
    this.#refuse(entry, error);
    if (topic.hole === 0)
      this.#renumber(topic);
  }
  #refuse(entry, error) {
    this.#leave(entry);
    fail(entry, error, this.#hooks);
  }
  #renumber(topic) {
    topic.epoch += 1 + Math.floor(this.#random() * 2 ** 24);
    this.#restart(topic);
  }
  #fenced(topic, message) {
    topic.producer = randomName(this.#random);
    topic.epoch = 0;
    for (const entry of topic.entries.filter(({ doubtful, done }) => doubtful && !done)) {
      topic.entries.splice(topic.entries.indexOf(entry), 1);
      this.#refuse(entry, errorFor(message, entry));
    }
    this.#restart(topic);
  }
  #restart(topic) {
    topic.saving = true;
    if (this.borrowed) {
      return this.#hooks.failed(new TidemarkError("unsupported", "events are stuck"));
    }
    for (const entry of topic.entries.filter(({ done }) => done))
      this.#leave(entry);
    topic.entries = topic.entries.filter(({ done }) => !done);
    for (const entry of topic.entries)
      entry.id = 0;
    topic.base = 0;
    topic.hole = Infinity;
    void this.#save().catch(this.#hooks.failed).then(() => {
      topic.saving = false;
      this.#pump();
    });
  }
  #hold(topic, after = 0) {
    topic.timer ??= setTimeout(() => {
      topic.timer = void 0;
      this.#pump();
    }, Math.max(after, topic.backoff.next()));
  }
  #leave(entry) {
    this.#left(entry);
    this.#drop(entry.n);
  }
  #drop(n) {
    void this.#save().then(() => this.#store.writeEntry(this.id, n)).catch(this.#hooks.failed);
  }
  #topic(name, kept = { producer: "", epoch: 0, base: 0 }) {
    const known = this.#topics.get(name);
    if (known)
      return known;
    const topic = {
      producer: kept.producer || randomName(this.#random),
      epoch: kept.epoch,
      base: kept.base,
      hole: Infinity,
      entries: [],
      saving: false,
      timer: void 0,
      backoff: new Backoff(1e3, 3e4, this.#random)
    };
    this.#topics.set(name, topic);
    return topic;
  }
  #forgetIdle() {
    for (const [name, { entries, saving }] of this.#topics) {
      if (this.#topics.size <= IDLE_TOPICS)
        return;
      if (entries.length === 0 && !saving)
        this.#topics.delete(name);
    }
  }
  #save() {
    this.#queued ??= this.#writing = this.#writing.catch(() => {
    }).then(() => {
      this.#queued = void 0;
      return this.#store.writeHead(this.id, this.#head());
    });
    return this.#queued;
  }
  #head() {
    const topics = [...this.#topics].map(([name, { producer, epoch, base, hole, entries }]) => [
      name,
      { producer, epoch, base, hole, entries: entries.map(({ n }) => n) }
    ]);
    return { version: 1, next: this.#next, topics: Object.fromEntries(topics) };
  }
};
function makeEntry(text) {
  return {
    event: JSON.parse(text),
    text,
    stored: new Deferred(),
    published: new Deferred(),
    n: 0,
    isStored: false,
    id: 0,
    doubtful: false,
    done: false
  };
}
function fail({ event, stored, published }, cause, hooks) {
  const error = cause;
  stored.reject(error);
  published.reject(error);
  hooks.rejected({ event, error });
}
function randomName(random) {
  return globalThis.crypto?.randomUUID?.() ?? [random(), random(), random()].join("-");
}
function errorFor(message, { event }) {
  return new TidemarkError(message.code, message.message, { topic: event.topic });
}

// src/stored.ts
async function readItem(store, key, good) {
  let text;
  try {
    text = await store.getItem(key);
  } catch (cause) {
    throw failed(key, cause);
  }
  if (text === null || text === void 0)
    return void 0;
  try {
    const value = JSON.parse(text);
    if (good(value))
      return value;
  } catch {
  }
  throw corrupt(key);
}
function writeItem(store, key, text) {
  const fail2 = (cause) => {
    throw failed(key, cause);
  };
  try {
    const answer = text === void 0 ? store.removeItem(key) : store.setItem(key, text);
    return answer && Promise.resolve(answer).catch(fail2);
  } catch (cause) {
    return fail2(cause);
  }
}
var isCount = (value) => Number.isSafeInteger(value) && value >= 0;
function corrupt(key) {
  return new TidemarkError("store_corrupt", `${key} is not what was written`);
}
function failed(key, cause) {
  return new TidemarkError("store_failed", `the store can't keep ${key}`, { cause });
}

// src/lane_store.ts
var INDEX = "tidemark:lanes";
var laneKey = (id) => `tidemark:lane:${id}`;
var isHead = ({ version, next, topics }) => version === 1 && isCount(next) && Object.values(topics).every(({ producer, epoch, base, hole, entries }) => typeof producer === "string" && [epoch, base, hole ?? 0, ...entries].every(isCount) && entries.every((n) => n < next));
var LaneStore = class {
  #store;
  #locks;
  constructor(store, locks) {
    this.#store = store;
    this.#locks = locks;
  }
  async list() {
    const strings = (ids) => ids.every((id) => typeof id === "string");
    return await readItem(this.#store, INDEX, strings) ?? [];
  }
  async enlist(id, on = true) {
    const list = () => this.list().catch(() => []);
    if (on && (await list()).includes(id))
      return;
    await this.#locks.alone(INDEX, async () => {
      const ids = (await list()).filter((other) => other !== id);
      await writeItem(this.#store, INDEX, JSON.stringify(on ? [...ids, id] : ids));
    });
  }
  readHead(id) {
    return readItem(this.#store, laneKey(id), isHead);
  }
  async writeHead(id, head) {
    await writeItem(this.#store, laneKey(id), head && JSON.stringify(head));
  }
  async readEntry(id, n, topic) {
    const key = `${laneKey(id)}:${n}`;
    const good = (event2) => event2.topic === topic;
    const event = await readItem(this.#store, key, good);
    if (!event)
      throw corrupt(key);
    return event;
  }
  async writeEntry(id, n, text) {
    await writeItem(this.#store, `${laneKey(id)}:${n}`, text);
  }
};

// src/outbox.ts
var Outbox = class {
  #lanes = /* @__PURE__ */ new Map();
  #files;
  #own;
  #taken = Promise.resolve();
  #opening = Promise.resolve();
  #send;
  #waiting = /* @__PURE__ */ new Set();
  #chars = 0;
  #closed = false;
  #locks;
  #limits;
  #hooks;
  #random;
  constructor(store, locks, limits, hooks, random = Math.random) {
    this.#locks = locks;
    this.#limits = limits;
    this.#hooks = hooks;
    this.#random = random;
    this.#files = new LaneStore(store, locks);
  }
  get size() {
    return { events: this.#waiting.size, bytes: this.#chars };
  }
  open() {
    return this.#opening = this.#opening.then(() => this.#adopt());
  }
  add(event) {
    let text = JSON.stringify({ topic: event.topic });
    let error;
    try {
      text = JSON.stringify(event);
    } catch (cause) {
      error = new TidemarkError("invalid_payload", "the data is no JSON", { cause });
    }
    const { events, bytes } = this.#limits;
    if (this.#closed)
      error = new TidemarkError("closed", "the client is closed");
    else if (this.#waiting.size >= events || this.#chars + text.length > bytes) {
      error = new TidemarkError("outbox_full", "the outbox is full");
    }
    const entry = makeEntry(text);
    if (error) {
      fail({ ...entry, event }, error, this.#hooks);
    } else {
      this.#count(entry);
      const taken = this.#take(entry);
      this.#taken = this.#taken.then(() => taken);
    }
    return { stored: entry.stored.promise, published: entry.published.promise };
  }
  attach(send) {
    this.detach();
    this.#send = send;
    for (const lane of this.#lanes.values())
      lane.attach(send);
    void this.open();
  }
  detach() {
    this.#send = void 0;
    for (const lane of this.#lanes.values())
      lane.detach();
  }
  published(message) {
    [...this.#lanes.values()].some((lane) => lane.published(message));
  }
  refused(message) {
    return [...this.#lanes.values()].some((lane) => lane.refused(message));
  }
  async close() {
    this.#closed = true;
    this.detach();
    await this.#opening;
    await this.#taken;
    for (const lane of this.#lanes.values()) {
      await lane.settled();
      lane.release();
    }
    const error = new TidemarkError("closed", "the client is closed");
    for (const entry of this.#waiting) {
      if (entry.isStored)
        entry.published.reject(error);
      else
        fail(entry, error, this.#hooks);
    }
  }
  async #take(entry) {
    await this.#opening;
    try {
      const lane = await (this.#own ??= this.#makeOwn());
      await this.#files.enlist(lane.id);
      await lane.add(entry);
    } catch (error) {
      this.#own = void 0;
      this.#uncount(entry);
      fail(entry, error, this.#hooks);
    }
  }
  async #makeOwn() {
    const [left] = this.#lanes.values();
    if (left && !left.borrowed)
      return left;
    const id = randomName(this.#random);
    const release = await this.#locks.tryHold(laneKey(id));
    await this.#files.enlist(id);
    return this.#enter(this.#laneOf(id, release, false));
  }
  #enter(lane) {
    this.#lanes.set(lane.id, lane);
    if (this.#send)
      lane.attach(this.#send);
    return lane;
  }
  #laneOf(id, release, borrowed) {
    const lane = new Lane(id, this.#files, this.#hooks, this.#random, (entry) => {
      this.#uncount(entry);
      if (lane.empty)
        void this.#retire(lane);
    }, release, borrowed);
    return lane;
  }
  async #adopt() {
    try {
      for (const id of await this.#files.list()) {
        if (this.#closed || this.#lanes.has(id))
          continue;
        const release = await this.#locks.tryHold(laneKey(id));
        if (release)
          await this.#inherit(id, release);
      }
    } catch (error) {
      const { failed: failed2 } = this.#hooks;
      failed2(error);
      if (error.code !== "store_corrupt")
        return;
      for (const id of ["", ...this.#lanes.keys()])
        await this.#files.enlist(id, id !== "").catch(failed2);
    }
  }
  async #inherit(id, release) {
    const borrowed = !this.#locks.shared && typeof document !== "undefined";
    const lane = this.#laneOf(id, release, borrowed);
    try {
      for (const entry of await lane.load())
        this.#count(entry);
      this.#enter(lane);
      if (lane.empty && this.#lanes.size > 1)
        await this.#retire(lane);
    } catch (error) {
      this.#hooks.failed(error);
      if (error.code === "store_corrupt")
        await this.#files.enlist(id, false);
      release();
    }
  }
  async #retire(lane) {
    const [kept] = this.#lanes.values();
    if (lane === kept || lane === await this.#own?.catch(() => void 0))
      return;
    if (!this.#lanes.delete(lane.id))
      return;
    try {
      await lane.remove();
    } catch (error) {
      this.#hooks.failed(error);
    }
    lane.release();
  }
  #count(entry) {
    this.#waiting.add(entry);
    this.#chars += entry.text.length;
    this.#hooks.changed();
  }
  #uncount(entry) {
    if (!this.#waiting.delete(entry))
      return;
    this.#chars -= entry.text.length;
    this.#hooks.changed();
  }
};

// src/positions.ts
var keyOf = (name) => `tidemark:position:${name}`;
var Positions = class {
  #store;
  #failed;
  #newest = /* @__PURE__ */ new Map();
  #settled = Promise.resolve();
  constructor(store, failed2) {
    this.#store = store;
    this.#failed = failed2;
  }
  async load(name) {
    const kept = await readItem(this.#store, keyOf(name), ({ version, epoch, offset }) => version === 1 && isCount(epoch) && isCount(offset));
    return kept && { epoch: kept.epoch, offset: kept.offset };
  }
  save(name, position) {
    const busy = this.#newest.has(name);
    this.#newest.set(name, position);
    if (!busy)
      this.#settled = Promise.all([this.#settled, this.#write(name)]);
  }
  async settled() {
    await this.#settled;
  }
  async #write(name) {
    for (let next = this.#newest.get(name); next; next = this.#newest.get(name)) {
      try {
        const answer = writeItem(this.#store, keyOf(name), JSON.stringify({ version: 1, ...next }));
        if (answer)
          await answer;
      } catch (error) {
        this.#failed(error);
      }
      if (next === this.#newest.get(name))
        this.#newest.delete(name);
    }
  }
};

// src/publishing.ts
var Publishing = class {
  stored;
  #published;
  constructor({ stored, published }) {
    this.stored = stored;
    this.#published = published;
    stored.catch(() => {
    });
    published.catch(() => {
    });
  }
  then(fulfilled, rejected) {
    return this.#published.then(fulfilled, rejected);
  }
};

// src/store.ts
var MemoryStore = class {
  #items = /* @__PURE__ */ new Map();
  getItem(key) {
    return this.#items.get(key) ?? null;
  }
  setItem(key, value) {
    this.#items.set(key, value);
  }
  removeItem(key) {
    this.#items.delete(key);
  }
};

// src/subscription.ts
var TELL_EVERY = 200;
var Subscription = class {
  topic;
  position;
  #place;
  #keptAs;
  #onGap;
  #backoff;
  #queue = [];
  #state = "waiting";
  #gap;
  #error;
  #toldAt = 0;
  #asked = 0;
  #beginning = "events";
  #following = false;
  #ready = false;
  #lost = false;
  #held = false;
  #pumping = false;
  #taken;
  #waiting;
  #timer;
  #acked;
  #ackId = 0;
  #options;
  #handlers;
  #host;
  constructor(topic, options, handlers, host) {
    this.topic = topic;
    this.#options = options;
    this.#handlers = handlers;
    this.#host = host;
    this.#onGap = options.onGap ?? (options.state ? "state" : "earliest");
    this.#keptAs = options.position ?? (options.after || options.cursor ? false : topic);
    this.#place = new Place(topic, this.#onGap, options.filter !== void 0);
    this.#place.position = this.position = options.after;
    this.#backoff = new Backoff(1e3, 3e4, host.random);
    void this.#load();
  }
  get status() {
    const { head, position } = this.#place;
    const behind = Math.max(0, head - ((this.position ?? position)?.offset ?? head));
    return { state: this.#state, behind, gap: this.#gap, error: this.#error };
  }
  close() {
    this.end(void 0);
  }
  async *[Symbol.asyncIterator]() {
    if (this.#handlers) {
      throw new TidemarkError("unsupported", "there are handlers already");
    }
    try {
      for (; ; ) {
        this.#applied();
        const next = this.#next();
        if (next) {
          yield next.item;
        } else if (this.#state === "ended") {
          if (this.#error)
            throw this.#error;
          return;
        } else {
          await new Promise((resolve) => this.#waiting = resolve);
        }
      }
    } finally {
      this.close();
    }
  }
  ask() {
    if (!this.#ready || this.#held || this.#asked || this.#timer || this.#state === "ended")
      return;
    const options = this.#options;
    const place = this.#place;
    const id = this.#host.nextId();
    const message = {
      type: "subscribe",
      id,
      topic: this.topic,
      on_gap: this.#onGap
    };
    if (options.filter)
      message.filter = options.filter;
    if (options.stateIfBehind)
      message.state_if_behind = options.stateIfBehind;
    if (place.awaitsState) {
      message.state = true;
    } else if (place.position) {
      message.after = place.position;
    } else {
      this.#begin(message);
    }
    const may = this.#onGap === "state" || options.stateIfBehind !== void 0;
    const now = message.from === "now" && !message.cursor;
    this.#beginning = message.state && !message.cursor ? "state" : may && !now || message.state ? "either" : "events";
    if (this.#host.send(message))
      this.#asked = id;
    this.#acknowledge();
  }
  disconnected() {
    this.#asked = this.#ackId = 0;
    this.#acked = void 0;
    this.#following = false;
    if (this.#state !== "ended")
      this.#enter("waiting");
  }
  received(message) {
    if (this.#state === "ended")
      return;
    switch (message.type) {
      case "subscribed":
        return this.#subscribed(message);
      case "unsubscribed":
        return this.#unsubscribed(message);
      case "acknowledged":
        if (message.id !== this.#ackId)
          return;
        this.#ackId = 0;
        return this.#acknowledge();
      case "error":
        return this.#refused(message);
    }
    if (!this.#following)
      return;
    let outcome;
    try {
      outcome = this.#place.take(message);
    } catch (error) {
      return this.#host.distrust(error);
    }
    this.#push(outcome);
  }
  end(error) {
    if (this.#state === "ended")
      return;
    this.#leave();
    clearTimeout(this.#timer);
    this.#error = error;
    if (!error)
      this.#queue = [];
    this.#host.over(this);
    this.#enter("ended");
    this.#wake();
    if (!this.#pumping)
      this.#handlers?.ended?.(error);
  }
  async #load() {
    try {
      if (this.#keptAs) {
        const kept = await this.#host.positions.load(this.#keptAs);
        if (kept)
          this.#place.position = this.position = kept;
      }
    } catch (error) {
      this.#host.report(error);
      if (this.#onGap === "fail")
        return this.end(error);
      this.#lost = true;
    }
    this.#ready = true;
    this.ask();
  }
  #begin(message) {
    const options = this.#options;
    if (options.cursor && !this.#lost)
      message.cursor = options.cursor;
    if (options.state || this.#lost && this.#onGap === "state")
      message.state = true;
    else if (this.#lost)
      message.from = "earliest";
    else if (options.last !== void 0)
      message.last = options.last;
    else if (options.time !== void 0)
      message.time = Number(options.time);
    else
      message.from = options.from ?? "now";
  }
  #subscribed(message) {
    if (message.id !== void 0 && message.id !== this.#asked)
      return;
    this.#following = true;
    const position = this.#place.subscribed(message, message.id === void 0 ? "either" : this.#beginning);
    if (this.#lost) {
      this.#lost = false;
      this.#push(this.#place.lost(message.head, message.earliest));
    } else {
      this.#enter("catching_up");
      if (position)
        this.#push({ position });
    }
  }
  #refused(message) {
    if (message.id !== void 0 && message.id === this.#ackId) {
      this.#ackId = 0;
      return this.#host.report(errorOf2(message, this.topic));
    }
    if (message.id !== void 0 ? message.id !== this.#asked : !this.#following)
      return;
    const error = errorOf2(message, this.topic);
    if (error.gap && this.#onGap === "fail") {
      this.#push(this.#place.take({ type: "gap", topic: this.topic, ...error.gap }));
    }
    this.#stop(message.code, error);
  }
  #unsubscribed(message) {
    if (!this.#following || message.id !== void 0)
      return;
    const code = message.reason ?? "cancelled";
    const { topic } = this;
    const text = `ended: ${code}`;
    this.#stop(code, new TidemarkError(code, text, { topic, gap: this.#gap }));
  }
  #stop(code, error) {
    this.#asked = 0;
    this.#following = false;
    const absent = code === "unknown_topic" || code === "topic_deleted";
    if (!mayPass(code) && !(absent && this.#options.waitForTopic)) {
      return this.end(error);
    }
    this.#enter("waiting");
    this.#timer = setTimeout(() => {
      this.#timer = void 0;
      this.ask();
    }, Math.max(error.retryAfterMs ?? 0, this.#backoff.next()));
  }
  #push({ item, position, caughtUp = false }) {
    if (!item && !position && !caughtUp)
      return;
    if (item)
      this.#backoff.reset();
    if (item?.type === "gap")
      this.#gap = item.gap;
    const last2 = this.#queue.at(-1);
    if (last2 && !item) {
      last2.position = position ?? last2.position;
      last2.caughtUp ||= caughtUp;
    } else {
      this.#queue.push({ item, position, caughtUp });
    }
    if (this.#queue.length > (this.#options.maxQueued ?? 1e3))
      this.#hold();
    if (this.#handlers)
      void this.#pump();
    else
      this.#wake();
  }
  #hold() {
    if (this.#held)
      return;
    this.#held = true;
    this.#leave();
  }
  #leave() {
    const { topic } = this;
    if (this.#asked)
      this.#host.send({ type: "unsubscribe", id: this.#host.nextId(), topic });
    this.#asked = 0;
    this.#following = false;
  }
  #next() {
    for (; ; ) {
      const next = this.#queue.shift();
      if (this.#held && this.#queue.length <= (this.#options.maxQueued ?? 1e3) / 2) {
        this.#held = false;
        this.ask();
      }
      if (!next)
        return void 0;
      this.#taken = next;
      if (next.item)
        return next;
      this.#applied();
    }
  }
  #applied() {
    const taken = this.#taken;
    if (!taken)
      return;
    this.#taken = void 0;
    if (taken.position) {
      this.position = taken.position;
      if (this.#keptAs)
        this.#host.positions.save(this.#keptAs, taken.position);
      this.#acknowledge();
    }
    if (this.#state === "ended")
      return;
    if (taken.item?.type === "gap")
      this.#enter("gap");
    else if (taken.item && this.#state === "gap")
      this.#enter("catching_up");
    if (taken.caughtUp)
      this.#enter("live");
    const told = performance.now() - this.#toldAt < TELL_EVERY;
    if (this.#state === "catching_up" && !told)
      this.#tell();
  }
  async #pump() {
    if (this.#pumping)
      return;
    this.#pumping = true;
    for (let next = this.#next(); next; next = this.#next()) {
      try {
        const answer = this.#handle(next.item);
        if (answer)
          await answer;
      } catch (cause) {
        this.#queue = [];
        this.#taken = void 0;
        const { topic } = this;
        const error = new TidemarkError("handler_failed", "a handler failed", { topic, cause });
        this.#host.report(error);
        this.end(error);
        break;
      }
      this.#applied();
    }
    this.#pumping = false;
    if (this.#state === "ended")
      this.#handlers?.ended?.(this.#error);
  }
  #handle(item) {
    return this.#handlers?.[item.type]?.(item);
  }
  #acknowledge() {
    const { cursor } = this.#options;
    const { position } = this;
    if (!cursor || !position || position === this.#acked || this.#ackId)
      return;
    const id = this.#host.nextId();
    if (!this.#host.send({ type: "ack", id, topic: this.topic, cursor, ...position }))
      return;
    this.#ackId = id;
    this.#acked = position;
  }
  #enter(state) {
    if (state !== "gap" && state !== "ended")
      this.#gap = void 0;
    if (this.#state === state && state !== "gap")
      return;
    this.#state = state;
    this.#tell();
  }
  #tell() {
    this.#toldAt = performance.now();
    this.#handlers?.status?.(this.status);
    this.#host.changed(this);
  }
  #wake() {
    this.#waiting?.();
    this.#waiting = void 0;
  }
};
function errorOf2(message, topic) {
  return new TidemarkError(message.code, message.message, {
    topic: message.topic ?? topic,
    gap: message.gap,
    retryAfterMs: message.retry_after_ms
  });
}

// src/websocket_link.ts
var OPEN_MS2 = 1e4;
function openWebSocket({ base, WebSocket }, watcher) {
  let socket;
  let over = false;
  const close = () => {
    over = true;
    clearTimeout(timer);
    socket?.close();
  };
  const end = (code, reason) => {
    if (over)
      return;
    close();
    watcher.ended({ code, reason });
  };
  const broken = () => end(1006, "");
  const timer = setTimeout(broken, OPEN_MS2);
  try {
    socket = new WebSocket(base.replace(/^http/, "ws") + "/v1/ws", ["tidemark.v1.json"]);
    socket.onopen = () => {
      clearTimeout(timer);
      if (!over)
        watcher.opened();
    };
    socket.onmessage = ({ data }) => {
      if (over)
        return;
      const message = decodeMessage(data);
      if (message)
        watcher.received(message);
      else
        end(1002, "protocol_error");
    };
    socket.onclose = ({ code, reason }) => end(code, reason);
    socket.onerror = () => void 0;
  } catch {
    queueMicrotask(broken);
  }
  return {
    kind: "websocket",
    send(message) {
      if (over)
        return;
      try {
        socket?.send(JSON.stringify(message));
      } catch {
        broken();
      }
    },
    close
  };
}

// src/way.ts
var PATIENCE = 2;
var TRUST = 6;
var SOON = 3e4;
var LATE = 6e5;
var Way = class {
  #failures = 0;
  #works = false;
  #last = "http";
  #brought = false;
  #asked;
  #webSockets;
  constructor(asked, webSockets) {
    this.#asked = asked;
    this.#webSockets = webSockets;
  }
  next() {
    this.#brought = false;
    if (this.#asked !== "auto")
      this.#last = this.#asked;
    else if (!this.#webSockets)
      this.#last = "http";
    else
      this.#last = this.#failures >= (this.#works ? TRUST : PATIENCE) && this.#last === "websocket" ? "http" : "websocket";
    return this.#last;
  }
  proven(kind) {
    this.#brought = true;
    if (kind !== "websocket")
      return;
    this.#works = true;
    this.#failures = 0;
  }
  ended(kind) {
    if (kind === "websocket" && !this.#brought)
      ++this.#failures;
  }
  retryAfter(kind) {
    if (kind === "websocket" || this.#asked !== "auto" || !this.#webSockets)
      return 0;
    return this.#works ? SOON : LATE;
  }
};

// src/client.ts
var HIDDEN_FOR = 3e4;
var STABLE_AFTER = 1e4;
var UNAUTHORIZED = 3e3;
var TidemarkClient = class extends Emitter {
  #context;
  #environment;
  #positions;
  #outbox;
  #credential;
  #way;
  #heartbeat;
  #host;
  #subscriptions = /* @__PURE__ */ new Map();
  #backoff = new Backoff(500, 3e4);
  #unwatch;
  #told = {
    state: "connecting",
    transport: void 0,
    retryAt: void 0,
    error: void 0
  };
  #link;
  #open = false;
  #openedAt = 0;
  #attempt = 0;
  #lastId = 0;
  #comeBackAfter;
  #paused = false;
  #hidden = false;
  #closed = false;
  #timer;
  #hiding;
  #options;
  constructor(options = {}) {
    super();
    this.#options = options;
    this.#context = contextOf(options);
    this.#environment = options.environment ?? platformEnvironment();
    const store = options.store ?? new MemoryStore();
    const report = (error) => this.emit("error", error);
    this.#positions = new Positions(store, report);
    this.#outbox = new Outbox(store, platformLocks(), { events: 1e3, bytes: 1 << 20, ...options.outbox }, {
      nextId: () => ++this.#lastId,
      changed: () => this.emit("outbox", this.#outbox.size),
      rejected: (rejected) => this.emit("rejected", rejected),
      failed: report
    });
    this.#credential = new Credential(options.token);
    this.#way = new Way(options.transport ?? "auto", this.#context.WebSocket !== void 0);
    this.#heartbeat = new Heartbeat(() => this.#send({ type: "ping", id: ++this.#lastId }), () => this.#drop(new TidemarkError("timed_out", "no answer")));
    this.#host = {
      positions: this.#positions,
      random: Math.random,
      nextId: () => ++this.#lastId,
      send: (message) => this.#send(message),
      report,
      changed: (subscription) => this.emit("subscription", subscription),
      over: ({ topic }) => this.#subscriptions.delete(topic),
      distrust: (error) => {
        report(error);
        this.#drop(error);
      }
    };
    this.#unwatch = this.#environment.watch((change) => this.#changed(change));
    if (options.pauseWhenHidden && this.#environment.hidden())
      this.#changed("hidden");
    void this.#outbox.open();
    void this.#connect();
  }
  get status() {
    return this.#told;
  }
  subscribe(topic, options = {}, handlers) {
    if (this.#closed)
      throw new TidemarkError("closed", "the client is closed");
    if (this.#subscriptions.has(topic)) {
      throw new TidemarkError("already_subscribed", `${topic} is followed already`, { topic });
    }
    const subscription = new Subscription(topic, options, handlers, this.#host);
    this.#subscriptions.set(topic, subscription);
    return subscription;
  }
  publish(topic, data, options = {}) {
    const { key, headers, contentType } = options;
    return new Publishing(this.#outbox.add({
      topic,
      ...encodePayload(data),
      ...key === void 0 ? {} : { key },
      ...headers ? { headers } : {},
      ...contentType ? { content_type: contentType } : {}
    }));
  }
  pause() {
    this.#paused = true;
    this.#rest();
  }
  resume() {
    this.#paused = false;
    this.#hurry();
  }
  async close() {
    if (this.#closed)
      return;
    this.#closed = true;
    this.#unwatch();
    for (const subscription of [...this.#subscriptions.values()])
      subscription.close();
    this.#rest();
    await Promise.all([this.#outbox.close(), this.#positions.settled()]);
  }
  #wanted() {
    return !this.#closed && !this.#paused && !this.#hidden;
  }
  async #connect() {
    clearTimeout(this.#timer);
    if (this.#link || !this.#wanted())
      return;
    const attempt = ++this.#attempt;
    this.#tell("connecting");
    let token;
    try {
      token = await this.#credential.get();
    } catch (error) {
      if (attempt === this.#attempt)
        this.#unauthorized(error, true);
      return;
    }
    if (attempt !== this.#attempt || !this.#wanted())
      return;
    const open = this.#way.next() === "websocket" ? openWebSocket : openHttp;
    this.#link = open(this.#context, {
      opened: () => this.#opened(token),
      received: (message) => this.#received(message),
      ended: (end) => this.#ended(end)
    });
  }
  #opened(token) {
    this.#open = true;
    this.#openedAt = performance.now();
    this.#heartbeat.start();
    if (token !== void 0)
      this.#authenticate(token);
    else
      this.#tell("live");
    for (const subscription of [...this.#subscriptions.values()])
      subscription.ask();
    this.#outbox.attach((message) => this.#send(message));
    const retry = this.#way.retryAfter(this.#link.kind);
    if (retry)
      this.#timer = setTimeout(() => this.#drop(void 0), retry);
  }
  #send(message) {
    if (!this.#open)
      return false;
    this.#link.send(message);
    return true;
  }
  #drop(error) {
    if (!this.#link)
      return;
    this.#link.close();
    this.#lost(error, error ? void 0 : 0);
  }
  #ended(end) {
    const goodbye = this.#comeBackAfter;
    const code = end.reason || "connection_lost";
    const message = `ended: ${code}`;
    this.#outbox.refused({ type: "error", code, message });
    const error = new TidemarkError(code, message);
    if (end.code === UNAUTHORIZED)
      return this.#unauthorized(error, this.#credential.refused());
    this.#lost(error, goodbye);
  }
  #lost(error, after) {
    this.#way.ended(this.#link?.kind);
    this.#unlink();
    this.#wait("offline", error, after ?? this.#backoff.next());
  }
  #unauthorized(error, again) {
    this.#unlink();
    this.emit("error", error);
    if (again)
      this.#wait("unauthorized", error, this.#credential.fresh ? 0 : this.#backoff.next());
    else
      this.#tell("unauthorized", error);
  }
  #wait(state, error, after) {
    if (!this.#wanted())
      return this.#tell(this.#closed ? "closed" : "paused");
    this.#tell(state, error, Date.now() + after);
    this.#timer = setTimeout(() => void this.#connect(), after);
  }
  #unlink() {
    clearTimeout(this.#timer);
    this.#heartbeat.stop();
    this.#link = this.#comeBackAfter = void 0;
    if (!this.#open)
      return;
    if (performance.now() - this.#openedAt >= STABLE_AFTER)
      this.#backoff.reset();
    this.#open = false;
    this.#outbox.detach();
    for (const subscription of [...this.#subscriptions.values()])
      subscription.disconnected();
  }
  #rest() {
    ++this.#attempt;
    this.#link?.close();
    this.#unlink();
    this.#tell(this.#closed ? "closed" : "paused");
  }
  #hurry() {
    if (this.#link)
      return this.#heartbeat.probe();
    this.#backoff.reset();
    void this.#connect();
  }
  #changed(change) {
    if (change === "hidden" || change === "visible")
      clearTimeout(this.#hiding);
    const { pauseWhenHidden } = this.#options;
    if (change === "hidden") {
      if (!pauseWhenHidden)
        return;
      this.#hiding = setTimeout(() => {
        this.#hidden = true;
        this.#rest();
      }, pauseWhenHidden === true ? HIDDEN_FOR : pauseWhenHidden);
    } else if (change === "offline") {
      this.#heartbeat.probe();
    } else if (change === "online" || change === "resumed" || !this.#environment.hidden()) {
      if (!this.#environment.hidden())
        this.#hidden = false;
      if (this.#wanted())
        this.#hurry();
    }
  }
  #received(message) {
    this.#heartbeat.heard();
    this.#way.proven(this.#link.kind);
    switch (message.type) {
      case "published":
        return this.#outbox.published(message);
      case "goodbye":
        this.#comeBackAfter = message.reconnect_after_ms;
        return;
      case "authenticated":
        this.#credential.accepted();
        return this.#tell("live");
      case "token_expires":
        return void this.#refresh();
      case "error":
        return this.#refused(message);
      case "pong":
        return;
      default:
        this.#subscriptions.get(message.topic)?.received(message);
    }
  }
  #refused(message) {
    if (this.#outbox.refused(message))
      return;
    const topic = message.topic && this.#subscriptions.get(message.topic);
    if (topic)
      return topic.received(message);
    this.emit("error", errorOf2(message));
  }
  #authenticate(token) {
    this.#send({ type: "auth", id: ++this.#lastId, token });
  }
  async #refresh() {
    const link = this.#link;
    try {
      const token = await this.#credential.get();
      if (link === this.#link && token !== void 0)
        this.#authenticate(token);
    } catch (error) {
      this.emit("error", error);
    }
  }
  #tell(state, error, retryAt) {
    this.#told = { state, transport: this.#open ? this.#link?.kind : void 0, retryAt, error };
    this.emit("status", this.#told);
  }
};
function contextOf(options) {
  const { url = globalThis.location?.origin, fetch = globalThis.fetch } = options;
  const WebSocket = options.WebSocket ?? globalThis.WebSocket;
  const base = String(url).replace(/^ws/, "http").replace(/\/*([?#].*)?$/, "");
  if (!/^https?:/.test(base))
    throw new TidemarkError("unsupported", `no address: ${url}`);
  return { base, fetch: (...args) => fetch(...args), WebSocket };
}

// src/indexed_db_store.ts
var ITEMS = "items";
var IndexedDbStore = class {
  #opening;
  #name;
  constructor(name) {
    this.#name = name;
  }
  async getItem(key) {
    return await this.#run("readonly", (items) => items.get(key)) ?? null;
  }
  async setItem(key, value) {
    await this.#run("readwrite", (items) => items.put(value, key));
  }
  async removeItem(key) {
    await this.#run("readwrite", (items) => items.delete(key));
  }
  async #run(mode, ask, again = true) {
    try {
      const database = await (this.#opening ??= this.#open());
      const transaction = database.transaction(ITEMS, mode, { durability: "strict" });
      const request = ask(transaction.objectStore(ITEMS));
      await new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
      });
      return request.result;
    } catch (cause) {
      this.#opening = void 0;
      if (again && cause?.name !== "QuotaExceededError")
        return this.#run(mode, ask, false);
      throw cause;
    }
  }
  #open() {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(this.#name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(ITEMS);
      request.onsuccess = () => {
        const database = request.result;
        database.onversionchange = database.onclose = () => {
          database.close();
          this.#opening = void 0;
        };
        resolve(database);
      };
      request.onerror = request.onblocked = () => reject(request.error);
    });
  }
};
export {
  Emitter,
  IndexedDbStore,
  MemoryStore,
  Publishing,
  Subscription,
  TidemarkClient,
  TidemarkError
};
