//! What can be wrong with a token.

/// Why a token does not count. `Display` is for logs; who showed it is told less.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidToken {
    /// Longer than what is looked at.
    #[error("the token is too long")]
    TooLong,
    /// Not a JWS in compact form with a JSON object for its claims, or a claim of the wrong type.
    #[error("this is no signed token")]
    Malformed,
    /// A name is there twice.
    #[error("the token says something twice")]
    Repeated,
    /// `alg` is none that we take.
    #[error("the token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// `crit` or `b64`: an extension that we would have to understand (RFC 7515 §4.1.11).
    #[error("the token depends on extensions that are not understood")]
    Critical,
    /// `typ`, or a claim, says that it is another kind of token.
    #[error("this is another kind of token")]
    Kind,
    /// Nobody whom we trust has a key of this name.
    #[error("the key that the token names is unknown")]
    UnknownKey,
    /// There are several keys, and the token does not say which (OIDC Core §10.1).
    #[error("the token does not say by which of several keys it is signed")]
    AmbiguousKey,
    /// The signature is not by that key.
    #[error("the signature is wrong")]
    Signature,
    /// A claim that must be there is not.
    #[error("the claim {0} is missing")]
    Missing(&'static str),
    /// `iss` is somebody else.
    #[error("the issuer is another one")]
    Issuer,
    /// `aud` is somebody else.
    #[error("the token is for somebody else")]
    Audience,
    /// `azp` is somebody else, or absent where there are several audiences.
    #[error("the token was issued to somebody else")]
    AuthorizedParty,
    /// `nbf` is yet to come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is yet to come, or before 1970.
    #[error("the token was issued at an impossible time")]
    IssuedInFuture,
    /// `exp` is over, and everything else is right.
    #[error("the token has expired")]
    Expired,
}
