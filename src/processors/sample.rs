//! A file of invented orders to try the processors on. The same seed gives the same bytes, on every machine; a few
//! cells are empty and a few rows are broken, as in any file that somebody exported by hand.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Rows of the file that the demonstration works on.
pub const DEMO_ROWS: usize = 120_000;

const HEADER: &str = "order_id,order_date,region,product,quantity,unit_price,discount,customer_email\n";
const REGIONS: [&str; 7] = ["North", "South", "East", "West", "Islands", "Highlands", "Coast"];
/// Products with their list price in cents.
const PRODUCTS: [(&str, u64); 12] = [
    ("walnut desk", 48_900),
    ("reading lamp", 3_950),
    ("linen curtain", 5_400),
    ("oak stool", 8_900),
    ("wool rug, 2 m", 21_000),
    ("clay vase", 2_450),
    ("brass hook", 780),
    ("canvas bag", 1_990),
    ("steel kettle", 4_300),
    ("cork board", 1_650),
    ("\"Alba\" wall clock", 6_200),
    ("glass jar", 590),
];
const NAMES: [&str; 16] = [
    "alma", "bruno", "chiara", "dario", "elif", "farid", "greta", "hugo", "ines", "jonas", "kaya", "luca", "mira",
    "nils", "olga", "pia",
];

/// Writes `rows` orders to `path`. A crash leaves no half of a file there.
///
/// # Errors
/// When the file cannot be written.
pub fn write_sample(path: &Path, rows: usize, seed: u64) -> io::Result<()> {
    let draft = path.with_extension("part");
    let mut file = BufWriter::new(File::create(&draft)?);
    file.write_all(HEADER.as_bytes())?;
    let mut chance = Chance(seed);
    for number in 1..=rows {
        write_order(&mut file, number, rows, &mut chance)?;
    }
    file.into_inner()?.sync_all()?;
    std::fs::rename(&draft, path)
}

/// Writes one order; one in about two thousand is broken.
fn write_order(file: &mut impl Write, number: usize, rows: usize, chance: &mut Chance) -> io::Result<()> {
    let (product, list_price) = PRODUCTS[chance.skewed(PRODUCTS.len())];
    let region = REGIONS[chance.skewed(REGIONS.len())];
    let date = order_date(number * 730 / rows.max(1));
    // Small quantities are common; a price wanders a tenth around the list.
    let quantity = 1 + chance.skewed(12);
    let cents = list_price * (900 + chance.below(201)) / 1_000;
    let discount = [0, 0, 0, 0, 5, 10, 15, 25][chance.skewed(8)];
    let customer = (NAMES[chance.below(16) as usize], chance.below(4_000));

    write!(file, "{},{date},", 100_000 + number)?;
    if chance.one_in(2_000) {
        return writeln!(file, "{region}");
    }
    write!(file, "{},", if chance.one_in(60) { "" } else { region })?;
    match product.contains(['"', ',']) {
        true => write!(file, "\"{}\",", product.replace('"', "\"\""))?,
        false => write!(file, "{product},")?,
    }
    write!(file, "{quantity},{}.{:02},", cents / 100, cents % 100)?;
    match chance.one_in(40) {
        true => write!(file, ",")?,
        false => write!(file, "0.{discount:02},")?,
    }
    match chance.one_in(25) {
        true => writeln!(file),
        false => writeln!(file, "{}{}@example.com", customer.0, customer.1),
    }
}

/// The day so many days after the first of January 2024.
fn order_date(day: usize) -> String {
    // Seconds since the epoch, through the one place that knows the calendar.
    let at = crate::clock::Timestamp::from_millis((19_723 + day as i64) * 86_400_000);
    at.to_string().chars().take(10).collect()
}

/// A small generator of chance: SplitMix64 (Steele, Lea, Flood 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// An index below `bound`; the first ones are more likely.
    fn skewed(&mut self, bound: usize) -> usize {
        self.below(bound as u64).min(self.below(bound as u64)) as usize
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
