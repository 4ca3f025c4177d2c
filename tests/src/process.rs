//! A program that can be killed and started again.

use std::time::Duration;

use lintel_dev::Failure;
use lintel_dev::child::{Child, Program};

/// A program and, while it runs, its process.
#[derive(Debug)]
pub struct Process {
    program: Program,
    child: Option<Child>,
}

impl Process {
    /// Starts the program.
    pub fn start(program: Program) -> Result<Self, Failure> {
        let child = program.start()?;
        Ok(Self { program, child: Some(child) })
    }

    /// Starts it again, after whatever ended it, or ends it first: its ports are free by then.
    pub async fn restart(&mut self) -> Result<(), Failure> {
        if let Some(child) = self.child.take() {
            child.end().await;
        }
        self.child = Some(self.program.start()?);
        Ok(())
    }

    /// Starts it again in another environment.
    pub async fn restart_as(
        &mut self,
        change: impl FnOnce(Program) -> Program,
    ) -> Result<(), Failure> {
        self.program = change(self.program.clone());
        self.restart().await
    }

    /// `kill -9` of this one process; what it started is left to itself until the restart.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        match &self.child {
            Some(child) => child.kill().await,
            None => Ok(()),
        }
    }

    /// Stops it as an operator would. Tells whether it ended by itself.
    pub async fn stop(&mut self) -> bool {
        match self.child.take() {
            Some(child) => child.stop(STOP_GRACE).await,
            None => true,
        }
    }

    /// The process id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<i32> {
        self.child.as_ref().filter(|child| child.ended().is_none()).map(Child::id)
    }

    /// How it ended, if it was not us who ended it.
    #[must_use]
    pub fn ended(&self) -> Option<String> {
        self.child.as_ref().and_then(Child::ended)
    }
}

/// Generous: what ends by itself does so in a moment, but not on a machine that is busy.
const STOP_GRACE: Duration = Duration::from_mins(1);
