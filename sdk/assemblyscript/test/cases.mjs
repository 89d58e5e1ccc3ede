// Runs the common cases of all SDKs (sdk/testdata/hello) on a module, in Node.
// It is a small host for whoever works on this SDK; conformance runs the same in
// the sandbox.
//
//     node test/cases.mjs example/hello.wasm

import { readFileSync } from "node:fs";
import { deepStrictEqual, ok, strictEqual } from "node:assert";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const folder = new URL("../../testdata/hello/", import.meta.url);
const ops = { describe: 0, prepare: 1, finish: 2, check: 3, render: 4, run: 5 };

function instance() {
  let memory;
  const text = (at, len) => Buffer.from(memory.buffer, at, len).toString();
  const plim = {
    log: (level, at, len) => console.log(`log ${level}: ${text(at, len)}`),
    host: () => 0n,
    host_read: () => -1,
  };
  const exports = new WebAssembly.Instance(module, { plim }).exports;
  memory = exports.memory;
  exports._initialize?.();
  return exports;
}

function call(op, input) {
  const guest = instance();
  const at = guest.plim_alloc(input.length) >>> 0;
  ok(at !== 0, "plim_alloc gave 0");
  new Uint8Array(guest.memory.buffer).set(input, at);
  const packed = BigInt.asUintN(64, guest.plim_call(op, at, input.length));
  ok(packed !== 0n, "plim_call gave 0");
  const bytes = new Uint8Array(guest.memory.buffer, Number(packed >> 32n), Number(packed & 0x7fffffffn));
  const answer = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  return { failed: (packed >> 31n & 1n) === 1n, answer };
}

function payload(c) {
  if (c.base64 !== undefined) return Buffer.from(c.base64, "base64");
  // JSON.stringify escapes lone surrogates, as the file does.
  if (c.input !== undefined) return Buffer.from(JSON.stringify(c.input));
  return Buffer.from((c.before ?? "") + (c.repeat ?? "").repeat(c.times ?? 0) + (c.after ?? ""));
}

function check(c) {
  const { failed, answer } = call(ops[c.op], payload(c));
  if (c.or_answer && !failed) return;
  strictEqual(failed, c.error !== undefined, JSON.stringify(answer).slice(0, 300));
  if (!failed) return deepStrictEqual(answer, c.answer);
  strictEqual(answer.code, c.error.code);
  strictEqual(answer.retryable ?? false, c.error.retryable ?? false);
  if (c.error.message) strictEqual(answer.message, c.error.message);
}

let wrong = 0;
let all = 0;
for (const file of ["cases.json", "hostile.json"]) {
  for (const c of JSON.parse(readFileSync(new URL(file, folder)))) {
    all++;
    try {
      check(c);
    } catch (e) {
      wrong++;
      console.log(`FAIL ${c.name}: ${e.message}`);
    }
  }
}
console.log(`${all} cases, ${wrong} of them fail`);
process.exit(wrong ? 1 : 0);
