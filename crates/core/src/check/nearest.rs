//! The known name that somebody may have meant.

/// Longest name that is compared: comparing takes time by the square of it.
const LONGEST: usize = 255;

/// Returns the candidate that differs from the name in at most a third of it, and at most 3 characters.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    let lower = name.to_lowercase();
    let length = lower.chars().count();
    let most = (length / 3).clamp(1, 3);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len() > LONGEST || candidate.chars().count().abs_diff(length) > most {
            continue;
        }
        let distance = strsim::osa_distance(&lower, &candidate.to_lowercase());
        if distance <= most && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_are_recognised_and_other_names_are_not() {
        let roles = ["readonly", "readandrun", "readwrite", "admin"];
        assert_eq!(nearest("raedwrite", roles), Some("readwrite"));
        assert_eq!(nearest("ADMIN", roles), Some("admin"));
        assert_eq!(nearest("read-write", roles), Some("readwrite"));
        assert_eq!(nearest("owner", roles), None);
        assert_eq!(nearest("", roles), None);
        assert_eq!(nearest(&"a".repeat(5000), roles), None);
    }
}
