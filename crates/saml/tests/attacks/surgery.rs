//! Worlds for those who cut up signed XML.

use saml::identity_provider::Signed;
use saml::service_provider::ResponseError;

pub use crate::support::surgery::*;
use crate::support::world::World;

/// A world that takes responses signed this way, and one of them, which it does take.
pub fn signed_response(signed: Signed) -> (World, String) {
    let mut world = World::default();
    world.idp_peer.require_signed_assertions = signed != Signed::Response;
    world.idp_peer.require_signed_responses = signed != Signed::Assertion;
    let xml = world.response(signed);
    world.receive(&xml).unwrap();
    (world, xml)
}

/// What is wrong with `xml`. Nothing may be right about it, and it may not be the world that is
/// wrong.
#[track_caller]
pub fn refused(world: &World, xml: &str) -> ResponseError {
    match world.receive(xml) {
        Ok(login) => panic!("{:?} is signed in by {xml}", login.name_id()),
        Err(error) => error,
    }
}

/// Asserts that a value matches a pattern, and shows it where it does not.
#[macro_export]
macro_rules! assert_matches {
    ($value:expr, $pattern:pat $(if $guard:expr)?) => {
        match $value {
            $pattern $(if $guard)? => {}
            other => panic!("{other:?} is not {}", stringify!($pattern $(if $guard)?)),
        }
    };
}
