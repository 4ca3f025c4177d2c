//! How a document is got: one GET, bounded in time and size, without redirects.

use http::{Method, StatusCode, header};
use saml::xml::Limits;
use url::Url;

use super::Problem;
use crate::net::http::{self as outside, Outside};

/// A document as it came.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// UTF-8 or not: whoever reads it says so.
    pub xml: Vec<u8>,
    /// By which it can be asked whether it has changed.
    pub etag: Option<String>,
    /// Likewise.
    pub last_modified: Option<String>,
}

/// What a server has.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A document.
    New(Document),
    /// The one that is known.
    Same,
}

/// Gets what is at `url`, unless it is what is known already.
///
/// # Errors
/// See [`Problem`].
pub async fn get(
    outside: &Outside,
    url: Url,
    etag: Option<&str>,
    last_modified: Option<&str>,
) -> Result<Answer, Problem> {
    let mut request = outside.request(Method::GET, url)?.header(header::ACCEPT, ACCEPT);
    if let Some(etag) = etag {
        request = request.header(header::IF_NONE_MATCH, etag);
    }
    if let Some(last_modified) = last_modified {
        request = request.header(header::IF_MODIFIED_SINCE, last_modified);
    }
    let unreachable =
        |error: reqwest::Error| Problem::Unreachable(outside::reason(&error.without_url()));
    let response = request.send().await.map_err(unreachable)?;
    let text = |name: header::HeaderName| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.filter(|value| value.len() <= MAX_HEADER).map(str::to_owned)
    };
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED if etag.is_some() || last_modified.is_some() => {
            return Ok(Answer::Same);
        }
        status => {
            let redirect = text(header::LOCATION).filter(|_| status.is_redirection());
            return Err(redirect.map_or(Problem::Status(status.as_u16()), Problem::Redirect));
        }
    }
    if text(header::CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().contains("html")) {
        return Err(Problem::Page);
    }
    let (etag, last_modified) = (text(header::ETAG), text(header::LAST_MODIFIED));
    let xml = outside::body(response, Limits::METADATA.bytes).await?;
    Ok(Answer::New(Document { xml, etag, last_modified }))
}

const ACCEPT: &str = "application/samlmetadata+xml, application/xml, text/xml, */*;q=0.1";
const MAX_HEADER: usize = 1024;
