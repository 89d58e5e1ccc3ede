//! The common cases of all SDKs (sdk/testdata/hello), natively. conformance runs
//! the same through the module.

use plimsoll::{parse, Json, Raw};
use std::collections::BTreeMap;
use std::fs;

#[allow(dead_code)]
#[path = "../example/hello.rs"]
mod hello;

plimsoll::record! {
    struct Case {
        name: String, op: String, input: Raw,
        before: String, repeat: String, times: u32, after: String, base64: Option<String>,
        answer: Option<Json>, error: Option<Failure>, or_answer: bool,
    }
    struct Failure { code: String, message: String, retryable: bool }
}

fn run(file: &str) {
    let text = fs::read_to_string(format!("{}/../testdata/hello/{}", env!("CARGO_MANIFEST_DIR"), file)).unwrap();
    let cases: Vec<Case> = parse(&text).unwrap();
    assert!(cases.len() > 30, "{} has {} cases", file, cases.len());
    let ops: BTreeMap<&str, i32> = ["describe", "prepare", "finish", "check", "render", "run"].into_iter().zip(0..).collect();
    for c in cases {
        let got = hello::answer(ops[&c.op[..]], &c.payload());
        match (&c.error, got) {
            (None, Ok(answer)) => assert_eq!(values(&parse(&answer).unwrap()), values(c.answer.as_ref().unwrap()), "{}", c.name),
            (Some(want), Err(e)) => {
                assert_eq!((&e.code, e.retryable), (&want.code, want.retryable), "{}: {}", c.name, e);
                assert!(want.message.is_empty() || want.message == e.message, "{}: {}", c.name, e);
                let wire: Failure = parse(&plimsoll::to_string(&e).unwrap()).unwrap();
                assert_eq!((wire.code, wire.message, wire.retryable), (e.code, e.message, e.retryable), "{}", c.name);
            }
            (Some(_), Ok(_)) if c.or_answer => {}
            (_, got) => panic!("{}: got {:?}", c.name, got),
        }
    }
}

impl Case {
    fn payload(&self) -> Vec<u8> {
        match &self.base64 {
            Some(text) => unbase64(text),
            None if !self.input.0.is_empty() => self.input.0.clone().into_bytes(),
            None => format!("{}{}{}", self.before, self.repeat.repeat(self.times as usize), self.after).into_bytes(),
        }
    }
}

fn unbase64(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut n, mut out) = (0u32, 0, Vec::new());
    for c in text.trim_end_matches('=').chars() {
        bits = bits << 6 | alphabet.find(c).unwrap() as u32;
        n += 6;
        if n >= 8 {
            n -= 8;
            out.push((bits >> n) as u8);
        }
    }
    out
}

/// Numbers are compared as numbers.
fn values(v: &Json) -> Json {
    match v {
        Json::Number(n) => Json::Number(n.parse::<f64>().unwrap().to_string()),
        Json::List(all) => Json::List(all.iter().map(values).collect()),
        Json::Object(all) => Json::Object(all.iter().map(|(name, v)| (name.clone(), values(v))).collect()),
        other => other.clone(),
    }
}

#[test]
fn cases() {
    run("cases.json");
}

#[test]
fn hostile() {
    run("hostile.json");
}

#[test]
fn describes_itself_in_canonical_form() {
    let said = hello::answer(0, b"{}").unwrap();
    let again = plimsoll::to_string(&parse::<Json>(&said).unwrap()).unwrap();
    assert_eq!(said, again, "members stand in the order of their names, without white space");
}
