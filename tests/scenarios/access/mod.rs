//! People sign in: real providers, a real browser, the built worker.

mod browser;
mod machines;
mod saml;
mod suite;
