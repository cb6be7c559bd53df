//! The reconciler: goes through the books once an interval, repairs what can be repaired and says what
//! else is wrong.

use std::time::{Duration, Instant};

use platform::{
    DbError,
    log::Line,
    reconciliation::{self, Affected, REPAIRS},
};

use crate::app::App;

/// After this long a run goes no further: the next one does. Messages wait meanwhile.
const BUDGET: Duration = Duration::from_secs(10);

/// Makes a run, if it is time for one.
pub async fn reconcile(app: &App) -> Result<(), DbError> {
    let Some(run) = reconciliation::begin(&app.db, app.reconcile_interval).await? else { return Ok(()) };
    let begun = Instant::now();
    loop {
        for found in reconciliation::inspect(&app.db, app.max_attempts).await? {
            tell(Line::error("the books are wrong"), &found);
        }
        if begun.elapsed() > BUDGET || !reconciliation::is_behind(&app.db).await? {
            break;
        }
    }
    for repair in REPAIRS {
        if let Some(repaired) = repair.make(&app.db).await? {
            app.order_cache.hold(&app.redis, &repaired.order_ids, None).await;
            tell(Line::warn("the books were repaired"), &repaired);
        }
    }
    reconciliation::finish(&app.db, run).await
}

fn tell(line: Line, affected: &Affected) {
    let ids: Vec<_> = affected.order_ids.iter().map(|id| id.get()).collect();
    line.field("kind", &affected.kind).value("order_ids", ids).write();
}
