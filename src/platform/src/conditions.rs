//! Conditions of a statement and their parameters, kept in step.

use domain::{Page, Start};
use spin_sdk::pg::ParameterValue;

use crate::parameters::moment;

#[derive(Default)]
pub struct Conditions {
    texts: Vec<String>,
    pub parameters: Vec<ParameterValue>,
}

impl Conditions {
    /// Adds a condition; `{}` in it stands for the parameter.
    pub fn add(&mut self, condition: &str, parameter: ParameterValue) {
        let name = self.parameter(parameter);
        self.texts.push(condition.replace("{}", &name));
    }

    /// Adds a parameter and answers its name in the statement.
    pub fn parameter(&mut self, parameter: ParameterValue) -> String {
        self.parameters.push(parameter);
        format!("${}", self.parameters.len())
    }

    /// The `where` clause.
    pub fn clause(&self) -> String {
        if self.texts.is_empty() { String::new() } else { format!("where {}", self.texts.join(" and ")) }
    }

    /// The `where` clause and what follows it for a page of the rows, newest first.
    pub fn page(&mut self, page: &Page) -> String {
        if let Start::After(cursor) = &page.start {
            let id = self.parameter(cursor.id.into());
            let after = format!("(created_at, id) < ({{}}::timestamp at time zone 'utc', {id}::int8)");
            self.add(&after, moment(cursor.created_at));
        }
        self.window(page, "created_at desc, id desc")
    }

    /// The same for rows whose ids alone tell which is newer.
    pub fn page_by_id(&mut self, page: &Page) -> String {
        if let Start::After(cursor) = &page.start {
            self.add("id < {}::int8", cursor.id.into());
        }
        self.window(page, "id desc")
    }

    fn window(&mut self, page: &Page, order: &str) -> String {
        let limit = self.parameter(page.rows().into());
        let offset = match page.start {
            Start::Offset(rows @ 1..) => format!("offset {}", self.parameter(i64::from(rows).into())),
            Start::Offset(0) | Start::After(_) => String::new(),
        };
        format!("{} order by {order} limit {limit} {offset}", self.clause())
    }
}
