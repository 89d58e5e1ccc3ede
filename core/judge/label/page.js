// What outputs say is put into the page as text and never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
let state = null;
let busy = false;
let raw = false;

const make = (tag, text, name) => {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (name) e.className = name;
  return e;
};

const tags = { b: "b", i: "i", code: "code" };
const fill = (parent, spans) => {
  for (const s of spans) parent.append(tags[s.style] ? make(tags[s.style], s.text) : document.createTextNode(s.text));
  return parent;
};

const block = (b) => {
  switch (b.kind) {
    case "h": return fill(make(b.level < 3 ? "h3" : "h4"), b.spans);
    case "quote": return fill(make("blockquote"), b.spans);
    case "code": return fill(make("pre"), b.spans);
    case "rule": return make("hr");
    case "li": {
      const e = make("div", undefined, "item in" + (b.level || 0));
      e.append(make("span", b.key || "•"), fill(make("span"), b.spans));
      return e;
    }
    case "field": {
      const long = b.spans.reduce((n, s) => n + s.text.length + (s.text.includes("\n") ? 60 : 0), 0) > 60;
      const e = make("div", undefined, "field in" + (b.level || 0) + (long ? "" : " short"));
      if (b.key) e.append(make("b", b.key));
      e.append(fill(make("span"), b.spans));
      return e;
    }
  }
  return fill(make("p"), b.spans);
};

const text = (where, shown) => {
  where.replaceChildren();
  if (raw) where.append(make("pre", shown.raw));
  else if (!shown.blocks.length) where.append(make("p", "(nothing)", "empty"));
  else for (const b of shown.blocks) where.append(block(b));
};

const answers = () => state.comparing
  ? [["1", "First is better", "first"], ["2", "Second is better", "second"], ["=", "No difference", "same"]]
  : [["1", "Only the first", "first"], ["2", "Only the second", "second"], ["=", "Both", "same"], ["0", "Neither", "neither"]];

const button = (key, label, name, press, off) => {
  const b = make("button", undefined, name);
  b.type = "button";
  b.append(make("kbd", key), make("span", label));
  b.disabled = !!off;
  b.addEventListener("click", press);
  return b;
};

const show = () => {
  const q = state.question;
  $("main").hidden = !q;
  $("done").hidden = !!q;
  $("error").hidden = !state.error;
  $("error").textContent = state.error || "";
  $("count").textContent = state.done + " of " + state.of;
  $("progress").max = state.of;
  $("progress").value = state.done;
  const keys = $("keys");
  keys.hidden = false;
  keys.replaceChildren();
  $("where").textContent = "judge " + state.judge + (q ? " · " + q.skill : "");
  if (!q) {
    const kept = state.done === 1 ? "1 answer is kept." : state.done + " answers are kept.";
    $("doneTitle").textContent = state.skipped ? "Done, but for " + state.skipped + " that you skipped" : "Done. Thank you.";
    $("doneText").textContent = kept +
      (state.skipped ? " Skipped questions are asked again when you start the same command: without them the labels are of what is easy to decide." : "") +
      (state.twice ? " Of " + state.twice + " that you saw in both orders, you answered " + state.alike + " alike." : "");
    $("command").textContent = state.finish;
    keys.append(button("u", "Undo", "side half", () => send("undo"), !state.undo), button("Enter", "End", "main half", () => send("end")));
    return;
  }
  $("ask").textContent = (state.comparing ? "Which is better on “" : "Which of them is good on “") + q.dimension + "”?";
  $("rubric").textContent = q.rubric;
  $("rubric").hidden = !q.rubric;
  $("note").hidden = !q.identical;
  $("note").textContent = q.identical ? "Both works are the same, letter for letter." : "";
  text($("input"), q.input);
  q.works.forEach((w, i) => text($("work" + i).querySelector(".text"), w));
  const all = answers();
  for (const [key, label, answer] of all) keys.append(button(key, label, "main" + (all.length === 4 ? " half" : ""), () => send("answer", answer)));
  keys.append(
    button("s", "Skip", "side third", () => send("skip")),
    button("u", "Undo", "side third", () => send("undo"), !state.undo),
    button("r", raw ? "Readable" : "As written", "side third", () => { raw = !raw; show(); }));
};

const lost = () => {
  $("error").hidden = false;
  $("error").textContent = "The session does not answer. Was it ended in the terminal? What you answered is kept; start the same command again.";
};

const ask = async (what, init) => {
  const r = await fetch(what, init);
  state = await r.json();
  return r.ok;
};

const send = async (what, answer) => {
  if (busy) return;
  busy = true;
  const before = state && state.question ? state.question.id : undefined;
  const init = what === "now" ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ id: before || "", answer: answer || "" }),
  };
  try {
    let ok;
    try {
      ok = await ask(what, init);
    } catch {
      // The connection may have been closed while the person read, and nobody
      // knows whether this arrived: the session says where it stands, and nothing
      // is sent twice.
      await ask("now", {});
      if (what !== "now" && (state.question || {}).id === before) state.error = "That did not arrive. Press it again.";
    }
    if (what === "end" && ok) {
      for (const id of ["main", "done", "keys", "error"]) $(id).hidden = true;
      $("gone").hidden = false;
      return;
    }
    show();
    if (!state.question || state.question.id !== before) window.scrollTo(0, 0);
  } catch {
    lost();
  } finally {
    busy = false;
  }
};

document.addEventListener("keydown", (e) => {
  if (!state || e.ctrlKey || e.metaKey || e.altKey || e.repeat || !$("gone").hidden) return;
  const key = e.key;
  if (!state.question) {
    if (key === "u") send("undo");
    if (key === "Enter" && document.activeElement.tagName !== "BUTTON") send("end");
    return;
  }
  const answer = answers().find((a) => a[0] === key);
  if (answer) send("answer", answer[2]);
  else if (key === "s") send("skip");
  else if (key === "u") send("undo");
  else if (key === "r") { raw = !raw; show(); }
  else return;
  e.preventDefault();
});

send("now");
