//! What only this service can count: kept by each instance, added up in Redis after its answers, and
//! written in Prometheus's text format.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use domain::Status;
use spin_sdk::{redis::RedisResult, time::sleep};

use crate::{Redis, flag::Raised, random_id};

/// The hash in Redis: a field for each series.
const KEY: &str = "orders:metrics";

/// Counts wait this long for others, so that a busy instance writes a few times a second.
const FLUSH_AFTER: Duration = Duration::from_millis(100);

/// Upper bounds of the histograms' buckets, in seconds.
const BUCKETS: [&str; 15] = [
    "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30",
    "+Inf",
];

const DURATION: &str = "order_http_request_duration_seconds";

/// Every family: its name, its type and what it tells.
const FAMILIES: [(&str, &str, &str); 15] = [
    ("order_http_requests_total", "counter", "Requests answered, by route, method and status."),
    (DURATION, "histogram", "Seconds from a request to its answer's head, by route and method."),
    ("order_placed_total", "counter", "Orders stored, by where their lines came from."),
    ("order_transitions_total", "counter", "Orders that changed their status."),
    ("order_payments_total", "counter", "Charges and refunds asked for, by what became of them."),
    ("order_cache_requests_total", "counter", "Reads of a cache, by whether it had the answer."),
    ("order_rate_limited_total", "counter", "Requests refused by a rate limit, by its class."),
    ("order_tasks_queued", "gauge", "Tasks that wait to be done."),
    ("order_tasks_overdue", "gauge", "Tasks that are due and not done yet."),
    ("order_tasks_lag_seconds", "gauge", "How long the task that is due longest has been waiting."),
    ("order_tasks_dead", "gauge", "Tasks given up after all their tries."),
    ("order_reconciliation_findings", "gauge", "What the reconciler found and could not repair, by kind."),
    ("order_circuit_open", "gauge", "1 while calls to a service fail at once, since others have failed."),
    (
        "order_metrics_source_up",
        "gauge",
        "0 where a source of metrics can't be reached: its metrics are missing.",
    ),
    ("order_build_info", "gauge", "1; the version is a label."),
];

static COUNTED: Mutex<BTreeMap<String, i64>> = Mutex::new(BTreeMap::new());
/// What was on its way to Redis when the answer got lost.
static UNCERTAIN: Mutex<Option<Batch>> = Mutex::new(None);
static IS_FLUSHING: AtomicBool = AtomicBool::new(false);

/// Counts on their way to Redis. By its id it can be sent again without being counted twice.
struct Batch {
    id: String,
    counts: BTreeMap<String, i64>,
}

/// Samples by series, such as `order_tasks_dead` or `order_circuit_open{service="cart"}`.
pub type Samples = BTreeMap<String, f64>;

/// A request was answered.
pub fn request(route: &str, method: &str, status: u16, took: Duration) {
    let seconds = took.as_secs_f64();
    let fits = |bound: &&&str| bound.parse::<f64>().is_ok_and(|bound| seconds <= bound);
    let bucket = BUCKETS.iter().find(fits).unwrap_or(&"+Inf");
    let labels = format!("method=\"{method}\",route=\"{route}\"");
    let micros = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
    add([
        (format!("order_http_requests_total{{{labels},status=\"{status}\"}}"), 1),
        (format!("{DURATION}_bucket{{{labels},le=\"{bucket}\"}}"), 1),
        (format!("{DURATION}_sum{{{labels}}}"), micros),
    ]);
}

/// An order was placed, from a cart or a template.
pub fn placed(source: &str) {
    count(format!("order_placed_total{{source=\"{source}\"}}"));
}

/// An order changed its status.
pub fn transition(from: Status, to: Status) {
    count(format!("order_transitions_total{{from=\"{}\",to=\"{}\"}}", from.as_str(), to.as_str()));
}

/// The payment service was asked to move money.
pub fn payment(kind: &str, outcome: &str) {
    count(format!("order_payments_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}"));
}

/// A cache was asked, and had the answer or not.
pub fn cache(cache: &str, is_hit: bool) {
    let result = if is_hit { "hit" } else { "miss" };
    count(format!("order_cache_requests_total{{cache=\"{cache}\",result=\"{result}\"}}"));
}

/// A rate limit refused a request.
pub fn rate_limited(class: &str) {
    count(format!("order_rate_limited_total{{class=\"{class}\"}}"));
}

fn count(series: String) {
    add([(series, 1)]);
}

fn add(counts: impl IntoIterator<Item = (String, i64)>) {
    let mut counted = COUNTED.lock().unwrap_or_else(PoisonError::into_inner);
    for (series, count) in counts {
        *counted.entry(series).or_default() += count;
    }
}

fn is_all_told() -> bool {
    COUNTED.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
}

/// The batch to send next; an uncertain one goes first.
fn next_batch() -> Option<Batch> {
    if let Some(batch) = UNCERTAIN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        return Some(batch);
    }
    let counts = std::mem::take(&mut *COUNTED.lock().unwrap_or_else(PoisonError::into_inner));
    (!counts.is_empty()).then(|| Batch { id: random_id(), counts })
}

/// Sees to it that what was counted reaches Redis soon: at most one task of an instance waits to do
/// it, and the instance lives until it is done.
///
/// # Errors
/// As [`flush`].
pub async fn flush_soon(redis: &Redis) -> Result<(), String> {
    while let Some(flushing) = Raised::raise(&IS_FLUSHING) {
        sleep(FLUSH_AFTER).await;
        drop(flushing);
        let flushed = flush(redis).await;
        if flushed.is_err() || is_all_told() {
            return flushed;
        }
    }
    Ok(())
}

/// Adds what was counted to the counts in Redis.
///
/// # Errors
/// Redis can't be reached, a sentence for the log. What was counted is kept for the next time.
async fn flush(redis: &Redis) -> Result<(), String> {
    const SCRIPT: &str = "if redis.call('set', KEYS[2], '1', 'nx', 'ex', '600') then \
        for i = 1, #ARGV, 2 do redis.call('hincrby', KEYS[1], ARGV[i], ARGV[i + 1]) end end return 0";
    let Some(batch) = next_batch() else { return Ok(()) };
    let counts = batch.counts.iter().flat_map(|(series, count)| [series.clone(), count.to_string()]);
    let keys = [KEY.to_owned(), format!("{KEY}:{}", batch.id)];
    let flushed = redis.eval(SCRIPT, keys, counts).await.map(drop);
    if flushed.is_err() {
        keep(batch);
    }
    flushed
}

/// Keeps a batch for the next time. Should another be waiting already, this one is counted anew.
fn keep(batch: Batch) {
    let mut uncertain = UNCERTAIN.lock().unwrap_or_else(PoisonError::into_inner);
    match *uncertain {
        None => *uncertain = Some(batch),
        Some(_) => add(batch.counts),
    }
}

/// What all instances have counted.
///
/// # Errors
/// Redis can't be reached; a sentence for the log.
pub async fn counted(redis: &Redis) -> Result<Samples, String> {
    let entries = redis.execute("HGETALL", [KEY]).await?;
    let texts: Vec<_> = entries.into_iter().filter_map(text).collect();
    let (pairs, _) = texts.as_chunks::<2>();
    let samples = pairs.iter().filter_map(|[series, count]| Some((series.clone(), count.parse().ok()?)));
    Ok(samples.collect())
}

fn text(result: RedisResult) -> Option<String> {
    match result {
        RedisResult::Binary(bytes) => String::from_utf8(bytes).ok(),
        RedisResult::Status(text) => Some(text),
        RedisResult::Int64(number) => Some(number.to_string()),
        RedisResult::Nil => None,
    }
}

/// Samples in Prometheus's text format, by family.
pub fn exposition(samples: &Samples) -> String {
    let mut text = String::new();
    for (family, kind, help) in FAMILIES {
        let of_family: Vec<_> = samples.iter().filter(|(series, _)| family_of(series) == family).collect();
        if of_family.is_empty() {
            continue;
        }
        writeln!(text, "# HELP {family} {help}\n# TYPE {family} {kind}").expect("a text takes any text");
        match kind {
            "histogram" => write_histogram(&mut text, family, &of_family),
            _ => of_family.iter().for_each(|(series, value)| write_series(&mut text, series, **value)),
        }
    }
    text
}

fn write_series(text: &mut String, series: &str, value: f64) {
    writeln!(text, "{series} {value}").expect("a text takes any text");
}

/// Buckets are counted each for itself and shown, as Prometheus wants them, with all below them; a
/// sum is counted in microseconds.
fn write_histogram(text: &mut String, family: &str, samples: &[(&String, &f64)]) {
    for (series, micros) in samples.iter().filter(|(series, _)| series.starts_with(&format!("{family}_sum")))
    {
        let labels = series.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
        let mut total = 0.0;
        for bound in BUCKETS {
            let bucket = format!("{family}_bucket{{{labels},le=\"{bound}\"}}");
            total += samples.iter().find(|(series, _)| **series == bucket).map_or(0.0, |(_, count)| **count);
            write_series(text, &bucket, total);
        }
        write_series(text, series, **micros / 1e6);
        write_series(text, &format!("{family}_count{{{labels}}}"), total);
    }
}

fn family_of(series: &str) -> &str {
    let name = series.split_once('{').map_or(series, |(name, _)| name);
    ["_bucket", "_sum"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_sums_are_seconds() {
        let samples = Samples::from([
            (format!("{DURATION}_bucket{{method=\"GET\",route=\"/health\",le=\"0.001\"}}"), 3.0),
            (format!("{DURATION}_bucket{{method=\"GET\",route=\"/health\",le=\"0.5\"}}"), 1.0),
            (format!("{DURATION}_sum{{method=\"GET\",route=\"/health\"}}"), 400_000.0),
        ]);
        let text = exposition(&samples);
        for line in [
            "# TYPE order_http_request_duration_seconds histogram",
            "order_http_request_duration_seconds_bucket{method=\"GET\",route=\"/health\",le=\"0.25\"} 3",
            "order_http_request_duration_seconds_bucket{method=\"GET\",route=\"/health\",le=\"+Inf\"} 4",
            "order_http_request_duration_seconds_sum{method=\"GET\",route=\"/health\"} 0.4",
            "order_http_request_duration_seconds_count{method=\"GET\",route=\"/health\"} 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn a_family_without_samples_is_left_out() {
        assert_eq!(
            exposition(&Samples::from([("order_tasks_dead".to_owned(), 2.0)])),
            "# HELP order_tasks_dead Tasks given up after all their tries.\n# TYPE order_tasks_dead gauge\norder_tasks_dead 2\n"
        );
    }
}
