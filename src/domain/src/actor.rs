//! Who acts: a person and the role their token gives them.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::UserId;

/// What a person may be to the business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    User,
    DeliveryPartner,
    Admin,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::User, Self::DeliveryPartner, Self::Admin];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::DeliveryPartner => "delivery_partner",
            Self::Admin => "admin",
        }
    }

    /// The role of that name in a token; none for a name that isn't one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// The person behind a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub id: UserId,
    pub role: Role,
    pub email: Option<String>,
}

/// Somebody whose token holds, and until when it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub actor: Actor,
    pub until: DateTime<Utc>,
}

impl Actor {
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }
}
