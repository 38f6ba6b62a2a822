//! An order and its job, in a database that is there for the test.

use crate::cluster::Database;
use crate::program::example;

#[test]
fn an_order_and_its_job_stand_and_fall_together() {
    let folder = tempfile::tempdir().unwrap();
    let output = example("order_and_job", folder.path()).output().unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("DATABASE_URL names no database"), "{complaint}");

    let Some(database) = Database::fresh() else { return };
    // It may be tried as often as one likes.
    for _ in 0..2 {
        let output = example("order_and_job", folder.path()).env("DATABASE_URL", &database.url).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).unwrap();
        let lines = [
            "new: true, once more: false, the same job: true",
            "orders: 1",
            "the job of 17: completed",
            "the job of 16: not_found",
        ];
        assert_eq!(printed.lines().collect::<Vec<_>>(), lines);
    }
    database.tell("DO $$ BEGIN ASSERT (SELECT count(*) FROM faena.history) = 2; END $$");
}
