/** The module's side of the ABI: log, host, memory. */

// @ts-ignore: decorator
@external("plim", "log")
declare function plim_log(level: i32, at: usize, len: i32): void;

// @ts-ignore: decorator
@external("plim", "host")
declare function plim_host(op: i32, at: usize, len: i32): i64;

// @ts-ignore: decorator
@external("plim", "host_read")
declare function plim_host_read(at: usize, cap: i32): i32;

/** How much a line of the log matters. */
export enum Level {
  Debug,
  Info,
  Warn,
  Error,
}

/** Writes a line for whoever develops the skill. Nothing decides by it. */
export function log(line: string, level: Level = Level.Info): void {
  const text = String.UTF8.encode(line, false, String.UTF8.ErrorMode.REPLACE);
  plim_log(level, changetype<usize>(text), text.byteLength);
}

/** What the compiler calls when code cannot go on: says why, then traps. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  const what = message ? message : "abort";
  const where = file ? file : "?";
  log(where + ":" + line.toString() + ":" + column.toString() + ": " + what, Level.Error);
  unreachable();
}

/** Bytes of the module's memory. */
export class Bytes {
  constructor(public at: usize, public len: i32) {}
}

/** Whether the answer that ask gave last is a failure. */
let refused: bool = false;

export function wasRefused(): bool {
  return refused;
}

/** Hands a payload to the host and gives its answer, JSON. */
export function ask(op: i32, payload: Bytes): Bytes {
  const packed = plim_host(op, payload.at, payload.len);
  refused = ((packed >> 31) & 1) != 0;
  const len = i32(packed & 0x7fffffff);
  const at = heap.alloc(max(len, 1));
  return new Bytes(at, max(plim_host_read(at, len), 0));
}

/**
 * Room for so many bytes, or 0 when the host gives no more memory. The runtime's
 * own heap would trap then, so memory is grown here before it is asked.
 */
export function room(n: i32): usize {
  if (n < 0 || n > 0x3fffff00) return 0;
  const end = u64(heap.alloc(0)) + u64(n) + 64;
  const have = u64(memory.size()) << 16;
  if (end > have && memory.grow(i32((end - have + 0xffff) >> 16)) < 0) return 0;
  return heap.alloc(max(n, 1));
}

/** Whether [at, at + len) lies in memory. */
export function inside(at: usize, len: i32): bool {
  return at != 0 && len >= 0 && u64(at) + u64(len) <= u64(memory.size()) << 16;
}
