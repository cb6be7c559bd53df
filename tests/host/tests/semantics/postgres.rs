//! Postgres: types, errors, the pool and what it cleans up.

use std::thread;

use serde_json::{Value, json};

use crate::app::{App, Probe, database};

/// What a statement comes to.
enum Outcome {
    /// One row of these values.
    Row(&'static [&'static str]),
    Rows(&'static [&'static [&'static str]]),
    /// The error, which has this text, comes from the call.
    Call(&'static str),
    /// It comes from `result()`, after no rows.
    Result(&'static str),
    /// The call's error has this code of the server.
    Code(&'static str),
}
use Outcome::{Call, Code, Result, Row, Rows};

fn statement(sql: &str, parameters: Value) -> Value {
    json!([{ "sql": sql, "parameters": parameters }])
}

fn check(host: &Probe, sql: &str, parameters: Value, expected: &Outcome) {
    let outcome = &host.statements(statement(sql, parameters))[0];
    let has = |value: &Value, text: &str| value.to_string().contains(text);
    let as_expected = match expected {
        Row(values) => outcome == &json!({ "rows": [values] }),
        Rows(rows) => outcome == &json!({ "rows": rows }),
        Call(text) => has(&outcome["call"], text),
        Result(text) => outcome["rows"] == json!([]) && has(&outcome["result"], text),
        Code(code) => outcome["call"]["code"] == *code,
    };
    assert!(as_expected, "{sql}: {outcome}");
}

#[test]
fn values_have_the_types_spin_gives_them() {
    let host = App::new().up();
    let cases: Vec<(&str, Value, Outcome)> = vec![
        ("select now()", json!([]), Result("timestamptz")),
        (
            "select '2026-11-22 22:59:41.203728+00'::timestamptz at time zone 'utc'",
            json!([]),
            Row(&["DbValue::Datetime((2026, 11, 22, 22, 59, 41, 203728000))"]),
        ),
        ("select 'infinity'::timestamptz::text", json!([]), Row(&["DbValue::Str(\"infinity\")"])),
        (
            "select 1.50::numeric, sum(x), 1.5::float8 from (values (1.25::numeric), (2.25)) as v (x)",
            json!([]),
            Row(&["DbValue::Decimal(\"1.50\")", "DbValue::Decimal(\"3.50\")", "DbValue::Floating64(1.5)"]),
        ),
        (
            "select extract(epoch from interval '1 second')",
            json!([]),
            Row(&["DbValue::Decimal(\"1.000000\")"]),
        ),
        ("select count(*) from (values (1), (2)) as v", json!([]), Row(&["DbValue::Int64(2)"])),
        ("select '{\"a\": 1}'::jsonb", json!([]), Row(&["DbValue::Jsonb([123, 34, 97, 34, 58, 49, 125])"])),
        (
            "select '[1]'::json, '[1]'::json::text",
            json!([]),
            Row(&["DbValue::Unsupported([91, 49, 93])", "DbValue::Str(\"[1]\")"]),
        ),
        ("select 'ab'::name", json!([]), Row(&["DbValue::Unsupported([97, 98])"])),
        ("select '127.0.0.1'::inet", json!([]), Row(&["DbValue::Unsupported([2, 32, 0, 4, 127, 0, 0, 1])"])),
        (
            "select '6d1bd54e-12ab-4f3c-9c43-3a8a0f0b6a57'::uuid, '2026-11-22'::date, 'x'::varchar, true, 1::int2, 'x'::bytea",
            json!([]),
            Row(&[
                "DbValue::Uuid(\"6d1bd54e-12ab-4f3c-9c43-3a8a0f0b6a57\")",
                "DbValue::Date((2026, 11, 22))",
                "DbValue::Str(\"x\")",
                "DbValue::Boolean(true)",
                "DbValue::Int16(1)",
                "DbValue::Binary([120])",
            ]),
        ),
        (
            "select interval '1 month 2 days 3 seconds', time '01:02:03', int4range(1, 5)",
            json!([]),
            Row(&[
                "DbValue::Interval(Interval { micros: 3000000, days: 2, months: 1 })",
                "DbValue::Time((1, 2, 3, 0))",
                "DbValue::RangeInt32((Some((1, RangeBoundKind::Inclusive)), Some((5, RangeBoundKind::Exclusive))))",
            ]),
        ),
        (
            "select array['a', null]::varchar[], array['a']::text[], array[1, null]::int4[], array[1.50, null]::numeric[]",
            json!([]),
            Row(&[
                "DbValue::ArrayStr([Some(\"a\"), None])",
                "DbValue::ArrayStr([Some(\"a\")])",
                "DbValue::ArrayInt32([Some(1), None])",
                "DbValue::ArrayDecimal([Some(\"1.50\"), None])",
            ]),
        ),
        (
            "select $1::text, $2::int4, $3::timestamptz::text, $4::numeric",
            json!(["DbNull", "DbNull", "DbNull", "DbNull"]),
            Row(&["DbValue::DbNull", "DbValue::DbNull", "DbValue::DbNull", "DbValue::DbNull"]),
        ),
    ];
    for (sql, parameters, expected) in cases {
        check(&host, sql, parameters, &expected);
    }
}

#[test]
fn parameters_must_match_their_types_exactly() {
    let host = App::new().up();
    let datetime = json!([{ "Datetime": [2026, 11, 22, 1, 2, 3, 0] }]);
    let cases: Vec<(&str, Value, Outcome)> = vec![
        ("select $1::timestamptz", datetime.clone(), Call("WrongType { postgres: Timestamptz")),
        (
            "select ($1::timestamp at time zone 'utc') at time zone 'utc'",
            datetime,
            Row(&["DbValue::Datetime((2026, 11, 22, 1, 2, 3, 0))"]),
        ),
        (
            "select ($1::text::timestamptz at time zone 'utc')::text",
            json!([{ "Str": "2026-11-22T01:02:03+01:00" }]),
            Row(&["DbValue::Str(\"2026-11-22 00:02:03\")"]),
        ),
        ("select $1::int4", json!([{ "Int64": 1 }]), Call("WrongType { postgres: Int4")),
        ("select $1::int8", json!([{ "Int32": 1 }]), Call("WrongType { postgres: Int8")),
        ("select $1::float8", json!([{ "Int64": 1 }]), Call("WrongType { postgres: Float8")),
        ("select $1::jsonb", json!([{ "Str": "{}" }]), Call("WrongType { postgres: Jsonb")),
        ("select $1::text::jsonb", json!([{ "Str": "1" }]), Row(&["DbValue::Jsonb([49])"])),
        ("select $1::jsonb", json!([{ "Jsonb": 1 }]), Row(&["DbValue::Jsonb([49])"])),
        ("select $1::numeric", json!([{ "Decimal": "5.00" }]), Row(&["DbValue::Decimal(\"5.00\")"])),
        ("select $1::float8", json!([{ "Floating64": 0.5 }]), Row(&["DbValue::Floating64(0.5)"])),
        ("select $1::numeric", json!([{ "Decimal": "five" }]), Call("BadParameter")),
        ("select pg_typeof($1)", json!([{ "Str": "x" }]), Code("42P18")),
        (
            "select * from unnest($1::int4[], $2::numeric[])",
            json!([{ "ArrayInt32": [1, null] }, { "ArrayDecimal": ["1.50", "2"] }]),
            Rows(&[
                &["DbValue::Int32(1)", "DbValue::Decimal(\"1.50\")"],
                &["DbValue::DbNull", "DbValue::Decimal(\"2\")"],
            ]),
        ),
        ("select 1; select 2", json!([]), Code("42601")),
    ];
    for (sql, parameters, expected) in cases {
        check(&host, sql, parameters, &expected);
    }
}

#[test]
fn an_error_may_come_after_the_first_rows() {
    let host = App::new().up();
    let outcome = host.sql("select 1 / (3 - n) from generate_series(1, 3) as n");
    let rows = json!([["DbValue::Int32(0)"], ["DbValue::Int32(1)"]]);
    assert_eq!((&outcome["rows"], &outcome["result"]["code"]), (&rows, &json!("22012")));
}

#[test]
fn a_broken_constraint_is_named() {
    let host = App::new().up();
    let outcome = host.statements(json!([
        { "sql": "create temp table named (id int constraint named_once unique)", "execute": true },
        { "sql": "insert into named values (1)", "execute": true },
        { "sql": "insert into named values (1)", "execute": true },
        { "sql": "insert into named values (1)" },
    ]));
    assert_eq!(outcome[1], json!({ "affected": 1 }));
    for error in [&outcome[2]["call"], &outcome[3]["result"]] {
        assert_eq!(error["code"], "23505", "{outcome}");
        assert_eq!(error["extras"]["constraint"], "named_once");
        assert_eq!(error["extras"]["table"], "named");
    }
}

#[test]
fn a_connection_that_fails_says_why() {
    let mut elsewhere = url::Url::parse(&database()).unwrap();
    elsewhere.set_path("/no_such_database");
    let host = App::new().allow("postgres://127.0.0.1:1").up();
    for (address, text) in [
        (
            "postgres://postgres@127.0.0.1:2/x",
            "ConnectionFailed(\"address postgres://127.0.0.1:2 is not permitted\")",
        ),
        (
            "postgres://postgres@127.0.0.1:1/x",
            "ConnectionFailed(\"Error occurred while creating a new object",
        ),
        (elsewhere.as_str(), "ConnectionFailed(\"Error occurred while creating a new object"),
    ] {
        let outcome = host.outcome(json!({ "postgres": { "address": address, "statements": [] } }));
        assert!(outcome["open"].as_str().unwrap().contains(text), "{address}: {outcome}");
    }
}

#[test]
fn a_component_has_at_most_64_connections_to_an_address() {
    let host = App::new().up();
    let mut address = url::Url::parse(&database()).unwrap();
    address.query_pairs_mut().append_pair("application_name", "probe_pool");
    let busy = json!({ "postgres": {
        "address": address.as_str(),
        "statements": [{ "sql": "select pg_sleep(1)::text" }],
    } });
    let probe: &Probe = &host;
    thread::scope(|scope| {
        for _ in 0..70 {
            scope.spawn(|| {
                assert_eq!(probe.outcome(busy.clone())[0]["rows"], json!([["DbValue::Str(\"\")"]]))
            });
        }
    });
    let connections = host.sql("select count(*) from pg_stat_activity where application_name = 'probe_pool'");
    assert_eq!(connections, json!({ "rows": [["DbValue::Int64(64)"]] }));
}

#[test]
fn a_reused_connection_has_a_clean_session() {
    let host = App::new().up();
    let state =
        "select pg_backend_pid(), current_setting('statement_timeout'), to_regclass('left_over')::text";
    let used = host.statements(json!([
        { "sql": "create temp table left_over ()", "execute": true },
        { "sql": "set statement_timeout = '7s'", "execute": true },
        { "sql": state },
    ]));
    let [pid, timeout, table] = row(&used[2]);
    assert_eq!((timeout, table), ("DbValue::Str(\"7s\")", "DbValue::Str(\"left_over\")"));
    assert_eq!(row(&host.sql(state)), [pid, "DbValue::Str(\"0\")", "DbValue::DbNull"]);
}

/// A guest that traps, or just forgets, leaves its transaction to the next user of the connection.
#[test]
fn a_transaction_left_open_stays_open() {
    let host = App::new().up();
    let begin = json!([
        { "sql": "begin", "execute": true },
        { "sql": "create temp table in_transaction () on commit drop", "execute": true },
    ]);
    let state = "select pg_backend_pid(), (pg_current_xact_id_if_assigned() is not null)::text";
    let fresh = host.sql(state);
    let [pid, open] = row(&fresh);
    assert_eq!(open, "DbValue::Str(\"false\")");

    host.statements(begin.clone());
    assert_eq!(row(&host.sql(state)), [pid, "DbValue::Str(\"true\")"]);
    host.statements(json!([{ "sql": "rollback", "execute": true }]));

    let statements = json!({ "postgres": { "address": database(), "statements": begin } });
    assert_eq!(host.post(&json!({ "all": [statements, "trap"] })).0, 500);
    assert_eq!(row(&host.sql(state)), [pid, "DbValue::Str(\"true\")"]);
}

/// The values of the only row.
fn row<const N: usize>(outcome: &Value) -> [&str; N] {
    let values = outcome["rows"][0].as_array().unwrap_or_else(|| panic!("no row: {outcome}"));
    let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    values.try_into().unwrap_or_else(|_| panic!("not {N} values: {outcome}"))
}
