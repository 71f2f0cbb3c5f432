//! Fetching what is to be put in, level by level, measuring what that gives, and putting it in.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::find::{Hit, find};
use super::plan::{Candidate, Node, Plan, Target};
use super::{Expansion, MAX_BYTES, Missing};
use crate::resources;
use crate::store::error::StoreError;
use crate::store::scope::Scope;
use crate::store::stored::RawRow;
use crate::store::{Store, text};
use crate::view::{AnyObject, View as _};

/// The rows of one account and mode, and what was fetched for them.
pub(super) struct Batch<'r, 'p> {
    scope: Scope,
    roots: Vec<Root<'r, 'p>>,
    /// What was asked for, by type and id: `None` for what is not in the table.
    fetched: HashMap<&'static str, HashMap<Arc<str>, Option<Fetched>>>,
    /// The bytes of all that was fetched.
    fetched_bytes: usize,
    /// The ids in each text at a place of a plan.
    hits: HashMap<At, Arc<[Hit<'p>]>>,
    /// What each text at a place of a plan comes to, expanded.
    sizes: HashMap<At, Size>,
    missing: Unexpanded,
    too_deep: Unexpanded,
}

/// A row: its index, its text, and what to expand in it.
pub(super) struct Root<'r, 'p> {
    pub(super) index: usize,
    pub(super) json: &'r str,
    pub(super) plan: &'p Plan,
}

/// An object as it is put in, before its own references are expanded.
struct Fetched {
    json: String,
    /// How many objects and arrays it has inside each other.
    depth: usize,
}

/// How large a text is.
#[derive(Debug, Clone, Copy)]
struct Size {
    bytes: usize,
    /// How many objects and arrays it has inside each other, where objects are put in; not counted for a row itself.
    depth: usize,
}

/// A text to expand: a row by its place in `roots`, or what was fetched.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Document {
    Root(usize),
    Fetched(&'static str, Arc<str>),
}

/// A text and the place of a plan that it is at.
type At = (Document, usize);

impl<'r, 'p> Batch<'r, 'p> {
    /// Of rows of one account and mode.
    pub(super) fn new(scope: Scope, roots: Vec<Root<'r, 'p>>) -> Self {
        Self {
            scope,
            roots,
            fetched: HashMap::new(),
            fetched_bytes: 0,
            hits: HashMap::new(),
            sizes: HashMap::new(),
            missing: Unexpanded::default(),
            too_deep: Unexpanded::default(),
        }
    }

    /// Fetches all that the plans lead to, with one query for each level and type; ends early when that is more than
    /// [`MAX_BYTES`].
    pub(super) async fn fetch(&mut self, store: &Store) -> Result<(), StoreError> {
        let store = store.with_scope(self.scope.clone()).including_deleted();
        let mut level = self.start();
        // Ends, because each step goes further into a plan.
        while !level.is_empty() && self.fetched_bytes <= MAX_BYTES {
            let hits = self.find(level);
            self.ask(&store, &hits).await?;
            level = self.next(&hits);
        }
        Ok(())
    }

    /// The rows, and the places of the plans to begin at.
    fn start(&self) -> Vec<(Document, &'p Node)> {
        let roots = self.roots.iter().enumerate();
        roots
            .map(|(place, root)| (Document::Root(place), &root.plan.root))
            .collect()
    }

    /// The ids in texts that were not looked at before.
    fn find(&mut self, level: Vec<(Document, &'p Node)>) -> Vec<Arc<[Hit<'p>]>> {
        let mut found = Vec::new();
        for (document, node) in level {
            let at = (document, node.address());
            if self.hits.contains_key(&at) {
                continue;
            }
            let Some(json) = self.json(&at.0) else {
                continue;
            };
            let hits: Arc<[Hit<'p>]> = find(json, node).into();
            found.push(Arc::clone(&hits));
            self.hits.insert(at, hits);
        }
        found
    }

    fn json(&self, document: &Document) -> Option<&str> {
        match document {
            Document::Root(place) => self.roots.get(*place).map(|root| root.json),
            Document::Fetched(object, id) => {
                self.get(object, id).map(|fetched| fetched.json.as_str())
            }
        }
    }

    /// Fetches the objects of a level, type after type.
    async fn ask(&mut self, store: &Store, level: &[Arc<[Hit<'p>]>]) -> Result<(), StoreError> {
        let mut open: Vec<&Hit<'p>> = Vec::new();
        let mut seen = HashSet::new();
        let mut types: BTreeSet<Candidate> = BTreeSet::new();
        for hit in level.iter().flat_map(|hits| hits.iter()) {
            if seen.insert((hit.target.objects, &*hit.id)) {
                types.extend(hit.target.candidates.of(&hit.id));
                open.push(hit);
            }
        }
        for candidate in types {
            open.retain(|hit| self.resolve(hit.target, &hit.id).is_none());
            let ids: BTreeSet<&str> = open
                .iter()
                .filter(|hit| hit.target.candidates.of(&hit.id).any(|it| it == candidate))
                .map(|hit| &*hit.id)
                .filter(|id| !self.was_asked(candidate.object, id))
                .collect();
            if !ids.is_empty() {
                self.ask_type(store, candidate.object, ids).await?;
            }
        }
        for hit in open {
            if self.resolve(hit.target, &hit.id).is_none() {
                self.missing.add(hit);
            }
        }
        Ok(())
    }

    /// Fetches objects of one type, under each name that it has been sent under while some are missing.
    async fn ask_type(
        &mut self,
        store: &Store,
        object: &'static str,
        ids: BTreeSet<&str>,
    ) -> Result<(), StoreError> {
        let fetched = self.fetched.entry(object).or_default();
        fetched.extend(ids.iter().map(|id| (Arc::from(*id), None)));
        // No stored id has a NUL in it, and PostgreSQL refuses to look for one.
        let mut missing: Vec<&str> = ids.into_iter().filter(|id| !id.contains('\0')).collect();
        for name in names(object) {
            if missing.is_empty() {
                break;
            }
            for row in store.rows_by_id(name, &missing).await? {
                let id = Arc::from(row.stripe_id.as_str());
                let row = Fetched::new(row);
                self.fetched_bytes = self.fetched_bytes.saturating_add(row.json.len());
                fetched.insert(id, Some(row));
            }
            missing.retain(|id| !matches!(fetched.get(*id), Some(Some(_))));
        }
        Ok(())
    }

    /// What to look at next: the objects that were found, where a plan goes on in them.
    fn next(&self, level: &[Arc<[Hit<'p>]>]) -> Vec<(Document, &'p Node)> {
        let hits = level.iter().flat_map(|hits| hits.iter());
        hits.filter_map(|hit| {
            let (object, fetched) = self.resolve(hit.target, &hit.id)?;
            let node = fetched.next(hit.target, object)?;
            Some((Document::Fetched(object, Arc::clone(&hit.id)), node))
        })
        .collect()
    }

    fn was_asked(&self, object: &str, id: &str) -> bool {
        self.fetched
            .get(object)
            .is_some_and(|fetched| fetched.contains_key(id))
    }

    fn get(&self, object: &str, id: &str) -> Option<&Fetched> {
        self.fetched.get(object)?.get(id)?.as_ref()
    }

    /// The object that an id stands for, and its type.
    fn resolve(&self, target: &Target, id: &str) -> Option<(&'static str, &Fetched)> {
        let mut objects = target.candidates.of(id).map(|it| it.object);
        objects.find_map(|object| Some((object, self.get(object, id)?)))
    }

    /// What comes in the place of an id, and where that is expanded further.
    fn inner(&self, hit: &Hit<'p>) -> Option<(&Fetched, Option<At>)> {
        let (object, fetched) = self.resolve(hit.target, &hit.id)?;
        let node = fetched.next(hit.target, object);
        let at = node.map(|node| {
            let document = Document::Fetched(object, Arc::clone(&hit.id));
            (document, node.address())
        });
        Some((fetched, at))
    }

    /// How many bytes the rows come to that change, and what was fetched: at least what it takes to hold them.
    ///
    /// Looks at each text once for each place of a plan that it is at, however often it is put in.
    pub(super) fn measure(&mut self) -> usize {
        let mut bytes = self.fetched_bytes;
        for (document, node) in self.start() {
            let plain = Size {
                bytes: self.json(&document).map_or(0, str::len),
                depth: 0,
            };
            let at = (document, node.address());
            let size = self.size(&at, plain);
            if self.changes(&at) {
                bytes = bytes.saturating_add(size.bytes);
            }
        }
        bytes
    }

    /// How large a text is that is `plain` before anything is put in.
    ///
    /// Calls itself for objects in objects, which go as deep as plans do.
    fn size(&mut self, at: &At, plain: Size) -> Size {
        if let Some(size) = self.sizes.get(at) {
            return *size;
        }
        let mut size = plain;
        let hits = self.hits.get(at).map(Arc::clone);
        for hit in hits.iter().flat_map(|hits| hits.iter()) {
            let Some((fetched, inside)) = self.inner(hit) else {
                continue;
            };
            let mut inner = fetched.size();
            if let Some(inside) = inside {
                inner = self.size(&inside, inner);
            }
            if !fits(hit, inner) {
                self.too_deep.add(hit);
                continue;
            }
            let more = size.bytes.saturating_add(inner.bytes);
            size.bytes = more.saturating_sub(hit.range.len());
            size.depth = size.depth.max(hit.depth + inner.depth);
        }
        self.sizes.insert(at.clone(), size);
        size
    }

    /// What comes in the place of an id; `None` where the id stays.
    fn put_in(&self, hit: &Hit<'p>) -> Option<(&Fetched, Option<At>)> {
        let (fetched, at) = self.inner(hit)?;
        let expanded = at.as_ref().and_then(|at| self.sizes.get(at).copied());
        fits(hit, expanded.unwrap_or_else(|| fetched.size())).then_some((fetched, at))
    }

    /// Whether something is put into a text.
    fn changes(&self, at: &At) -> bool {
        let hits = self.hits.get(at);
        hits.is_some_and(|hits| hits.iter().any(|hit| self.put_in(hit).is_some()))
    }

    /// The texts of the rows in which something is put in, by index. To be called once all is [measured](Self::measure).
    pub(super) fn render(&self) -> impl Iterator<Item = (usize, String)> {
        self.roots.iter().enumerate().filter_map(|(place, root)| {
            let at = (Document::Root(place), root.plan.root.address());
            if !self.changes(&at) {
                return None;
            }
            let bytes = self.sizes.get(&at).map_or(0, |size| size.bytes);
            let mut out = String::with_capacity(bytes);
            self.write(&at, root.json, &mut out);
            Some((root.index, out))
        })
    }

    /// Writes a text with the objects in the place of ids.
    fn write(&self, at: &At, json: &str, out: &mut String) {
        let mut copied = 0;
        for hit in self.hits.get(at).iter().flat_map(|hits| hits.iter()) {
            let Some((fetched, inside)) = self.put_in(hit) else {
                continue;
            };
            out.push_str(json.get(copied..hit.range.start).unwrap_or_default());
            match inside {
                Some(inside) => self.write(&inside, &fetched.json, out),
                None => out.push_str(&fetched.json),
            }
            copied = hit.range.end;
        }
        out.push_str(json.get(copied..).unwrap_or_default());
    }

    /// The fetched object whose text cannot be read, by its type and id: one that no store wrote.
    pub(super) fn unreadable(&self) -> Option<(&'static str, &str, serde_json::Error)> {
        let objects = self.fetched.iter();
        let mut all = objects.flat_map(|(object, rows)| {
            rows.iter()
                .filter_map(|(id, row)| Some((*object, &**id, row.as_ref()?)))
        });
        all.find_map(|(object, id, row)| Some((object, id, text::to_value(&row.json).err()?)))
    }

    /// Adds what stayed an id.
    pub(super) fn report(self, expansion: &mut Expansion) {
        expansion.missing.extend(self.missing.listed(&self.scope));
        expansion.too_deep.extend(self.too_deep.listed(&self.scope));
    }
}

/// Whether what comes in the place of an id nests the row no deeper than can be read back.
fn fits(hit: &Hit<'_>, inner: Size) -> bool {
    hit.depth.saturating_add(inner.depth) <= text::MAX_DEPTH
}

impl Fetched {
    fn new(row: RawRow) -> Self {
        let json = match row.deleted_at {
            Some(_) => remains(row),
            None => row.data,
        };
        Self {
            depth: text::depth(&json),
            json,
        }
    }

    fn size(&self) -> Size {
        Size {
            bytes: self.json.len(),
            depth: self.depth,
        }
    }

    /// What to expand in it, found at `target` as an `object`.
    fn next<'p>(&self, target: &'p Target, object: &str) -> Option<&'p Node> {
        // What cannot be put in is not looked into.
        let fits = self.depth <= text::MAX_DEPTH;
        fits.then(|| target.next(object)).flatten()
    }
}

/// What Stripe shows of a deleted object: the row's data where that is what Stripe sent of it, and else, where the row
/// still holds the object as it was, its id and type.
fn remains(row: RawRow) -> String {
    let data = text::to_value(&row.data);
    if data.is_ok_and(|data| AnyObject::view(&data).is_deleted()) {
        return row.data;
    }
    let quoted = |text: String| serde_json::Value::from(text);
    let (id, object) = (quoted(row.stripe_id), quoted(row.object));
    format!(r#"{{"id":{id},"object":{object},"deleted":true}}"#)
}

/// The names that objects of a type have been sent under, today's first.
pub(super) fn names(object: &'static str) -> impl Iterator<Item = &'static str> {
    let aliases = resources::facts(object).map_or(&[][..], |facts| facts.aliases);
    std::iter::once(object).chain(aliases.iter().copied())
}

/// References that stayed ids, each object once.
#[derive(Default)]
struct Unexpanded {
    seen: HashSet<(&'static [&'static str], Arc<str>)>,
    list: Vec<(&'static [&'static str], Arc<str>, String)>,
}

impl Unexpanded {
    fn add(&mut self, hit: &Hit<'_>) {
        let objects = hit.target.objects;
        if self.seen.insert((objects, Arc::clone(&hit.id))) {
            self.list
                .push((objects, Arc::clone(&hit.id), hit.target.path.clone()));
        }
    }

    fn listed(self, scope: &Scope) -> impl Iterator<Item = Missing> {
        self.list.into_iter().map(|(objects, id, path)| Missing {
            objects,
            id: id.as_ref().to_owned(),
            path,
            scope: scope.clone(),
        })
    }
}
