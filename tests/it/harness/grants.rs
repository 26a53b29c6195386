//! The rights that `deploy/mariadb/grants.sql` gives, on a database and for users of one test.

const GRANTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/mariadb/grants.sql"));

/// The users of a database: who owns the schema, the application, and StackStorm's reader.
pub fn users(database: &str) -> [String; 3] {
    [format!("{database}_migrate"), database.to_owned(), format!("{database}_stackstorm")]
}

/// The file's statements, with this database in place of `poundcake`.
pub fn statements(database: &str) -> Vec<String> {
    let lines: Vec<&str> = GRANTS.lines().filter(|line| !line.starts_with("--")).collect();
    let ours = lines.join("\n").replace("`poundcake`.", &format!("`{database}`."));
    let ours = ["_migrate", "", "_stackstorm"]
        .into_iter()
        .fold(ours, |sql, suffix| sql.replace(&format!("`poundcake{suffix}`@"), &format!("`{database}{suffix}`@")));
    ours.split(';').map(|statement| statement.trim().to_owned()).filter(|statement| !statement.is_empty()).collect()
}
