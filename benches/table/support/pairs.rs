//! Two contestants take turns, so that what changes on the machine meanwhile changes for both; the middle of their
//! ratios counts.

use anyhow::Result;
use serde::Serialize;

/// Figures of two contestants, turn by turn.
#[derive(Debug, Clone, Serialize)]
pub struct Pairs {
    /// Figures of the yardstick.
    pub yardstick: Vec<f64>,
    /// Figures of the program.
    pub faena: Vec<f64>,
}

impl Pairs {
    /// The middle of the ratios of the turns.
    pub fn ratio(&self) -> f64 {
        let ratios: Vec<_> =
            self.faena.iter().zip(&self.yardstick).map(|(faena, yardstick)| faena / yardstick).collect();
        median(&ratios)
    }
}

/// Lets both measure in turns.
pub fn take_turns(
    turns: usize,
    mut yardstick: impl FnMut() -> Result<f64>,
    mut faena: impl FnMut() -> Result<f64>,
) -> Result<Pairs> {
    let mut pairs = Pairs { yardstick: Vec::new(), faena: Vec::new() };
    for turn in 1..=turns {
        let (beside, measured) = (yardstick()?, faena()?);
        eprintln!("  turn {turn}: {measured:.0} beside {beside:.0}");
        pairs.yardstick.push(beside);
        pairs.faena.push(measured);
    }
    Ok(pairs)
}

/// The middle one; of an even number, the mean of the two in the middle.
pub fn median(figures: &[f64]) -> f64 {
    (quantile(figures, 0.5) + quantile_from_above(figures, 0.5)) / 2.0
}

/// The least figure that so large a part of all do not exceed.
pub fn quantile(figures: &[f64], part: f64) -> f64 {
    let sorted = sorted(figures);
    let index = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn quantile_from_above(figures: &[f64], part: f64) -> f64 {
    let sorted = sorted(figures);
    let index = (part * sorted.len() as f64).floor() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

fn sorted(figures: &[f64]) -> Vec<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
