//! Exact decimal numbers: as much of `numeric` as sums, ages and literals need.
//!
//! Absent: more than 38 digits, NaN, division that does not end (it is cut at 16 digits).

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// `units` divided by ten to the power of `scale`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decimal {
    pub(crate) units: i128,
    pub(crate) scale: u32,
}

impl Decimal {
    pub(crate) fn new(units: i128, scale: u32) -> Self {
        Self { units, scale }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.len() + fraction.len() == 0 {
            return None;
        }
        let mut units = 0_i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let digit = char::from(digit).to_digit(10)?;
            units = units.checked_mul(10)?.checked_add(i128::from(digit))?;
        }
        let scale = u32::try_from(fraction.len()).ok()?;
        Some(Self::new(if negative { -units } else { units }, scale))
    }

    /// The same number with this many digits behind the point, rounded half away from zero.
    pub(crate) fn rescale(self, scale: u32) -> Option<Self> {
        let units = if scale >= self.scale {
            self.units.checked_mul(10_i128.checked_pow(scale - self.scale)?)?
        } else {
            let divisor = 10_i128.checked_pow(self.scale - scale)?;
            let half = divisor / 2 * self.units.signum();
            (self.units + half) / divisor
        };
        Some(Self::new(units, scale))
    }

    fn align(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        Some((self.rescale(scale)?.units, other.rescale(scale)?.units, scale))
    }

    pub(crate) fn add(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.align(other)?;
        Some(Self::new(a.checked_add(b)?, scale))
    }

    pub(crate) fn sub(self, other: Self) -> Option<Self> {
        self.add(Self::new(-other.units, other.scale))
    }

    pub(crate) fn mul(self, other: Self) -> Option<Self> {
        Some(Self::new(self.units.checked_mul(other.units)?, self.scale + other.scale))
    }

    /// None as well if the divisor is zero, which the caller has ruled out.
    pub(crate) fn div(self, other: Self) -> Option<Self> {
        let scale = 16.max(self.scale).max(other.scale);
        let dividend = self.rescale(scale + other.scale)?.units;
        Some(Self::new(dividend.checked_div(other.units)?, scale))
    }

    pub(crate) fn rem(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.align(other)?;
        Some(Self::new(a.checked_rem(b)?, scale))
    }

    #[allow(clippy::cast_precision_loss, reason = "that is what a conversion to float8 does")]
    pub(crate) fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(self.units as f64)
    }
}

impl From<i64> for Decimal {
    fn from(int: i64) -> Self {
        Self::new(i128::from(int), 0)
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.align(*other) {
            Some((a, b, _)) => a.cmp(&b),
            None => self.to_f64().total_cmp(&other.to_f64()),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let digits = format!("{:0>1$}", self.units.unsigned_abs(), scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let sign = if self.units < 0 { "-" } else { "" };
        if scale == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_written_and_counted_exactly() {
        let d = |text| Decimal::parse(text).unwrap();
        for text in ["0", "1.50", "-0.05", "1606539600.123456"] {
            assert_eq!(d(text).to_string(), text);
        }
        assert_eq!(d("0.1").add(d("0.25")).unwrap().to_string(), "0.35");
        assert_eq!(d("1.5").cmp(&d("1.50")), Ordering::Equal);
        assert_eq!(d("2.5").rescale(0).unwrap().to_string(), "3");
        assert_eq!(d("-2.5").rescale(0).unwrap().to_string(), "-3");
        assert!(Decimal::parse("").is_none() && Decimal::parse("1e5").is_none());
    }
}
