//! What is found in a memory outside while a decision is made, kept until it is made: a list that
//! grows behind a shared reference.

use std::sync::OnceLock;

/// Found so far, oldest first.
#[derive(Clone, Debug)]
pub struct Recalled<T>(OnceLock<Box<(T, Self)>>);

impl<T> Default for Recalled<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T> Recalled<T> {
    /// What was found before, or else is found now.
    pub fn find_or(
        &self,
        is_it: impl Fn(&T) -> bool,
        recall: impl FnOnce() -> Option<T>,
    ) -> Option<&T> {
        let mut list = self;
        while let Some((found, rest)) = list.0.get().map(AsRef::as_ref) {
            if is_it(found) {
                return Some(found);
            }
            list = rest;
        }
        let found = recall()?;
        Some(&list.0.get_or_init(|| Box::new((found, Self::default()))).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_stays() {
        let recalled = Recalled::default();
        let find = |wanted: u8, now: Option<u8>| recalled.find_or(|one| *one == wanted, || now);
        let first = find(1, Some(1));
        assert_eq!((first, find(2, None), find(2, Some(2))), (Some(&1), None, Some(&2)));
        assert_eq!((find(1, Some(9)), find(2, None)), (Some(&1), Some(&2)));
    }
}
