//! One open stream: how far its client has come, and when it is over.

use chrono::{DateTime, Utc};
use domain::{OrderId, UserId};

use super::update::Update;

pub struct Follower {
    pub order: OrderId,
    /// The last version that the client knows.
    pub seen: i32,
    /// The client, if it may follow the order only for as long as it is the courier.
    pub courier: Option<UserId>,
    /// The version at which the client was let in.
    pub admitted_at: i32,
    /// The client comes back after that with what it has seen, and shows its token or ticket anew.
    pub until: DateTime<Utc>,
}

impl Follower {
    /// The text of those updates that are news to this client, and whether more may come.
    pub fn news(&mut self, updates: &[Update], now: DateTime<Utc>) -> (String, bool) {
        let mut text = String::new();
        for update in updates {
            if update.version <= self.seen {
                continue;
            }
            if self.loses_sight_by(update) {
                return (text, false);
            }
            text.push_str(&update.text);
            self.seen = update.version;
            if update.is_final {
                return (text, false);
            }
        }
        (text, now < self.until)
    }

    fn loses_sight_by(&self, update: &Update) -> bool {
        let (Some(courier), Some(given_to)) = (&self.courier, &update.given_to) else { return false };
        // What came before is past: whoever is let in is the courier since.
        update.version > self.admitted_at && courier.as_str() != given_to
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn update(version: i32) -> Update {
        Update { version, text: format!("{version} "), given_to: None, is_final: false }
    }

    fn follower(seen: i32) -> Follower {
        let order = OrderId::try_from(7).unwrap();
        let until = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::minutes(1);
        Follower { order, seen, courier: None, admitted_at: 4, until }
    }

    fn news(follower: &mut Follower, updates: &[Update]) -> (String, bool) {
        follower.news(updates, DateTime::<Utc>::UNIX_EPOCH)
    }

    #[test]
    fn each_update_is_news_once() {
        let mut follower = follower(2);
        assert_eq!(news(&mut follower, &[update(1), update(2), update(3)]), ("3 ".to_owned(), true));
        assert_eq!(news(&mut follower, &[update(3), update(4)]), ("4 ".to_owned(), true));
        assert_eq!(news(&mut follower, &[update(4)]), (String::new(), true));
    }

    #[test]
    fn a_final_update_is_the_last() {
        let last = Update { is_final: true, ..update(5) };
        assert_eq!(news(&mut follower(4), &[last, update(6)]), ("5 ".to_owned(), false));
    }

    #[test]
    fn time_is_up_after_the_news() {
        let mut follower = follower(4);
        let until = follower.until;
        assert_eq!(follower.news(&[update(5)], until), ("5 ".to_owned(), false));
    }

    #[test]
    fn a_courier_sees_nothing_more_once_the_order_is_given_to_another() {
        let to = |version, courier: &str| Update { given_to: Some(courier.to_owned()), ..update(version) };
        let bob = || Follower { courier: Some(UserId::try_from("bob".to_owned()).unwrap()), ..follower(1) };
        // Versions up to 4 were there when bob, the courier since, was let in.
        let past = [to(2, "eve"), to(3, "bob"), update(4)];
        assert_eq!(news(&mut bob(), &past), ("2 3 4 ".to_owned(), true));
        assert_eq!(news(&mut bob(), &[to(5, "bob"), to(6, "eve"), update(7)]), ("5 ".to_owned(), false));
        // Nobody else loses sight.
        assert_eq!(news(&mut follower(4), &[to(5, "eve"), update(6)]), ("5 6 ".to_owned(), true));
    }
}
