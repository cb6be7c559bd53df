//! Waiting until nothing moves any more: what is left to do is done, and every payment is settled.

use std::time::Duration;

use anyhow::Result;
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, sleep};

use super::stage::Stage;
use crate::client::client;

const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(200);

/// Waits for quiet as long as one can expect to; whatever isn't quiet then, the audit finds.
///
/// No task waits for its time: scheduled orders come due, too.
pub async fn wait(stage: &Stage) -> Result<()> {
    let mut connection = PgConnection::connect(stage.surroundings.database_url.as_str()).await?;
    let client = client();
    let deadline = Instant::now() + PATIENCE;
    loop {
        sqlx::query(
            "update tasks set due_at = now() where id in (
                select id from tasks where status = 'queued' and due_at > now()
                for update skip locked)",
        )
        .execute(&mut connection)
        .await?;
        let is_quiet: bool = sqlx::query_scalar(
            "select not exists (select from tasks where status = 'queued')
                and not exists (select from payments where status = 'pending')
                and not exists (select from orders where status = 'pending')",
        )
        .fetch_one(&mut connection)
        .await?;
        if is_quiet || Instant::now() > deadline {
            return Ok(());
        }
        // As a platform's health probe does: it makes the service look for work that is due.
        client.get(format!("{}/health", stage.url)).send().await?;
        sleep(POLL).await;
    }
}
