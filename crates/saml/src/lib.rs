//! SAML 2.0 without I/O: messages, exclusive canonicalisation, XML signatures and encryption,
//! bindings and metadata. Keys, clocks and randomness come in from outside.
