//! Everything fails at random under load: the short form of `cargo xtask chaos`.

use std::time::Duration;

use end_to_end::chaos;

#[tokio::test]
async fn whatever_fails_nothing_is_lost_and_nothing_is_charged_twice() {
    let report = chaos::run(Duration::from_secs(25), 20).await.unwrap_or_else(|error| panic!("{error:#}"));

    assert!(report.violations.is_empty(), "{report}");
    // Enough went well, and enough went wrong.
    assert!(report.orders >= 10 && report.due >= 1, "{report}");
    assert!(report.faults.values().sum::<u32>() >= 20, "{report}");
}
