//! How evenly tenants lie on clusters when a hash of the tenant decides: the figure that `docs/scaling.md` needs for the room
//! that each cluster must have. A simulation, without a server: `cargo bench --bench spread`.
//!
//! Tenants ask for work as words occur in a text (Zipf): the second half as often as the first, the third a third as often.
//! Clusters are chosen by the highest random weight (Thaler and Ravishankar, 1998), so that one more cluster takes tenants from
//! all others and moves nobody between them. A hash ring does the same less evenly.

/// Tenants of the service.
const TENANTS: u64 = 100_000;
/// Draws of the hash for each line; the median and the worst of them are shown.
const DRAWS: u64 = 101;
/// Tenants larger than this part of a cluster's fair share are given a cluster by hand.
const PLACED_ABOVE: f64 = 0.02;

fn main() {
    println!("{TENANTS} tenants, {DRAWS} draws, the busiest cluster against the mean");
    println!();
    println!(
        "| exponent | clusters | the largest tenant, of all work | by hash alone: median | worst | placed by hand | median | worst |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for exponent in [0.0, 0.8, 1.0] {
        let weights = weights(exponent);
        for clusters in [4, 8, 16] {
            let by_hash = busiest(&weights, clusters, 0);
            let placed = weights.iter().take_while(|&&weight| weight > PLACED_ABOVE / clusters as f64).count();
            let by_hand = busiest(&weights, clusters, placed);
            let largest = weights[0] * 100.0;
            println!(
                "| {exponent:.1} | {clusters} | {largest:.3} % | {:.2} | {:.2} | {placed} | {:.2} | {:.2} |",
                by_hash.0, by_hash.1, by_hand.0, by_hand.1,
            );
        }
    }
    println!();
    println!(
        "Moved by one more cluster, of all tenants: {:.1} % from 8 to 9, all of them to the new one.",
        moved(8) * 100.0
    );
}

/// What part of all work each tenant asks for, the largest first.
fn weights(exponent: f64) -> Vec<f64> {
    let raw: Vec<f64> = (1..=TENANTS).map(|rank| (rank as f64).powf(-exponent)).collect();
    let all: f64 = raw.iter().sum();
    raw.into_iter().map(|weight| weight / all).collect()
}

/// The load of the busiest cluster against the mean, the first `placed` tenants put one by one where least is: the median and
/// the worst of all draws.
fn busiest(weights: &[f64], clusters: usize, placed: usize) -> (f64, f64) {
    let mut ratios: Vec<f64> = (0..DRAWS)
        .map(|draw| {
            let mut loads = vec![0.0; clusters];
            for (tenant, weight) in weights.iter().enumerate().skip(placed) {
                loads[cluster_of(tenant as u64, clusters, draw)] += weight;
            }
            for weight in &weights[..placed] {
                if let Some(least) = loads.iter_mut().min_by(|a, b| a.total_cmp(b)) {
                    *least += weight;
                }
            }
            loads.iter().fold(0.0, |most: f64, &load| most.max(load)) * clusters as f64
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    (ratios[ratios.len() / 2], ratios[ratios.len() - 1])
}

/// The cluster with the highest weight for this tenant.
fn cluster_of(tenant: u64, clusters: usize, draw: u64) -> usize {
    (0..clusters).max_by_key(|&cluster| mixed(mixed(draw << 32 | cluster as u64) ^ tenant)).unwrap_or(0)
}

/// The part of all tenants whose cluster changes when one more is there.
fn moved(clusters: usize) -> f64 {
    let movers = (0..TENANTS).filter(|&tenant| {
        let now = cluster_of(tenant, clusters + 1, 0);
        let was = cluster_of(tenant, clusters, 0);
        assert!(now == was || now == clusters, "a tenant moved between clusters that were there");
        now != was
    });
    movers.count() as f64 / TENANTS as f64
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
fn mixed(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
