//! Bodies that are read here: forms that people post to a team domain, and answers to questions of
//! our own. All others only pass.

use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ReadableStream, ReadableStreamDefaultReader};
use worker::js_sys::{Reflect, Uint8Array};
use worker::wasm_bindgen_futures::JsFuture;

/// Why a body is no text for us.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Too long.
    #[error("the body is longer than {0} bytes")]
    TooLong(usize),
    /// Not UTF-8.
    #[error("the body is no UTF-8")]
    Encoding,
    /// It broke off.
    #[error("the body broke off: {0}")]
    Broken(String),
}

/// The whole body, if it is not longer than `max` bytes.
pub async fn text(body: Option<ReadableStream>, max: usize) -> Result<String, Unreadable> {
    let Some(body) = body else { return Ok(String::new()) };
    let broken = |error| Unreadable::Broken(crate::failure::words(error));
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let mut bytes = Vec::new();
    while let Some(chunk) = next(&reader).await.map_err(broken)? {
        let chunk: Uint8Array = chunk.dyn_into().map_err(broken)?;
        if bytes.len() + chunk.length() as usize > max {
            let _ = reader.cancel();
            return Err(Unreadable::TooLong(max));
        }
        bytes.extend(chunk.to_vec());
    }
    String::from_utf8(bytes).map_err(|_| Unreadable::Encoding)
}

async fn next(reader: &ReadableStreamDefaultReader) -> Result<Option<JsValue>, JsValue> {
    let read = JsFuture::from(reader.read()).await?;
    let done = Reflect::get(&read, &"done".into())?.is_truthy();
    if done { Ok(None) } else { Reflect::get(&read, &"value".into()).map(Some) }
}
