//! Triangular factors of P1 as matrices.

/// Where the entries of the transposed factor, row by row, are in a vector of the diagonal, the
/// strictly lower triangle column by column, and a zero.
pub(super) fn transposed(d: usize) -> Vec<u32> {
    let zero = d + d * (d - 1) / 2;
    let below = |column: usize, row: usize| {
        let before = column * d - column * (column + 1) / 2;
        d + before + row - column - 1
    };
    let place = |column: usize, row: usize| match row.cmp(&column) {
        std::cmp::Ordering::Less => zero,
        std::cmp::Ordering::Equal => column,
        std::cmp::Ordering::Greater => below(column, row),
    };
    let places = (0..d).flat_map(|column| (0..d).map(move |row| place(column, row)));
    places.map(|place| u32::try_from(place).expect("few dimensions")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_triangle_is_read_column_by_column() {
        // Diagonal 0 1 2, below 3 4 (first column) and 5 (second), zero 6.
        assert_eq!(super::transposed(3), [0, 3, 4, 6, 1, 5, 6, 6, 2]);
    }
}
