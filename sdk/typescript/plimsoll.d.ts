// Types of @plimsoll/skill, for editors. The engine does not read this file.

declare module "@plimsoll/skill" {
  /** One turn of a prompt. */
  export interface Message {
    role: "system" | "user" | "assistant";
    content: string;
  }

  /** For which step prepare is called; done has the completions of the steps before it. */
  export interface Turn {
    step: string;
    done: Record<string, string>;
  }

  /** What goes to the model. state is any JSON; finish gets what prepare gave for the last step. */
  export interface Prompt<State = unknown> {
    messages: Message[];
    state?: State;
  }

  /** What the model said: completion is that of the last step, completions has all by step. */
  export interface Answer<State = unknown> {
    completion: string;
    completions: Record<string, string>;
    state?: State;
  }

  /** A gate's answer. reason is shown to people, and to the model when it may try again. */
  export interface Verdict {
    passed: boolean;
    reason?: string;
    failed_ids?: string[];
  }

  /** What was wrong with the attempt of run before this one; output is what the gates looked at. */
  export interface Failed {
    message: string;
    gates?: string[];
    output?: unknown;
  }

  export type Capability = "model.generate" | "kv.get" | "kv.put" | "tool.call";

  /** What the skill asks for; a host grants at most its own limits. */
  export interface Limits {
    memory_mib?: number;
    timeout_ms?: number;
    output_bytes?: number;
    fuel?: number;
  }

  type Maybe<T> = T | Promise<T>;

  /** What an author writes; every member may be left out. A handler may be async. */
  export interface Definition<In = any, Out = any, State = any> {
    /** As in SKILL.md. */
    name?: string;
    version?: string;
    /** Makes the prompt of a step: messages, or messages and a state. */
    prepare?(input: In, turn: Turn): Maybe<Prompt<State> | Message[]>;
    /** Makes the output from what the model said. */
    finish?(input: In, answer: Answer<State>): Maybe<Out>;
    /** The gates that skill.hcl names with code = "NAME". */
    check?: Record<string, (input: In, output: Out) => Maybe<Verdict | boolean>>;
    /** The formats that skill.hcl declares without a template. */
    render?: Record<string, (input: In, output: Out) => Maybe<string>>;
    /** Drives a flow of its own by host calls, in place of prepare and finish. failed is undefined in the first attempt. */
    run?(input: In, attempt: { failed?: Failed }): Maybe<Out>;
    /** What run asks the host for; the project grants it. */
    capabilities?: Capability[];
    limits?: Limits;
    /** Calls whose answers the author vouches for; tried at admission. */
    self_tests?: { op: "prepare" | "finish" | "check" | "render"; input: unknown; output: unknown }[];
  }

  /** What skill gives back. Export it as default. */
  export interface Skill {
    readonly manifest: unknown;
  }

  export function skill<In = any, Out = any, State = any>(definition: Definition<In, Out, State>): Skill;

  export function system(content: string): Message;
  export function user(content: string): Message;
  /** For examples in a prompt. */
  export function assistant(content: string): Message;

  /** The verdict of a gate that holds. */
  export function pass(): Verdict;
  /** The verdict of a gate that does not: why, in words that help to do better, and the ids of what failed. */
  export function fail(reason: string, ...ids: string[]): Verdict;

  /** A failure with a code of one's own: lower case words with underscores. */
  export class SkillError extends Error {
    constructor(code: string, message: string, options?: { retryable?: boolean; detail?: string });
    readonly code: string;
    readonly retryable: boolean;
    readonly detail: string;
  }

  /** Makes a failure that another completion would not mend: throw failure("no_rates", "..."). */
  export function failure(code: string, message: string): SkillError;
  /** Makes a failure that says: ask the model again, with this message. */
  export function retry(code: string, message: string): SkillError;

  /** The host. Its calls are answered in run only, and only where the project grants them; log always works. */
  export const host: {
    model: {
      /** Asks a model; step names one of skill.hcl and with it a tier. */
      generate(request: { step?: string; messages: Message[] }): Promise<string>;
    };
    kv: {
      /** The value of a key; undefined when there is none. */
      get<T = unknown>(key: string): Promise<T | undefined>;
      put(key: string, value: unknown): Promise<void>;
      delete(key: string): Promise<void>;
    };
    tool: {
      call<T = unknown>(tool: string, args?: Record<string, unknown>): Promise<T>;
    };
    log(...values: unknown[]): void;
  };
}

declare module "*.md" {
  const text: string;
  export default text;
}

declare module "*.txt" {
  const text: string;
  export default text;
}

// What there is besides the language itself. The clock stands still during a
// call, and chance is drawn from the call's seed.
declare const console: Record<"debug" | "log" | "info" | "warn" | "error", (...values: unknown[]) => void>;
declare function setTimeout<A extends unknown[]>(f: (...args: A) => void, ms?: number, ...args: A): number;
declare function clearTimeout(id?: number): void;
declare function queueMicrotask(f: () => void): void;
declare function structuredClone<T>(value: T): T;
declare function btoa(bytes: string): string;
declare function atob(text: string): string;
declare class TextEncoder {
  encode(text?: string): Uint8Array;
}
declare class TextDecoder {
  constructor(encoding?: "utf-8", options?: { fatal?: boolean });
  decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}
