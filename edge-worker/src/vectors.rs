//! Only in builds for tests: the JWT vectors, judged here, where WebCrypto verifies. See
//! `tests/vectors/`.

#[path = "../../crates/access/tests/vectors/judge.rs"]
mod judge;

use access::{Known, Reply};
use routing::Need;
use web_sys::{Request, Response};

use self::judge::{Suite, Vector};
use crate::failure::Failure;
use crate::{body, crypto};

const MAX_BYTES: usize = 8 << 20;

/// Answers a file of vectors with a list: name, expected verdict, verdict.
pub async fn answer(request: &Request) -> Result<Response, Failure> {
    let text = body::text(request.body(), MAX_BYTES).await.unwrap_or_default();
    let judged = match serde_json::from_str::<Suite>(&text) {
        Ok(suite) => {
            let mut judged = Vec::new();
            for vector in &suite.vectors {
                let verdict = verdict(&suite, vector).await;
                judged.push([vector.name.clone(), vector.verdict.clone(), verdict]);
            }
            serde_json::to_string(&judged).unwrap_or_default()
        }
        Err(error) => error.to_string(),
    };
    Response::new_with_opt_str(Some(&judged)).map_err(Failure::platform("making a response"))
}

async fn verdict(suite: &Suite, vector: &Vector) -> String {
    let mut known = Known::default();
    loop {
        match suite.judge(vector, &known) {
            Ok(verdict) => return verdict,
            Err(need) => {
                let Need::Verify(verify) = &need else { return format!("{need:?}") };
                let right = crypto::token::verify(verify).await.unwrap_or(false);
                known.insert(need, Reply::Verified(right));
            }
        }
    }
}
