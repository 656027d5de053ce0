//! The names of an object's members, in their order: objects of one kind have the same ones, and hold them once.

use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use hashbrown::{Equivalent, HashMap};

use super::Text;

/// So many shapes are known to a thread at most: objects of the API have some thousands, users' labels more.
const SHAPES: usize = 16_384;
/// Longer ones are somebody's data, and not known.
const LONGEST: usize = 128;

/// The names.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Shape(Arc<Names>);

#[derive(Debug, Default, PartialEq)]
struct Names {
    /// What tells most names apart lies side by side: a search looks at one word of one.
    tags: Vec<Tag>,
    names: Vec<Text>,
}

/// Length and last letter: names of one length mostly differ in their last letter.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tag([u8; 2]);

impl Tag {
    fn of(name: &str) -> Self {
        Self([name.len().to_le_bytes()[0], name.as_bytes().last().copied().unwrap_or_default()])
    }
}

/// Where a shape lies, and a name that comes to it.
#[derive(PartialEq, Eq, Hash)]
struct Step(usize, Text);

impl Equivalent<Step> for (usize, &str) {
    fn equivalent(&self, step: &Step) -> bool {
        (step.0, step.1.as_str()) == *self
    }
}

/// A shape with one more name, and the one that it was made of: what is in the table lies where it lies.
type With = (Shape, Shape);

thread_local! {
    static KNOWN: RefCell<HashMap<Step, With>> = RefCell::default();
}

impl Default for Shape {
    /// No names; there is one such shape.
    fn default() -> Self {
        static NONE: LazyLock<Shape> = LazyLock::new(|| Shape(Arc::default()));
        NONE.clone()
    }
}

impl Shape {
    /// With one more name, which it does not have.
    pub(super) fn with(&self, name: &str) -> Self {
        KNOWN.with_borrow_mut(|known| {
            if let Some((_, with)) = known.get(&(self.address(), name)) {
                return with.clone();
            }
            let name = Text::name(name);
            let names: Vec<Text> = self.names().iter().chain([&name]).cloned().collect();
            let with =
                Self(Arc::new(Names { tags: names.iter().map(|name| Tag::of(name)).collect(), names }));
            if known.len() < SHAPES && with.names().len() <= LONGEST {
                known.insert(Step(self.address(), name), (self.clone(), with.clone()));
            }
            with
        })
    }

    /// The names.
    pub(super) fn names(&self) -> &[Text] {
        &self.0.names
    }

    /// Which of them a name is.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        let tag = Tag::of(name);
        let mut all = self.0.tags.iter().zip(&self.0.names);
        all.position(|(known, member)| *known == tag && member.as_str() == name)
    }

    /// Whether both are one and the same, or say the same.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self == other
    }

    /// Where it lies.
    pub(super) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

impl<'a> FromIterator<&'a Text> for Shape {
    fn from_iter<I: IntoIterator<Item = &'a Text>>(names: I) -> Self {
        names.into_iter().fold(Self::default(), |shape, name| shape.with(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_names_in_the_same_order_are_one() {
        let of = |names: &[&str]| names.iter().fold(Shape::default(), |shape, name| shape.with(name));
        let one = of(&["a", "b"]);
        assert_eq!(of(&["a", "b"]).address(), one.address());
        assert!(!of(&["b", "a"]).is(&one));
        let kept: Shape = of(&["a", "c", "b"]).names().iter().filter(|name| name.as_str() != "c").collect();
        assert_eq!(kept.address(), one.address());
    }
}
