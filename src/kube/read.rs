//! Reading: single objects and page-by-page lists, decoded into projections.

use std::marker::PhantomData;

use http::header::ACCEPT;
use http::{HeaderValue, Request};
use kube::Client;
use serde::de::{DeserializeOwned, DeserializeSeed};

use super::page::page;
use super::status::{Refusal, explain, refusal};
use super::watch::Events;
use crate::error::{Error, Result};

/// Objects in a page of a list: kubectl's own chunk size.
pub const PAGE: u32 = 500;

/// Metadata of objects where the server can tell it alone (`meta.k8s.io`), else all of them.
pub(super) const METADATA: HeaderValue =
    HeaderValue::from_static("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json");
/// The same of a list.
const METADATA_LIST: HeaderValue = HeaderValue::from_static(
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
);

/// Which objects of a list are wanted, and how much of each; the server filters.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Label selector.
    pub labels: Option<String>,
    /// Field selector.
    pub fields: Option<String>,
    /// Whether their metadata is all that is read.
    pub is_bare: bool,
}

impl Selection {
    /// Pods of one node.
    pub fn on_node(node: &str) -> Self {
        Self { fields: Some(format!("spec.nodeName={node}")), ..Self::default() }
    }

    /// The one object of that name: the API server reads no other (`MatchesSingle` in
    /// `apiserver/pkg/storage/selection_predicate.go`), and the caller needs no right but that to list.
    pub fn named(name: &str) -> Self {
        Self { fields: Some(format!("metadata.name={name}")), ..Self::default() }
    }

    /// By label selector.
    pub fn labels(selector: impl Into<String>) -> Self {
        Self { labels: Some(selector.into()), ..Self::default() }
    }

    /// The same objects, of which only the metadata is sent.
    #[must_use]
    pub fn bare(self) -> Self {
        Self { is_bare: true, ..self }
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let labels = self.labels.iter().map(|s| ("labelSelector", s.clone()));
        labels.chain(self.fields.iter().map(|s| ("fieldSelector", s.clone()))).collect()
    }
}

/// A client that can only read.
#[derive(Clone)]
pub struct Reader {
    client: Client,
}

impl Reader {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Reads one object; `None` where it does not exist.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>> {
        self.try_get(path).await.map_err(|e| explain(&format!("reading {path}"), &e))
    }

    /// The same, with the refusal as it came.
    ///
    /// # Errors
    /// The client's.
    pub async fn try_get<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, kube::Error> {
        match self.client.request::<T>(request(path, &[])?).await {
            Ok(object) => Ok(Some(object)),
            Err(e) if refusal(&e) == Refusal::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Reads an object that must be there.
    pub async fn must_get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.get(path).await?.ok_or_else(|| Error::failed(format!("reading {path}: it does not exist")))
    }

    /// Asks a review object a question about the caller: a create that stores nothing.
    pub async fn review<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T> {
        self.try_review(path, body).await.map_err(|e| explain(&format!("asking {path}"), &e))
    }

    /// The same, with the refusal as it came.
    ///
    /// # Errors
    /// The client's.
    pub async fn try_review<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, kube::Error> {
        let request = http::Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body.to_string().into_bytes())
            .map_err(kube::Error::HttpError)?;
        self.client.request(request).await
    }

    /// Feeds every object of a list to `take`, a page at a time; only a page is ever held.
    ///
    /// A list whose continuation expired is read again from the start, after `restart` was called to drop what
    /// was taken so far. A resource that is not served counts as an empty list.
    pub async fn each<T, S>(
        &self,
        path: &str,
        selection: &Selection,
        state: &mut S,
        restart: impl Fn(&mut S),
        take: impl Fn(&mut S, T),
    ) -> Result<()>
    where
        T: DeserializeOwned,
    {
        let result = self.try_each(path, selection, PhantomData, state, restart, take).await;
        result.map_err(|e| explain(&format!("listing {path}"), &e))
    }

    /// The same, decoded by `seed`, and with the refusal as it came.
    ///
    /// # Errors
    /// The client's.
    pub async fn try_each<T, S>(
        &self,
        path: &str,
        selection: &Selection,
        seed: impl for<'de> DeserializeSeed<'de, Value = T> + Copy,
        state: &mut S,
        restart: impl Fn(&mut S),
        take: impl Fn(&mut S, T),
    ) -> Result<(), kube::Error> {
        let mut token: Option<String> = None;
        let mut restarts = 0;
        loop {
            let mut query = selection.query();
            query.push(("limit", PAGE.to_string()));
            query.extend(token.take().map(|t| ("continue", t)));
            let mut request = request(path, &query)?;
            if selection.is_bare {
                request.headers_mut().insert(ACCEPT, METADATA_LIST);
            }
            match self.client.request_text(request).await {
                Ok(text) => {
                    let page = page(&text, seed).map_err(kube::Error::SerdeError)?;
                    page.items.into_iter().for_each(|item| take(state, item));
                    token = page.token.filter(|t| !t.is_empty());
                    if token.is_none() {
                        return Ok(());
                    }
                }
                Err(e) => match refusal(&e) {
                    Refusal::NotFound => return Ok(()),
                    Refusal::Gone if restarts < 3 => {
                        restarts += 1;
                        restart(state);
                    }
                    _ => return Err(e),
                },
            }
        }
    }

    /// Opens a watch on a list, from what is there now on; of each object only its metadata is sent.
    ///
    /// # Errors
    /// The client's.
    pub(super) async fn watch(&self, path: &str, selection: &Selection) -> Result<Events, kube::Error> {
        let mut query = selection.query();
        query.push(("watch", "true".to_owned()));
        let mut request = request(path, &query)?;
        request.headers_mut().insert(ACCEPT, METADATA);
        Ok(Box::pin(self.client.request_stream(request).await?))
    }

    /// Reads a whole list into a vector.
    pub async fn list<T: DeserializeOwned>(&self, path: &str, selection: &Selection) -> Result<Vec<T>> {
        let mut all = Vec::new();
        self.each(path, selection, &mut all, Vec::clear, Vec::push).await?;
        Ok(all)
    }
}

fn request(path: &str, query: &[(&str, String)]) -> Result<Request<Vec<u8>>, kube::Error> {
    let mut uri = path.to_owned();
    let mut separator = if path.contains('?') { '&' } else { '?' };
    for (key, value) in query {
        uri.push(separator);
        uri.push_str(key);
        uri.push('=');
        uri.extend(percent_encode(value));
        separator = '&';
    }
    Request::get(uri).body(Vec::new()).map_err(kube::Error::HttpError)
}

/// Percent-encodes a query value (RFC 3986: everything but unreserved characters).
pub(super) fn percent_encode(text: &str) -> impl Iterator<Item = char> + '_ {
    text.bytes().flat_map(|byte| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let text = if plain { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.chars().collect::<Vec<_>>()
    })
}
