//! What the commands print: one table, as aligned text for people or as JSON for scripts.

use std::io::Write;

use serde_json::{Map, Value};

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Aligned columns.
    Text,
    /// An array of objects.
    Json,
}

/// Rows under named columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    columns: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub(super) const fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; one value a column.
    pub(super) fn push(&mut self, row: Vec<Value>) {
        self.rows.push(row);
    }

    /// The whole table as text.
    #[must_use]
    pub(super) fn render(&self, format: Format) -> String {
        match format {
            Format::Json => self.json(),
            Format::Text => self.text(),
        }
    }

    /// Writes the table to `out`.
    ///
    /// # Errors
    /// When the output is closed.
    pub(super) fn print(&self, format: Format, out: &mut impl Write) -> std::io::Result<()> {
        out.write_all(self.render(format).as_bytes())?;
        out.flush()
    }

    fn json(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let pairs = self.columns.iter().zip(row).map(|(name, value)| ((*name).to_owned(), value.clone()));
            Value::Object(pairs.collect::<Map<_, _>>())
        });
        let mut text = serde_json::to_string_pretty(&Value::Array(rows.collect())).unwrap_or_default();
        text.push('\n');
        text
    }

    fn text(&self) -> String {
        let header = self.columns.iter().map(|name| name.replace('_', " ").to_uppercase()).collect();
        let lines: Vec<Vec<String>> = std::iter::once(header)
            .chain(self.rows.iter().map(|row| row.iter().map(cell).collect()))
            .collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| {
                lines.iter().filter_map(|line| line.get(column)).map(|text| text.chars().count()).max()
            })
            .map(Option::unwrap_or_default)
            .collect();
        let mut text = String::new();
        for line in lines {
            let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        // A name in a terminal must not be able to move the cursor.
        Value::String(text) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_line_up_and_json_keeps_types() {
        let mut table = Table::new(&["slug", "tenants_max"]);
        table.push(vec![json!("lotus"), json!(1000)]);
        table.push(vec![json!("कमल\u{1b}[2J"), Value::Null]);
        assert_eq!(table.render(Format::Text), "SLUG     TENANTS MAX\nlotus    1000\nकमल\u{fffd}[2J  -\n");
        let parsed: Value = serde_json::from_str(&table.render(Format::Json)).unwrap();
        assert_eq!(parsed[0], json!({"slug": "lotus", "tenants_max": 1000}));
    }
}
