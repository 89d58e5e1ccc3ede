// The code of examples/hello-skill in AssemblyScript. It shows all four ops; a
// skill of your own takes those that it needs. Build it as ../README.md says.

import { Check, Finish, Json, Prepare, Render, Skill } from "../assembly";
export { plim_abi_1, plim_alloc, plim_call } from "../assembly";

// It must say what SKILL.md says; a case of sdk/testdata/hello compares the two.
const instructions = `You write greetings. You get an occasion and a numbered list of people, each with one
thing that is known about them.

For every person, on a line of its own:

    NUMBER: the greeting

- One sentence, at most 120 characters, in plain English.
- Say the person's name and refer to what is known about them.
- Fit the occasion. No emoji, no exclamation marks in a row.

Write these lines and nothing else: no heading, no remark.`;

const skill = new Skill("hello-skill");
skill.version = "1.0.0";

// prepare numbers the people: a cheap model keeps numbers apart better than
// names, and they cost fewer tokens.
skill.prepare = (c: Prepare): void => {
  const people = c.input.getList("people");
  const lines = ["Occasion: " + c.input.getText("occasion")];
  for (let i = 0; i < people.length; i++) {
    lines.push((i + 1).toString() + ": " + people[i].getText("name") + ", known for: " + people[i].getText("known_for"));
  }
  c.system(instructions);
  c.user(lines.join("\n") + "\n");
};

function space(c: i32): bool {
  return c == 0x20 || c == 0x09 || c == 0x0a || c == 0x0c || c == 0x0d;
}

class Line {
  constructor(public number: string, public text: string) {}
}

const STAR = 0x2a;

// numbered reads "3: text", with the decoration that models like to add:
// ^\s*[-*]?\s*\**(\d+)\**\s*[.:)]\**\s*(\S.*)$
function numbered(s: string, at: i32, end: i32): Line | null {
  while (at < end && space(s.charCodeAt(at))) at++;
  if (at < end && (s.charCodeAt(at) == STAR || s.charCodeAt(at) == 0x2d)) at++;
  while (at < end && space(s.charCodeAt(at))) at++;
  while (at < end && s.charCodeAt(at) == STAR) at++;
  const number = at;
  while (at < end && s.charCodeAt(at) >= 0x30 && s.charCodeAt(at) <= 0x39) at++;
  const behindNumber = at;
  if (at == number) return null;
  while (at < end && s.charCodeAt(at) == STAR) at++;
  while (at < end && space(s.charCodeAt(at))) at++;
  if (at == end || (s.charCodeAt(at) != 0x2e && s.charCodeAt(at) != 0x3a && s.charCodeAt(at) != 0x29)) return null;
  const stars = ++at;
  while (at < end && s.charCodeAt(at) == STAR) at++;
  const behindStars = at;
  while (at < end && space(s.charCodeAt(at))) at++;
  if (at == end) {
    // Nothing but stars: the last of them is the text.
    if (behindStars == stars) return null;
    at = behindStars - 1;
  }
  return new Line(s.substring(number, behindNumber), s.substring(at, end));
}

// index is the place that a number means, or -1 when it means none of so many.
function index(number: string, many: i32): i32 {
  let n = 0;
  for (let i = 0; i < number.length; i++) {
    n = n * 10 + number.charCodeAt(i) - 0x30;
    if (n > many) return -1;
  }
  return n - 1;
}

// finish reads the lines. Asking for lines and making the JSON here leaves the
// model nothing to get wrong in the format.
skill.finish = (c: Finish): void => {
  const people = c.input.getList("people");
  const texts = new Array<string>(people.length).fill("");
  const said = c.completion;
  for (let at = 0; at < said.length; ) {
    let end = said.indexOf("\n", at);
    if (end < 0) end = said.length;
    const next = end + 1;
    while (end > at && said.charCodeAt(end - 1) == 0x0d) end--;
    const line = numbered(said, at, end);
    at = next;
    if (line === null) continue;
    const n = index(line.number, people.length);
    if (n < 0) return c.retry("no_such_number", "there is no person number " + line.number + "; there are " + people.length.toString());
    if (texts[n].length > 0) return c.retry("number_twice", "number " + (n + 1).toString() + " stands there twice; write one line for each person");
    texts[n] = line.text;
  }
  const greetings = Json.list();
  for (let i = 0; i < people.length; i++) {
    const name = people[i].getText("name");
    if (texts[i].length > 0) greetings.add(Json.object().setText("name", name).setText("text", texts[i]));
  }
  c.output = Json.object().set("greetings", greetings);
};

// everybody checks that each person has a greeting that says their name.
skill.check.set("everybody", (c: Check): void => {
  const people = c.input.getList("people");
  const greetings = c.output.getList("greetings");
  const missing: string[] = [];
  for (let i = 0; i < people.length; i++) {
    const name = people[i].getText("name");
    let text = "";
    for (let k = 0; k < greetings.length; k++) {
      if (greetings[k].getText("name") == name) text = greetings[k].getText("text");
    }
    if (!text.toLowerCase().includes(name.toLowerCase())) missing.push(name);
  }
  if (missing.length == 0) c.pass();
  else c.deny("these people have no greeting that says their name: " + missing.join(", "), missing);
});

// chars counts characters, not halves of surrogate pairs.
function chars(s: string): i32 {
  let n = 0;
  for (let i = 0; i < s.length; i++) if ((s.charCodeAt(i) & 0xfc00) != 0xdc00) n++;
  return n;
}

// card aligns the names, which a template could not.
skill.render.set("card", (c: Render): void => {
  const occasion = c.input.getText("occasion");
  const greetings = c.output.getList("greetings");
  let width = 0;
  for (let i = 0; i < greetings.length; i++) width = max(width, chars(greetings[i].getText("name")));
  const lines = [occasion, "=".repeat(chars(occasion))];
  for (let i = 0; i < greetings.length; i++) {
    const name = greetings[i].getText("name");
    lines.push(name + " ".repeat(width - chars(name)) + "  " + greetings[i].getText("text"));
  }
  c.text = lines.join("\n") + "\n";
});

skill.register();
