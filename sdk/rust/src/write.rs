use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// A type that can be written as JSON. [`record!`](crate::record) implements it
/// for structs.
pub trait Write {
    /// Writes one value.
    fn write(&self, w: &mut Writer);
}

/// Writes a whole document. The error says what JSON cannot carry.
pub fn to_string<T: Write + ?Sized>(v: &T) -> Result<String, &'static str> {
    let mut w = Writer { out: String::new(), comma: false, wrong: None };
    v.write(&mut w);
    match w.wrong {
        None => Ok(w.out),
        Some(what) => Err(what),
    }
}

/// JSON that is being written. Commas come by themselves.
pub struct Writer {
    out: String,
    comma: bool,
    wrong: Option<&'static str>,
}

impl Writer {
    fn begin(&mut self) {
        if self.comma {
            self.out.push(',');
        }
        self.comma = true;
    }

    /// Writes text.
    pub fn string(&mut self, s: &str) {
        self.begin();
        self.out.reserve(s.len() + 2);
        self.out.push('"');
        let mut run = 0; // what begins here needs no escape
        for (i, c) in s.bytes().enumerate() {
            if c >= 0x20 && c != b'"' && c != b'\\' {
                continue;
            }
            self.out.push_str(&s[run..i]);
            run = i + 1;
            match c {
                b'"' => self.out.push_str("\\\""),
                b'\\' => self.out.push_str("\\\\"),
                b'\n' => self.out.push_str("\\n"),
                b'\r' => self.out.push_str("\\r"),
                b'\t' => self.out.push_str("\\t"),
                _ => {
                    let _ = write!(self.out, "\\u{:04x}", c); // a String takes everything
                }
            }
        }
        self.out.push_str(&s[run..]);
        self.out.push('"');
    }

    /// Writes a value that is JSON already.
    pub fn raw(&mut self, json: &str) {
        self.begin();
        self.out.push_str(json);
    }

    /// Writes an object, whose members the function writes.
    pub fn object(&mut self, members: impl FnOnce(&mut Writer)) {
        self.nested('{', '}', members)
    }

    /// Writes a list, whose elements the function writes.
    pub fn list(&mut self, elements: impl FnOnce(&mut Writer)) {
        self.nested('[', ']', elements)
    }

    fn nested(&mut self, open: char, close: char, inside: impl FnOnce(&mut Writer)) {
        self.begin();
        self.out.push(open);
        self.comma = false;
        inside(self);
        self.out.push(close);
        self.comma = true;
    }

    /// Writes a member of an object.
    pub fn member<T: Write + ?Sized>(&mut self, name: &str, v: &T) {
        self.string(name);
        self.out.push(':');
        self.comma = false;
        v.write(self);
    }
}

impl Write for str {
    fn write(&self, w: &mut Writer) {
        w.string(self)
    }
}

impl Write for String {
    fn write(&self, w: &mut Writer) {
        w.string(self)
    }
}

impl Write for bool {
    fn write(&self, w: &mut Writer) {
        w.raw(if *self { "true" } else { "false" })
    }
}

macro_rules! integers {
    ($($t:ty),*) => { $(
        impl Write for $t {
            fn write(&self, w: &mut Writer) {
                w.begin();
                let _ = write!(w.out, "{}", self);
            }
        }
    )* };
}
integers!(i8, i16, i32, i64, u8, u16, u32, u64);

impl Write for f64 {
    fn write(&self, w: &mut Writer) {
        w.begin();
        if !self.is_finite() {
            w.wrong = Some("a number is NaN or infinite");
        }
        let _ = write!(w.out, "{:?}", self); // the shortest that reads back, with an exponent where it is long
    }
}

impl Write for f32 {
    fn write(&self, w: &mut Writer) {
        f64::from(*self).write(w)
    }
}

impl<T: Write + ?Sized> Write for &T {
    fn write(&self, w: &mut Writer) {
        (**self).write(w)
    }
}

impl<T: Write + ?Sized> Write for Box<T> {
    fn write(&self, w: &mut Writer) {
        (**self).write(w)
    }
}

impl<T: Write> Write for [T] {
    fn write(&self, w: &mut Writer) {
        w.list(|w| self.iter().for_each(|v| v.write(w)))
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, w: &mut Writer) {
        self[..].write(w)
    }
}

impl<T: Write> Write for Option<T> {
    fn write(&self, w: &mut Writer) {
        match self {
            Some(v) => v.write(w),
            None => w.raw("null"),
        }
    }
}

impl<T: Write> Write for BTreeMap<String, T> {
    fn write(&self, w: &mut Writer) {
        w.object(|w| self.iter().for_each(|(name, v)| w.member(name, v)))
    }
}
