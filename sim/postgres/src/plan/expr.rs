//! Expressions with their names resolved and their types settled.

use super::Query;
use super::functions::Func;
use crate::value::{Type, Value};

/// An expression.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    Const(Value),
    Param(usize),
    /// A column of the row at hand, or of that of a query so many levels around.
    Column {
        up: usize,
        at: usize,
    },
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Compare(Compare, Box<Expr>, Box<Expr>),
    Arith(Arith, Type, Box<Expr>, Box<Expr>),
    Concat(Box<Expr>, Box<Expr>),
    IsNull(Box<Expr>),
    /// `IS TRUE` and `IS FALSE`.
    Is(bool, Box<Expr>),
    IsDistinct(Box<Expr>, Box<Expr>),
    Case {
        branches: Vec<(Expr, Expr)>,
        otherwise: Box<Expr>,
    },
    Coalesce(Vec<Expr>),
    Extreme {
        greatest: bool,
        of: Vec<Expr>,
    },
    InList(Box<Expr>, Vec<Expr>),
    InQuery(Box<Expr>, Box<Query>),
    Like {
        text: Box<Expr>,
        pattern: Box<Expr>,
        fold: bool,
    },
    Cast {
        expr: Box<Expr>,
        from: Type,
        to: Type,
    },
    Call {
        func: Func,
        args: Vec<Expr>,
        types: Vec<Type>,
    },
    Exists(Box<Query>),
    Scalar(Box<Query>),
    /// An aggregate of the query at hand.
    Agg(usize),
}

/// An expression and its type.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) expr: Expr,
    pub(crate) ty: Type,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// An operation on numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arith {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// An aggregate.
#[derive(Clone, Debug)]
pub(crate) struct Agg {
    pub(crate) kind: AggKind,
    /// None in `count(*)`.
    pub(crate) of: Option<Expr>,
    pub(crate) distinct: bool,
}

/// What an aggregate does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AggKind {
    Count,
    /// With the type of the sum.
    Sum(Type),
    Min,
    Max,
    BoolAnd,
    BoolOr,
}

impl Typed {
    pub(crate) fn new(expr: Expr, ty: Type) -> Self {
        Self { expr, ty }
    }
}

impl Expr {
    /// Calls back for this expression and those in it, but not into queries.
    pub(crate) fn walk(&self, visit: &mut impl FnMut(&Expr)) {
        visit(self);
        match self {
            Self::Const(_)
            | Self::Param(_)
            | Self::Column { .. }
            | Self::Exists(_)
            | Self::Scalar(_)
            | Self::Agg(_) => {}
            Self::Not(a)
            | Self::IsNull(a)
            | Self::Is(_, a)
            | Self::InQuery(a, _)
            | Self::Cast { expr: a, .. } => a.walk(visit),
            Self::And(a, b)
            | Self::Or(a, b)
            | Self::Compare(_, a, b)
            | Self::Arith(_, _, a, b)
            | Self::Concat(a, b)
            | Self::IsDistinct(a, b)
            | Self::Like { text: a, pattern: b, .. } => {
                a.walk(visit);
                b.walk(visit);
            }
            Self::Case { branches, otherwise } => {
                for (condition, result) in branches {
                    condition.walk(visit);
                    result.walk(visit);
                }
                otherwise.walk(visit);
            }
            Self::Coalesce(all) | Self::Extreme { of: all, .. } | Self::Call { args: all, .. } => {
                for expr in all {
                    expr.walk(visit);
                }
            }
            Self::InList(a, all) => {
                a.walk(visit);
                for expr in all {
                    expr.walk(visit);
                }
            }
        }
    }

    /// The columns of the row at hand that are compared for equality with something that does not
    /// depend on that row, in a condition that must hold.
    pub(crate) fn fixed(&self) -> Vec<(usize, &Expr)> {
        match self {
            Self::And(a, b) => [a.fixed(), b.fixed()].concat(),
            Self::Compare(Compare::Eq, a, b) => match (&**a, &**b) {
                (Self::Column { up: 0, at }, other) | (other, Self::Column { up: 0, at })
                    if other.is_simple() =>
                {
                    vec![(*at, other)]
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn is_simple(&self) -> bool {
        match self {
            Self::Const(_) | Self::Param(_) => true,
            Self::Column { up, .. } => *up > 0,
            Self::Cast { expr, .. } => expr.is_simple(),
            _ => false,
        }
    }
}

/// A value that is left out.
pub(super) const NULL: Expr = Expr::Const(Value::Null);
