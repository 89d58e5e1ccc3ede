use crate::{guest, parse, to_string, Error, Json, Message, Read, Write, Writer};
use alloc::boxed::Box;
use alloc::string::String;

/// What a host can be asked for. Each is a capability that the manifest names and
/// the project grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum HostOp {
    /// model.generate
    Generate = 1,
    /// kv.get
    Get = 2,
    /// kv.put
    Put = 3,
    /// tool.call
    Tool = 4,
}

type Ask = dyn FnMut(HostOp, &str) -> Result<String, String>;

/// The host, as `run` sees it. Its failures have codes of their own:
/// `capability` (not granted), `unavailable`, `quota`, `tool_failed`.
pub struct Host {
    call: Box<Ask>,
}

impl Host {
    pub(crate) fn new() -> Host {
        Host { call: Box::new(guest::host) }
    }

    /// A host for tests: the function gets the op's payload and gives the answer,
    /// or a failure, as JSON.
    pub fn fake(call: impl FnMut(HostOp, &str) -> Result<String, String> + 'static) -> Host {
        Host { call: Box::new(call) }
    }

    fn ask<T: Read>(&mut self, op: HostOp, member: &str, payload: impl Fn(&mut Writer)) -> Result<T, Error> {
        struct Payload<F>(F);
        impl<F: Fn(&mut Writer)> Write for Payload<F> {
            fn write(&self, w: &mut Writer) {
                w.object(&self.0)
            }
        }
        let payload = to_string(&Payload(payload)).map_err(|what| Error::new("failed", what))?;
        let mut value = T::default();
        match (self.call)(op, &payload) {
            Ok(answer) => {
                let mut r = crate::Reader::new(&answer);
                r.object(|r, name| {
                    if name == member {
                        value = r.value()?;
                        return Ok(());
                    }
                    r.skip().map(|_| ())
                })?;
                r.end()?;
                Ok(value)
            }
            Err(failure) => {
                let f: Json = parse(&failure)?;
                let part = |name| f.get(name).as_str().unwrap_or("");
                let retryable = f.get("retryable") == &Json::Bool(true);
                Err(Error { retryable, detail: part("detail").into(), ..Error::new(part("code"), part("message")) })
            }
        }
    }

    /// Asks the model of a step; "" is the main one.
    pub fn generate(&mut self, step: &str, messages: &[Message]) -> Result<String, Error> {
        self.ask(HostOp::Generate, "completion", |w| {
            if !step.is_empty() {
                w.member("step", step);
            }
            w.member("messages", messages);
        })
    }

    /// What is kept under a key; None when nothing is.
    pub fn get<T: Read>(&mut self, key: &str) -> Result<Option<T>, Error> {
        self.ask(HostOp::Get, "value", |w| w.member("key", key))
    }

    /// Keeps a value under a key; None deletes.
    pub fn put<T: Write>(&mut self, key: &str, value: Option<&T>) -> Result<(), Error> {
        self.ask::<Json>(HostOp::Put, "", |w| {
            w.member("key", key);
            w.member("value", &value);
        })?;
        Ok(())
    }

    /// Calls a tool with an object of arguments.
    pub fn tool<T: Read>(&mut self, tool: &str, arguments: &impl Write) -> Result<T, Error> {
        self.ask(HostOp::Tool, "result", |w| {
            w.member("tool", tool);
            w.member("arguments", arguments);
        })
    }
}
