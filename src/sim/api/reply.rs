//! Answers on their way out.

use std::convert::Infallible;

use futures::StreamExt;
use futures::stream::BoxStream;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use serde::Serialize;

use crate::sim::status::Refusal;

/// The body of every answer; watches never end it by themselves.
pub(crate) type AnswerBody = UnsyncBoxBody<Bytes, Infallible>;

/// What a handler gives back.
pub(crate) enum Reply {
    /// JSON.
    Json(u16, Vec<u8>),
    /// Text, for health paths.
    Text(&'static str),
    /// What the server's router says of a path that leads nowhere.
    NoPage,
    /// A failure, with `Retry-After`.
    Refused(Refusal),
    /// JSON documents, one a line, as long as the client listens.
    Stream(BoxStream<'static, Bytes>),
    /// A protocol switch: headers of the answer.
    Switch(Vec<(HeaderName, HeaderValue)>),
    /// Another answer with headers `Warning`.
    Warned(Box<Self>, Vec<String>),
}

impl Reply {
    /// JSON with a code.
    pub(crate) fn json(code: u16, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Self::Json(code, bytes),
            Err(e) => Self::Refused(Refusal::internal(&e.to_string())),
        }
    }

    /// With warnings, if there are any.
    pub(crate) fn warned(self, warnings: Vec<String>) -> Self {
        if warnings.is_empty() { self } else { Self::Warned(Box::new(self), warnings) }
    }

    /// As a response.
    pub(crate) fn into_response(self) -> Response<AnswerBody> {
        match self {
            Self::Json(code, bytes) => response(code, "application/json", full(bytes.into())),
            Self::Text(text) => response(200, "text/plain; charset=utf-8", full(text.into())),
            Self::NoPage => response(404, "text/plain; charset=utf-8", full("404 page not found\n".into())),
            Self::Refused(refusal) => {
                let bytes = refusal.body.to_string().into_bytes();
                let mut response = response(refusal.code, "application/json", full(bytes.into()));
                warn(&mut response, &refusal.warnings);
                if let Some(seconds) = refusal.retry_after.filter(|s| *s > 0) {
                    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                response
            }
            Self::Stream(stream) => {
                let frames = stream.map(|bytes| Ok(Frame::data(bytes)));
                response(200, "application/json", StreamBody::new(frames).boxed_unsync())
            }
            Self::Warned(reply, warnings) => {
                let mut response = reply.into_response();
                warn(&mut response, &warnings);
                response
            }
            Self::Switch(headers) => {
                let mut response = Response::new(full(Bytes::new()));
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                response.headers_mut().extend(headers);
                response
            }
        }
    }
}

/// Code 299 and no agent, as the API server writes it; a text that fits no header is left out.
fn warn(response: &mut Response<AnswerBody>, warnings: &[String]) {
    let values = warnings.iter().filter_map(|w| HeaderValue::from_str(&format!("299 - {w:?}")).ok());
    for value in values {
        response.headers_mut().append(header::WARNING, value);
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

fn full(bytes: Bytes) -> AnswerBody {
    Full::new(bytes).boxed_unsync()
}

fn response(code: u16, kind: &'static str, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
