//! The code of examples/hello-skill in Rust. It shows all four ops; a skill of
//! your own takes those that it needs. Build it as ../README.md says.

use plimsoll::{Answer, Error, Message, Prompt, Turn, Verdict};
use std::fmt::Write;

plimsoll::record! {
    /// input.schema.json
    pub struct Input { pub occasion: String, pub people: Vec<Person> }
    /// Somebody to greet.
    pub struct Person { pub name: String, pub known_for: String }
    /// output.schema.json
    pub struct Output { pub greetings: Vec<Greeting> }
    /// One line.
    pub struct Greeting { pub name: String, pub text: String }
}

plimsoll::skill! {
    name: "hello-skill",
    version: "1.0.0",
    prepare: prepare,
    finish: finish,
    check: { "everybody": everybody },
    render: { "card": card },
}

/// Must say what SKILL.md says; a case of sdk/testdata/hello compares the two.
const INSTRUCTIONS: &str = "\
You write greetings. You get an occasion and a numbered list of people, each with one
thing that is known about them.

For every person, on a line of its own:

    NUMBER: the greeting

- One sentence, at most 120 characters, in plain English.
- Say the person's name and refer to what is known about them.
- Fit the occasion. No emoji, no exclamation marks in a row.

Write these lines and nothing else: no heading, no remark.";

/// Numbers the people: a cheap model keeps numbers apart better than names, and
/// they cost fewer tokens.
fn prepare(input: Input, _: &Turn) -> Result<Prompt, Error> {
    let mut list = format!("Occasion: {}\n", input.occasion);
    for (i, p) in input.people.iter().enumerate() {
        let _ = writeln!(list, "{}: {}, known for: {}", i + 1, p.name, p.known_for);
    }
    Ok(Prompt::new(vec![Message::system(INSTRUCTIONS), Message::user(list)]))
}

const SPACE: &[char] = &[' ', '\t', '\n', '\u{c}', '\r'];

/// Reads "3: text", with the decoration that models like to add, into number and
/// text: `^\s*[-*]?\s*\**(\d+)\**\s*[.:)]\**\s*(\S.*)$`
fn numbered(line: &str) -> Option<(&str, &str)> {
    let s = line.trim_start_matches(SPACE);
    let s = s.strip_prefix(&['-', '*'][..]).unwrap_or(s);
    let s = s.trim_start_matches(SPACE).trim_start_matches('*');
    let behind = s.trim_start_matches(|c: char| c.is_ascii_digit());
    let number = &s[..s.len() - behind.len()];
    if number.is_empty() {
        return None;
    }
    let s = behind.trim_start_matches('*').trim_start_matches(SPACE).strip_prefix(&['.', ':', ')'][..])?;
    let stars = s.len() - s.trim_start_matches('*').len();
    match s[stars..].trim_start_matches(SPACE) {
        "" if stars == 0 => None,
        "" => Some((number, &s[stars - 1..])), // nothing but stars: the last of them is the text
        text => Some((number, text)),
    }
}

/// Reads the lines. Asking for lines and making the JSON here leaves the model
/// nothing to get wrong in the format.
fn finish(input: Input, a: &Answer) -> Result<Output, Error> {
    let many = input.people.len();
    let mut texts = vec![""; many];
    for line in a.completion.split('\n') {
        let (number, text) = match numbered(line.trim_end_matches('\r')) {
            Some(found) => found,
            None => continue,
        };
        let n = match number.parse::<usize>() {
            Ok(n) if (1..=many).contains(&n) => n,
            _ => return Err(Error::retry("no_such_number", format!("there is no person number {}; there are {}", number, many))),
        };
        if !texts[n - 1].is_empty() {
            return Err(Error::retry("number_twice", format!("number {} stands there twice; write one line for each person", n)));
        }
        texts[n - 1] = text;
    }
    let said = input.people.into_iter().zip(texts).filter(|(_, text)| !text.is_empty());
    Ok(Output { greetings: said.map(|(p, text)| Greeting { name: p.name, text: text.into() }).collect() })
}

/// Checks that each person has a greeting that says their name.
fn everybody(input: &Input, output: &Output) -> Result<Verdict, Error> {
    let named = |name: &str| {
        let greeting = output.greetings.iter().rev().find(|g| g.name == name);
        greeting.map_or("", |g| &g.text).to_lowercase().contains(&name.to_lowercase())
    };
    let missing: Vec<String> = input.people.iter().map(|p| p.name.clone()).filter(|name| !named(name)).collect();
    if missing.is_empty() {
        return Ok(Verdict::pass());
    }
    Ok(Verdict::fail(format!("these people have no greeting that says their name: {}", missing.join(", ")), missing))
}

/// Aligns the names, which a template could not.
fn card(input: &Input, output: &Output) -> Result<String, Error> {
    let width = output.greetings.iter().map(|g| g.name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{}\n{}\n", input.occasion, "=".repeat(input.occasion.chars().count()));
    for g in &output.greetings {
        let _ = writeln!(text, "{:width$}  {}", g.name, g.text);
    }
    Ok(text)
}
