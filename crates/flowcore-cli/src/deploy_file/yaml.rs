//! YAML as a tree whose every value knows its place. Anchors, aliases and merge keys are carried out; plain words are what they
//! are for Prefect, whose parser has the rules of YAML 1.1 (`yes` is true).

use std::collections::HashMap;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};
use serde_json::{Map, Number, Value};

/// How deep values may be nested.
const DEEPEST: usize = 64;

/// How many values a file may have, those that aliases repeat counted each time. Aliases of aliases grow by powers.
const MOST: usize = 100_000;

/// A place in a file; both numbers begin with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) place: Place,
    pub(super) why: String,
}

impl Wrong {
    pub(super) fn new(place: Place, why: impl Into<String>) -> Self {
        Wrong { place, why: why.into() }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.place.line, self.place.column, self.why)
    }
}

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A text, a number, true or false, or nothing.
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) place: Place,
    pub(super) key: String,
    pub(super) value: Node,
}

impl Node {
    /// Gives the value without its places.
    pub(super) fn json(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => items.iter().map(Node::json).collect(),
            Kind::Map(entries) => {
                let fields: Map<String, Value> =
                    entries.iter().map(|entry| (entry.key.clone(), entry.value.json())).collect();
                Value::Object(fields)
            }
        }
    }

    /// Counts the values that there are of it.
    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar(_) => 0,
            Kind::List(items) => items.iter().map(Node::size).sum(),
            Kind::Map(entries) => entries.iter().map(|entry| 1 + entry.value.size()).sum(),
        }
    }

    fn depth(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar(_) => 0,
            Kind::List(items) => items.iter().map(Node::depth).max().unwrap_or(0),
            Kind::Map(entries) => entries.iter().map(|entry| entry.value.depth()).max().unwrap_or(0),
        }
    }
}

/// Reads a text. None: there is nothing in it.
pub(super) fn parse(text: &str) -> Result<Option<Node>, Wrong> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let place = Place { line: error.marker().line(), column: error.marker().col() + 1 };
            Wrong::new(place, format!("this is no YAML: {}", error.info()))
        })?;
        tree.take(event, place(&span))?;
    }
    Ok(tree.root)
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

/// A tree that grows event by event.
#[derive(Default)]
struct Tree {
    root: Option<Node>,
    /// What has begun and not ended, the outermost first.
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    size: usize,
}

struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<(Place, String)>,
    /// What `<<` brings: it counts where the mapping itself says nothing.
    merged: Vec<Entry>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), Wrong> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(place, 1)?;
                let value = scalar(&text, style, tag.as_deref(), place)?;
                self.add(Node { place, kind: Kind::Scalar(value) }, anchor)
            }
            Event::SequenceStart(anchor, tag) => self.begin(Kind::List(Vec::new()), anchor, tag.as_deref(), place),
            Event::MappingStart(anchor, tag) => self.begin(Kind::Map(Vec::new()), anchor, tag.as_deref(), place),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { mut node, anchor, merged, .. }) => {
                    if let Kind::Map(entries) = &mut node.kind {
                        add_missing(entries, merged);
                    }
                    self.add(node, anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err(Wrong::new(place, "the alias is part of what it stands for"));
                };
                let copy = Node { place, kind: node.kind.clone() };
                if self.open.len() + copy.depth() > DEEPEST {
                    return Err(too_deep(place));
                }
                self.count(place, copy.size())?;
                self.add(copy, 0)
            }
            Event::DocumentStart(_) if self.root.is_some() => {
                Err(Wrong::new(place, "a second document begins here: the file is to have one"))
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, kind: Kind, anchor: usize, tag: Option<&Tag>, place: Place) -> Result<(), Wrong> {
        if let Some(tag) = tag {
            known_tag(tag, place)?;
        }
        if self.open.len() >= DEEPEST {
            return Err(too_deep(place));
        }
        self.count(place, 1)?;
        self.open.push(Open { node: Node { place, kind }, anchor, key: None, merged: Vec::new() });
        Ok(())
    }

    fn count(&mut self, place: Place, more: usize) -> Result<(), Wrong> {
        self.size += more;
        if self.size > MOST {
            return Err(Wrong::new(
                place,
                format!("the file has more than {MOST} values, with those that aliases repeat"),
            ));
        }
        Ok(())
    }

    /// Puts a whole value into what is open.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Wrong> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut open.node.kind, open.key.take()) {
            (Kind::List(items), _) => items.push(node),
            (Kind::Map(_), None) => open.key = Some((node.place, key(&node)?)),
            (Kind::Map(_), Some((_, key))) if key == "<<" => merge(&mut open.merged, node)?,
            (Kind::Map(entries), Some((place, key))) => set(entries, Entry { place, key, value: node })?,
            (Kind::Scalar(_), _) => {}
        }
        Ok(())
    }
}

fn too_deep(place: Place) -> Wrong {
    Wrong::new(place, format!("this is nested more than {DEEPEST} levels deep"))
}

fn key(node: &Node) -> Result<String, Wrong> {
    match &node.kind {
        Kind::Scalar(Value::String(text)) => Ok(text.clone()),
        Kind::Scalar(value) if !value.is_null() => Ok(value.to_string()),
        _ => Err(Wrong::new(node.place, "a key is to be a text")),
    }
}

fn set(entries: &mut Vec<Entry>, entry: Entry) -> Result<(), Wrong> {
    if let Some(known) = entries.iter().find(|known| known.key == entry.key) {
        let why = format!("`{}` is given twice, first on line {}", entry.key, known.place.line);
        return Err(Wrong::new(entry.place, why));
    }
    entries.push(entry);
    Ok(())
}

/// Takes over a mapping, or several, of which the first goes before the others.
fn merge(merged: &mut Vec<Entry>, from: Node) -> Result<(), Wrong> {
    match from.kind {
        Kind::Map(entries) => {
            add_missing(merged, entries);
            Ok(())
        }
        Kind::List(items) => items.into_iter().try_for_each(|item| match item.kind {
            Kind::Map(_) => merge(merged, item),
            _ => Err(Wrong::new(item.place, "`<<` merges mappings only")),
        }),
        Kind::Scalar(_) => Err(Wrong::new(from.place, "`<<` merges mappings only")),
    }
}

fn add_missing(entries: &mut Vec<Entry>, more: Vec<Entry>) {
    for entry in more {
        if !entries.iter().any(|known| known.key == entry.key) {
            entries.push(entry);
        }
    }
}

/// Finds the kind of a tag of YAML's own, such as `str` of `!!str`. Others would make something of a value that no file of
/// Prefect's may.
fn known_tag(tag: &Tag, place: Place) -> Result<&str, Wrong> {
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("tag:yaml.org,2002:" | "!!", kind @ ("str" | "int" | "float" | "bool" | "null" | "seq" | "map")) => Ok(kind),
        (handle, suffix) => Err(Wrong::new(place, format!("the tag `{handle}{suffix}` has no meaning here"))),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, place: Place) -> Result<Value, Wrong> {
    let is_text = match tag {
        Some(tag) => known_tag(tag, place)? == "str",
        None => style != ScalarStyle::Plain,
    };
    Ok(if is_text { Value::String(text.to_owned()) } else { plain(text) })
}

/// Reads a plain word by the rules of YAML 1.1.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Value::Bool(false),
        _ => {}
    }
    let number = whole(text).or_else(|| fraction(text).and_then(Number::from_f64));
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn whole(text: &str) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    if !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    let (digits, radix) = match digits.get(..2) {
        Some("0x") => (&digits[2..], 16),
        Some("0b") => (&digits[2..], 2),
        Some(_) if digits.starts_with('0') => (&digits[1..], 8),
        _ => (digits.as_str(), 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    match i64::from_str_radix(digits, radix) {
        Ok(number) => Some(if negative { -number } else { number }.into()),
        Err(_) if !negative => u64::from_str_radix(digits, radix).ok().map(Number::from),
        Err(_) => None,
    }
}

/// Reads a number with a point; without one `1e3` is a text.
fn fraction(text: &str) -> Option<f64> {
    let is_of_number = |byte: u8| byte.is_ascii_digit() || b"+-._eE".contains(&byte);
    if !text.contains('.') || !text.bytes().all(is_of_number) || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
