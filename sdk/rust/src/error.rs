use crate::{Bad, Write, Writer};
use alloc::string::String;

/// Why a call has no answer. `code` is lower case words with underscores, the
/// author's own or one of `unsupported_op`, `bad_input`, `failed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What went wrong, for code.
    pub code: String,
    /// What went wrong, for people; with `retryable` for the model as well.
    pub message: String,
    /// Another completion may help.
    pub retryable: bool,
    /// More, for whoever develops the skill; may be empty.
    pub detail: String,
}

impl Error {
    /// A failure that another completion would not help.
    pub fn new(code: &str, message: impl Into<String>) -> Error {
        Error { code: code.into(), message: message.into(), retryable: false, detail: String::new() }
    }

    /// A failure that says: ask the model again, with this message.
    pub fn retry(code: &str, message: impl Into<String>) -> Error {
        Error { retryable: true, ..Error::new(code, message) }
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

#[cfg(feature = "std")]
impl std::error::Error for Error {}

impl From<Bad> for Error {
    fn from(bad: Bad) -> Error {
        Error::new("bad_input", alloc::format!("{}", bad))
    }
}

impl Write for Error {
    fn write(&self, w: &mut Writer) {
        w.object(|w| {
            w.member("code", &self.code);
            w.member("message", &self.message);
            if self.retryable {
                w.member("retryable", &true);
            }
            if !self.detail.is_empty() {
                w.member("detail", &self.detail);
            }
        });
    }
}
