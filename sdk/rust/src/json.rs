use crate::{Bad, Read, Reader, Write, Writer};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Any JSON value, for what has no fixed shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Json {
    /// null
    #[default]
    Null,
    /// true or false
    Bool(bool),
    /// A number as it was written: none is rounded on its way through.
    Number(String),
    /// Text
    String(String),
    /// A list
    List(Vec<Json>),
    /// An object; its members are written in the order of their names.
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// A member of an object; null for an absent one and for other values.
    pub fn get(&self, name: &str) -> &Json {
        match self {
            Json::Object(members) => members.get(name).unwrap_or(&Json::Null),
            _ => &Json::Null,
        }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(s) => Some(s),
            _ => None,
        }
    }
}

impl From<&str> for Json {
    fn from(s: &str) -> Json {
        Json::String(s.to_string())
    }
}

impl Read for Json {
    fn read(r: &mut Reader<'_>) -> Result<Json, Bad> {
        Ok(match r.kind() {
            Some(b'{') => Json::Object(r.value()?),
            Some(b'[') => Json::List(r.value()?),
            Some(b'"') => Json::String(r.value()?),
            Some(b't') | Some(b'f') => Json::Bool(r.boolean()?),
            _ => Json::Number(r.number()?.to_string()),
        })
    }
}

impl Write for Json {
    fn write(&self, w: &mut Writer) {
        match self {
            Json::Null => w.raw("null"),
            Json::Bool(v) => v.write(w),
            Json::Number(v) => w.raw(v),
            Json::String(v) => w.string(v),
            Json::List(v) => v.write(w),
            Json::Object(v) => v.write(w),
        }
    }
}

/// One JSON value as it was written; empty when it was absent or null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw(pub String);

impl Read for Raw {
    fn read(r: &mut Reader<'_>) -> Result<Raw, Bad> {
        r.skip().map(|s| Raw(s.to_string()))
    }
}

impl Write for Raw {
    fn write(&self, w: &mut Writer) {
        w.raw(if self.0.is_empty() { "null" } else { &self.0 })
    }
}
