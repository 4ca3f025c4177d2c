//! Access without I/O: who a person is, what policies say, and how sign-in goes.
