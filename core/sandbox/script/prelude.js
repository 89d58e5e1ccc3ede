// The prelude is the first that an interpreter runs. It adds what a skill finds
// besides the language (console, timers, text encoding, chance from the seed of
// a call) and gives the host one function by which it calls a skill. What it
// needs is taken from the globals now: an author's code may change them later.
(function (native) {
  "use strict";
  const { stringify, parse } = JSON;
  const apply = Reflect.apply;
  const fromCharCode = String.fromCharCode;
  const then = Promise.prototype.then;
  const LOG = 0, SEED = 1, HOST = 2;

  const hidden = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });

  // --- log ---------------------------------------------------------------

  const show = (v) => {
    if (typeof v === "string") return v;
    if (v instanceof Error) return v.stack ? `${v}\n${v.stack}`.trimEnd() : String(v);
    if (typeof v === "object" && v !== null) {
      try {
        return stringify(v) ?? String(v);
      } catch {
        return Object.prototype.toString.call(v);
      }
    }
    return typeof v === "function" ? `[function ${v.name}]` : String(v);
  };
  const say = (level) => (...values) => native(LOG, level, `${values.map(show).join(" ")}`);
  hidden("console", { debug: say(0), log: say(1), info: say(1), warn: say(2), error: say(3) });

  // --- chance ------------------------------------------------------------

  // xoshiro128** (Blackman and Vigna, 2018), seeded by the host at the first
  // draw of a call. Draws while the file itself runs come from a fixed seed.
  let s = [0x706c696d, 0x736f6c6c, 0x73656564, 0x00000001], seeded = true;
  const next = () => {
    if (!seeded) {
      s = apply(parse, JSON, [native(SEED, 0, "")]);
      seeded = true;
    }
    const r = Math.imul(s[1], 5), out = Math.imul((r << 7) | (r >>> 25), 9) >>> 0, t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return out;
  };
  Math.random = function random() {
    return ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
  };

  // The clock stands still during a call, and its start is nobody's business.
  if (globalThis.performance !== undefined) {
    hidden("performance", { now: () => 0, timeOrigin: 0 });
  }

  // --- timers ------------------------------------------------------------

  // Nothing waits here: a timer runs when everything before it is done, in the
  // order of the times that were asked for.
  let timers = [], lastTimer = 0;
  hidden("setTimeout", function setTimeout(f, ms, ...args) {
    if (typeof f !== "function") throw new TypeError("setTimeout takes a function");
    const at = Number(ms) > 0 ? Number(ms) : 0, id = ++lastTimer;
    let i = timers.length;
    while (i > 0 && timers[i - 1].at > at) i--;
    timers.splice(i, 0, { id, at, f, args });
    return id;
  });
  hidden("clearTimeout", function clearTimeout(id) {
    timers = timers.filter((t) => t.id !== id);
  });
  if (globalThis.queueMicrotask === undefined) {
    const done = Promise.resolve();
    hidden("queueMicrotask", function queueMicrotask(f) {
      if (typeof f !== "function") throw new TypeError("queueMicrotask takes a function");
      apply(then, done, [() => f()]);
    });
  }

  // --- text --------------------------------------------------------------

  hidden("TextEncoder", class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(text = "") {
      const t = String(text).toWellFormed(), out = new Uint8Array(t.length * 3);
      let n = 0;
      for (let i = 0; i < t.length; i++) {
        const c = t.codePointAt(i);
        if (c < 0x80) {
          out[n++] = c;
        } else if (c < 0x800) {
          out[n++] = 0xc0 | (c >> 6);
          out[n++] = 0x80 | (c & 63);
        } else {
          if (c < 0x10000) {
            out[n++] = 0xe0 | (c >> 12);
          } else {
            i++;
            out[n++] = 0xf0 | (c >> 18);
            out[n++] = 0x80 | ((c >> 12) & 63);
          }
          out[n++] = 0x80 | ((c >> 6) & 63);
          out[n++] = 0x80 | (c & 63);
        }
      }
      return out.slice(0, n);
    }
  });
  hidden("TextDecoder", class TextDecoder {
    #fatal;
    constructor(encoding = "utf-8", { fatal = false } = {}) {
      if (!/^utf-?8$/i.test(encoding)) throw new RangeError(`TextDecoder knows utf-8 only, not ${encoding}`);
      this.#fatal = fatal;
    }
    get encoding() { return "utf-8"; }
    decode(bytes = new Uint8Array(0)) {
      const b = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let out = "", i = b.length > 2 && b[0] === 0xef && b[1] === 0xbb && b[2] === 0xbf ? 3 : 0;
      while (i < b.length) {
        const c = b[i++];
        if (c < 0x80) {
          out += fromCharCode(c);
          continue;
        }
        let more = c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 0, v = c & (0x3f >> more);
        let low = c === 0xe0 ? 0xa0 : c === 0xf0 ? 0x90 : 0x80, high = c === 0xed ? 0x9f : c === 0xf4 ? 0x8f : 0xbf;
        let good = more > 0;
        for (; more > 0; more--) {
          if (i >= b.length || b[i] < low || b[i] > high) {
            good = false;
            break;
          }
          v = (v << 6) | (b[i++] & 63);
          low = 0x80;
          high = 0xbf;
        }
        if (!good && this.#fatal) throw new TypeError("the bytes are not UTF-8");
        out += good ? String.fromCodePoint(v) : "\ufffd";
      }
      return out;
    }
  });
  hidden("structuredClone", function structuredClone(value) {
    const seen = new Map();
    const copy = (v) => {
      if (typeof v === "function" || typeof v === "symbol") throw new TypeError(`structuredClone cannot copy a ${typeof v}`);
      if (typeof v !== "object" || v === null) return v;
      if (seen.has(v)) return seen.get(v);
      const keep = (c) => (seen.set(v, c), c);
      if (v instanceof Date) return keep(new Date(v.getTime()));
      if (v instanceof RegExp) return keep(new RegExp(v.source, v.flags));
      if (v instanceof Map) {
        const c = keep(new Map());
        v.forEach((x, k) => c.set(copy(k), copy(x)));
        return c;
      }
      if (v instanceof Set) {
        const c = keep(new Set());
        v.forEach((x) => c.add(copy(x)));
        return c;
      }
      if (v instanceof ArrayBuffer) return keep(v.slice(0));
      if (ArrayBuffer.isView(v)) return keep(v instanceof DataView ? new DataView(v.buffer.slice(0), v.byteOffset, v.byteLength) : v.slice());
      if (v instanceof Error) return keep(Object.assign(Object.create(Object.getPrototypeOf(v)), { message: v.message, stack: v.stack }));
      const c = keep(Array.isArray(v) ? new Array(v.length) : {});
      for (const k of Object.keys(v)) c[k] = copy(v[k]);
      return c;
    };
    return copy(value);
  });

  // --- host calls --------------------------------------------------------

  hidden("__plimsoll_host", (op, payload) => {
    // Whatever an author makes of a number or a text runs here, not inside of the host.
    const answer = native(HOST, +op, `${payload}`);
    return { failed: answer[0] === "!", text: answer.slice(1) };
  });

  // --- calls -------------------------------------------------------------

  const read = (e, member) => {
    try {
      const v = e[member];
      return v === undefined || v === null ? "" : String(v);
    } catch {
      return "";
    }
  };
  // explain never throws: it is what is left when everything else has failed.
  const explain = (e) => {
    if (!(e instanceof Error)) {
      let shown;
      try {
        shown = show(e);
      } catch {
        shown = "something that cannot be shown";
      }
      return { code: "script_error", message: `threw ${typeof e === "string" ? stringify(e) : shown}, which is no Error and so knows no place; write throw new Error(...)`, detail: "" };
    }
    if (read(e, "name") === "SkillError" && read(e, "code") !== "") {
      const f = { code: read(e, "code"), message: read(e, "message"), detail: read(e, "detail") };
      if (e.retryable === true) f.retryable = true;
      return f;
    }
    const name = read(e, "name") || "Error", message = read(e, "message"), cause = e.cause instanceof Error ? ` (cause: ${read(e.cause, "name")}: ${read(e.cause, "message")})` : "";
    return { code: "script_error", message: (message === "" ? name : `${name}: ${message}`) + cause, detail: read(e, "stack") };
  };

  const LOAD = -1, TICK = -2, REJECTED = -3, THROWN = -4;
  let skill, result;
  const answer = (text) => {
    result = "=" + text;
  };
  const failed = (e) => {
    let f;
    try {
      f = explain(e);
    } catch (worse) {
      f = { code: "script_error", message: "threw something that throws when it is looked at", detail: read(worse, "stack") };
    }
    result = "!" + stringify(f);
  };

  // A number says what to do; the result is a text, or undefined while there is
  // none yet, or true when a timer ran.
  return function call(what, value) {
    switch (what) {
      case LOAD: {
        const made = value?.default;
        if (typeof made?.call !== "function" || typeof made?.manifest !== "object") {
          return "!" + stringify({ code: "script_error", message: made === undefined ? "the file has no default export: write export default skill({...})" : "the default export was not made by skill({...}) of @plimsoll/skill", detail: "" });
        }
        skill = made;
        seeded = false;
        return "=";
      }
      case TICK: {
        const timer = timers.shift();
        if (timer === undefined) return result;
        try {
          timer.f(...timer.args);
        } catch (e) {
          failed(e);
        }
        return true;
      }
      case REJECTED:
      case THROWN:
        failed(value);
        return result;
    }
    try {
      const later = skill.call(what, value, answer);
      if (later !== undefined) apply(then, later, [undefined, failed]);
    } catch (e) {
      failed(e);
    }
    return undefined;
  };
});
