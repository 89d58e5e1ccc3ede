// The module @plimsoll/skill. It turns the object that an author writes into the
// ops of sdk/ABI.md. It relies on the interpreter's prelude for one thing: the
// function __plimsoll_host, which carries a host call.

const known = ["name", "version", "prepare", "finish", "check", "render", "run", "capabilities", "limits", "self_tests"];

/** A failure with a code of the author's own. */
export class SkillError extends Error {
  constructor(code, message, options = {}) {
    super(message);
    this.name = "SkillError";
    this.code = String(code);
    this.retryable = options.retryable === true;
    this.detail = options.detail === undefined ? "" : String(options.detail);
  }
}

export const failure = (code, message) => new SkillError(code, message);
export const retry = (code, message) => new SkillError(code, message, { retryable: true });

export const system = (content) => ({ role: "system", content });
export const user = (content) => ({ role: "user", content });
export const assistant = (content) => ({ role: "assistant", content });

export const pass = () => ({ passed: true });
export const fail = (reason, ...ids) => (ids.length > 0 ? { passed: false, reason, failed_ids: ids } : { passed: false, reason });

const ask = (op, payload) => {
  const { failed, text } = __plimsoll_host(op, carry("what is asked of the host", payload));
  const answer = JSON.parse(text);
  if (failed) {
    throw new SkillError(answer.code, answer.message, { retryable: answer.retryable, detail: answer.detail });
  }
  return answer;
};

export const host = Object.freeze({
  model: Object.freeze({ generate: async (request) => ask(1, request).completion }),
  kv: Object.freeze({
    get: async (key) => {
      const { found, value } = ask(2, { key });
      return found ? value : undefined;
    },
    put: async (key, value) => {
      ask(3, { key, value: value === undefined ? null : value });
    },
    delete: async (key) => {
      ask(3, { key, value: null });
    },
  }),
  tool: Object.freeze({ call: async (tool, args = {}) => ask(4, { tool, arguments: args }).result }),
  log: (...values) => console.log(...values),
});

// JSON turns NaN into null and drops functions, without a word. Both are errors
// here: what a skill answers decides something.
function strict(key, value) {
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) {
        throw new SkillError("failed", `${key === "" ? "it" : JSON.stringify(key)} is ${value}, which JSON cannot carry; give a finite number or null`);
      }
      break;
    case "bigint":
      throw new SkillError("failed", `${JSON.stringify(key)} is a BigInt, which JSON cannot carry; give Number(x) or String(x)`);
    case "function":
    case "symbol":
      throw new SkillError("failed", `${JSON.stringify(key)} is a ${typeof value}, which JSON cannot carry`);
    case "undefined":
      if (Array.isArray(this)) {
        throw new SkillError("failed", `element ${key} of a list is undefined, which JSON cannot carry; give null`);
      }
  }
  return value;
}

function carry(what, value) {
  try {
    return JSON.stringify(value, strict);
  } catch (e) {
    if (e instanceof SkillError && e.code === "failed") {
      e.message = `${what} cannot be carried: ${e.message}`;
    } else if (e instanceof TypeError && e.message === "circular reference") {
      throw new SkillError("failed", `${what} cannot be carried: it contains itself`);
    }
    throw e;
  }
}

const kind = (v) => (v === null ? "null" : Array.isArray(v) ? "a list" : typeof v === "object" ? "an object" : typeof v === "undefined" ? "nothing (undefined)" : `a ${typeof v}`);

const needed = (payload, member) => {
  if (payload[member] === undefined) {
    throw new SkillError("bad_input", `the ${member} is missing`);
  }
  return payload[member];
};

const textual = (payload, member) => {
  const v = payload[member] ?? "";
  if (typeof v !== "string") {
    throw new SkillError("bad_input", `the ${member} is ${kind(v)}, not a text`);
  }
  return v;
};

const pick = (what, have, name) => {
  if (!Object.hasOwn(have, name)) {
    throw new SkillError("unsupported_op", `this skill's code has no ${what} ${JSON.stringify(name)}; it has ${JSON.stringify(Object.keys(have).sort())}`);
  }
  return have[name];
};

function prompt(made) {
  const out = Array.isArray(made) ? { messages: made } : made;
  if (out === null || typeof out !== "object" || !Array.isArray(out.messages)) {
    throw new SkillError("failed", `prepare returned ${kind(made)}; it must return a list of messages, or { messages, state }`);
  }
  const state = out.state === undefined ? {} : { state: out.state };
  return { messages: out.messages.map(({ role, content }) => ({ role, content })), ...state };
}

function output(op, made) {
  if (made === undefined) {
    throw new SkillError("failed", `${op} returned nothing; it must return the output (null when there is none)`);
  }
  return { output: made };
}

function verdict(gate, made) {
  if (typeof made === "boolean") {
    return { passed: made };
  }
  if (made === null || typeof made !== "object" || typeof made.passed !== "boolean") {
    throw new SkillError("failed", `gate ${JSON.stringify(gate)} returned ${kind(made)}; it must return pass(), fail("why"), true or false`);
  }
  const out = { passed: made.passed };
  if (made.reason !== undefined && made.reason !== "") {
    out.reason = made.reason;
  }
  if (made.failed_ids !== undefined && made.failed_ids.length > 0) {
    out.failed_ids = made.failed_ids;
  }
  return out;
}

function text(format, made) {
  if (typeof made !== "string") {
    throw new SkillError("failed", `format ${JSON.stringify(format)} returned ${kind(made)}; it must return a text`);
  }
  return { text: made };
}

// ops gives each op a start, which calls the author's code, and an end, which
// makes the answer of what came back, perhaps later.
const ops = {
  prepare: (d, p) => [d.prepare(needed(p, "input"), { step: textual(p, "step"), done: p.done ?? {} }), prompt],
  finish: (d, p) => [d.finish(needed(p, "input"), { completion: textual(p, "completion"), completions: p.completions ?? {}, state: p.state ?? undefined }), (made) => output("finish", made)],
  check: (d, p) => [pick("gate", d.check, p.gate)(needed(p, "input"), needed(p, "output")), (made) => verdict(p.gate, made)],
  render: (d, p) => [pick("format", d.render, p.format)(needed(p, "input"), needed(p, "output")), (made) => text(p.format, made)],
  run: (d, p) => [d.run(needed(p, "input"), { failed: p.failure ?? undefined }), (made) => output("run", made)],
};

const numbers = ["describe", "prepare", "finish", "check", "render", "run"];

function verify(d) {
  if (d === null || typeof d !== "object" || Array.isArray(d)) {
    throw new TypeError(`skill(...) got ${kind(d)}; it takes an object: skill({ finish(input, answer) { ... } })`);
  }
  for (const member of Object.keys(d)) {
    if (!known.includes(member)) {
      throw new TypeError(`skill({...}) does not know ${JSON.stringify(member)}; it knows ${known.join(", ")}`);
    }
  }
  for (const op of ["prepare", "finish", "run"]) {
    if (d[op] !== undefined && typeof d[op] !== "function") {
      throw new TypeError(`${op} is ${kind(d[op])}; it must be a function`);
    }
  }
  for (const op of ["check", "render"]) {
    if (d[op] === undefined) {
      continue;
    }
    if (d[op] === null || typeof d[op] !== "object") {
      throw new TypeError(`${op} is ${kind(d[op])}; it must be an object of functions by name`);
    }
    for (const [name, f] of Object.entries(d[op])) {
      if (typeof f !== "function") {
        throw new TypeError(`${op}.${name} is ${kind(f)}; it must be a function`);
      }
    }
  }
}

function describe(d) {
  const m = { abi: 1 };
  for (const member of ["name", "version"]) {
    if (d[member] !== undefined && d[member] !== "") {
      m[member] = d[member];
    }
  }
  m.ops = ["prepare", "finish"].filter((op) => d[op] !== undefined);
  for (const [op, list] of [["check", "gates"], ["render", "formats"]]) {
    if (d[op] !== undefined && Object.keys(d[op]).length > 0) {
      m.ops.push(op);
      m[list] = Object.keys(d[op]).sort();
    }
  }
  if (d.run !== undefined) {
    m.ops.push("run");
  }
  for (const member of ["capabilities", "limits", "self_tests"]) {
    if (d[member] !== undefined) {
      m[member] = d[member];
    }
  }
  return m;
}

/** Makes a skill of its definition. call is for the interpreter's prelude. */
export function skill(definition) {
  verify(definition);
  const manifest = describe(definition);
  return {
    manifest,
    call(number, payload, answer) {
      const op = numbers[number];
      if (op === "describe") {
        return answer(carry("the manifest", manifest));
      }
      if (op === undefined || !manifest.ops.includes(op)) {
        throw new SkillError("unsupported_op", `this skill has no code for ${op ?? `op ${number}`}`);
      }
      let p;
      try {
        p = JSON.parse(payload);
      } catch (e) {
        throw new SkillError("bad_input", `the payload does not fit: ${e.message}`);
      }
      if (p === null || typeof p !== "object" || Array.isArray(p)) {
        throw new SkillError("bad_input", `the payload does not fit: it is ${kind(p)}`);
      }
      const [made, end] = ops[op](definition, p);
      const settle = (v) => answer(carry(`what ${op} returned`, end(v)));
      return made !== null && typeof made === "object" && typeof made.then === "function" ? made.then(settle) : settle(made);
    },
  };
}
