//! A stream of Server-Sent Events as a client reads it.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;

use crate::answer::Answer;

/// Longer than the pause between two heartbeats.
const PATIENCE: Duration = Duration::from_secs(25);

pub struct EventStream {
    response: Response,
    received: String,
}

/// What stands between two blank lines.
#[derive(Debug, PartialEq)]
pub enum Block {
    Event { name: String, id: i64, data: Value },
    Retry(u64),
    Comment,
}

impl EventStream {
    /// A stream that was opened, or the answer instead of it.
    pub async fn open(request: RequestBuilder) -> Result<EventStream, Answer> {
        let response = request.send().await.expect("the service answers");
        if response.status() != 200 {
            return Err(Answer::of(response).await);
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Ok(EventStream { response, received: String::new() })
    }

    /// The next event with its id; none when the stream has ended.
    pub async fn next(&mut self) -> Option<(String, i64, Value)> {
        loop {
            match self.next_block().await? {
                Block::Event { name, id, data } => return Some((name, id, data)),
                Block::Retry(_) | Block::Comment => {}
            }
        }
    }

    /// All events from now to the end of the stream.
    pub async fn rest(mut self) -> Vec<(String, i64, Value)> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    pub async fn next_block(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.received.split_once("\n\n") {
                let block = parsed(block);
                self.received = rest.to_owned();
                return Some(block);
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.expect("the stream isn't silent");
            match chunk.expect("the stream isn't cut off") {
                Some(bytes) => self.received.push_str(std::str::from_utf8(&bytes).expect("events are text")),
                None => {
                    assert_eq!(self.received, "", "the stream ends after a whole event");
                    return None;
                }
            }
        }
    }
}

fn parsed(block: &str) -> Block {
    let fields: Vec<_> =
        block.lines().map(|line| line.split_once(": ").expect("a line is a field")).collect();
    match fields[..] {
        [("event", name), ("id", id), ("data", data)] => Block::Event {
            name: name.to_owned(),
            id: id.parse().expect("an id is a number"),
            data: serde_json::from_str(data).expect("the data is JSON"),
        },
        [("retry", pause)] => Block::Retry(pause.parse().expect("a pause is a number")),
        [("", _)] => Block::Comment,
        _ => panic!("neither an event nor a pause nor a comment: {block:?}"),
    }
}
