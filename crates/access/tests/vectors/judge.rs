//! One vector's verdict, by the functions that the edge uses. Included by the native runner and, for
//! WebCrypto, by the worker.

use std::collections::BTreeMap;

use access::jwt::{self, Expect, InvalidToken, Issuer, Profile};
use access::need::Algorithm;
use access::{Known, Need, jwks};
use serde::Deserialize;

/// `jwt.json`
#[derive(Deserialize)]
pub struct Suite {
    now: i64,
    skew: i64,
    issuer: String,
    audience: String,
    keys: BTreeMap<String, serde_json::Value>,
    /// Each with a name of its own.
    pub vectors: Vec<Vector>,
}

/// One token.
#[derive(Deserialize)]
pub struct Vector {
    /// What is particular to it.
    pub name: String,
    /// What every verifier has to say.
    pub verdict: String,
    token: String,
    keys: String,
    algorithms: Option<Vec<String>>,
    issuer: Option<String>,
    audience: Option<String>,
    profile: Option<String>,
}

impl Suite {
    /// `right`, or the name of what is wrong.
    ///
    /// # Errors
    /// [`Need`]: a signature has to be verified first.
    pub fn judge(&self, vector: &Vector, known: &Known) -> Result<String, Need> {
        let verdict = match jwt::parse(&vector.token) {
            Ok(unverified) => {
                let keys = self.keys.get(&vector.keys).map(ToString::to_string).unwrap_or_default();
                let keys = jwks::parse(&keys).unwrap_or_default();
                let algorithms = vector.algorithms.as_ref().map_or_else(
                    || Algorithm::ALL.to_vec(),
                    |names| names.iter().filter_map(|name| Algorithm::from_name(name)).collect(),
                );
                jwt::verify(&unverified, &keys, &algorithms, &self.expect(vector), known)?
            }
            Err(invalid) => Err(invalid),
        };
        Ok(match verdict {
            Ok(_) => "right".to_owned(),
            Err(InvalidToken::Missing(claim)) => format!("Missing({claim})"),
            Err(invalid) => format!("{invalid:?}"),
        })
    }

    fn expect<'v>(&'v self, vector: &'v Vector) -> Expect<'v> {
        Expect {
            profile: match vector.profile.as_deref() {
                Some("application") => Profile::Application,
                Some("global") => Profile::Global,
                _ => Profile::IdToken,
            },
            issuer: Issuer::Exactly(vector.issuer.as_ref().unwrap_or(&self.issuer)),
            audience: Some(vector.audience.as_ref().unwrap_or(&self.audience)),
            now: self.now,
            skew: self.skew,
        }
    }
}
