//! `POST /edge/v1/access/{question}`: what edges ask, over HTTP. The contract is
//! `edge_state::access::call`.

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use edge_state::access::call::{
    ApprovalState, AskApproval, CheckPin, DecideApproval, FindApproval, FindSession, LogBatch,
    PinChecked, PinSent, SendPin, SessionFound, SignIn, SignOut, SignedIn, Spend, Spent,
};
use http::{StatusCode, header};
use serde_json::{Value, json};

use super::{Error, People, digest};
use crate::feed::{EdgeToken, authorize};
use crate::store::spent;

/// The routes, for whoever shows the token.
pub fn router(people: People, token: EdgeToken) -> Router {
    let logs = post(log).layer(DefaultBodyLimit::max(MAX_LOGS));
    Router::new()
        .route("/edge/v1/access/spend", post(spend))
        .route("/edge/v1/access/pins", post(send_pin))
        .route("/edge/v1/access/pins/check", post(check_pin))
        .route("/edge/v1/access/sign_ins", post(sign_in))
        .route("/edge/v1/access/sessions/find", post(find_session))
        .route("/edge/v1/access/sign_outs", post(sign_out))
        .route("/edge/v1/access/approvals/ask", post(ask_approval))
        .route("/edge/v1/access/approvals/find", post(find_approval))
        .route("/edge/v1/access/approvals/decide", post(decide_approval))
        .layer(DefaultBodyLimit::max(MAX_QUESTION))
        .route("/edge/v1/access/logs", logs)
        .route_layer(middleware::from_fn_with_state(token, authorize))
        .with_state(people)
}

/// Why a question was not answered.
enum Unanswered {
    Question(JsonRejection),
    Error(Error),
}

type Question<T> = Result<Json<T>, JsonRejection>;
type Answer<T> = Result<Json<T>, Unanswered>;

impl People {
    /// Whether something that counts once is seen for the first time.
    ///
    /// # Errors
    /// The database failed.
    pub async fn spend(&self, ask: &Spend) -> Result<Spent, Error> {
        let digest = digest(&[ask.auth_domain.as_str(), &ask.token]);
        let mut tx = self.db.begin().await?;
        let first = spent::spend(&mut tx, &digest, ask.until).await?;
        tx.commit().await?;
        Ok(Spent { first })
    }
}

async fn spend(State(people): State<People>, ask: Question<Spend>) -> Answer<Spent> {
    Ok(Json(people.spend(&ask?.0).await?))
}

async fn send_pin(State(people): State<People>, ask: Question<SendPin>) -> Answer<PinSent> {
    Ok(Json(people.send_pin(ask?.0).await?))
}

async fn check_pin(State(people): State<People>, ask: Question<CheckPin>) -> Answer<PinChecked> {
    Ok(Json(people.check_pin(ask?.0).await?))
}

async fn sign_in(State(people): State<People>, ask: Question<SignIn>) -> Answer<SignedIn> {
    Ok(Json(people.sign_in(ask?.0).await?))
}

async fn find_session(
    State(people): State<People>,
    ask: Question<FindSession>,
) -> Answer<SessionFound> {
    Ok(Json(people.find_session(ask?.0).await?))
}

async fn sign_out(State(people): State<People>, ask: Question<SignOut>) -> Answer<Value> {
    people.sign_out(ask?.0).await?;
    Ok(Json(json!({})))
}

async fn ask_approval(
    State(people): State<People>,
    ask: Question<AskApproval>,
) -> Answer<ApprovalState> {
    Ok(Json(people.ask_approval(ask?.0).await?))
}

async fn find_approval(
    State(people): State<People>,
    ask: Question<FindApproval>,
) -> Answer<ApprovalState> {
    Ok(Json(people.find_approval(ask?.0).await?))
}

async fn decide_approval(
    State(people): State<People>,
    ask: Question<DecideApproval>,
) -> Answer<ApprovalState> {
    Ok(Json(people.decide_approval(ask?.0).await?))
}

async fn log(State(people): State<People>, batch: Question<LogBatch>) -> Answer<Value> {
    people.log(batch?.0).await?;
    Ok(Json(json!({})))
}

impl From<JsonRejection> for Unanswered {
    fn from(rejection: JsonRejection) -> Self {
        Self::Question(rejection)
    }
}

impl From<Error> for Unanswered {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl IntoResponse for Unanswered {
    fn into_response(self) -> Response {
        let said = |status: StatusCode, why: String| (status, Json(json!({"error": why})));
        match self {
            Self::Question(rejection) => {
                said(rejection.status(), rejection.body_text()).into_response()
            }
            Self::Error(Error::Invalid(why)) => {
                said(StatusCode::BAD_REQUEST, why.to_owned()).into_response()
            }
            Self::Error(Error::TooMany { retry_after }) => {
                let why = format!("too many; again in {retry_after} seconds");
                let answer = said(StatusCode::TOO_MANY_REQUESTS, why);
                ([(header::RETRY_AFTER, retry_after.to_string())], answer).into_response()
            }
            Self::Error(error @ Error::Database(_)) => {
                tracing::error!(%error, "a question of an edge");
                said(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer".to_owned())
                    .into_response()
            }
            Self::Error(error @ (Error::Vault(_) | Error::Record(_) | Error::Json(_))) => {
                tracing::error!(%error, "a question of an edge");
                said(StatusCode::INTERNAL_SERVER_ERROR, "an internal error".to_owned())
                    .into_response()
            }
        }
    }
}

/// An identity with many groups is the largest.
const MAX_QUESTION: usize = 512 * 1024;
const MAX_LOGS: usize = 16 * 1024 * 1024;
