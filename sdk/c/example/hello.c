/* The code of examples/hello-skill in C. It shows all four ops; a skill of your
 * own takes those that it needs. Build it as ../README.md says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "../plimsoll.h"

/* instructions must say what SKILL.md says; a case of sdk/testdata/hello compares
 * the two. */
static const char instructions[] =
    "You write greetings. You get an occasion and a numbered list of people, each with one\n"
    "thing that is known about them.\n"
    "\n"
    "For every person, on a line of its own:\n"
    "\n"
    "    NUMBER: the greeting\n"
    "\n"
    "- One sentence, at most 120 characters, in plain English.\n"
    "- Say the person's name and refer to what is known about them.\n"
    "- Fit the occasion. No emoji, no exclamation marks in a row.\n"
    "\n"
    "Write these lines and nothing else: no heading, no remark.";

/* prepare numbers the people: a cheap model keeps numbers apart better than
 * names, and they cost fewer tokens. */
static bool prepare(plim *p, const plim_prepare *in, plim_buf *out) {
  plim_buf list = plim_buf_new(p);
  plim_addf(&list, "Occasion: %.*s\n", PLIM_ARG(plim_get_text(p, in->input, "occasion")));
  unsigned n = 0;
  for (const plim_json *who = plim_get_list(p, in->input, "people"); who; who = who->next) {
    plim_text name = plim_get_text(p, who, "name"), known = plim_get_text(p, who, "known_for");
    plim_addf(&list, "%u: %.*s, known for: %.*s\n", ++n, PLIM_ARG(name), PLIM_ARG(known));
  }
  plim_message(out, "system", plim_s(instructions));
  plim_message(out, "user", plim_buf_text(&list));
  return true;
}

static bool space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r'; }

/* numbered reads "3: text", with the decoration that models like to add:
 * ^\s*[-*]?\s*\**(\d+)\**\s*[.:)]\**\s*(\S.*)$ */
static bool numbered(plim_text line, plim_text *number, plim_text *text) {
  const char *s = line.at, *end = line.at + line.len;
  while (s < end && space(*s)) s++;
  if (s < end && (*s == '-' || *s == '*')) s++;
  while (s < end && space(*s)) s++;
  while (s < end && *s == '*') s++;
  number->at = s;
  while (s < end && *s >= '0' && *s <= '9') s++;
  number->len = (size_t)(s - number->at);
  if (number->len == 0) return false;
  while (s < end && *s == '*') s++;
  while (s < end && space(*s)) s++;
  if (s == end || (*s != '.' && *s != ':' && *s != ')')) return false;
  const char *stars = ++s;
  while (s < end && *s == '*') s++;
  const char *behind = s;
  while (s < end && space(*s)) s++;
  if (s == end) { /* nothing but stars: the last of them is the text */
    if (behind == stars) return false;
    s = behind - 1;
  }
  *text = (plim_text){s, (size_t)(end - s)};
  return true;
}

/* finish reads the lines. Asking for lines and making the JSON here leaves the
 * model nothing to get wrong in the format. */
static bool finish(plim *p, const plim_finish *in, plim_buf *out) {
  const plim_json *people = plim_get_list(p, in->input, "people");
  int64_t many = 0;
  for (const plim_json *who = people; who; who = who->next) many++;
  plim_text *texts = plim_zeros(p, (size_t)many, sizeof *texts);

  plim_text rest = in->completion, line, number, text;
  while (plim_line(&rest, &line)) {
    while (line.len && line.at[line.len - 1] == '\r') line.len--;
    if (!numbered(line, &number, &text)) continue;
    int64_t n;
    if (!plim_whole(number, &n) || n < 1 || n > many)
      return plim_retry(p, "no_such_number", "there is no person number %.*s; there are %lld", PLIM_ARG(number), (long long)many);
    if (texts[n - 1].len)
      return plim_retry(p, "number_twice", "number %lld stands there twice; write one line for each person", (long long)n);
    texts[n - 1] = text;
  }

  plim_begin_object(out);
  plim_name(out, "greetings");
  plim_begin_list(out);
  for (const plim_json *who = people; who; who = who->next, texts++) {
    plim_text name = plim_get_text(p, who, "name");
    if (!texts->len) continue;
    plim_begin_object(out);
    plim_put_member(out, "name", name);
    plim_put_member(out, "text", *texts);
    plim_end_object(out);
  }
  plim_end_list(out);
  plim_end_object(out);
  return true;
}

/* everybody checks that each person has a greeting that says their name. */
static bool everybody(plim *p, const plim_result *r, plim_verdict *v) {
  const plim_json *greetings = plim_get_list(p, r->output, "greetings");
  plim_buf missing = plim_buf_new(p);
  bool all = true;
  for (const plim_json *who = plim_get_list(p, r->input, "people"); who; who = who->next) {
    plim_text name = plim_get_text(p, who, "name"), text = {"", 0};
    for (const plim_json *g = greetings; g; g = g->next)
      if (plim_eq(plim_get_text(p, g, "name"), name)) text = plim_get_text(p, g, "text");
    if (plim_contains(plim_lower(p, text), plim_lower(p, name))) continue;
    plim_addf(&missing, "%s%.*s", all ? "" : ", ", PLIM_ARG(name));
    plim_failed_id(v, name);
    all = false;
  }
  if (all) return plim_pass(v);
  return plim_deny(v, plim_fmt(p, "these people have no greeting that says their name: %.*s", PLIM_ARG(plim_buf_text(&missing))));
}

/* card aligns the names, which a template could not. */
static bool card(plim *p, const plim_result *r, plim_buf *text) {
  plim_text occasion = plim_get_text(p, r->input, "occasion");
  const plim_json *greetings = plim_get_list(p, r->output, "greetings");
  size_t width = 0;
  for (const plim_json *g = greetings; g; g = g->next) {
    size_t n = plim_chars(plim_get_text(p, g, "name"));
    if (n > width) width = n;
  }
  plim_addf(text, "%.*s\n", PLIM_ARG(occasion));
  for (size_t i = plim_chars(occasion); i; i--) plim_add_char(text, '=');
  plim_add_char(text, '\n');
  for (const plim_json *g = greetings; g; g = g->next) {
    plim_text name = plim_get_text(p, g, "name");
    plim_add(text, name);
    for (size_t i = plim_chars(name); i < width; i++) plim_add_char(text, ' ');
    plim_addf(text, "  %.*s\n", PLIM_ARG(plim_get_text(p, g, "text")));
  }
  return true;
}

static const plim_gate gates[] = {{"everybody", everybody}, {0}};
static const plim_format formats[] = {{"card", card}, {0}};

PLIM_MANIFEST({"abi":1,"formats":["card"],"gates":["everybody"],"name":"hello-skill","ops":["prepare","finish","check","render"],"version":"1.0.0"})
PLIM_SKILL(.prepare = prepare, .finish = finish, .gates = gates, .formats = formats)
