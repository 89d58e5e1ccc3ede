//! The ops: payload in, answer out. `skill!` calls these.

use crate::{parse, to_string, Bad, Error, Host, Read, Reader, Write, Writer};
use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// For which step `prepare` is called.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The step's name.
    pub step: String,
    /// The completions of the steps before it.
    pub done: BTreeMap<String, String>,
}

crate::record! {
    /// One turn of a prompt. The role is system, user or assistant.
    pub struct Message {
        /// Who speaks.
        pub role: String,
        /// What is said.
        pub content: String,
    }
}

impl Message {
    /// A system message.
    pub fn system(content: impl Into<String>) -> Message {
        Message { role: "system".into(), content: content.into() }
    }
    /// A user message.
    pub fn user(content: impl Into<String>) -> Message {
        Message { role: "user".into(), content: content.into() }
    }
    /// An assistant message, for examples in a prompt.
    pub fn assistant(content: impl Into<String>) -> Message {
        Message { role: "assistant".into(), content: content.into() }
    }
}

/// What goes to the model.
#[derive(Clone, Debug, Default)]
pub struct Prompt {
    /// At least one.
    pub messages: Vec<Message>,
    state: Option<String>,
}

impl Prompt {
    /// A prompt without state.
    pub fn new(messages: Vec<Message>) -> Prompt {
        Prompt { messages, state: None }
    }

    /// Keeps a value for `finish`, which gets what the last step's prompt had.
    /// Nothing else outlives a call.
    pub fn with_state(mut self, state: &impl Write) -> Result<Prompt, Error> {
        self.state = Some(to_string(state).map_err(|what| Error::new("failed", format!("the state cannot be kept: {}", what)))?);
        Ok(self)
    }
}

/// What the model said.
#[derive(Clone, Debug)]
pub struct Answer<'a> {
    /// The completion of the last step.
    pub completion: Cow<'a, str>,
    completions: &'a str,
    state: &'a str,
}

impl<'a> Answer<'a> {
    /// An answer without steps and state, for tests.
    pub fn of(completion: &'a str) -> Answer<'a> {
        Answer { completion: Cow::Borrowed(completion), completions: "null", state: "null" }
    }

    /// The completions of all steps. They are read when asked for.
    pub fn completions(&self) -> Result<BTreeMap<String, String>, Error> {
        Ok(parse(self.completions)?)
    }

    /// What `prepare` kept for the last step; the default where it kept nothing.
    pub fn state<T: Read>(&self) -> Result<T, Error> {
        Ok(parse(self.state)?)
    }
}

/// A gate's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    passed: bool,
    reason: String,
    failed_ids: Vec<String>,
}

impl Verdict {
    /// The gate holds.
    pub fn pass() -> Verdict {
        Verdict { passed: true, reason: String::new(), failed_ids: Vec::new() }
    }

    /// The gate does not hold. The reason is shown to people, and to the model
    /// when it may try again, so write it as advice; the ids name what failed.
    pub fn fail(reason: impl Into<String>, failed_ids: Vec<String>) -> Verdict {
        Verdict { passed: false, reason: reason.into(), failed_ids }
    }

    /// Whether the gate holds.
    pub fn passed(&self) -> bool {
        self.passed
    }
}

impl Write for Verdict {
    fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.member("passed", &self.passed);
            if !self.reason.is_empty() {
                w.member("reason", &self.reason);
            }
            if !self.failed_ids.is_empty() {
                w.member("failed_ids", &self.failed_ids);
            }
        })
    }
}

/// The payload as text.
pub fn text(input: &[u8]) -> Result<&str, Error> {
    core::str::from_utf8(input).map_err(|e| Error::new("bad_input", format!("the payload is not UTF-8 at byte {}", e.valid_up_to())))
}

/// Reads the payload's members. Unlike in a record, null is a value of input and
/// output, so they are told from absent ones.
fn payload<'a>(raw: &'a [u8], mut member: impl FnMut(&mut Reader<'a>, &str) -> Result<bool, Bad>) -> Result<(), Error> {
    let mut r = Reader::new(text(raw)?);
    if r.kind() != Some(b'{') {
        r.skip()?;
        return Err(Error::new("bad_input", "the payload must be an object"));
    }
    r.object(|r, name| if member(r, name)? { Ok(()) } else { r.skip().map(|_| ()) })?;
    Ok(r.end()?)
}

fn there<T>(v: Option<T>, name: &str) -> Result<T, Error> {
    v.ok_or_else(|| Error::new("bad_input", format!("the payload has no {}", name)))
}

fn answer(write: impl Fn(&mut Writer)) -> Result<String, Error> {
    struct Members<F>(F);
    impl<F: Fn(&mut Writer)> Write for Members<F> {
        fn write(&self, w: &mut Writer) {
            w.object(&self.0)
        }
    }
    to_string(&Members(write)).map_err(|what| Error::new("failed", format!("the answer cannot be carried by JSON: {}", what)))
}

/// Answers op prepare.
pub fn prepare<In: Read>(raw: &[u8], f: impl Fn(In, &Turn) -> Result<Prompt, Error>) -> Result<String, Error> {
    let (mut input, mut turn) = (None, Turn::default());
    payload(raw, |r, name| {
        match name {
            "input" => input = Some(r.value()?),
            "step" => turn.step = r.value()?,
            "done" => turn.done = r.value()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let prompt = f(there(input, "input")?, &turn)?;
    answer(|w| {
        w.member("messages", &prompt.messages);
        if let Some(state) = &prompt.state {
            w.member("state", &crate::Raw(state.clone()));
        }
    })
}

/// Answers op finish.
pub fn finish<In: Read, Out: Write>(raw: &[u8], f: impl Fn(In, &Answer<'_>) -> Result<Out, Error>) -> Result<String, Error> {
    let (mut input, mut said) = (None, Answer::of(""));
    payload(raw, |r, name| {
        match name {
            "input" => input = Some(r.value()?),
            "completion" if r.kind() == Some(b'n') => said.completion = Cow::Borrowed(r.skip().map(|_| "")?),
            "completion" => said.completion = r.string()?,
            "completions" => said.completions = r.skip()?,
            "state" => said.state = r.skip()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let out = f(there(input, "input")?, &said)?;
    answer(|w| w.member("output", &out))
}

/// Answers op run.
pub fn run<In: Read, Out: Write>(raw: &[u8], f: impl Fn(In, &mut Host) -> Result<Out, Error>) -> Result<String, Error> {
    let mut input = None;
    payload(raw, |r, name| {
        if name == "input" {
            input = Some(r.value()?);
        }
        Ok(name == "input")
    })?;
    let out = f(there(input, "input")?, &mut Host::new())?;
    answer(|w| w.member("output", &out))
}

fn result<In: Read, Out: Read>(raw: &[u8]) -> Result<(In, Out), Error> {
    let (mut input, mut output) = (None, None);
    payload(raw, |r, name| {
        match name {
            "input" => input = Some(r.value()?),
            "output" => output = Some(r.value()?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok((there(input, "input")?, there(output, "output")?))
}

/// Answers op check for one gate.
pub fn check<In: Read, Out: Read>(raw: &[u8], f: impl Fn(&In, &Out) -> Result<Verdict, Error>) -> Result<String, Error> {
    let (input, output) = result(raw)?;
    let verdict = f(&input, &output)?;
    to_string(&verdict).map_err(|what| Error::new("failed", what))
}

/// Answers op render for one format.
pub fn render<In: Read, Out: Read>(raw: &[u8], f: impl Fn(&In, &Out) -> Result<String, Error>) -> Result<String, Error> {
    let (input, output) = result(raw)?;
    let text = f(&input, &output)?;
    answer(|w| w.member("text", &text))
}

/// The gate or format that the payload names.
pub fn named(raw: &[u8], member: &str) -> Result<String, Error> {
    let mut found = String::new();
    payload(raw, |r, name| {
        if name == member {
            found = r.value()?;
        }
        Ok(name == member)
    })?;
    Ok(found)
}

/// The failure of what the skill does not have.
pub fn unsupported(what: &str, name: &str) -> Error {
    Error::new("unsupported_op", format!("this skill's code has no {} {:?}", what, name))
}
