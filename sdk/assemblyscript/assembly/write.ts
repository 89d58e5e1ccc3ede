import { Bytes } from "./guest";
import { Json, Kind } from "./json";

let out: usize = 0;
let len: usize = 0;
let cap: usize = 0;

/** Writes a value as JSON in UTF-8. */
export function write(v: Json): Bytes {
  out = len = cap = 0;
  put(v);
  return new Bytes(out, i32(len));
}

function reserve(n: usize): void {
  if (cap - len >= n) return;
  cap += max(cap, n + 256);
  out = out == 0 ? heap.alloc(cap) : heap.realloc(out, cap);
}

function byte(c: u8): void {
  reserve(1);
  store<u8>(out + len++, c);
}

/** Text that is ASCII and needs no escape. */
function plain(s: string): void {
  reserve(s.length);
  for (let i = 0; i < s.length; i++) store<u8>(out + len++, s.charCodeAt(i));
}

// The depth of what was read is bounded, that of what a skill makes is its own.
function put(v: Json): void {
  switch (v.kind) {
    case Kind.Null:
      return plain("null");
    case Kind.False:
      return plain("false");
    case Kind.True:
      return plain("true");
    case Kind.Number:
      return plain(v.str);
    case Kind.String:
      return quoted(v.str);
  }
  const object = v.kind == Kind.Object;
  byte(object ? 0x7b : 0x5b);
  let e = v.first;
  while (e !== null) {
    if (e !== v.first) byte(0x2c);
    if (object) {
      quoted(e.name);
      byte(0x3a);
    }
    put(e);
    e = e.next;
  }
  byte(object ? 0x7d : 0x5d);
}

function quoted(s: string): void {
  let from = changetype<usize>(s);
  const end = from + (usize(s.length) << 1);
  // No unit becomes more than three bytes, but for escapes, which ask for room.
  reserve(usize(s.length) * 3 + 2);
  store<u8>(out + len++, 0x22);
  while (from < end) {
    let c = u32(load<u16>(from));
    from += 2;
    if (c < 0x80) {
      if (c >= 0x20 && c != 0x22 && c != 0x5c) {
        store<u8>(out + len++, c);
        continue;
      }
      reserve(((end - from) >> 1) * 3 + 8);
      escape(c);
      continue;
    }
    if (c < 0x800) {
      store<u8>(out + len++, 0xc0 | (c >> 6));
    } else {
      if ((c & 0xf800) == 0xd800) {
        const low = from < end && c < 0xdc00 ? u32(load<u16>(from)) : 0;
        if ((low & 0xfc00) == 0xdc00) {
          from += 2;
          c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        } else {
          c = 0xfffd; // half of a pair, which UTF-8 cannot carry
        }
      }
      if (c < 0x10000) {
        store<u8>(out + len++, 0xe0 | (c >> 12));
      } else {
        store<u8>(out + len++, 0xf0 | (c >> 18));
        store<u8>(out + len++, 0x80 | ((c >> 12) & 0x3f));
      }
      store<u8>(out + len++, 0x80 | ((c >> 6) & 0x3f));
    }
    store<u8>(out + len++, 0x80 | (c & 0x3f));
  }
  byte(0x22);
}

function escape(c: u32): void {
  switch (c) {
    case 0x22:
      return plain('\\"');
    case 0x5c:
      return plain("\\\\");
    case 0x0a:
      return plain("\\n");
    case 0x0d:
      return plain("\\r");
    case 0x09:
      return plain("\\t");
  }
  plain(c < 0x10 ? "\\u000" : "\\u00");
  plain(c.toString(16));
}
