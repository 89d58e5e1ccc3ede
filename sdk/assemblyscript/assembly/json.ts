import { badInput } from "./problem";
import { decode } from "./read";

/** What a value is. */
export enum Kind {
  Null,
  False,
  True,
  Number,
  String,
  List,
  Object,
}

/**
 * A JSON value, read or made. Members and elements hang on first, in their order,
 * by next: an array for each would be most of what a small object needs, and
 * nothing is freed.
 */
export class Json {
  next: Json | null = null;
  first: Json | null = null;
  last: Json | null = null;
  name: string = ""; // of a member
  private value: string | null = null;
  private linked: bool = false;

  /** at and end are the bytes that a string or number was read from. */
  constructor(public kind: Kind, private at: usize = 0, private end: usize = 0) {}

  static null(): Json {
    return new Json(Kind.Null);
  }
  static bool(v: bool): Json {
    return new Json(v ? Kind.True : Kind.False);
  }
  static int(v: i64): Json {
    return Json.number(v.toString());
  }
  /** A float; NaN and infinity, which JSON cannot carry, end the call. */
  static float(v: f64): Json {
    if (!isFinite(v)) throw new Error("JSON cannot carry " + v.toString());
    return Json.number(v.toString());
  }
  /** A number as it is to be written. */
  static number(written: string): Json {
    const j = new Json(Kind.Number);
    j.value = written;
    return j;
  }
  static text(v: string): Json {
    const j = new Json(Kind.String);
    j.value = v;
    return j;
  }
  static texts(all: string[]): Json {
    const j = Json.list();
    for (let i = 0; i < all.length; i++) j.add(Json.text(all[i]));
    return j;
  }
  static list(): Json {
    return new Json(Kind.List);
  }
  static object(): Json {
    return new Json(Kind.Object);
  }

  /** What a string says, or how a number was written; "" for others. Text is
   * decoded when it is asked for: most of an input is passed over. */
  get str(): string {
    const v = this.value;
    if (v !== null) return v;
    const s = this.at == 0 ? "" : decode(this.at, this.end);
    this.value = s;
    return s;
  }

  /** Adds an element to a list. */
  add(v: Json): Json {
    if (v.linked) {
      // It hangs elsewhere: hang up a twin.
      const twin = new Json(v.kind, v.at, v.end);
      twin.first = v.first;
      twin.last = v.last;
      twin.value = v.value;
      v = twin;
    }
    v.linked = true;
    const last = this.last;
    if (last !== null) last.next = v;
    else this.first = v;
    this.last = v;
    return this;
  }

  /** Adds a member to an object. */
  set(name: string, v: Json): Json {
    this.add(v);
    const last = this.last;
    if (last !== null) last.name = name;
    return this;
  }
  setText(name: string, v: string): Json {
    return this.set(name, Json.text(v));
  }
  setInt(name: string, v: i64): Json {
    return this.set(name, Json.int(v));
  }
  setBool(name: string, v: bool): Json {
    return this.set(name, Json.bool(v));
  }

  /** A member; null when it is absent or null, which mean the same. Of two with
   * the same name the last counts. */
  get(name: string): Json | null {
    if (this.kind == Kind.Null) return null;
    if (this.kind != Kind.Object) {
      badInput(kindName(this.kind) + " stands where an object with " + name + " is due");
      return null;
    }
    let found: Json | null = null;
    let m = this.first;
    while (m !== null) {
      if (m.name == name) found = m;
      m = m.next;
    }
    return found !== null && found.kind != Kind.Null ? found : null;
  }

  private typed(name: string, kind: Kind): Json | null {
    const v = this.get(name);
    if (v === null || v.kind == kind) return v;
    badInput(name + " is " + kindName(v.kind) + "; it must be " + kindName(kind));
    return null;
  }

  /** These take a member of one type. Absent and null are empty, 0, false; another
   * type makes the call fail with bad_input, so they need no check. */
  getText(name: string): string {
    const v = this.typed(name, Kind.String);
    return v === null ? "" : v.str;
  }
  getBool(name: string): bool {
    const v = this.get(name);
    if (v === null || v.kind == Kind.False) return false;
    if (v.kind != Kind.True) badInput(name + " is " + kindName(v.kind) + "; it must be true or false");
    return v.kind == Kind.True;
  }
  getInt(name: string): i64 {
    const v = this.typed(name, Kind.Number);
    if (v === null) return 0;
    const s = v.str;
    const n = I64.parseInt(s);
    if (n.toString() != s) badInput(name + " is " + s.substring(0, 40) + "; it must be an integer of 64 bits");
    return n;
  }
  getFloat(name: string): f64 {
    const v = this.typed(name, Kind.Number);
    return v === null ? 0 : F64.parseFloat(v.str);
  }
  getObject(name: string): Json {
    const v = this.typed(name, Kind.Object);
    return v === null ? Json.object() : v;
  }
  getList(name: string): Json[] {
    const v = this.typed(name, Kind.List);
    return v === null ? [] : v.elements();
  }

  /** The elements of a list, or the values of an object. */
  elements(): Json[] {
    const all: Json[] = [];
    let e = this.first;
    while (e !== null) {
      all.push(e);
      e = e.next;
    }
    return all;
  }
}

function kindName(kind: Kind): string {
  switch (kind) {
    case Kind.Null:
      return "null";
    case Kind.False:
    case Kind.True:
      return "a boolean";
    case Kind.Number:
      return "a number";
    case Kind.String:
      return "text";
    case Kind.List:
      return "a list";
    default:
      return "an object";
  }
}
