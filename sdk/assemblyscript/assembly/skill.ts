import { inside, room } from "./guest";
import { Host } from "./host";
import { Json, Kind } from "./json";
import { Message } from "./message";
import { badInput, problem } from "./problem";
import { parse, whyNot } from "./read";
import { write } from "./write";

export { Message } from "./message";

/** What every op's function is given. */
export class Call {
  /** The skill's input; an empty object when it is null. */
  input: Json = Json.object();

  /** Ends the call without an answer. The code is lower case words with
   * underscores. Return after it. */
  fail(code: string, message: string): void {
    problem.set(code, message, false);
  }
  /** Says as well that another completion may help; a model may read the message. */
  retry(code: string, message: string): void {
    problem.set(code, message, true);
  }
}

/** Makes the prompt of a step. */
export class Prepare extends Call {
  step: string = "";
  /** {step: completion} of the steps before. */
  done: Json = Json.object();
  /** At least one, when the function returns. */
  messages: Message[] = [];
  /** What finish gets back. Nothing else outlives a call. */
  state: Json | null = null;

  system(content: string): void {
    this.messages.push(new Message("system", content));
  }
  user(content: string): void {
    this.messages.push(new Message("user", content));
  }
  assistant(content: string): void {
    this.messages.push(new Message("assistant", content));
  }
}

/** Makes the output from what the model said. */
export class Finish extends Call {
  /** Of the last step. */
  completion: string = "";
  /** {step: completion} of all. */
  completions: Json = Json.object();
  /** What prepare kept for the last step. */
  state: Json | null = null;
  /** To be set. */
  output: Json | null = null;
}

/** Decides a gate. One that cannot decide fails, which is never a pass. */
export class Check extends Call {
  output: Json = Json.object();
  decided: bool = false;
  passed: bool = false;
  reason: string = "";
  failedIds: string[] = [];

  pass(): void {
    this.decided = this.passed = true;
  }
  /** The reason is shown to people, and to the model when it may try again, so
   * write it as advice; the ids name what failed. */
  deny(reason: string, failedIds: string[] = []): void {
    this.decided = true;
    this.passed = false;
    this.reason = reason;
    this.failedIds = failedIds;
  }
}

/** Writes an output as text. */
export class Render extends Call {
  output: Json = Json.object();
  /** To be set. */
  text: string = "";
}

/** Drives a skill's own flow. */
export class Run extends Call {
  host: Host = new Host();
  /** To be set. */
  output: Json | null = null;
}

/** What a module answers with; every member may be left out. */
export class Skill {
  version: string = "";
  prepare: ((c: Prepare) => void) | null = null;
  finish: ((c: Finish) => void) | null = null;
  check: Map<string, (c: Check) => void> = new Map();
  render: Map<string, (c: Render) => void> = new Map();
  run: ((c: Run) => void) | null = null;
  capabilities: string[] = [];

  constructor(public name: string) {}

  /** Makes this the module's skill. Once, at the top level. */
  register(): void {
    current = this;
  }

  /** What the module says of itself when it is admitted: the linker cannot write
   * the manifest's section. */
  manifest(): Json {
    const ops: string[] = [];
    if (this.prepare !== null) ops.push("prepare");
    if (this.finish !== null) ops.push("finish");
    if (this.check.size > 0) ops.push("check");
    if (this.render.size > 0) ops.push("render");
    if (this.run !== null) ops.push("run");
    const m = Json.object().setInt("abi", 1);
    if (this.capabilities.length > 0) m.set("capabilities", Json.texts(this.capabilities));
    if (this.render.size > 0) m.set("formats", Json.texts(this.render.keys().sort()));
    if (this.check.size > 0) m.set("gates", Json.texts(this.check.keys().sort()));
    m.setText("name", this.name).set("ops", Json.texts(ops));
    if (this.version.length > 0) m.setText("version", this.version);
    return m;
  }
}

let current: Skill = new Skill("");

/** Says the ABI's version; it is never called. */
export function plim_abi_1(): void {}

export function plim_alloc(n: i32): usize {
  return room(n);
}

export function plim_call(op: i32, at: usize, len: i32): u64 {
  if (!inside(at, len)) return 0;
  const answer = Json.object();
  serve(op, at, len, answer);
  let failure: u64 = 0;
  let v = answer;
  if (problem.there) {
    failure = 1;
    v = Json.object().setText("code", problem.code).setText("message", problem.message);
    if (problem.retryable) v.setBool("retryable", true);
    if (problem.detail.length > 0) v.setText("detail", problem.detail);
  }
  const bytes = write(v);
  return (u64(bytes.at) << 32) | (failure << 31) | u64(bytes.len);
}

function unsupported(what: string): void {
  problem.set("unsupported_op", "this skill's code has no " + what, false);
}

function serve(op: i32, at: usize, len: i32, answer: Json): void {
  if (op == 0) {
    const m = current.manifest();
    answer.first = m.first;
    answer.last = m.last;
    return;
  }
  const have =
    op == 1 ? current.prepare !== null
    : op == 2 ? current.finish !== null
    : op == 3 ? current.check.size > 0
    : op == 4 ? current.render.size > 0
    : op == 5 && current.run !== null;
  if (!have) return unsupported("op " + op.toString());
  const call = parse(at, len);
  if (call === null) return badInput("the payload is not JSON: " + whyNot());
  if (call.kind != Kind.Object) return badInput("the payload must be an object");
  let input: Json | null = null;
  let output: Json | null = null;
  let m = call.first;
  while (m !== null) {
    if (m.name == "input") input = m;
    else if (m.name == "output") output = m;
    m = m.next;
  }
  if (input === null) return badInput("the payload has no input");
  if (op == 3 || op == 4) {
    if (output === null) return badInput("the payload has no output");
    if (op == 3) check(call, input, output, answer);
    else render(call, input, output, answer);
  } else if (op == 1) prepare(call, input, answer);
  else if (op == 2) finish(call, input, answer);
  else run(input, answer);
}

function prepare(call: Json, input: Json, answer: Json): void {
  const f = current.prepare;
  if (f === null) return;
  const c = new Prepare();
  c.input = input;
  c.step = call.getText("step");
  c.done = call.getObject("done");
  f(c);
  const messages = Json.list();
  for (let i = 0; i < c.messages.length; i++) messages.add(c.messages[i].json());
  answer.set("messages", messages);
  const state = c.state;
  if (state !== null) answer.set("state", state);
}

function finish(call: Json, input: Json, answer: Json): void {
  const f = current.finish;
  if (f === null) return;
  const c = new Finish();
  c.input = input;
  c.completion = call.getText("completion");
  c.completions = call.getObject("completions");
  c.state = call.get("state");
  f(c);
  out(c.output, answer);
}

function run(input: Json, answer: Json): void {
  const f = current.run;
  if (f === null) return;
  const c = new Run();
  c.input = input;
  f(c);
  out(c.output, answer);
}

function out(output: Json | null, answer: Json): void {
  if (output !== null) answer.set("output", output);
  else if (!problem.there) problem.set("failed", "the skill's code set no output", false);
}

function check(call: Json, input: Json, output: Json, answer: Json): void {
  const gate = call.getText("gate");
  if (!current.check.has(gate)) return unsupported("gate " + gate);
  const c = new Check();
  c.input = input;
  c.output = output;
  const f = current.check.get(gate);
  f(c);
  if (!c.decided && !problem.there) problem.set("failed", "gate " + gate + " decided nothing", false);
  answer.setBool("passed", c.passed);
  if (c.reason.length > 0) answer.setText("reason", c.reason);
  if (c.failedIds.length > 0) answer.set("failed_ids", Json.texts(c.failedIds));
}

function render(call: Json, input: Json, output: Json, answer: Json): void {
  const format = call.getText("format");
  if (!current.render.has(format)) return unsupported("format " + format);
  const c = new Render();
  c.input = input;
  c.output = output;
  const f = current.render.get(format);
  f(c);
  answer.setText("text", c.text);
}
