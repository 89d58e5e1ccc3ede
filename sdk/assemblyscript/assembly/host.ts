import { ask, wasRefused } from "./guest";
import { Json, Kind } from "./json";
import { problem } from "./problem";
import { parse } from "./read";
import { Message } from "./message";
import { write } from "./write";

/**
 * The host, as run sees it. Each function is a capability that the skill asks for
 * and the project grants. When the host says no, a function gives null, and code
 * and message say why: capability, unavailable, quota, tool_failed.
 */
export class Host {
  code: string = "";
  message: string = "";
  retryable: bool = false;

  private ask(op: i32, payload: Json): Json | null {
    const answer = ask(op, write(payload));
    const v = parse(answer.at, answer.len);
    this.code = "failed";
    this.message = "the host's answer cannot be read";
    this.retryable = false;
    if (v === null || v.kind != Kind.Object) return null;
    if (!wasRefused()) {
      this.code = this.message = "";
      return v;
    }
    this.code = v.getText("code");
    this.message = v.getText("message");
    this.retryable = v.getBool("retryable");
    return null;
  }

  /** Ends the call with the host's failure. */
  passOn(): void {
    problem.set(this.code, this.message, this.retryable);
  }

  /** Asks the model of a step; "" is the main one. */
  generate(step: string, messages: Message[]): string | null {
    const payload = Json.object();
    if (step.length > 0) payload.setText("step", step);
    const list = Json.list();
    for (let i = 0; i < messages.length; i++) list.add(messages[i].json());
    const answer = this.ask(1, payload.set("messages", list));
    return answer === null ? null : answer.getText("completion");
  }

  /** What is kept under a key; a Json of kind Null when nothing is. */
  get(key: string): Json | null {
    const answer = this.ask(2, Json.object().setText("key", key));
    if (answer === null) return null;
    const value = answer.get("value");
    return value === null ? Json.null() : value;
  }

  /** Keeps a value under a key; Json.null() deletes. False: the host said no. */
  put(key: string, value: Json): bool {
    return this.ask(3, Json.object().setText("key", key).set("value", value)) !== null;
  }

  /** Calls a tool with an object of arguments. */
  tool(name: string, args: Json): Json | null {
    const answer = this.ask(4, Json.object().setText("tool", name).set("arguments", args));
    if (answer === null) return null;
    const result = answer.get("result");
    return result === null ? Json.null() : result;
  }
}
