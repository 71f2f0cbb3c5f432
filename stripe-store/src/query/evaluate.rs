//! The place of a row in an order, found from its data. Knows nothing of SQL but what it counts as the same.

use serde_json::Value;

use super::filter::{Field, Operand, Read};
use super::order::{By, OrderKey, RowTime};
use super::plan::created;
use crate::store::{CUT, Dialect, Place, Stored};
use crate::view::kind::{Bool, Float, Int, IntText, Kind, Ref, Text};
use crate::view::{AnyObject, Segment, View};

/// Where `row` stands in the order.
pub(super) fn place<T: View>(order: &[OrderKey], row: &Stored<T>, dialect: Dialect) -> Place {
    let data = row.view().data();
    let time = |at: crate::clock::UnixMillis| match dialect {
        Dialect::Postgres => Operand::Int(at.as_millis()),
        Dialect::Sqlite => Operand::Text(at.to_string()),
    };
    let value = |key: &OrderKey| match &key.by {
        By::Created => Some(Operand::Int(list_time(data))),
        By::Field(field) => read(field, data),
        By::Row(RowTime::CreatedAt) => Some(time(row.created_at())),
        By::Row(RowTime::UpdatedAt) => Some(time(row.updated_at())),
        // Only models are sorted by these, and a model has no `next_after`.
        By::Own(_) => None,
    };
    Place {
        object: row.row().object().to_owned(),
        id: row.row().stripe_id().to_owned(),
        values: order.iter().map(value).collect(),
    }
}

/// What the getter reads, texts cut as in orders.
fn read(field: &Field, data: &Value) -> Option<Operand> {
    let found = find(field, data)?;
    let text = |text: &str| Operand::Text(text.chars().take(CUT).collect());
    match field.read {
        Read::Text => Text::read(found).map(text),
        Read::Ref => Ref::<AnyObject>::read(found).map(|reference| text(reference.id())),
        Read::Int => Int::read(found).map(Operand::Int),
        Read::IntText => IntText::read(found).map(Operand::Int),
        Read::Float => Float::read(found).map(Operand::Float),
        Read::Bool => Bool::read(found).map(Operand::Bool),
        // Nothing is sorted by these.
        Read::Decimal | Read::Object | Read::Array | Read::Json => None,
    }
}

fn find<'a>(field: &Field, data: &'a Value) -> Option<&'a Value> {
    field.steps.iter().try_fold(data, |value, step| match step {
        Segment::Key(key) => value.get(key.as_ref()),
        Segment::Index(index) => value.get(index),
    })
}

/// `created` as lists sort it: 0 for what has no number, else within bounds, less its fraction.
fn list_time(data: &Value) -> i64 {
    const LAST: i64 = 9_999_999_999;
    let Some(number) = find(&created(), data).filter(|found| found.is_number()) else {
        return 0;
    };
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => whole.clamp(0, LAST),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "within bounds that an integer holds, and the fraction is to be cut"
        )]
        (None, Some(float)) => float.clamp(0.0, 9_999_999_999.0) as i64,
        (None, None) => 0,
    }
}
