//! Which component answers a path, and what Spin tells it about the match.

use anyhow::{Result, anyhow};
use routefinder::{RouteSpec, Router};

/// The application's routes.
pub struct Routes(Router<Route>);

struct Route {
    component: String,
    /// As in the manifest.
    pattern: String,
    /// The same, beginning with a slash and not ending with one.
    normal: String,
}

/// A path that a component answers.
pub struct RouteMatch<'a> {
    pub component: &'a str,
    /// The route as the manifest has it.
    pub pattern: &'a str,
    /// The same, beginning with a slash and not ending with one.
    pub normal: &'a str,
    /// What the route's `/...` stands for here.
    pub rest: String,
    /// The route's `:name` segments.
    pub segments: Vec<(String, String)>,
}

impl Routes {
    /// Of two triggers with the same route the later one counts, as in Spin.
    pub fn new<'a>(routes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut unique: Vec<Route> = Vec::new();
        for (pattern, component) in routes {
            unique.retain(|route| route.pattern != pattern);
            unique.push(Route {
                component: component.to_owned(),
                pattern: pattern.to_owned(),
                normal: normalize(pattern),
            });
        }
        let mut router = Router::new();
        for route in unique {
            router.add(spec(&route.normal)?, route).map_err(|error| anyhow!("{error}"))?;
        }
        Ok(Self(router))
    }

    /// Each route's component and how Spin shows it at the start.
    pub fn describe(&self) -> impl Iterator<Item = (&str, String)> {
        self.0.iter().map(|(_, route)| {
            let shown = match route.normal.strip_suffix("/...") {
                Some(prefix) => format!("{prefix} (wildcard)"),
                None => route.normal.clone(),
            };
            (route.component.as_str(), shown)
        })
    }

    pub fn find<'a>(&'a self, path: &str) -> Option<RouteMatch<'a>> {
        let found = self.0.best_match(path)?;
        let route = found.handler();
        let captures = found.captures();
        let rest = captures.wildcard().map_or_else(String::new, |rest| {
            let start = if rest.is_empty() { "" } else { "/" };
            // routefinder drops the slash at the end.
            let end = if path.ends_with('/') { "/" } else { "" };
            format!("{start}{rest}{end}")
        });
        Some(RouteMatch {
            component: &route.component,
            pattern: &route.pattern,
            normal: &route.normal,
            rest,
            segments: captures.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }
}

fn normalize(pattern: &str) -> String {
    let start = if pattern.starts_with('/') { "" } else { "/" };
    format!("{start}{}", pattern.strip_suffix('/').unwrap_or(pattern))
}

fn spec(route: &str) -> Result<RouteSpec> {
    let spec = match route.strip_suffix("/...") {
        Some(prefix) => format!("{prefix}/*"),
        None => route.to_owned(),
    };
    RouteSpec::try_from(spec.as_str()).map_err(|error| anyhow!("route {route:?}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, path: &str) -> Option<(String, Vec<(String, String)>)> {
        let routes = Routes::new([(pattern, "c")]).unwrap();
        routes.find(path).map(|found| (found.rest, found.segments))
    }

    #[test]
    fn the_rest_of_a_path_keeps_its_slashes() {
        for (pattern, path, rest) in [
            ("/...", "/", "/"),
            ("/...", "/1/2/3", "/1/2/3"),
            ("/test/...", "/test", ""),
            ("/test/...", "/test/", "/"),
            ("/test/...", "/test/hello/", "/hello/"),
            ("/exact", "/exact", ""),
        ] {
            assert_eq!(found(pattern, path).unwrap().0, rest, "{pattern} {path}");
        }
    }

    #[test]
    fn named_segments_are_captured_and_other_paths_are_not_found() {
        assert_eq!(found("/1/:two/3", "/1/2/3").unwrap().1, [("two".into(), "2".into())]);
        assert!(found("/1/:two/3", "/1").is_none());
    }

    #[test]
    fn an_exact_route_wins_over_a_wildcard_and_a_later_duplicate_over_an_earlier() {
        let routes = Routes::new([("/...", "all"), ("/a", "first"), ("/a", "second")]).unwrap();
        assert_eq!(routes.find("/a").unwrap().component, "second");
        assert_eq!(routes.find("/b").unwrap().component, "all");
    }
}
