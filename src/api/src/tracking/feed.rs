//! The one task of an instance that feeds all of its open streams: every 0.4 seconds it asks Postgres,
//! in one statement, what is new for any of them.
//!
//! Tasks of different requests can't wake each other, so a stream doesn't wait in the task of its own
//! request: it is left in `ARRIVALS`, where the feeding task finds it. That task began with the
//! first stream and ends with the last; an idle stream costs nothing but its heartbeat.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    time::Duration,
};

use chrono::Utc;
use domain::OrderId;
use futures::{
    StreamExt,
    channel::mpsc::{self, Receiver, Sender},
};
use platform::{Database, DbError, log::Line, orders, within};
use spin_sdk::{time::sleep, wasip3::spawn};

use super::{follower::Follower, update::Update};
use crate::{
    App,
    reply::{Gone, Writer},
};

const INTERVAL: Duration = Duration::from_millis(400);
/// A database in trouble is not asked as often.
const INTERVAL_OF_OUTAGE: Duration = Duration::from_secs(1);
/// Keeps proxies from ending a quiet stream, and finds clients that have gone.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A client that takes nothing for this long is gone.
const STALLED: Duration = Duration::from_secs(30);
/// A client that falls back by more lots of news than this is sent away: it comes back with what it
/// has seen.
const BACKLOG: usize = 32;

thread_local! {
    static ARRIVALS: RefCell<Vec<(Follower, Writer)>> = const { RefCell::new(Vec::new()) };
    static IS_FED: Cell<bool> = const { Cell::new(false) };
}

/// Serves a stream to its end: begins it with `opening` and hands it to the feeding task, which this
/// one becomes if there is none.
pub async fn serve(app: &'static App, opening: String, follower: Option<Follower>, mut writer: Writer) {
    // A client that has gone already needs neither news nor an end.
    let Ok(()) = send(&mut writer, opening).await else { return };
    let Some(follower) = follower else { return writer.finish().await };
    ARRIVALS.with_borrow_mut(|arrivals| arrivals.push((follower, writer)));
    if !IS_FED.replace(true) {
        let _until_the_end = Feeding;
        feed(app).await;
    }
}

/// However the feeding task ends, the next stream begins another.
struct Feeding;

impl Drop for Feeding {
    fn drop(&mut self) {
        IS_FED.set(false);
    }
}

/// A stream and the way to the task that writes it.
struct Stream {
    follower: Follower,
    news: Sender<String>,
}

async fn feed(app: &App) {
    let mut streams: Vec<Stream> = Vec::new();
    let mut is_out = false;
    loop {
        streams.extend(ARRIVALS.take().into_iter().map(start));
        if streams.is_empty() {
            return;
        }
        // When many streams are opened at once, there are more instances than connections.
        app.let_go();
        sleep(if is_out { INTERVAL_OF_OUTAGE } else { INTERVAL }).await;
        match updates(&app.db, &streams).await {
            Ok(updates) => {
                streams.retain_mut(|stream| stream.hand_on(&updates));
                is_out = false;
            }
            Err(error) => {
                if !is_out {
                    Line::warn("the tracking streams wait for the database").field("error", error).write();
                }
                is_out = true;
            }
        }
    }
}

fn start((follower, writer): (Follower, Writer)) -> Stream {
    let (news, of_stream) = mpsc::channel(BACKLOG);
    spawn(write(writer, of_stream));
    Stream { follower, news }
}

/// What is new for any of the streams. Several may follow one order: the one that has seen least
/// decides how much is read.
async fn updates(db: &Database, streams: &[Stream]) -> Result<BTreeMap<OrderId, Vec<Update>>, DbError> {
    let mut seen = BTreeMap::new();
    for Follower { order, seen: version, .. } in streams.iter().map(|stream| &stream.follower) {
        let least = seen.entry(*order).or_insert(*version);
        *least = (*least).min(*version);
    }
    let events = orders::events_after(db, &seen.into_iter().collect::<Vec<_>>()).await?;
    let mut updates: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in &events {
        updates.entry(event.order_id).or_default().push(Update::from(event));
    }
    Ok(updates)
}

impl Stream {
    /// Hands on what is new for this stream; false when it is over.
    fn hand_on(&mut self, updates: &BTreeMap<OrderId, Vec<Update>>) -> bool {
        let updates = updates.get(&self.follower.order).map_or(&[][..], Vec::as_slice);
        let (text, may_go_on) = self.follower.news(updates, Utc::now());
        let is_taken = text.is_empty() || self.news.try_send(text).is_ok();
        may_go_on && is_taken && !self.news.is_closed()
    }
}

/// Writes a stream until there is no more news, or nobody to read it.
async fn write(mut writer: Writer, mut news: Receiver<String>) {
    loop {
        let part = match within(HEARTBEAT, news.next()).await {
            Some(Some(text)) => text,
            Some(None) => return writer.finish().await,
            None => ": still here\n\n".to_owned(),
        };
        let Ok(()) = send(&mut writer, part).await else { return };
    }
}

async fn send(writer: &mut Writer, part: String) -> Result<(), Gone> {
    within(STALLED, writer.write(part)).await.unwrap_or(Err(Gone))
}
