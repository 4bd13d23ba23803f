//! The figures as a Markdown table.

use std::fmt;
use std::time::Duration;

/// Rows of figures.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<[String; 5]>,
}

impl Table {
    /// One figure: what was measured, ours, theirs (or nothing), the aim and whether it is reached.
    pub(crate) fn add(&mut self, what: &str, ours: String, theirs: String, aim: &str, reached: bool) {
        println!("   {what}: {ours}{}{theirs}", if theirs.is_empty() { "" } else { " against " });
        let verdict = if reached { "reached" } else { "missed" };
        self.rows.push([what.to_owned(), ours, theirs, aim.to_owned(), verdict.to_owned()]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| Measurement | Causeway | smbclient | Aim | |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        Ok(())
    }
}

/// Milliseconds with as many digits as make sense.
pub(crate) fn milliseconds(time: Duration) -> String {
    let value = time.as_secs_f64() * 1000.0;
    if value < 10.0 { format!("{value:.2} ms") } else { format!("{value:.0} ms") }
}
