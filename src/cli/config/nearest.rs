//! Which of the known words was probably meant.

/// The known word nearest to `word`, if it is near enough to have been meant.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '.'], "_");
    let word = plain(word);
    known
        .map(|candidate| (distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).clamp(1, 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A complaint about a word that is none of the known.
pub fn unknown<'a>(word: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(meant) => format!("there is no key `{word}`; did you mean `{meant}`?"),
        None => format!("there is no key `{word}`; there are: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// How many letters have to be put in, left out, changed or swapped with their neighbour to make `a` into `b`:
/// the restricted Damerau-Levenshtein distance, row by row.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(before[j - 2] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (a, b, edits) in [("", "ab", 2), ("bind", "bind", 0), ("bnid", "bind", 1), ("thread", "threads", 1)] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["bind", "io_slots", "retention.failed"];
        assert_eq!(nearest("io-slots", known.into_iter()), Some("io_slots"));
        assert_eq!(nearest("ioslot", known.into_iter()), Some("io_slots"));
        assert_eq!(nearest("retention.fialed", known.into_iter()), Some("retention.failed"));
        assert_eq!(nearest("colour", known.into_iter()), None);
    }
}
