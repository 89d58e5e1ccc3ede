import { Json, Kind } from "./json";

/** Lists and objects in one another that an input may have: the reader calls
 * itself for each, and the end of the stack would be a trap. */
const DEPTH = 256;

let at: usize = 0; // the next byte
let begin: usize = 0;
let end: usize = 0;
let depth: i32 = 0;
let wrong: string | null = null;

/** What is wrong with the last document that was no JSON. */
export function whyNot(): string {
  const what = wrong;
  return (what === null ? "" : what) + ", at byte " + (at - begin).toString() + " of " + (end - begin).toString();
}

/** Reads a document out of bytes that must stay as they are. Null: see whyNot. */
export function parse(from: usize, len: i32): Json | null {
  begin = at = from;
  end = from + len;
  depth = 0;
  wrong = null;
  const v = value();
  if (v === null) return null;
  space();
  if (at < end) return fail("there is text behind the document");
  return v;
}

function fail(what: string): Json | null {
  if (wrong === null) wrong = what;
  return null;
}

function space(): void {
  while (at < end) {
    const c = load<u8>(at);
    if (c != 0x20 && c != 0x0a && c != 0x0d && c != 0x09) return;
    at++;
  }
}

function byte(): u32 {
  return at < end ? load<u8>(at) : 0;
}

function value(): Json | null {
  space();
  if (at >= end) return fail("the document ends early");
  const c = load<u8>(at);
  switch (c) {
    case 0x7b: // {
      return object();
    case 0x5b: // [
      return list();
    case 0x22: {
      const start = ++at;
      return text() ? new Json(Kind.String, start, at - 1) : null;
    }
    case 0x74: // t
      return word("true") ? new Json(Kind.True) : null;
    case 0x66: // f
      return word("false") ? new Json(Kind.False) : null;
    case 0x6e: // n
      return word("null") ? new Json(Kind.Null) : null;
  }
  if (c == 0x2d || (c >= 0x30 && c <= 0x39)) return number();
  return fail("a value is due");
}

function word(w: string): bool {
  for (let i = 0; i < w.length; i++) {
    if (byte() != u32(w.charCodeAt(i))) {
      fail("a value is due");
      return false;
    }
    at++;
  }
  return true;
}

function digits(): bool {
  const start = at;
  while (at < end && load<u8>(at) - 0x30 <= 9) at++;
  if (at > start) return true;
  fail("a digit is due");
  return false;
}

function number(): Json | null {
  const start = at;
  if (byte() == 0x2d) at++;
  if (byte() == 0x30) at++;
  else if (!digits()) return null;
  if (byte() == 0x2e) {
    at++;
    if (!digits()) return null;
  }
  if ((byte() | 0x20) == 0x65) {
    at++;
    if (byte() == 0x2b || byte() == 0x2d) at++;
    if (!digits()) return null;
  }
  return new Json(Kind.Number, start, at);
}

function enter(): bool {
  at++;
  if (++depth <= DEPTH) return true;
  fail("lists and objects are nested too deep");
  return false;
}

function list(): Json | null {
  const all = new Json(Kind.List);
  if (!enter()) return null;
  space();
  if (byte() != 0x5d) {
    while (true) {
      const v = value();
      if (v === null) return null;
      all.add(v);
      space();
      const c = byte();
      if (c == 0x5d) break;
      if (c != 0x2c) return fail("a comma or ] is due");
      at++;
    }
  }
  at++;
  depth--;
  return all;
}

function object(): Json | null {
  const all = new Json(Kind.Object);
  if (!enter()) return null;
  space();
  if (byte() != 0x7d) {
    while (true) {
      space();
      if (byte() != 0x22) return fail("a member's name is due");
      const start = ++at;
      if (!text()) return null;
      const name = decode(start, at - 1);
      space();
      if (byte() != 0x3a) return fail("a colon is due");
      at++;
      const v = value();
      if (v === null) return null;
      all.set(name, v);
      space();
      const c = byte();
      if (c == 0x7d) break;
      if (c != 0x2c) return fail("a comma or } is due");
      at++;
    }
  }
  at++;
  depth--;
  return all;
}

// Eight bytes at once: a high bit for every byte that ends a run of plain text
// (below 0x20, a quote, a backslash, above 0x7f); behind the first one there may
// be more without reason.
function special(x: u64): u64 {
  const one: u64 = 0x0101010101010101;
  const below = x - one * 0x20;
  const quote = (x ^ (one * 0x22)) - one;
  const slash = (x ^ (one * 0x5c)) - one;
  return (below | quote | slash | x) & (one * 0x80);
}

/** Passes over eight bytes at once, up to the first that may not be plain text. */
function run(): void {
  while (at + 8 <= end) {
    const s = special(load<u64>(at));
    if (s != 0) {
      at += usize(ctz(s) >> 3);
      return;
    }
    at += 8;
  }
}

/** Passes over a string and its closing quote, and checks it. */
function text(): bool {
  while (true) {
    run();
    if (at >= end) {
      fail("the text does not end");
      return false;
    }
    const c = load<u8>(at);
    if (c == 0x22) {
      at++;
      return true;
    }
    if (c == 0x5c) {
      if (!escape()) return false;
    } else if (c < 0x20) {
      fail("a control character stands in a text unescaped");
      return false;
    } else {
      const n: usize = c < 0x80 ? 1 : sequence(at, end);
      if (n == 0) {
        fail("the text is not UTF-8");
        return false;
      }
      at += n;
    }
  }
}

/** The length of the well-formed UTF-8 sequence at s, or 0 (Unicode, table 3-7). */
function sequence(s: usize, end: usize): usize {
  const c = load<u8>(s);
  const left = end - s;
  if (c < 0xc2 || c > 0xf4 || left < 2) return 0;
  const d = load<u8>(s, 1);
  if ((d & 0xc0) != 0x80) return 0;
  if (c < 0xe0) return 2;
  if (left < 3 || (load<u8>(s, 2) & 0xc0) != 0x80) return 0;
  if (c < 0xf0) return (c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) ? 0 : 3;
  if (left < 4 || (load<u8>(s, 3) & 0xc0) != 0x80) return 0;
  return (c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f) ? 0 : 4;
}

/** Passes over an escape. */
function escape(): bool {
  at++;
  const c = byte();
  if (c == 0x75) {
    // u
    for (let i = 0; i < 4; i++) {
      at++;
      if (hex(byte()) < 0) {
        fail("\\u wants four digits of base 16");
        return false;
      }
    }
  } else if (meaning(c) == 0) {
    fail(at < end ? "JSON has no such escape" : "the text does not end");
    return false;
  }
  at++;
  return true;
}

/** What a short escape stands for; 0 when there is none. */
function meaning(c: u32): u32 {
  switch (c) {
    case 0x22:
    case 0x5c:
    case 0x2f:
      return c;
    case 0x62:
      return 0x08;
    case 0x66:
      return 0x0c;
    case 0x6e:
      return 0x0a;
    case 0x72:
      return 0x0d;
    case 0x74:
      return 0x09;
  }
  return 0;
}

function hex(c: u32): i32 {
  if (c - 0x30 <= 9) return c - 0x30;
  const low = (c | 0x20) - 0x61;
  return low <= 5 ? low + 10 : -1;
}

function unit(s: usize): u32 {
  return (hex(load<u8>(s)) << 12) | (hex(load<u8>(s, 1)) << 8) | (hex(load<u8>(s, 2)) << 4) | hex(load<u8>(s, 3));
}

/**
 * The text of bytes that were checked, in UTF-16. A half of a surrogate pair
 * becomes U+FFFD: it has no UTF-8 form, and hosts refuse it in answers.
 */
export function decode(s: usize, end: usize): string {
  // No byte becomes more than one unit.
  const out = changetype<usize>(__new((end - s) << 1, idof<string>()));
  let to = out;
  while (s < end) {
    const c = u32(load<u8>(s));
    if (c < 0x80 && c != 0x5c) {
      store<u16>(to, c);
      to += 2;
      s++;
      continue;
    }
    let code: u32;
    if (c == 0x5c) {
      const e = u32(load<u8>(s, 1));
      s += 2;
      if (e != 0x75) {
        code = meaning(e);
      } else {
        code = unit(s);
        s += 4;
        if ((code & 0xf800) == 0xd800) {
          const low = code < 0xdc00 && s + 6 <= end && load<u16>(s) == 0x755c ? unit(s + 2) : 0;
          if ((low & 0xfc00) == 0xdc00) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            s += 6;
          } else {
            code = 0xfffd;
          }
        }
      }
    } else if (c < 0xe0) {
      code = ((c & 0x1f) << 6) | (load<u8>(s, 1) & 0x3f);
      s += 2;
    } else if (c < 0xf0) {
      code = ((c & 0x0f) << 12) | (u32(load<u8>(s, 1) & 0x3f) << 6) | (load<u8>(s, 2) & 0x3f);
      s += 3;
    } else {
      code = ((c & 7) << 18) | (u32(load<u8>(s, 1) & 0x3f) << 12) | (u32(load<u8>(s, 2) & 0x3f) << 6) | (load<u8>(s, 3) & 0x3f);
      s += 4;
    }
    if (code >= 0x10000) {
      code -= 0x10000;
      store<u32>(to, (0xd800 | (code >> 10)) | ((0xdc00 | (code & 0x3ff)) << 16));
      to += 4;
    } else {
      store<u16>(to, code);
      to += 2;
    }
  }
  return changetype<string>(__renew(out, to - out));
}
