//! Cuts and patches of a text.

use super::EditError;

/// A stretch of the old text and what takes its place.
#[derive(Debug)]
struct Splice {
    start: usize,
    end: usize,
    text: String,
}

/// What was collected, applied at once.
#[derive(Debug, Default)]
pub(super) struct Splices(Vec<Splice>);

impl Splices {
    /// Puts a text in the place of a stretch; at one place, earlier insertions come first.
    pub(super) fn put(&mut self, start: usize, end: usize, text: impl Into<String>) {
        let text = text.into();
        if start < end || !text.is_empty() {
            self.0.push(Splice { start, end: end.max(start), text });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Forgets all but the first ones.
    pub(super) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// Returns the new text, or nothing when nothing changes.
    pub(super) fn apply(mut self, source: &str) -> Result<Option<String>, EditError> {
        // Stable: what was put first at a place stays first, and insertions come before cuts.
        self.0.sort_by_key(|splice| (splice.start, splice.end));
        let mut edited =
            String::with_capacity(source.len() + self.0.iter().map(|it| it.text.len()).sum::<usize>());
        let (mut done, mut was_cut) = (0, false);
        for splice in &self.0 {
            let is_cut = splice.text.is_empty();
            if splice.start < done && !(is_cut && was_cut) {
                return Err(EditError::Unverified);
            }
            if splice.start > done {
                edited.push_str(source.get(done..splice.start).ok_or(EditError::Unverified)?);
            }
            edited.push_str(&splice.text);
            (done, was_cut) = (done.max(splice.end), is_cut);
        }
        edited.push_str(source.get(done..).ok_or(EditError::Unverified)?);
        Ok((edited != source).then_some(edited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_apply_in_the_order_of_the_text() {
        let mut splices = Splices::default();
        splices.put(4, 6, "");
        splices.put(0, 1, "x");
        splices.put(4, 4, "1");
        splices.put(4, 4, "2");
        splices.put(5, 7, "");
        assert_eq!(splices.apply("abcdefgh").unwrap().unwrap(), "xbcd12h");
    }

    #[test]
    fn overlapping_patches_are_refused() {
        let mut splices = Splices::default();
        splices.put(0, 3, "x");
        splices.put(2, 4, "");
        assert_eq!(splices.apply("abcdefgh"), Err(EditError::Unverified));
    }
}
