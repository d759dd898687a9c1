//! State written by one number of workers is restored by another, and computes the same.

use std::time::Duration;

use tidemill_server::child::ChildServer;

use crate::ONE_AT_A_TIME;
use crate::results::{Results, undisturbed};
use crate::visited::{LAKE_AT_ONCE, SITE, Visitors, assert_nothing_lost, lake_settled, server_over, settled};

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_then_three_then_two_compute_the_same_rows() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let (data, again) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let mut settings = server_over(data.path());
    settings.set = vec![LAKE_AT_ONCE.into(), "pipeline.workers=1".into()];
    let mut server = ChildServer::start(&settings).await.expect("a server");
    settings.port = server.address().port();
    let key = server.ensure_site(SITE).await.expect("a site");
    let visitors = Visitors::start(server.address(), key, 5, 1_000.0, None);

    for workers in [3, 2] {
        tokio::time::sleep(Duration::from_secs(2)).await;
        server.stop().expect("it stops");
        settings.set = vec![LAKE_AT_ONCE.into(), format!("pipeline.workers={workers}")];
        server = ChildServer::start(&settings).await.expect("a server");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (report, expected) = tokio::task::spawn_blocking(|| visitors.stop()).await.expect("visitors");

    assert_nothing_lost(expected, settled(&server).await, &report);
    lake_settled(data.path()).await;
    server.stop().expect("it stops");
    Results::of(data.path()).assert_equal(&undisturbed(data.path(), again.path()).await);
}
