//! Operators: which types go together, and what comes of it.

use super::{Arith, Compare, Expr, Typed};
use crate::error::{PgError, PgResult};
use crate::value::{Type, Value, text};

/// Makes an expression be of a type, where that goes by itself: a literal is read as one, a number
/// is widened.
///
/// # Errors
/// 22P02 and its like: a literal cannot be read. 42804: it does not go by itself.
pub(crate) fn coerce(typed: Typed, to: Type, params: &mut [Type]) -> PgResult<Expr> {
    if typed.ty == to {
        return Ok(typed.expr);
    }
    if typed.ty == Type::Unknown {
        match typed.expr {
            Expr::Const(Value::Text(literal)) => return text::read(&literal, to).map(Expr::Const),
            Expr::Param(at) => {
                if params[at] == Type::Unknown {
                    params[at] = to;
                }
                let from = params[at];
                return Ok(cast(Expr::Param(at), from, to));
            }
            expr => return Ok(expr),
        }
    }
    if typed.ty.common(to).is_some() || typed.ty.assigns_to(to) {
        return Ok(cast(typed.expr, typed.ty, to));
    }
    Err(PgError::new(
        "42804",
        format!("a value of type {} cannot stand for one of type {}", typed.ty.shown(), to.shown()),
    ))
}

pub(crate) fn cast(expr: Expr, from: Type, to: Type) -> Expr {
    let same = from == to
        || (from.is_string() && to.is_string())
        || (from.is_integer() && matches!(to, Type::Int8));
    if same { expr } else { Expr::Cast { expr: Box::new(expr), from, to } }
}

/// Brings expressions to one type.
///
/// # Errors
/// 42804: they have none in common.
pub(crate) fn unify(
    all: Vec<Typed>,
    what: &str,
    params: &mut [Type],
) -> PgResult<(Vec<Expr>, Type)> {
    let mut ty = Type::Unknown;
    for typed in &all {
        ty = ty.common(typed.ty).ok_or_else(|| {
            let (a, b) = (ty.shown(), typed.ty.shown());
            PgError::new("42804", format!("{what} types {a} and {b} cannot be matched"))
        })?;
    }
    if ty == Type::Unknown {
        ty = Type::Text;
    }
    let all: PgResult<_> = all.into_iter().map(|typed| coerce(typed, ty, params)).collect();
    Ok((all?, ty))
}

fn undefined(left: Type, operator: &str, right: Type) -> PgError {
    let (left, right) = (left.shown(), right.shown());
    PgError::new("42883", format!("operator does not exist: {left} {operator} {right}"))
}

/// Compares two expressions.
///
/// # Errors
/// 42883: their types cannot be compared.
pub(crate) fn compare(
    op: Compare,
    left: Typed,
    right: Typed,
    params: &mut [Type],
) -> PgResult<Typed> {
    let common = left.ty.common(right.ty).filter(|ty| !matches!(ty, Type::Void));
    let common = common.ok_or_else(|| undefined(left.ty, op.symbol(), right.ty))?;
    let common = if common == Type::Unknown { Type::Text } else { common };
    let left = coerce(left, common, params)?;
    let right = coerce(right, common, params)?;
    Ok(Typed::new(Expr::Compare(op, Box::new(left), Box::new(right)), Type::Bool))
}

/// Calculates with two expressions.
///
/// # Errors
/// 42883: they are no numbers.
pub(crate) fn arith(op: Arith, left: Typed, right: Typed, params: &mut [Type]) -> PgResult<Typed> {
    let common = left.ty.common(right.ty).filter(|ty| ty.is_number());
    let common = common.ok_or_else(|| undefined(left.ty, op.symbol(), right.ty))?;
    let left = coerce(left, common, params)?;
    let right = coerce(right, common, params)?;
    Ok(Typed::new(Expr::Arith(op, common, Box::new(left), Box::new(right)), common))
}

/// Puts two texts together; one of the two may be of any type.
///
/// # Errors
/// 42883: neither is a text.
pub(crate) fn concat(left: Typed, right: Typed, params: &mut [Type]) -> PgResult<Typed> {
    let textual = |ty: Type| ty.is_string() || ty == Type::Unknown;
    if !textual(left.ty) && !textual(right.ty) {
        return Err(undefined(left.ty, "||", right.ty));
    }
    let mut text = |typed: Typed| match typed.ty {
        Type::Unknown => coerce(typed, Type::Text, params),
        ty => Ok(cast(typed.expr, ty, Type::Text)),
    };
    let (left, right) = (text(left)?, text(right)?);
    Ok(Typed::new(Expr::Concat(Box::new(left), Box::new(right)), Type::Text))
}

/// An expression that is to be a condition.
///
/// # Errors
/// 42804: it is none.
pub(crate) fn condition(typed: Typed, what: &str, params: &mut [Type]) -> PgResult<Expr> {
    match typed.ty {
        Type::Bool | Type::Unknown => coerce(typed, Type::Bool, params),
        other => Err(PgError::new(
            "42804",
            format!("argument of {what} must be type boolean, not type {}", other.shown()),
        )),
    }
}

impl Compare {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "<>",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}

impl Arith {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
        }
    }
}
