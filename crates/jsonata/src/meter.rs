//! What one evaluation may spend. Nothing is paid back, so that the sum of all it ever made is
//! bounded too.

use crate::error::Error;

/// Nodes, elements and compared or searched characters: less than a tenth of a second.
const STEPS: usize = 1_000_000;

/// Bytes of lists, objects and texts that are made.
const BYTES: usize = 8 << 20;

/// Evaluations inside one another, each some kilobytes of stack.
const DEPTH: usize = 100;

/// What is left.
#[derive(Debug)]
pub(crate) struct Meter {
    steps: usize,
    bytes: usize,
    depth: usize,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self { steps: STEPS, bytes: BYTES, depth: 0 }
    }

    pub(crate) fn steps(&mut self, count: usize) -> Result<(), Error> {
        self.steps = self.steps.checked_sub(count).ok_or(Error::Steps)?;
        Ok(())
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<(), Error> {
        self.bytes = self.bytes.checked_sub(count).ok_or(Error::Memory)?;
        self.steps(count / 64)
    }

    /// [`Self::leave`] must follow, if this succeeds.
    pub(crate) fn enter(&mut self) -> Result<(), Error> {
        self.steps(1)?;
        if self.depth >= DEPTH {
            return Err(Error::Depth);
        }
        self.depth += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth -= 1;
    }
}
