//! From positions in characters to positions in bytes.

/// Turns the parser's character counts into byte offsets, cheaply because they mostly grow.
pub(super) struct Offsets<'a> {
    text: &'a str,
    is_ascii: bool,
    chars: usize,
    bytes: usize,
}

impl<'a> Offsets<'a> {
    /// Begins at the start of a text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, is_ascii: text.is_ascii(), chars: 0, bytes: 0 }
    }

    /// Returns the byte at which a character begins.
    pub(super) fn byte_of(&mut self, index: usize) -> usize {
        if self.is_ascii {
            return index.min(self.text.len());
        }
        // Marks go back a little at times; from where the last one was, that is a short way.
        if index < self.chars {
            let before = self.text[..self.bytes].chars().rev().take(self.chars - index);
            self.bytes -= before.map(char::len_utf8).sum::<usize>();
        } else {
            let rest = self.text[self.bytes..].chars().take(index - self.chars);
            self.bytes += rest.map(char::len_utf8).sum::<usize>();
        }
        self.chars = index;
        self.bytes
    }
}
