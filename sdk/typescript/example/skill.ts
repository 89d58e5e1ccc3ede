// The code of hello-skill in TypeScript. It shows all four ops; a skill of your
// own takes those that it needs.
import { failure, fail, pass, retry, skill, system, user } from "@plimsoll/skill";
import instructions from "./instructions.md";

interface Person {
  name?: string;
  known_for?: string;
}

interface Input {
  occasion?: string;
  people?: Person[];
}

interface Greeting {
  name: string;
  text: string;
}

interface Output {
  greetings?: Greeting[];
}

// "3: text", with the decoration that models like to add. White space is that of
// ASCII: other spaces belong to the text. The flag y looks at the start of a line
// only; with ^ the interpreter would try every place of it.
const numbered = /[ \t\f\r]*[-*]?[ \t\f\r]*\**([0-9]+)\**[ \t\f\r]*[.:)]\**[ \t\f\r]*([^ \t\f\r].*)$/sy;

export default skill<Input, Output>({
  name: "hello-skill",
  version: "1.0.0",

  // Numbered people: a cheap model keeps numbers apart better than names, and
  // they cost fewer tokens.
  prepare(input) {
    const list = peopleOf(input).map((p, i) => `${i + 1}: ${p.name}, known for: ${p.known_for}\n`);
    return [system(instructions.trim()), user(`Occasion: ${textOf(input.occasion)}\n${list.join("")}`)];
  },

  // Asking for lines and making the JSON here leaves the model nothing to get
  // wrong in the format.
  finish(input, answer) {
    const people = peopleOf(input);
    const texts: string[] = [];
    for (const line of answer.completion.split("\n")) {
      numbered.lastIndex = 0;
      const found = numbered.exec(withoutReturns(line));
      if (!found) continue;
      const n = Number(found[1]);
      if (n < 1 || n > people.length) {
        throw retry("no_such_number", `there is no person number ${found[1]}; there are ${people.length}`);
      }
      if (texts[n]) {
        throw retry("number_twice", `number ${n} stands there twice; write one line for each person`);
      }
      texts[n] = found[2];
    }
    return { greetings: people.flatMap((p, i) => (texts[i + 1] ? [{ name: p.name, text: texts[i + 1] }] : [])) };
  },

  check: {
    // Each person has a greeting that says their name.
    everybody(input, output) {
      const texts = new Map(greetingsOf(output).map((g) => [g.name, g.text.toLowerCase()]));
      const missing = peopleOf(input)
        .map((p) => p.name)
        .filter((name) => !(texts.get(name) ?? "").includes(name.toLowerCase()));
      return missing.length === 0 ? pass() : fail(`these people have no greeting that says their name: ${missing.join(", ")}`, ...missing);
    },
  },

  render: {
    // Aligned names, which a template could not do.
    card(input, output) {
      const occasion = textOf(input.occasion);
      const greetings = greetingsOf(output);
      const width = Math.max(0, ...greetings.map((g) => [...g.name].length));
      const lines = greetings.map((g) => g.name + " ".repeat(width - [...g.name].length) + "  " + g.text + "\n");
      return `${occasion}\n${"=".repeat([...occasion].length)}\n${lines.join("")}`;
    },
  },
});

function withoutReturns(line: string): string {
  let end = line.length;
  while (line[end - 1] === "\r") end--;
  return line.slice(0, end);
}

// What comes in was checked against input.schema.json where skill.hcl names one.
// These look again, and take what is absent for empty.
function textOf(v: unknown): string {
  if (v !== undefined && v !== null && typeof v !== "string") throw failure("bad_input", "this must be a text");
  return v ?? "";
}

function listOf(what: string, holder: unknown, v: unknown): object[] {
  const object = (x: unknown): x is object => typeof x === "object" && x !== null && !Array.isArray(x);
  if (!object(holder)) throw failure("bad_input", `the holder of ${what} must be an object`);
  const list = v ?? [];
  if (!Array.isArray(list) || !list.every(object)) throw failure("bad_input", `${what} must be a list of objects`);
  return list;
}

function peopleOf(input: Input): { name: string; known_for: string }[] {
  return listOf("people", input, input?.people).map((p: Person) => ({ name: textOf(p.name), known_for: textOf(p.known_for) }));
}

function greetingsOf(output: Output): Greeting[] {
  return listOf("greetings", output, output?.greetings).map((g: Partial<Greeting>) => ({ name: textOf(g.name), text: textOf(g.text) }));
}
