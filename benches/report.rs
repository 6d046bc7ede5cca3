//! Rows of figures, as a table or as a line of JSON each.

use serde_json::json;

/// Whether a larger or a smaller figure is better.
#[derive(Clone, Copy)]
pub(crate) enum Better {
    More,
    Less,
}

/// One measured figure beside its floor.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    /// What the same costs without flowcore.
    pub(crate) floor: f64,
    /// What the ratio has to be: value by floor.
    pub(crate) budget: f64,
    pub(crate) better: Better,
    /// What else was seen.
    pub(crate) note: String,
}

pub(crate) struct Report {
    json: bool,
    missed: usize,
}

impl Report {
    /// Begins a report; `table` says whether rows of figures come.
    pub(crate) fn new(json: bool, table: bool) -> Self {
        if !json && table {
            println!("{:<52} {:>14} {:>14} {:>8} {:>8}  note", "figure", "value", "floor", "ratio", "budget");
        }
        Report { json, missed: 0 }
    }

    pub(crate) fn row(&mut self, row: &Row) {
        let ratio = row.value / row.floor;
        let (met, sign) = match row.better {
            Better::More => (ratio >= row.budget, ">="),
            Better::Less => (ratio <= row.budget, "<="),
        };
        self.missed += usize::from(!met);
        if self.json {
            let line = json!({
                "name": row.name, "unit": row.unit, "value": row.value, "floor": row.floor, "ratio": ratio,
                "budget": row.budget, "met": met, "note": row.note,
            });
            println!("{line}");
        } else {
            let mark = if met { ' ' } else { '!' };
            let value = format!("{:.1} {}", row.value, row.unit);
            let floor = format!("{:.1} {}", row.floor, row.unit);
            let budget = format!("{sign}{:.2}", row.budget);
            println!("{:<52} {value:>14} {floor:>14} {ratio:>8.2} {budget:>8}{mark} {}", row.name, row.note);
        }
    }

    /// Tells what is no figure beside another.
    pub(crate) fn remark(&self, remark: &str) {
        if !self.json {
            println!("  {remark}");
        }
    }

    pub(crate) fn finish(&self) {
        if !self.json && self.missed > 0 {
            println!("\n{} ratio(s) outside the budget, marked with !", self.missed);
        }
    }
}
