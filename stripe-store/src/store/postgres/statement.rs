//! The statement that writes a batch.

use super::listen::channel;
use crate::store::changes::{PAYLOAD_LIMIT, PAYLOAD_VERSION, TOO_LONG};

/// What the statement's answer tells besides what outcomes follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tells {
    Nothing,
    /// Which rows changed, and from and to when their data is. Where `$17` says so, the server passes that on, too; `$18`
    /// is the time of the write.
    Changes,
}

/// What the statement answers to a candidate, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(i32);

impl Flags {
    pub(super) const INSERTED: i32 = 1;
    pub(super) const WRITTEN: i32 = 2;
    pub(super) const WAS_DELETED: i32 = 4;
    pub(super) const SAME: i32 = 8;
    pub(super) const NEWER: i32 = 16;
    pub(super) const CONTESTED: i32 = 32;

    pub(super) const fn new(bits: i32) -> Self {
        Self(bits)
    }

    pub(super) const fn has(self, flag: i32) -> bool {
        self.0 & flag != 0
    }

    fn sql() -> String {
        let flags = [
            (Self::INSERTED, "coalesce(w.inserted, false)"),
            (Self::WRITTEN, "w.stripe_id IS NOT NULL"),
            (Self::WAS_DELETED, "j.was_deleted"),
            (Self::SAME, "j.same"),
            (Self::NEWER, "j.newer"),
            (Self::CONTESTED, "j.contested"),
        ];
        let bits = flags.map(|(bit, fact)| format!("CASE WHEN {fact} THEN {bit} ELSE 0 END"));
        bits.join(" + ")
    }
}

/// The write of a batch, in which each key comes once, as one statement.
///
/// * Whether data is the same is told by its digest, `data_digest`: to parse and to compare it takes longer than all the
///   rest. What was written past the store has none, and is taken for other data.
/// * `judged` compares the input with the rows as they are. What is stale or a repetition goes no further, and so is not
///   parsed, takes no lock and writes no log: `ON CONFLICT` would do both even where its `WHERE` is false. If time does
///   not decide on some object, nothing at all is written.
///   The arrays come out of subqueries, which hide their length from the planner: where it sees a short one it finds a
///   plan of its own cheaper than the prepared one, and planning takes longer than the write of one row.
/// * `written` compares again, with the row locked, because another writer may have come between. Every writer comes
///   in the order of keys, so that two never wait for each other. If time does not decide now, the statement fails, by
///   a division by zero, where `$15` says so, and otherwise leaves the row locked and as it is.
///   Where `judged` found the row's data, `has_rivals`, which a conflict does not write, says so. If the row has other data
///   by now, that counts as if time did not decide. Where the statement may fail, such data is not parsed either: `null`
///   stands for it, and the statement fails if the row is gone.
/// * The answer is one line a candidate, in order.
///
/// A row that another writer inserts between `judged` and `written` is judged as missing; its line then says that it
/// was written and not inserted, or that it was not written.
pub(super) fn write_sql(table: &str, tells: Tells) -> String {
    let input = Judgement::new("u", "u.whole", "u.previous_attributes::jsonb", "r");
    let excluded = Judgement::new(
        "excluded",
        &whole("excluded"),
        "excluded.previous_attributes",
        "t",
    );
    let (was, is, told) = match tells {
        Tells::Nothing => Default::default(),
        Tells::Changes => told_sql(table),
    };
    let Judgement {
        newer,
        contested,
        same,
        ..
    } = excluded;
    let contested = format!("({contested} OR {newer} AND excluded.has_rivals AND NOT {same})");
    format!(
        "WITH judged AS MATERIALIZED (
            SELECT u.*, r.deleted_at IS NOT NULL AS was_deleted, {judged_same} AND NOT coalesce({past}, false) AS same,
                u.whole AND {judged_same} AS is_known,
                r.stripe_id IS NULL OR {judged_newer} AS newer,
                r.stripe_id IS NOT NULL AND {judged_contested} AS contested{was}
            FROM unnest((SELECT $1::text[]), (SELECT $2::boolean[]), (SELECT $3::text[]), (SELECT $4::text[]),
                (SELECT $5::text[]), (SELECT $16::bytea[]), (SELECT $6::text[]), (SELECT $7::bigint[]),
                (SELECT $8::bigint[]), (SELECT $9::text[]), (SELECT $10::timestamptz[]), (SELECT $12::text[]),
                (SELECT $13::smallint[]), (SELECT $14::boolean[]))
                WITH ORDINALITY
                AS u (account, livemode, object, stripe_id, data, data_digest, api_version, as_of, as_of_until, source,
                    deleted_at, previous_attributes, change, whole, place)
            LEFT JOIN LATERAL (
                SELECT * FROM {table} AS k
                WHERE k.account = u.account AND k.livemode = u.livemode AND k.object = u.object
                    AND k.stripe_id = u.stripe_id
                OFFSET 0
            ) AS r ON true
        ),
        written AS (
            INSERT INTO {table} AS t (account, livemode, object, stripe_id, data, data_digest, api_version, as_of,
                as_of_until, source, deleted_at, previous_attributes, change, has_rivals, created_at, updated_at)
            SELECT account, livemode, object, stripe_id, CASE WHEN is_known AND $15 THEN 'null' ELSE data::jsonb END,
                data_digest, api_version, as_of, as_of_until, source, deleted_at, previous_attributes::jsonb, change,
                is_known, $11, $11
            FROM judged
            WHERE newer AND NOT EXISTS (SELECT FROM judged WHERE contested)
            ORDER BY place
            ON CONFLICT (account, livemode, object, stripe_id) DO UPDATE SET
                data = CASE WHEN {same} THEN t.data ELSE excluded.data END,
                data_digest = excluded.data_digest, api_version = excluded.api_version,
                as_of = CASE WHEN {contested} THEN 1 / (t.as_of - t.as_of) ELSE excluded.as_of END,
                as_of_until = excluded.as_of_until, source = excluded.source,
                previous_attributes = excluded.previous_attributes, change = excluded.change,
                deleted_at = least(t.deleted_at, excluded.deleted_at),
                updated_at = CASE WHEN {same} AND (t.deleted_at IS NOT NULL OR excluded.deleted_at IS NULL)
                    THEN t.updated_at ELSE excluded.updated_at END
            WHERE CASE WHEN {contested} THEN $15 ELSE {newer} END
            -- A row that was locked before it was written, as ON CONFLICT does, keeps the lock in xmax.
            RETURNING t.account, t.livemode, t.object, t.stripe_id, t.xmax = 0 AS inserted{is}
        )
        SELECT CASE WHEN w.inserted AND j.is_known AND $15 THEN 1 / (j.place - j.place)::integer ELSE {flags} END{told}
        FROM judged AS j
        LEFT JOIN written AS w ON w.account = j.account AND w.livemode = j.livemode AND w.object = j.object
            AND w.stripe_id = j.stripe_id
        ORDER BY j.place",
        judged_same = input.same,
        judged_newer = input.newer,
        judged_contested = input.contested,
        past = input.past,
        flags = Flags::sql(),
    )
}

/// What the statement says besides, where it tells changes: of the row as it was, as it is, and in its answer.
///
/// A row has changed if `updated_at` is that of this write. It may be that of another write in the same millisecond; then
/// one change too many is told, rather than one too few.
fn told_sql(table: &str) -> (String, String, String) {
    let was = ", r.as_of AS old_as_of, r.as_of_until AS old_as_of_until";
    let is = ", t.as_of, t.as_of_until, t.deleted_at IS NOT NULL AS deleted, t.updated_at = $11 AS changed";
    let payload = format!(
        "json_build_array({PAYLOAD_VERSION}, j.account, j.livemode, j.object, j.stripe_id, j.old_as_of,
            j.old_as_of_until, w.as_of, w.as_of_until, w.inserted, j.was_deleted, w.deleted, $18::bigint)::text"
    );
    let told = format!(
        ", coalesce(w.changed, false), j.old_as_of, j.old_as_of_until, w.as_of, w.as_of_until, w.deleted,
            CASE WHEN $17 AND w.changed THEN pg_notify({},
                CASE WHEN octet_length({payload}) < {PAYLOAD_LIMIT} THEN {payload} ELSE '{TOO_LONG}' END) END",
        channel(table)
    );
    (was.to_owned(), is.to_owned(), told)
}

/// Whether a row's data is the object, and not what remains of a deleted one.
fn whole(row: &str) -> String {
    format!("({row}.deleted_at IS NULL OR {row}.data -> 'deleted' IS DISTINCT FROM 'true'::jsonb)")
}

/// What time says of a candidate and a row, as SQL.
struct Judgement {
    newer: String,
    /// Time does not decide, or the candidate deletes the object and does not bring newer data: that happens rarely, and
    /// to write all columns or one would make each of them a case.
    contested: String,
    /// Whether the candidate's data is the row's.
    same: String,
    /// The candidate ends before the row begins.
    past: String,
}

impl Judgement {
    /// Of the candidate that is called `new`, whose data is the object if `new_whole` and not what remains of a deleted
    /// one, and the row `old`.
    fn new(new: &str, new_whole: &str, previous: &str, old: &str) -> Self {
        let old_whole = whole(old);
        // An empty interval lasts as long as a moment does.
        let end = |row: &str| format!("greatest({row}.as_of_until, {row}.as_of + 1)");
        let rank = |row: &str| format!("({row}.as_of_until, {row}.as_of, {row}.source)");
        let after = format!("{new}.as_of >= {}", end(old));
        let same = format!("({old}.data_digest IS NOT DISTINCT FROM {new}.data_digest)");
        let newer = format!(
            "CASE WHEN {new_whole} THEN NOT {old_whole} OR NOT {old}.has_rivals AND {after}
                ELSE NOT {old_whole} AND {} > {} END",
            rank(new),
            rank(old)
        );
        let repeats = format!(
            "({new}.as_of, {new}.as_of_until) = ({old}.as_of, {old}.as_of_until) AND {same}
                AND ({new}.source = {old}.source OR {new}.source NOT LIKE '%@%')
                AND ({new}.change < {old}.change OR {new}.change = {old}.change AND (
                    {previous} IS NULL AND {old}.previous_attributes IS NOT NULL
                    OR {previous} IS NOT DISTINCT FROM {old}.previous_attributes
                        AND {new}.source <= {old}.source))"
        );
        let undecided = format!(
            "{new_whole} AND {old_whole} AND {} > {old}.as_of AND ({old}.has_rivals OR NOT {after}) AND NOT ({repeats})",
            end(new)
        );
        let deletes = format!(
            "{new}.deleted_at IS NOT NULL AND ({old}.deleted_at IS NULL OR {new}.deleted_at < {old}.deleted_at)"
        );
        let newer = format!("({newer})");
        Self {
            contested: format!("({undecided} OR {deletes} AND NOT {newer})"),
            newer,
            same,
            past: format!("({old_whole} AND {} <= {old}.as_of)", end(new)),
        }
    }
}
