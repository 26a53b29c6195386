//! `ST2_TABLE_PREFIX`: checked once, so that it is safe in the text of a statement.

use std::{fmt, str::FromStr};

/// What stands before the tables' names: up to 32 letters, digits and `_`; often none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TablePrefix(String);

/// A prefix that could be more than a part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a table prefix has at most 32 letters, digits and _")]
pub struct InvalidPrefix;

impl TablePrefix {
    /// The table's whole name.
    pub fn table(&self, name: &str) -> String {
        format!("{}{name}", self.0)
    }

    /// A statement with the prefix in its place.
    pub(crate) fn fill(&self, sql: &str) -> String {
        sql.replace("{prefix}", &self.0)
    }
}

impl FromStr for TablePrefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let safe = text.len() <= 32 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if safe { Ok(Self(text.to_owned())) } else { Err(InvalidPrefix) }
    }
}

impl fmt::Display for TablePrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_part_of_a_name_and_nothing_else() {
        assert_eq!("st2_".parse::<TablePrefix>().unwrap().table("execution_db"), "st2_execution_db");
        assert_eq!("".parse::<TablePrefix>().unwrap().table("execution_db"), "execution_db");
        for bad in ["st2.", "a b", "x`y", "é", &"x".repeat(33)] {
            assert_eq!(bad.parse::<TablePrefix>(), Err(InvalidPrefix), "{bad}");
        }
    }
}
