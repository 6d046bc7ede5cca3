//! Reading many rows a page at a time, so that memory does not grow with the database.

use std::ops::ControlFlow;

use flowcore::client::ClientError;
use flowcore::model::Page;

/// How many rows to read at once: enough to make the round trip cheap, few enough to hold.
const ROWS: u32 = 1000;

/// Reads pages until one is not full or the visitor has seen enough.
pub(crate) async fn pages<T, E: From<ClientError>>(
    fetch: impl AsyncFn(Page) -> Result<Vec<T>, ClientError>,
    mut visit: impl AsyncFnMut(Vec<T>) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut page = Page::first(ROWS);
    loop {
        let rows = fetch(page).await?;
        let full = rows.len() >= ROWS as usize;
        if visit(rows).await?.is_break() || !full {
            return Ok(());
        }
        page.offset = page.offset.saturating_add(ROWS);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    async fn read(rows: u32, enough: usize) -> Vec<u32> {
        let mut seen = Vec::new();
        let fetch = async |page: Page| Ok((page.offset..rows.min(page.offset + page.limit)).collect());
        let visit = async |rows: Vec<u32>| {
            seen.extend(rows);
            Ok::<_, ClientError>(if seen.len() >= enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        pages(fetch, visit).await.unwrap();
        seen
    }

    #[tokio::test]
    async fn every_row_is_read_once() {
        for rows in [0, 1, 999, 1000, 1001, 2000, 2500] {
            assert_eq!(read(rows, usize::MAX).await, (0..rows).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn reading_stops_when_enough_was_seen() {
        assert_eq!(read(5000, 1500).await.len(), 2000);
    }
}
