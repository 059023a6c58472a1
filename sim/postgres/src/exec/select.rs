//! Queries.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::{Env, Evaluator, Stop};
use crate::catalog::views;
use crate::error::PgError;
use crate::heap::View;
use crate::plan::{Expr, JoinKind, Query, Source};
use crate::value::{Row, Value};

/// A row of a source, and which version it is if it is one of a table.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) row: Row,
    pub(crate) tid: Option<u64>,
}

impl Evaluator<'_> {
    /// The rows that a query returns, without any locks on them.
    pub(crate) fn query(
        &mut self,
        query: &Query,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Row>, Stop> {
        if query.group.is_some() {
            return self.grouped(query, outer);
        }
        let found = self.found(query, outer)?;
        let mut rows = Vec::new();
        for found in found {
            rows.push(self.output(query, &found.row, outer)?);
        }
        if query.distinct {
            let mut seen = BTreeSet::new();
            rows.retain(|row| seen.insert(row.clone()));
        }
        self.cut(query, rows, outer)
    }

    /// The rows of a query's source that it takes, in its order, before anything is made of
    /// them. Neither limit nor offset is applied.
    pub(crate) fn found(
        &mut self,
        query: &Query,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Found>, Stop> {
        let mut taken = Vec::new();
        for found in self.rows(&query.source, query.filter.as_ref(), outer)? {
            let env = Env { row: &found.row, aggs: &[], outer };
            if self.holds(query.filter.as_ref(), &env)? {
                let mut keys = Vec::new();
                for order in &query.order {
                    keys.push(self.eval(&order.by, &env)?);
                }
                taken.push((keys, found));
            }
        }
        sort(query, &mut taken);
        Ok(taken.into_iter().map(|(_, found)| found).collect())
    }

    /// What is returned of a row.
    pub(crate) fn output(
        &mut self,
        query: &Query,
        row: &Row,
        outer: Option<&Env<'_>>,
    ) -> Result<Row, Stop> {
        let env = Env { row, aggs: &[], outer };
        query.output.iter().map(|(_, expr)| self.eval(expr, &env)).collect()
    }

    /// How many rows are skipped, and how many are taken at most.
    pub(crate) fn window(
        &mut self,
        query: &Query,
        outer: Option<&Env<'_>>,
    ) -> Result<(usize, usize), Stop> {
        let env = Env { row: &[], aggs: &[], outer };
        let mut number = |expr: Option<&Expr>, none: usize| -> Result<usize, Stop> {
            let Some(expr) = expr else { return Ok(none) };
            match self.eval(expr, &env)? {
                Value::Null => Ok(none),
                value => {
                    let negative = || PgError::new("2201W", "LIMIT must not be negative");
                    let number = value.as_int().and_then(|n| usize::try_from(n).ok());
                    Ok(number.ok_or_else(negative)?)
                }
            }
        };
        Ok((number(query.offset.as_ref(), 0)?, number(query.limit.as_ref(), usize::MAX)?))
    }

    fn cut(
        &mut self,
        query: &Query,
        rows: Vec<Row>,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Row>, Stop> {
        let (offset, limit) = self.window(query, outer)?;
        Ok(rows.into_iter().skip(offset).take(limit).collect())
    }

    fn grouped(&mut self, query: &Query, outer: Option<&Env<'_>>) -> Result<Vec<Row>, Stop> {
        let by = query.group.as_deref().unwrap_or_default();
        let plain = Query { order: Vec::new(), ..query.clone() };
        let found = self.found(&plain, outer)?;
        let mut groups = BTreeMap::<Vec<Value>, Vec<&Row>>::new();
        for found in &found {
            let env = Env { row: &found.row, aggs: &[], outer };
            let key: Result<Vec<_>, Stop> = by.iter().map(|expr| self.eval(expr, &env)).collect();
            groups.entry(key?).or_default().push(&found.row);
        }
        if by.is_empty() && groups.is_empty() {
            groups.insert(Vec::new(), Vec::new());
        }
        let nothing = Row::new();
        let mut taken = Vec::new();
        for rows in groups.values() {
            let aggs = self.aggregate(&query.aggs, rows, outer)?;
            // Any row of the group will do: it is only asked for what they have in common.
            let row = rows.first().copied().unwrap_or(&nothing);
            let env = Env { row, aggs: &aggs, outer };
            if self.holds(query.having.as_ref(), &env)? {
                let mut keys = Vec::new();
                for order in &query.order {
                    keys.push(self.eval(&order.by, &env)?);
                }
                let output: Result<Row, Stop> =
                    query.output.iter().map(|(_, expr)| self.eval(expr, &env)).collect();
                taken.push((keys, output?));
            }
        }
        sort(query, &mut taken);
        self.cut(query, taken.into_iter().map(|(_, row)| row).collect(), outer)
    }

    fn rows(
        &mut self,
        source: &Source,
        filter: Option<&Expr>,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Found>, Stop> {
        let bare = |rows: Vec<Row>| rows.into_iter().map(|row| Found { row, tid: None }).collect();
        Ok(match source {
            Source::Unit => vec![Found { row: Row::new(), tid: None }],
            Source::Table(table) => self.scan(*table, filter, outer)?,
            Source::View(view) => {
                let role = self.session.current_user();
                let state = &*self.state;
                bare(self.journal.see(|| view.rows(state, &role)))
            }
            Source::Call(set, args) => {
                let env = Env { row: &[], aggs: &[], outer };
                let args: Result<Vec<_>, Stop> =
                    args.iter().map(|arg| self.eval(arg, &env)).collect();
                let role = self.session.current_user();
                bare(views::call(self.state, *set, &args?, &role))
            }
            Source::Values(rows) => {
                let env = Env { row: &[], aggs: &[], outer };
                let mut evaluated = Vec::new();
                for row in rows {
                    let row: Result<Row, Stop> =
                        row.iter().map(|expr| self.eval(expr, &env)).collect();
                    evaluated.push(row?);
                }
                bare(evaluated)
            }
            Source::Query(query) => bare(self.query(query, outer)?),
            Source::Join { left, right, kind, on, width } => {
                let (left, right) = (self.rows(left, None, outer)?, self.rows(right, None, outer)?);
                let mut joined = Vec::new();
                for left in left {
                    let mut alone = true;
                    for right in &right {
                        let row = [left.row.clone(), right.row.clone()].concat();
                        let env = Env { row: &row, aggs: &[], outer };
                        if self.holds(on.as_ref(), &env)? {
                            alone = false;
                            joined.push(row);
                        }
                    }
                    if alone && *kind == JoinKind::Left {
                        joined.push([left.row, vec![Value::Null; *width]].concat());
                    }
                }
                bare(joined)
            }
        })
    }

    /// The versions that are seen of a table; where the condition fixes a key, of that key.
    pub(crate) fn scan(
        &mut self,
        table: u32,
        filter: Option<&Expr>,
        outer: Option<&Env<'_>>,
    ) -> Result<Vec<Found>, Stop> {
        let keyed = self.keyed(table, filter, outer)?;
        let xact = self.session.xact();
        let (mine, cid) = (&xact.mine, xact.cid);
        let view = View { snapshot: self.snapshot, mine, cid, clog: &self.state.clog };
        let Some(heap) = self.state.heaps.get(&table) else { return Ok(Vec::new()) };
        let found = |(tid, tuple): (&u64, &crate::heap::Tuple)| {
            view.sees(tuple).then(|| Found { row: tuple.row.clone(), tid: Some(*tid) })
        };
        Ok(match keyed {
            Some(tids) => {
                let tuples = tids.iter().filter_map(|tid| Some((tid, heap.tuples.get(tid)?)));
                tuples.filter_map(found).collect()
            }
            None => heap.tuples.iter().filter_map(found).collect(),
        })
    }

    fn keyed(
        &mut self,
        table: u32,
        filter: Option<&Expr>,
        outer: Option<&Env<'_>>,
    ) -> Result<Option<Vec<u64>>, Stop> {
        let Some(filter) = filter else { return Ok(None) };
        let fixed: BTreeMap<_, _> = filter.fixed().into_iter().collect();
        let columns: BTreeSet<_> = fixed.keys().copied().collect();
        let Some(heap) = self.state.heaps.get(&table) else { return Ok(None) };
        let Some((index, columns)) = heap.index_within(&columns) else { return Ok(None) };
        let columns = columns.to_vec();
        let env = Env { row: &[], aggs: &[], outer };
        let mut key = Vec::new();
        for column in columns {
            key.push(self.eval(fixed[&column], &env)?);
        }
        Ok(Some(self.state.heap(table).with_key(index, &key)))
    }
}

fn sort<T>(query: &Query, rows: &mut [(Vec<Value>, T)]) {
    rows.sort_by(|(a, _), (b, _)| {
        for (order, (a, b)) in query.order.iter().zip(a.iter().zip(b)) {
            let found = match (a.is_null(), b.is_null()) {
                (true, true) => Ordering::Equal,
                (true, false) if order.nulls_first => Ordering::Less,
                (true, false) => Ordering::Greater,
                (false, true) if order.nulls_first => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) if order.descending => b.cmp(a),
                (false, false) => a.cmp(b),
            };
            if found.is_ne() {
                return found;
            }
        }
        Ordering::Equal
    });
}
