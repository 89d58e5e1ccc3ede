//! Write a skill's code in Rust: what a prompt, a schema and gates cannot say.
//! The code is built as a WASM module that has no files, no network and no clock;
//! it is data in, data out. The crate needs nothing but `alloc`, and must not do
//! anything that works on the author's machine but not in the sandbox.
//!
//! ```
//! use plimsoll::{Answer, Error};
//!
//! plimsoll::record! {
//!     pub struct Input { pub text: String }
//!     pub struct Output { pub words: Vec<String> }
//! }
//!
//! fn finish(_: Input, a: &Answer) -> Result<Output, Error> {
//!     Ok(Output { words: a.completion.split_whitespace().map(String::from).collect() })
//! }
//!
//! plimsoll::skill! { name: "words", finish: finish }
//! # fn main() {}
//! ```
//!
//! Tests need no WASM: they call the functions, or `answer`, which `skill!` makes,
//! with the bytes that the host would send. The wire is `sdk/ABI.md`, version 1.
#![no_std]
#![deny(missing_docs, unsafe_op_in_unsafe_fn)]

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod error;
mod guest;
mod host;
mod json;
#[doc(hidden)]
pub mod manifest;
#[doc(hidden)]
pub mod op;
mod read;
mod record;
mod skill;
mod write;

pub use error::Error;
pub use guest::{log, Level};
pub use host::{Host, HostOp};
pub use json::{Json, Raw};
pub use op::{Answer, Message, Prompt, Turn, Verdict};
pub use read::{parse, Bad, Read, Reader};
pub use write::{to_string, Write, Writer};

#[doc(hidden)]
pub mod export {
    //! What `skill!` expands to.
    pub use crate::guest::*;
    pub use alloc::string::String;
    pub use alloc::vec::Vec;
}
