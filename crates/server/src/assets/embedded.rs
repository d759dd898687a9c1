//! One embedded file as a response: type, entity tag, gzip.

use std::collections::HashMap;
use std::io::Write;
use std::sync::OnceLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use rust_embed::RustEmbed;

/// Below this gzip saves nothing that counts.
const GZIP_BYTES_MIN: usize = 1_024;

/// The files of one folder.
#[derive(Debug, Default)]
pub(crate) struct Library(HashMap<String, File>);

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    content: Bytes,
    kind: HeaderValue,
    tag: HeaderValue,
    is_text: bool,
    gzipped: OnceLock<Bytes>,
}

impl Library {
    /// All files of an embedded folder; `change` may rewrite a text.
    pub(crate) fn of<Folder: RustEmbed>(change: impl Fn(&str, Bytes) -> Bytes) -> Library {
        let files = Folder::iter().filter_map(|name| {
            let found = Folder::get(&name)?;
            let content = match found.data {
                std::borrow::Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                std::borrow::Cow::Owned(bytes) => Bytes::from(bytes),
            };
            let file = File::new(change(&name, content), found.metadata.mimetype());
            Some((name.into_owned(), file))
        });
        Library(files.collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&File> {
        self.0.get(name)
    }
}

impl File {
    pub(crate) fn new(content: Bytes, mime: &str) -> File {
        let is_text = mime.starts_with("text/")
            || ["application/json", "image/svg+xml", "application/javascript", "application/manifest+json"]
                .contains(&mime);
        let kind = match mime {
            mime if mime.starts_with("text/") => format!("{mime}; charset=utf-8"),
            mime => mime.to_owned(),
        };
        let tag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&content));
        let value =
            |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("application/octet-stream"));
        File { kind: value(&kind), tag: value(&tag), content, is_text, gzipped: OnceLock::new() }
    }

    /// The file as an answer to a request with these headers.
    pub(crate) fn answer(&self, request: &HeaderMap, caching: &'static str) -> Response {
        let mut answer = Response::new(Body::empty());
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::CONTENT_TYPE, self.kind.clone());
        if self.is_text {
            headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        let known = request.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        if known.is_some_and(|tags| {
            tags.split(',').any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == self.tag.as_bytes())
        }) {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return answer;
        }
        if self.is_text && self.content.len() >= GZIP_BYTES_MIN && takes_gzip(request) {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            *answer.body_mut() = Body::from(self.gzipped().clone());
        } else {
            *answer.body_mut() = Body::from(self.content.clone());
        }
        answer
    }

    fn gzipped(&self) -> &Bytes {
        self.gzipped.get_or_init(|| {
            let mut encoder = GzEncoder::new(Vec::with_capacity(self.content.len() / 3), Compression::best());
            // Writing to memory can't fail.
            let _ = encoder.write_all(&self.content);
            encoder.finish().unwrap_or_default().into()
        })
    }
}

fn takes_gzip(request: &HeaderMap) -> bool {
    request
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|codings| codings.to_str().ok())
        .flat_map(|codings| codings.split(','))
        .any(|coding| {
            let mut parts = coding.split(';');
            let is_gzip = parts.next().is_some_and(|name| matches!(name.trim(), "gzip" | "*"));
            is_gzip && !parts.any(|quality| matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn request(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    async fn body(answer: Response) -> Vec<u8> {
        axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()
    }

    #[tokio::test]
    async fn a_text_is_gzipped_for_those_who_take_it() {
        let text = "tide ".repeat(1_000);
        let file = File::new(Bytes::from(text.clone()), "text/css");
        let answer = file.answer(&request(header::ACCEPT_ENCODING, "br, gzip;q=0.8"), "no-cache");
        assert_eq!(answer.headers()[header::CONTENT_ENCODING], "gzip");
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&body(answer).await[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, text);
        for refused in ["gzip;q=0", "br", ""] {
            let answer = file.answer(&request(header::ACCEPT_ENCODING, refused), "no-cache");
            assert_eq!(body(answer).await, text.as_bytes(), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn a_known_file_is_not_sent_again() {
        let file = File::new(Bytes::from_static(b"x"), "image/png");
        let tag = file.answer(&HeaderMap::new(), "no-cache").headers()[header::ETAG].clone();
        let again = file.answer(&request(header::IF_NONE_MATCH, tag.to_str().unwrap()), "no-cache");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert!(body(again).await.is_empty());
    }
}
