//! Unix milliseconds as `timestamptz`, to and from the wire without rounding and without a date library.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// The types' numbers, which are fixed: `pg_type.dat` of PostgreSQL.
const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);

/// 2000-01-01, from which PostgreSQL counts microseconds, in unix microseconds.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A moment in unix milliseconds, written as `timestamptz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PgMillis(pub(super) i64);

impl Type<Postgres> for PgMillis {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl PgHasArrayType for PgMillis {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ_ARRAY)
    }
}

impl Encode<'_, Postgres> for PgMillis {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0.saturating_mul(1000).saturating_sub(EPOCH_MICROS);
        <i64 as Encode<'_, Postgres>>::encode_by_ref(&micros, buf)
    }
}

/// A moment in unix microseconds, as `timestamptz` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PgMicros(pub(super) i64);

impl Type<Postgres> for PgMicros {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMPTZ)
    }
}

impl Encode<'_, Postgres> for PgMicros {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let micros = self.0.saturating_sub(EPOCH_MICROS);
        <i64 as Encode<'_, Postgres>>::encode_by_ref(&micros, buf)
    }
}

impl Decode<'_, Postgres> for PgMicros {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = <i64 as Decode<'_, Postgres>>::decode(value)?;
        Ok(Self(micros.saturating_add(EPOCH_MICROS)))
    }
}

/// What is finer than a millisecond, in rows that others wrote, is cut.
impl Decode<'_, Postgres> for PgMillis {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let micros = <i64 as Decode<'_, Postgres>>::decode(value)?;
        Ok(Self(micros.saturating_add(EPOCH_MICROS).div_euclid(1000)))
    }
}
