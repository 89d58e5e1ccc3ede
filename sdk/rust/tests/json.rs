//! Reading and writing JSON, state, and a fake host.

use plimsoll::{parse, to_string, Answer, Error, Host, HostOp, Json, Message, Prompt, Raw};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

plimsoll::record! {
    struct Many { a: i64, b: Option<u8>, c: Vec<f64>, d: BTreeMap<String, bool>, e: Json, f: Raw, r#type: Box<String> }
}

#[test]
fn round_trip() {
    let text = r#"{"a":-9223372036854775808,"b":255,"c":[0.0,-1.5,1e300,5e-324],"d":{"x":true},"e":[null,{"é":"\u0001\"\\\n"}],"f":{ "as":1.50 },"type":"t"}"#;
    let v: Many = parse(text).unwrap();
    assert_eq!(to_string(&v).unwrap(), text);
    assert_eq!(parse::<Many>("{}").unwrap(), Many::default());
    assert_eq!(parse::<Many>(r#"{"a":null,"b":null,"c":null,"d":null,"e":null,"f":null,"type":null,"g":[{}]}"#).unwrap(), Many::default());
    assert!(to_string(&f64::NAN).is_err());
}

#[test]
fn says_where_it_is_wrong() {
    for (text, want) in [
        (r#"{"a":1.5}"#, "a: 1.5 does not fit; i64 is due"),
        (r#"{"b":256}"#, "b: 256 does not fit; u8 is due"),
        (r#"{"c":[0,"x"]}"#, "c[1]: text stands where a number is due"),
        (r#"{"d":{"x":{"y":1}}}"#, "d.x: an object stands where true or false is due"),
        (r#"{"e":[1,{"k":tru}]}"#, "e[1].k: a value is due, at byte 13 of 19"),
        ("[]", "a list stands where an object is due"),
    ] {
        assert_eq!(parse::<Many>(text).unwrap_err().to_string(), want);
    }
}

/// Every length around the eight bytes that are looked at at once, with each byte
/// that ends a run at each place.
#[test]
fn strings_of_every_length() {
    for len in 0..40 {
        for at in 0..len {
            for special in ["\"", "\\", "\u{1}", "\n", "\u{1f}", "\u{20}", "\u{7f}", "é", "🌷", "!", "#", "[", "]"] {
                let mut s = "x".repeat(len);
                s.replace_range(at..at + 1, special);
                let json = to_string(&s).unwrap();
                assert_eq!(parse::<String>(&json).unwrap(), s, "{}", json);
                if special < "\u{20}" {
                    assert!(parse::<String>(&format!("\"{}\"", s)).is_err(), "{:?}", s);
                }
            }
        }
    }
}

#[test]
fn state_goes_from_prepare_to_finish() {
    let kept = plimsoll::op::prepare(br#"{"input":[1,2]}"#, |input: Vec<u8>, _| Prompt::new(vec![Message::user("x")]).with_state(&input)).unwrap();
    assert_eq!(kept, r#"{"messages":[{"role":"user","content":"x"}],"state":[1,2]}"#);
    let given = br#"{"state":[1,2],"completions":{"main":"y"},"completion":null,"input":null}"#;
    let said = plimsoll::op::finish(given, |_: Json, a: &Answer| Ok(format!("{:?} {:?} {:?}", a.state::<Vec<u8>>()?, a.completions()?, a.completion)));
    assert_eq!(said.unwrap(), r#"{"output":"[1, 2] {\"main\": \"y\"} \"\""}"#);
}

#[test]
fn the_host_answers_or_refuses() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let seen = asked.clone();
    let mut host = Host::fake(move |op, payload| {
        seen.borrow_mut().push(format!("{:?} {}", op, payload));
        match op {
            HostOp::Generate => Ok(r#"{"completion":"hi"}"#.into()),
            HostOp::Get => Ok(r#"{"found":false,"value":null}"#.into()),
            HostOp::Put => Err(r#"{"code":"quota","message":"too much","retryable":true}"#.into()),
            HostOp::Tool => Ok(r#"{"result":{"n":1}}"#.into()),
        }
    });
    assert_eq!(host.generate("draft", &[Message::user("q")]).unwrap(), "hi");
    assert_eq!(host.get::<u32>("k").unwrap(), None);
    assert_eq!(host.put("k", Some(&1u8)).unwrap_err(), Error::retry("quota", "too much"));
    assert_eq!(host.tool::<Json>("t", &parse::<Json>("{}").unwrap()).unwrap().get("n"), &Json::Number("1".into()));
    assert_eq!(
        *asked.borrow(),
        [
            r#"Generate {"step":"draft","messages":[{"role":"user","content":"q"}]}"#,
            r#"Get {"key":"k"}"#,
            r#"Put {"key":"k","value":1}"#,
            r#"Tool {"tool":"t","arguments":{}}"#,
        ]
    );
}
