//! Customers: noted, with the e-mail of their token, together with the first thing kept for them.

/// The statement that notes the customer `$1` with the e-mail `$2`, for a `with` clause. A token
/// without an e-mail leaves the known one.
macro_rules! noting_customer {
    () => {
        "insert into users (uid, email) values ($1, $2)
            on conflict (uid) do update set email = excluded.email
                where excluded.email is not null and users.email is distinct from excluded.email"
    };
}
pub(crate) use noting_customer;
