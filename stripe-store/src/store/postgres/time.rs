//! Unix milliseconds as `timestamptz`, and the like, to and from the wire without rounding and without a date library.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// The types' numbers, which are fixed: `pg_type.dat` of PostgreSQL.
const TIMESTAMPTZ: Oid = Oid(1184);
const TIMESTAMPTZ_ARRAY: Oid = Oid(1185);
const DATE: Oid = Oid(1082);
const UUID: Oid = Oid(2950);

/// 2000-01-01, from which PostgreSQL counts microseconds, in unix microseconds.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A moment in unix milliseconds, written as `timestamptz`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PgMillis(pub(crate) i64);

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
pub(crate) struct PgMicros(pub(crate) i64);

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

/// 2000-01-01, from which PostgreSQL counts days, in days since 1970-01-01.
const EPOCH_DAYS: i64 = 10_957;

/// A day, counted from 1970-01-01, as `date` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PgDays(pub(crate) i64);

impl Type<Postgres> for PgDays {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(DATE)
    }
}

impl Encode<'_, Postgres> for PgDays {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let days = i32::try_from(self.0.saturating_sub(EPOCH_DAYS))?;
        <i32 as Encode<'_, Postgres>>::encode_by_ref(&days, buf)
    }
}

impl Decode<'_, Postgres> for PgDays {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        let days = <i32 as Decode<'_, Postgres>>::decode(value)?;
        Ok(Self(i64::from(days).saturating_add(EPOCH_DAYS)))
    }
}

/// 16 bytes, as `uuid` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PgBits128(pub(crate) [u8; 16]);

impl Type<Postgres> for PgBits128 {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(UUID)
    }
}

impl Encode<'_, Postgres> for PgBits128 {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        buf.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }
}

impl Decode<'_, Postgres> for PgBits128 {
    fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
        Ok(Self(value.as_bytes()?.try_into()?))
    }
}
