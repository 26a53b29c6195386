//! The column `guard_key` of alerts and links: `ROLE/ROUTE`, what a row is to the guards of its route. NULL: nothing.

/// What a row is to the guards of its route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// An alert in the line. `guard_at`: since when.
    Held,
    /// An alert in the line that the brake does not hold. `guard_at`: since when.
    Released,
    /// An alert that waits for its target. `guard_at`: until when.
    Target,
    /// A start that takes a place. `guard_at`: its time.
    Place,
    /// A start that is settled, or whose execution has ended. `guard_at`: its time.
    Start,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
            Self::Target => "target",
            Self::Place => "place",
            Self::Start => "start",
        }
    }

    /// The key of this role on a route.
    pub fn on(self, route: &str) -> String {
        format!("{}/{route}", self.name())
    }

    /// Condition in SQL: this role on any route.
    pub fn on_any_route(self) -> String {
        // '0' is the character after '/'.
        format!("guard_key >= '{name}/' AND guard_key < '{name}0'", name = self.name())
    }

    /// The route of a key.
    pub fn route(key: &str) -> Option<&str> {
        key.split_once('/').map(|(_, route)| route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_covers_every_route_of_its_role_and_no_other_role() {
        let between = |key: &str| ("place/"..="place0").contains(&key) && key != "place0";
        assert_eq!(Role::Place.on_any_route(), "guard_key >= 'place/' AND guard_key < 'place0'");
        assert!(["a", "~", "zz/9", "é"].iter().all(|route| between(&Role::Place.on(route))));
        for role in [Role::Held, Role::Released, Role::Target, Role::Start] {
            assert!(!between(&role.on("a")), "{role:?}");
        }
    }

    #[test]
    fn a_key_names_its_route() {
        assert_eq!(Role::route(&Role::Target.on("hosts")), Some("hosts"));
        assert_eq!(Role::route("hosts"), None);
    }
}
