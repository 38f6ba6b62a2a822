//! The sample file: the same for the same seed, and as untidy as it says.

use faena::processors::sample::write_sample;

fn sample(rows: usize, seed: u64) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders.csv");
    write_sample(&path, rows, seed).unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "no draft stays behind");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_seed_gives_the_same_bytes_every_time() {
    let text = sample(2_000, 42);
    assert_eq!(text, sample(2_000, 42));
    assert_ne!(text, sample(2_000, 43));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("order_id,order_date,region,product,quantity,unit_price,discount,customer_email"));
    assert!(lines.next().unwrap().starts_with("100001,2024-01-01,"));
    assert!(text.lines().last().unwrap().starts_with("102000,2025-12-31,"), "{:?}", text.lines().last());
}

#[test]
fn a_few_rows_are_broken_and_some_cells_are_empty() {
    let text = sample(20_000, 1);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let (mut broken, mut empty) = (0, 0);
    for record in reader.records() {
        let record = record.unwrap();
        broken += usize::from(record.len() != 8);
        empty += usize::from(record.iter().any(str::is_empty));
    }
    assert!((1..100).contains(&broken), "{broken}");
    assert!((500..4_000).contains(&empty), "{empty}");
}

#[test]
fn no_rows_leave_a_header() {
    assert_eq!(sample(0, 1).lines().count(), 1);
}
