//! The SQL of one request, as the server logged it, and a pgbench script that runs exactly that again.
//!
//! A simple query stays one message. A prepared statement is prepared once a client and executed with the values the
//! backend sent; what follows the batch that begins the transaction shares its round trip, as in the backend.

use std::fmt::Write as _;

/// A statement of the request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    /// Sent as text, possibly several at once.
    Simple(String),
    /// Prepared, with its values as SQL literals.
    Prepared(String, Vec<String>),
}

/// Reads the statements of the one process that ran a transaction out of a server's log.
pub(crate) fn statements(log: &str) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    for line in log.lines() {
        if let Some((_, sql)) = line.split_once("LOG:  statement: ") {
            found.push(Statement::Simple(sql.to_owned()));
        } else if let Some((_, sql)) = line.split_once("LOG:  execute ") {
            let (_, sql) = sql.split_once(": ").unwrap();
            found.push(Statement::Prepared(sql.to_owned(), Vec::new()));
        } else if let Some((_, values)) = line.split_once("DETAIL:  parameters: ") {
            if let Some(Statement::Prepared(_, of)) = found.last_mut() {
                *of = literals(values);
            }
        } else if let (Some(more), Some(Statement::Simple(sql) | Statement::Prepared(sql, _))) =
            (line.strip_prefix('\t'), found.last_mut())
        {
            sql.push(' ');
            sql.push_str(more);
        }
    }
    found
}

/// `$1 = 'a', $2 = NULL` as literals.
fn literals(values: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = values;
    while let Some((_, after)) = rest.split_once(" = ") {
        let end =
            if after.starts_with('\'') { quoted_end(after) } else { after.find(',').unwrap_or(after.len()) };
        found.push(after[..end].to_owned());
        rest = &after[end..];
    }
    found
}

/// Where a quoted literal ends; a quote inside is doubled.
fn quoted_end(text: &str) -> usize {
    let mut inside = false;
    for (at, character) in text.char_indices() {
        match character {
            '\'' => inside = !inside,
            ',' if !inside => return at,
            _ => {}
        }
    }
    text.len()
}

/// The script. Each client proves itself once with `bench.context`, because a context names its server process; and each
/// audit entry gets an id of its own.
pub(crate) fn script(statements: &[Statement]) -> String {
    let (mut once, mut body, mut number) = (String::new(), String::new(), 0);
    for (at, statement) in statements.iter().enumerate() {
        let ends = if begins(statement) && matches!(statements.get(at + 1), Some(Statement::Prepared(..))) {
            " \\;\n"
        } else {
            ";\n"
        };
        match statement {
            Statement::Simple(sql) => {
                let text = of_own_session(sql).trim_end_matches(';').replace("; ", " \\; ");
                if begins(statement) {
                    let _written = writeln!(once, "{text};");
                }
                let _written = write!(body, "{text}{ends}");
            }
            Statement::Prepared(sql, values) => {
                number += 1;
                let values = own_event_id(sql, values).join(", ");
                let arguments = if values.is_empty() { String::new() } else { format!("({values})") };
                let _written = writeln!(once, "PREPARE q{number} AS {sql};");
                let _written = write!(body, "EXECUTE q{number}{arguments}{ends}");
            }
        }
    }
    format!(
        "\\if :known = 0\nSELECT bench.context() AS ctx, sec.session_settings() AS settings \\gset\n{once}COMMIT;\n\
         \\set seq :base + :client_id * 1000000\n\\set known 1\n\\endif\n\\set seq :seq + 1\n{body}"
    )
}

/// The script for the key store, whose statements stand alone.
pub(crate) fn script_of_keys(statements: &[Statement]) -> String {
    let (mut once, mut body) = (String::new(), String::new());
    for (number, statement) in statements.iter().enumerate() {
        let Statement::Prepared(sql, values) = statement else { continue };
        let _written = writeln!(once, "PREPARE k{number} AS {sql};");
        let _written = writeln!(body, "EXECUTE k{number}({});", values.join(", "));
    }
    format!("\\if :known = 0\n{once}\\set known 1\n\\endif\n{body}")
}

fn begins(statement: &Statement) -> bool {
    matches!(statement, Statement::Simple(sql) if sql.contains("BEGIN"))
}

/// What belongs to one session takes the values of the client's own: its context, and the hash of its settings.
fn of_own_session(sql: &str) -> String {
    let sql = replaced(sql, "SET LOCAL domicile.context='", ":ctx");
    replaced(&sql, "sec.assert_clean(sec.session_settings(), '", ":settings")
}

/// Puts `own` in place of the quoted value that `before` opens.
fn replaced(sql: &str, before: &str, own: &str) -> String {
    let Some((head, tail)) = sql.split_once(before) else { return sql.to_owned() };
    let rest = tail.split_once('\'').map_or("", |(_, rest)| rest);
    format!("{head}{before}{own}'{rest}")
}

/// The first value of the audit entry is its key: the same id with this run's number in place of its random end.
fn own_event_id(sql: &str, values: &[String]) -> Vec<String> {
    let mut values = values.to_vec();
    if sql.contains("INSERT INTO \"audit_event\"")
        && let Some(id) = values.first_mut()
    {
        *id = format!("{}-:seq'", &id[..id.rfind('-').unwrap()]);
    }
    values
}
