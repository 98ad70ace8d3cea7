//! Which entries the rows of a map gather, as blocks of rows read them.

use std::sync::Arc;

use super::program::ROWS;

/// The indices of full blocks of rows, column by column.
///
/// PERF: half of the bytes of a table of `usize`, read one after another.
#[derive(Debug)]
pub(crate) struct Table {
    of: Arc<[usize]>,
    columns: usize,
    indices: Vec<[u32; ROWS]>,
}

impl Table {
    /// Makes `table` that of `of`, which has this many columns.
    pub(crate) fn update(table: &mut Option<Table>, of: &Arc<[usize]>, columns: usize) {
        if table.as_ref().is_none_or(|table| !Arc::ptr_eq(&table.of, of)) {
            *table = Self::new(of, columns);
        }
    }

    /// `None` if an index is too large.
    fn new(of: &Arc<[usize]>, columns: usize) -> Option<Self> {
        let mut indices = Vec::with_capacity(of.len() / ROWS);
        for block in of.chunks_exact((ROWS * columns).max(1)) {
            for j in 0..columns {
                let mut column = [0; ROWS];
                for (index, row) in column.iter_mut().zip(block.chunks_exact(columns)) {
                    *index = u32::try_from(row[j]).ok()?;
                }
                indices.push(column);
            }
        }
        Some(Table { of: of.clone(), columns, indices })
    }

    /// The indices of the block of rows from `first` on, if it is one.
    #[inline]
    pub(crate) fn block(&self, first: usize) -> Option<&[[u32; ROWS]]> {
        if !first.is_multiple_of(ROWS) {
            return None;
        }
        self.indices.get(first / ROWS * self.columns..)?.get(..self.columns)
    }
}
