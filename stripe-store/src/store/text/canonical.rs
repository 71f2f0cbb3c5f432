//! One spelling for every spelling of a JSON text, written in one pass and without a tree.

use memchr::memchr2;

use super::{MAX_DEPTH, Number, scalar_end, string_end, value_end};

/// One spelling for every spelling of a JSON text: white space, order of keys, escapes and spelling of numbers apart, and
/// of a key that comes twice the last value. Only to be compared: commas and large numbers are not as JSON has them.
///
/// What is no JSON comes out as some text.
pub(crate) fn canonical(json: &str) -> Vec<u8> {
    let mut writer = Writer {
        json,
        bytes: json.as_bytes(),
        at: 0,
        out: Vec::with_capacity(json.len()),
        members: Vec::with_capacity(64),
        spare: Vec::with_capacity(json.len()),
    };
    writer.value(0);
    writer.out
}

/// What two JSON texts have in common if and only if they say the same.
#[cfg(feature = "postgres")]
pub(crate) fn digest(json: &str) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    Sha256::digest(canonical(json)).into()
}

/// A member of an object, by its place in what is written.
#[derive(Debug, Clone, Copy)]
struct Member {
    /// The first bytes of the key, by which nearly all are told apart.
    prefix: [u8; 8],
    start: usize,
    key_end: usize,
    end: usize,
}

impl Member {
    fn key(self, out: &[u8]) -> ([u8; 8], &[u8]) {
        let key = out.get(self.start..self.key_end).unwrap_or_default();
        (self.prefix, key)
    }
}

struct Writer<'a> {
    json: &'a str,
    bytes: &'a [u8],
    at: usize,
    out: Vec<u8>,
    /// The members so far of the objects that are being written, the innermost last.
    members: Vec<Member>,
    spare: Vec<u8>,
}

impl Writer<'_> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.at += 1,
                byte => return byte.copied(),
            }
        }
    }

    fn skip(&mut self, byte: u8) {
        if self.peek() == Some(byte) {
            self.at += 1;
        }
    }

    /// Writes the text up to `end` as it is.
    fn copy(&mut self, end: usize) {
        let text = self.bytes.get(self.at..end).unwrap_or_default();
        self.out.extend_from_slice(text);
        self.at = end;
    }

    fn value(&mut self, depth: usize) {
        match self.peek() {
            None => {}
            Some(b'"') => self.string(),
            Some(b'{' | b'[') if depth >= MAX_DEPTH => self.copy(value_end(self.json, self.at)),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => self.copy(scalar_end(self.bytes, self.at)),
        }
    }

    fn array(&mut self, depth: usize) {
        self.at += 1;
        self.out.push(b'[');
        while self.peek().is_some_and(|byte| byte != b']') {
            self.value(depth + 1);
            self.out.push(b',');
            self.skip(b',');
        }
        self.at += 1;
        self.out.push(b']');
    }

    fn object(&mut self, depth: usize) {
        self.at += 1;
        self.out.push(b'{');
        let first = self.members.len();
        let mut is_sorted = true;
        while self.peek().is_some_and(|byte| byte != b'}') {
            let start = self.out.len();
            self.value(depth + 1);
            let key_end = self.out.len();
            self.skip(b':');
            self.out.push(b':');
            self.value(depth + 1);
            self.out.push(b',');
            self.skip(b',');
            let mut prefix = [0; 8];
            let key = self.out.get(start..key_end).unwrap_or_default();
            for (to, from) in prefix.iter_mut().zip(key) {
                *to = *from;
            }
            let member = Member {
                prefix,
                start,
                key_end,
                end: self.out.len(),
            };
            is_sorted &= match self.members.get(first..).and_then(<[_]>::last) {
                Some(before) => before.key(&self.out) < member.key(&self.out),
                None => true,
            };
            self.members.push(member);
        }
        self.at += 1;
        if !is_sorted {
            self.sort(first);
        }
        self.members.truncate(first);
        self.out.push(b'}');
    }

    /// Puts the members from `first` on in the order of their keys; of equal ones the last remains.
    fn sort(&mut self, first: usize) {
        let out = &mut self.out;
        let members = self.members.get_mut(first..).unwrap_or_default();
        let start = members.first().map_or(out.len(), |member| member.start);
        members.sort_by(|a, b| a.key(out).cmp(&b.key(out)));
        self.spare.clear();
        for (at, member) in members.iter().enumerate() {
            let next = members.get(at + 1);
            if next.is_none_or(|next| next.key(out) != member.key(out)) {
                let member = out.get(member.start..member.end).unwrap_or_default();
                self.spare.extend_from_slice(member);
            }
        }
        out.truncate(start);
        out.extend_from_slice(&self.spare);
    }

    fn string(&mut self) {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        if let Some(length) = memchr2(b'"', b'\\', rest)
            && rest.get(length) == Some(&b'"')
        {
            return self.copy(self.at + length + 2);
        }
        let end = string_end(self.bytes, self.at, |_| ());
        let text = self.bytes.get(self.at..end).unwrap_or_default();
        match serde_json::from_slice::<String>(text) {
            Ok(plain) if serde_json::to_writer(&mut self.out, &plain).is_ok() => self.at = end,
            _ => self.copy(end),
        }
    }

    fn number(&mut self) {
        let start = self.at;
        let end = scalar_end(self.bytes, start);
        let text = self.bytes.get(start..end).unwrap_or_default();
        let is_plain = text.len() <= Number::MAX_ZEROS
            && text.iter().all(u8::is_ascii_digit)
            && (text.len() == 1 || text.first() != Some(&b'0'));
        if is_plain {
            self.out.extend_from_slice(text);
        } else {
            let text = self.json.get(start..end).unwrap_or_default();
            let number = Number::read(text).canonical();
            self.out.extend_from_slice(number.as_bytes());
        }
        self.at = end;
    }
}
