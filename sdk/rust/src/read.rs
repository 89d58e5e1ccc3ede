use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Lists and objects in one another that an input may have. The reader calls
/// itself for each, and the end of the stack would be a trap.
const DEPTH: u32 = 256;

/// Why JSON could not be read, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    path: String,
    what: String,
}

impl Bad {
    /// A value that has the right type and is wrong still; the path to it is
    /// added on the way out.
    pub fn new(what: impl Into<String>) -> Bad {
        Bad { path: String::new(), what: what.into() }
    }

    fn inside(mut self, step: &str) -> Bad {
        if !self.path.is_empty() && !self.path.starts_with('[') {
            self.path.insert(0, '.');
        }
        self.path.insert_str(0, step);
        self
    }
}

impl core::fmt::Display for Bad {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.what);
        }
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// A type that can be read from JSON. `null` and an absent member are the
/// `Default`. [`record!`](crate::record) implements it for structs.
pub trait Read: Default {
    /// Reads one value that is not null.
    fn read(r: &mut Reader<'_>) -> Result<Self, Bad>;
}

/// Reads a whole document.
pub fn parse<T: Read>(json: &str) -> Result<T, Bad> {
    let mut r = Reader::new(json);
    let v = r.value()?;
    r.end()?;
    Ok(v)
}

/// Goes through a document, value by value.
pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, depth: 0 }
    }

    pub(crate) fn end(&mut self) -> Result<(), Bad> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.wrong("there is text behind the document")),
        }
    }

    fn wrong(&self, what: &str) -> Bad {
        Bad::new(format!("{}, at byte {} of {}", what, self.at, self.text.len()))
    }

    /// The byte that the next value begins with.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(&c) = bytes.get(self.at) {
            if !matches!(c, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(c);
            }
            self.at += 1;
        }
        None
    }

    /// What another type than the one that is due is called in messages.
    fn other(&mut self, due: &str) -> Bad {
        let found = match self.peek() {
            None => return self.wrong("the document ends early"),
            Some(b'"') => "text",
            Some(b'[') => "a list",
            Some(b'{') => "an object",
            Some(b't') | Some(b'f') => "a boolean",
            Some(b'n') => "null",
            Some(b'-') | Some(b'0'..=b'9') => "a number",
            Some(_) => return self.wrong("a value is due"),
        };
        Bad::new(format!("{} stands where {} is due", found, due))
    }

    fn word(&mut self, word: &str) -> Result<(), Bad> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(self.wrong("a value is due"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Takes `null`, if that is next.
    fn null(&mut self) -> Result<bool, Bad> {
        if self.peek() != Some(b'n') {
            return Ok(false);
        }
        self.word("null")?;
        Ok(true)
    }

    /// Reads one value; null is the default.
    pub fn value<T: Read>(&mut self) -> Result<T, Bad> {
        if self.null()? {
            return Ok(T::default());
        }
        T::read(self)
    }

    /// Reads true or false.
    pub fn boolean(&mut self) -> Result<bool, Bad> {
        match self.peek() {
            Some(b't') => self.word("true").map(|_| true),
            Some(b'f') => self.word("false").map(|_| false),
            _ => Err(self.other("true or false")),
        }
    }

    /// Reads a number, as it was written.
    pub fn number(&mut self) -> Result<&'a str, Bad> {
        if !matches!(self.peek(), Some(b'-') | Some(b'0'..=b'9')) {
            return Err(self.other("a number"));
        }
        let start = self.at;
        self.skip_byte(b"-");
        if !self.skip_byte(b"0") {
            self.digits()?;
        }
        if self.skip_byte(b".") {
            self.digits()?;
        }
        if self.skip_byte(b"eE") {
            self.skip_byte(b"+-");
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn skip_byte(&mut self, any: &[u8]) -> bool {
        let found = self.text.as_bytes().get(self.at).map_or(false, |c| any.contains(c));
        self.at += found as usize;
        found
    }

    fn digits(&mut self) -> Result<(), Bad> {
        let start = self.at;
        while self.skip_byte(b"0123456789") {}
        if self.at == start {
            return Err(self.wrong("a digit is due"));
        }
        Ok(())
    }

    /// Reads text. It is borrowed from the document unless it has escapes.
    pub fn string(&mut self) -> Result<Cow<'a, str>, Bad> {
        if self.peek() != Some(b'"') {
            return Err(self.other("text"));
        }
        self.at += 1;
        let mut run = self.at; // what begins here needs no decoding
        let mut decoded: Option<String> = None;
        loop {
            self.at = plain(self.text.as_bytes(), self.at);
            match self.text.as_bytes().get(self.at) {
                None => return Err(self.wrong("the text does not end")),
                Some(b'"') => {
                    let last = &self.text[run..self.at];
                    self.at += 1;
                    return Ok(match decoded {
                        None => Cow::Borrowed(last),
                        Some(mut s) => {
                            s.push_str(last);
                            Cow::Owned(s)
                        }
                    });
                }
                Some(b'\\') => {
                    let s = decoded.get_or_insert_with(String::new);
                    s.push_str(&self.text[run..self.at]);
                    let c = self.escape()?;
                    s.push(c);
                    run = self.at;
                }
                Some(_) => return Err(self.wrong("a control character stands in a text unescaped")),
            }
        }
    }

    /// Reads the escape that is next. A half of a surrogate pair is U+FFFD: it has
    /// no UTF-8 form, and hosts refuse it in answers.
    fn escape(&mut self) -> Result<char, Bad> {
        let c = match self.text.as_bytes().get(self.at + 1) {
            None => return Err(self.wrong("the text does not end")),
            Some(c @ (b'"' | b'\\' | b'/')) => *c as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            Some(_) => return Err(self.wrong("JSON has no such escape")),
        };
        self.at += 2;
        Ok(c)
    }

    fn unicode(&mut self) -> Result<char, Bad> {
        let high = match self.unit() {
            Some(unit) => unit,
            None => return Err(self.wrong("\\u wants four digits of base 16")),
        };
        self.at += 6;
        if (0xd800..0xdc00).contains(&high) {
            if let Some(low @ 0xdc00..=0xdfff) = self.unit() {
                self.at += 6;
                return Ok(char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).unwrap_or('\u{fffd}'));
            }
        }
        Ok(char::from_u32(high).unwrap_or('\u{fffd}'))
    }

    /// The unit that the \uXXXX here stands for.
    fn unit(&self) -> Option<u32> {
        let s = self.text.as_bytes().get(self.at..self.at + 6)?;
        if !s.starts_with(b"\\u") {
            return None;
        }
        s[2..].iter().try_fold(0, |v, &c| Some(v << 4 | (c as char).to_digit(16)?))
    }

    fn enter(&mut self) -> Result<(), Bad> {
        self.depth += 1;
        self.at += 1;
        if self.depth > DEPTH {
            return Err(self.wrong("lists and objects are nested too deep"));
        }
        Ok(())
    }

    /// Reads an object: calls `member` with each name, which must read or skip the
    /// value. Of two members of one name the last counts. Null has none.
    pub fn object(&mut self, mut member: impl FnMut(&mut Reader<'a>, &str) -> Result<(), Bad>) -> Result<(), Bad> {
        if self.null()? {
            return Ok(());
        }
        if self.peek() != Some(b'{') {
            return Err(self.other("an object"));
        }
        self.enter()?;
        if self.peek() != Some(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.wrong("a member's name is due"));
                }
                let name = self.string()?;
                if self.peek() != Some(b':') {
                    return Err(self.wrong("a colon is due"));
                }
                self.at += 1;
                member(self, &name).map_err(|e| e.inside(&name))?;
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b'}') => break,
                    _ => return Err(self.wrong("a comma or } is due")),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Reads a list: calls `element` with each number from 0, which must read or
    /// skip the value. Null has none.
    pub fn list(&mut self, mut element: impl FnMut(&mut Reader<'a>, usize) -> Result<(), Bad>) -> Result<(), Bad> {
        if self.null()? {
            return Ok(());
        }
        if self.peek() != Some(b'[') {
            return Err(self.other("a list"));
        }
        self.enter()?;
        if self.peek() != Some(b']') {
            for n in 0.. {
                element(self, n).map_err(|e| e.inside(&format!("[{}]", n)))?;
                match self.peek() {
                    Some(b',') => self.at += 1,
                    Some(b']') => break,
                    _ => return Err(self.wrong("a comma or ] is due")),
                }
            }
        }
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// Passes over one value, checks it, and gives it as it was written.
    pub fn skip(&mut self) -> Result<&'a str, Bad> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'{') => self.object(|r, _| r.skip().map(|_| ()))?,
            Some(b'[') => self.list(|r, _| r.skip().map(|_| ()))?,
            Some(b'"') => self.string().map(|_| ())?,
            Some(b't') | Some(b'f') => self.boolean().map(|_| ())?,
            Some(b'n') => self.word("null")?,
            _ => self.number().map(|_| ())?,
        }
        Ok(&self.text[start..self.at])
    }

    pub(crate) fn kind(&mut self) -> Option<u8> {
        self.peek()
    }
}

/// The first byte from `at` that ends a run of text: a quote, a backslash or a
/// control character. Eight bytes at once; bytes above 0x7f belong to the run,
/// for the document was checked to be UTF-8.
fn plain(b: &[u8], mut at: usize) -> usize {
    const fn each(c: u8) -> u64 {
        u64::from_ne_bytes([c; 8])
    }
    while let Some(chunk) = b.get(at..at + 8) {
        let x = u64::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3], chunk[4], chunk[5], chunk[6], chunk[7]]);
        // A high bit for every byte that is below 0x20 or equal; behind the first
        // one there may be more without reason.
        let below = |y: u64, c: u64| y.wrapping_sub(c) & !y;
        let ends = (below(x, each(0x20)) | below(x ^ each(b'"'), each(1)) | below(x ^ each(b'\\'), each(1))) & each(0x80);
        if ends != 0 {
            return at + ends.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while at < b.len() && b[at] >= 0x20 && b[at] != b'"' && b[at] != b'\\' {
        at += 1;
    }
    at
}

impl Read for String {
    fn read(r: &mut Reader<'_>) -> Result<String, Bad> {
        r.string().map(Cow::into_owned)
    }
}

impl Read for bool {
    fn read(r: &mut Reader<'_>) -> Result<bool, Bad> {
        r.boolean()
    }
}

macro_rules! numbers {
    ($($t:ty),*) => { $(
        impl Read for $t {
            fn read(r: &mut Reader<'_>) -> Result<$t, Bad> {
                let n = r.number()?;
                n.parse().map_err(|_| Bad::new(format!("{} does not fit; {} is due", n.get(..40).unwrap_or(n), stringify!($t))))
            }
        }
    )* };
}
numbers!(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64);

impl<T: Read> Read for Vec<T> {
    fn read(r: &mut Reader<'_>) -> Result<Vec<T>, Bad> {
        let mut all = Vec::new();
        r.list(|r, _| r.value().map(|v| all.push(v)))?;
        Ok(all)
    }
}

impl<T: Read> Read for Option<T> {
    fn read(r: &mut Reader<'_>) -> Result<Option<T>, Bad> {
        T::read(r).map(Some)
    }
}

impl<T: Read> Read for Box<T> {
    fn read(r: &mut Reader<'_>) -> Result<Box<T>, Bad> {
        T::read(r).map(Box::new)
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn read(r: &mut Reader<'_>) -> Result<BTreeMap<String, T>, Bad> {
        let mut all = BTreeMap::new();
        r.object(|r, name| r.value().map(|v| drop(all.insert(name.to_string(), v))))?;
        Ok(all)
    }
}
