//! The manifest, put together while the skill compiles: it stands in a custom
//! section, which hosts read without running anything.

/// What `skill!` says. Members that are JSON already are None when absent.
pub struct Manifest<'a> {
    /// Names.
    pub name: &'a str,
    /// Free text.
    pub version: &'a str,
    /// Names of ops, in the order of their numbers.
    pub ops: &'a [&'a str],
    /// Names.
    pub gates: &'a [&'a str],
    /// Names.
    pub formats: &'a [&'a str],
    /// Names.
    pub capabilities: &'a [&'a str],
    /// Canonical JSON, or "".
    pub input: &'a str,
    /// Canonical JSON, or "".
    pub limits: &'a str,
    /// Canonical JSON, or "".
    pub output: &'a str,
    /// Canonical JSON, or "".
    pub self_tests: &'a str,
}

/// N bytes that are being written, and how many were. More than N are counted and
/// not kept: N = 0 measures.
struct Out<const N: usize>([u8; N], usize);

impl<const N: usize> Out<N> {
    const fn raw(mut self, s: &str) -> Self {
        let s = s.as_bytes();
        let mut i = 0;
        while i < s.len() {
            if self.1 < N {
                self.0[self.1] = s[i];
            }
            self.1 += 1;
            i += 1;
        }
        self
    }

    const fn quoted(mut self, s: &str) -> Self {
        let bytes = s.as_bytes();
        let mut i = 0;
        while i < bytes.len() {
            assert!(bytes[i] >= 0x20 && bytes[i] != b'"' && bytes[i] != b'\\', "a name or version in skill! has a character that would need an escape");
            i += 1;
        }
        self = self.raw("\"").raw(s);
        self.raw("\"")
    }

    const fn text(self, name: &str, s: &str) -> Self {
        if s.is_empty() {
            return self;
        }
        self.raw(",\"").raw(name).raw("\":").quoted(s)
    }

    const fn json(self, name: &str, s: &str) -> Self {
        if s.is_empty() {
            return self;
        }
        self.raw(",\"").raw(name).raw("\":").raw(s)
    }

    const fn names(mut self, name: &str, all: &[&str], always: bool) -> Self {
        if all.is_empty() && !always {
            return self;
        }
        self = self.raw(",\"").raw(name).raw("\":[");
        let mut i = 0;
        while i < all.len() {
            if i > 0 {
                self = self.raw(",");
            }
            self = self.quoted(all[i]);
            i += 1;
        }
        self.raw("]")
    }

    const fn manifest(self, m: &Manifest<'_>) -> Self {
        self.raw("{\"abi\":1")
            .names("capabilities", m.capabilities, false)
            .names("formats", m.formats, false)
            .names("gates", m.gates, false)
            .json("input", m.input)
            .json("limits", m.limits)
            .text("name", m.name)
            .names("ops", m.ops, true)
            .json("output", m.output)
            .json("self_tests", m.self_tests)
            .text("version", m.version)
            .raw("}")
    }
}

/// How many bytes the manifest has.
pub const fn length(m: &Manifest<'_>) -> usize {
    Out::<0>([], 0).manifest(m).1
}

/// The manifest as canonical JSON.
pub const fn bytes<const N: usize>(m: &Manifest<'_>) -> [u8; N] {
    Out::<N>([0; N], 0).manifest(m).0
}
