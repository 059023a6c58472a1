//! Aggregates over a group of rows.

use std::collections::BTreeSet;

use super::{Env, Evaluator, Stop, calculate};
use crate::plan::{Agg, AggKind, Arith};
use crate::value::{Decimal, Row, Type, Value};

impl Evaluator<'_> {
    /// The aggregates of a group.
    pub(super) fn aggregate(
        &mut self,
        aggs: &[Agg],
        rows: &[&Row],
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Value>, Stop> {
        aggs.iter().map(|agg| self.one(agg, rows, outer)).collect()
    }

    fn one(&mut self, agg: &Agg, rows: &[&Row], outer: Option<&Env<'_>>) -> Result<Value, Stop> {
        let Some(of) = &agg.of else { return Ok(count(rows.len())) };
        let mut values = Vec::new();
        for row in rows {
            let value = self.eval(of, &Env { row, aggs: &[], outer })?;
            if !value.is_null() {
                values.push(value);
            }
        }
        if agg.distinct {
            values = values.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        }
        Ok(match agg.kind {
            AggKind::Count => count(values.len()),
            AggKind::Min => values.into_iter().min().unwrap_or(Value::Null),
            AggKind::Max => values.into_iter().max().unwrap_or(Value::Null),
            AggKind::BoolAnd | AggKind::BoolOr if values.is_empty() => Value::Null,
            AggKind::BoolAnd => Value::Bool(values.iter().all(Value::is_true)),
            AggKind::BoolOr => Value::Bool(values.iter().any(Value::is_true)),
            AggKind::Sum(ty) => sum(values, ty)?,
        })
    }
}

fn count(rows: usize) -> Value {
    Value::Int(i64::try_from(rows).unwrap_or(i64::MAX))
}

fn sum(values: Vec<Value>, ty: Type) -> Result<Value, Stop> {
    let mut total = Value::Null;
    for value in values {
        let value = match value {
            Value::Int(int) if ty == Type::Numeric => Value::Numeric(Decimal::from(int)),
            value => value,
        };
        total = match total {
            Value::Null => value,
            total => calculate::arith(Arith::Add, ty, &total, &value)?,
        };
    }
    Ok(total)
}
