//! `user_risk_score`.

use super::{Held, View};

/// `user_risk_score`: nobody is `unscored` and something else.
pub(super) fn is_one_of(view: &View<'_>, scores: &[String]) -> Held {
    let score = view.identity()?.risk_score.as_deref().unwrap_or("unscored");
    Ok(scores.iter().any(|wanted| wanted == score))
}
