//! The file: gzip of JSON lines, a header first, then an object a line.
//!
//! Each list is a gzip member of its own, so that one that has to be read again is thrown away whole, and the header is
//! the first member, though it is known last. `zcat` shows the lines.

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::model::Release;
use crate::report::count;

/// Version of the format; a file of another version is refused, not guessed at.
pub const API_VERSION: &str = "cni-migrate.dev/v1alpha1";
/// What the first line says that the file is.
pub const KIND: &str = "ClusterSnapshot";

/// How every gzip member begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Bytes of plain text that are packed or unpacked at once.
const UNPACKED: usize = 64 << 10;

/// The first line of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`KIND`].
    pub kind: String,
    /// When it was begun.
    pub taken_at: Timestamp,
    /// Version of the tool that wrote it.
    pub tool: String,
    /// Name of the kubeconfig's cluster entry.
    pub cluster: String,
    /// `gitVersion` of the API server.
    pub server_version: String,
    /// Host name or address of the API server.
    pub host: String,
    /// Whether names are pseudonyms.
    pub anonymised: bool,
    /// helm's version, as in `3.18.0`; or why there is no helm.
    pub helm: Answer<String>,
    /// The release that was asked for, as name and namespace.
    pub asked: (String, String),
    /// That release, its values without secrets; or helm's words.
    pub release: Answer<Option<Release>>,
    /// What the caller may do, by namespace: the status of a SelfSubjectRulesReview.
    pub rights: Vec<(String, Answer<Value>)>,
    /// Requests that got no answer.
    pub refused: Vec<Refused>,
    /// How many lines follow.
    pub objects: u64,
}

/// An answer, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer<T> {
    /// What was answered.
    Is(T),
    /// Why there is no answer.
    Failed(Failure),
}

/// Why the API server, or the way to it, or helm gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failure {
    /// HTTP status; none where no answer came.
    pub code: Option<u16>,
    /// `reason` of the Status.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The text.
    pub message: String,
}

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refused {
    /// URL path.
    pub path: String,
    /// Field selector; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fields: String,
    /// Why.
    pub failure: Failure,
}

/// The objects of one list, packed.
pub struct Part {
    packed: GzEncoder<Vec<u8>>,
    /// Lines that are still to be packed: flate2 clears all that its buffer has left before each piece that it gets,
    /// so pieces of a few bytes would cost a hundred times their packing.
    lines: Vec<u8>,
    objects: u64,
    pods: u64,
}

impl Default for Part {
    fn default() -> Self {
        let packed = GzEncoder::new(Vec::new(), Compression::default());
        Self { packed, lines: Vec::new(), objects: 0, pods: 0 }
    }
}

impl Part {
    /// Adds an object.
    pub fn push(&mut self, object: &Value) {
        // Nothing can go wrong on the way into memory.
        if serde_json::to_writer(&mut self.lines, object).is_ok() {
            self.end_line(object["kind"] == "Pod");
        }
    }

    /// Adds an object of that kind that is JSON already.
    pub fn push_json(&mut self, kind: &str, object: &[u8]) {
        self.lines.extend_from_slice(object);
        self.end_line(kind == "Pod");
    }

    fn end_line(&mut self, is_pod: bool) {
        self.lines.push(b'\n');
        self.objects += 1;
        self.pods += u64::from(is_pod);
        if self.lines.len() >= UNPACKED {
            self.pack();
        }
    }

    fn pack(&mut self) {
        // Into memory as well.
        if self.packed.write_all(&self.lines).is_ok() {
            self.lines.clear();
        }
    }

    fn finish(mut self) -> io::Result<Vec<u8>> {
        self.pack();
        self.packed.finish()
    }
}

/// All objects, packed.
#[derive(Default)]
pub struct Body {
    packed: Vec<u8>,
    objects: u64,
    pods: u64,
}

impl Body {
    /// Adds a list that was read to its end.
    pub fn add(&mut self, part: Part) {
        let (objects, pods) = (part.objects, part.pods);
        if objects > 0
            && let Ok(packed) = part.finish()
        {
            self.packed.extend(packed);
            self.objects += objects;
            self.pods += pods;
        }
    }

    /// How many objects there are.
    pub fn objects(&self) -> u64 {
        self.objects
    }

    /// How many of them are pods.
    pub fn pods(&self) -> u64 {
        self.pods
    }
}

/// Writes a file.
///
/// # Errors
/// Those of `out`.
pub fn write(header: &Header, body: &Body, out: &mut impl Write) -> io::Result<()> {
    let header = Header { objects: body.objects, ..header.clone() };
    let mut first = Part::default();
    serde_json::to_writer(&mut first.lines, &header)?;
    first.lines.push(b'\n');
    out.write_all(&first.finish()?)?;
    out.write_all(&body.packed)
}

/// Begins to read a file of that name: its header, and what gives the objects one after the other.
///
/// # Errors
/// Usage: not a snapshot, one of another version, cut or damaged; the error names the line.
pub fn read<R: Read>(name: &str, input: R) -> Result<(Header, Objects<R>)> {
    let mut input = BufReader::new(input);
    let is_gzip = input.fill_buf().is_ok_and(|start| start.is_empty() || start.starts_with(&GZIP));
    let input = BufReader::with_capacity(UNPACKED, MultiGzDecoder::new(input));
    let mut lines = Lines { name: name.to_owned(), input, line: String::new(), number: 0 };
    if !is_gzip {
        return Err(lines.wrong("is not gzip, expected a file that `kubectl cni-migrate snapshot` wrote"));
    }
    if !lines.next()? {
        return Err(lines.wrong("the file is empty, expected a snapshot"));
    }
    let header = header(&lines)?;
    let objects = Objects { lines, expected: header.objects, read: 0, is_over: false };
    Ok((header, objects))
}

/// The objects of a file that is being read; only one of them is held at a time.
///
/// The first error is the last item. That the file holds as many objects as its header says is known at the end only:
/// who stops before it has not seen a cut file.
pub struct Objects<R: Read> {
    lines: Lines<BufReader<MultiGzDecoder<BufReader<R>>>>,
    expected: u64,
    read: u64,
    is_over: bool,
}

impl<R: Read> Iterator for Objects<R> {
    type Item = Result<Value>;

    fn next(&mut self) -> Option<Result<Value>> {
        if self.is_over {
            return None;
        }
        let next = self.object().transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl<R: Read> Objects<R> {
    fn object(&mut self) -> Result<Option<Value>> {
        if !self.lines.next()? {
            return self.check_count().map(|()| None);
        }
        let object: Value = self.lines.json()?;
        let metadata = object.get("metadata");
        let names = [object.get("apiVersion"), object.get("kind"), metadata.and_then(|m| m.get("name"))];
        if !names.iter().all(|name| name.is_some_and(Value::is_string)) {
            let missing = "is no object of the API: apiVersion, kind or metadata.name is missing";
            return Err(self.lines.wrong(missing));
        }
        self.read += 1;
        Ok(Some(object))
    }

    fn check_count(&self) -> Result<()> {
        if self.read == self.expected {
            return Ok(());
        }
        Err(self.lines.wrong(&format!(
            "the file ends after {}, expected {} by its first line: it was cut",
            count(self.read, "object"),
            self.expected
        )))
    }
}

fn header<R: BufRead>(lines: &Lines<R>) -> Result<Header> {
    let value: Value = lines.json()?;
    let (version, kind) = (value["apiVersion"].as_str().unwrap_or_default(), &value["kind"]);
    if kind != KIND {
        return Err(lines.wrong(&format!("kind is {kind}, expected \"{KIND}\"")));
    }
    if version != API_VERSION {
        let message = format!("apiVersion is \"{version}\"; this program reads {API_VERSION}");
        return Err(Error::usage(format!("snapshot {}, line 1: {message}", lines.name))
            .hint("read it with the version of kubectl cni-migrate that wrote it, or take a new one"));
    }
    serde_json::from_value(value).map_err(|e| lines.wrong(&format!("the header was not understood: {e}")))
}

struct Lines<R> {
    name: String,
    input: R,
    /// The line that was read last, and its number from 1.
    line: String,
    number: usize,
}

impl<R: BufRead> Lines<R> {
    /// Goes on to the next line; false where there is none.
    fn next(&mut self) -> Result<bool> {
        self.line.clear();
        self.number += 1;
        let read = self.input.read_line(&mut self.line).map_err(|e| self.broken(&e))?;
        Ok(read > 0)
    }

    fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.line).map_err(|e| self.wrong(&format!("is not JSON: {e}")))
    }

    fn wrong(&self, what: &str) -> Error {
        Error::usage(format!("snapshot {}, line {}: {what}", self.name, self.number.max(1)))
            .hint("take a new one: kubectl cni-migrate snapshot -o FILE")
    }

    fn broken(&self, error: &io::Error) -> Error {
        let what = match error.kind() {
            io::ErrorKind::UnexpectedEof => "the file ends here, expected more: it was cut".to_owned(),
            _ => format!("the file is damaged: {error}"),
        };
        self.wrong(&what)
    }
}
