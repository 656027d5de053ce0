//! Tables for a terminal that is narrower than they are: wide cells go on below themselves. Pure.

use super::{GAP, table, widths};

/// No column gets narrower.
const NARROWEST: usize = 10;

/// Rows under a header as [`table`] has them; where they do not fit into `columns`, the widest columns are narrowed until
/// they do, and their cells wrapped. Without `columns` nothing is wrapped.
pub fn table_within(columns: Option<usize>, header: &[&str], rows: &[Vec<String>]) -> String {
    let natural = widths(header, rows);
    let Some(limits) = columns.and_then(|columns| narrowed(&natural, columns)) else {
        return table(header, rows);
    };
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    [&header].into_iter().chain(rows).map(|row| lines(row, &limits)).collect()
}

/// Widths with which all columns fit; `None` where they fit as they are.
fn narrowed(natural: &[usize], columns: usize) -> Option<Vec<usize>> {
    let gaps = GAP * natural.len().saturating_sub(1);
    let fits = |cap: &usize| natural.iter().map(|width| width.min(cap)).sum::<usize>() + gaps <= columns;
    let widest = natural.iter().copied().max().unwrap_or(0);
    if fits(&widest) {
        return None;
    }
    let cap = (NARROWEST..widest).rev().find(fits).unwrap_or(NARROWEST);
    Some(natural.iter().map(|width| *width.min(&cap)).collect())
}

/// The lines of one row.
fn lines(row: &[String], limits: &[usize]) -> String {
    let cells: Vec<Vec<String>> = row.iter().zip(limits).map(|(cell, limit)| wrap(cell, *limit)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |at: usize| {
        let parts = cells.iter().zip(limits).map(|(cell, limit)| {
            let part = cell.get(at).map_or("", String::as_str);
            format!("{part:<width$}", width = limit + GAP)
        });
        parts.collect::<String>().trim_end().to_owned() + "\n"
    };
    (0..height).map(line).collect()
}

/// The text in parts of at most `limit` characters, broken between words where that is possible.
fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let used = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(line) if used > 0 && used + 1 + word.chars().count() <= limit => {
                line.push(' ');
                line.push_str(word);
            }
            _ => {
                if used == 0 {
                    lines.pop();
                }
                let letters: Vec<char> = word.chars().collect();
                lines.extend(letters.chunks(limit).map(|part| part.iter().collect::<String>()));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        vec![
            row(["blocker", "PDB-001", "no pod may be evicted now, so the node can never be drained"]),
            row(["ok", "ip.operator.clusterPool", ""]),
        ]
    }

    #[test]
    fn what_fits_or_goes_to_no_terminal_is_left_alone() {
        let header = ["RESULT", "ID", "FINDING"];
        let plain = table(&header, &rows());
        assert_eq!(table_within(None, &header, &rows()), plain);
        assert_eq!(table_within(Some(200), &header, &rows()), plain);
    }

    #[test]
    fn wide_cells_go_on_below_themselves_and_narrow_columns_stay() {
        let wanted = "\
RESULT    ID              FINDING
blocker   PDB-001         no pod may be
                          evicted now,
                          so the node
                          can never be
                          drained
ok        ip.operator.c
          lusterPool
";
        assert_eq!(table_within(Some(39), &["RESULT", "ID", "FINDING"], &rows()), wanted);
        let all = table_within(Some(39), &["RESULT", "ID", "FINDING"], &rows());
        assert!(all.lines().all(|line| line.chars().count() <= 39), "{all}");
    }
}
