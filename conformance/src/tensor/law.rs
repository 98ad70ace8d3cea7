//! The laws that an array library keeps, by name.

use super::case::{
    choices, functions, joins, lookups, pairs, parts, permutations, products, reductions, shapes,
};
use super::{TensorSubject, checks, messages, special};
use crate::laws::laws;
use ad_api::array::ArrayOp;

laws! {
    #[doc = "What an array library promises. The suite makes one test of each, under its [`name`](TensorLaw::name)."]
    TensorLaw of TensorSubject;

    RoundTrip returns_entries_as_given "Entries that the precision holds come back from the device as they went, whatever the shape."
        |s, law| checks::returns_entries(s, law);
    Fill fills_arrays "An array that is full of one value has its shape, its device and that value everywhere."
        |s, law| checks::fills(s, law);
    Devices stays_on_its_device "The result of every operation lives where its operands live."
        |s, law| checks::stays_on_device(s, law);
    LeavesOperands leaves_operands_alone "No operation changes its operands, nor what shares memory with them."
        |s, law| checks::leaves_operands(s, law);
    Precision states_its_precision "Numbers are told apart down to the precision that the library states."
        |s, law| checks::states_precision(s, law);
    Functions computes_functions "Elementwise functions, at every rank."
        |s, law| checks::agrees(s, law, functions());
    Broadcasts broadcasts_pairs "Elementwise operations on two arrays, broadcast to both sides."
        |s, law| checks::agrees(s, law, pairs());
    Choices compares_and_selects "Comparisons, and selection by a mask, broadcast."
        |s, law| checks::agrees(s, law, choices());
    Products multiplies_matrices "Matrix products, of batches that broadcast, of vectors and of nothing."
        |s, law| checks::agrees(s, law, products());
    Permutes permutes_axes "Permutations of axes."
        |s, law| checks::agrees(s, law, permutations());
    Shapes reshapes_and_stretches "Reshapes, in row-major order, and broadcasts."
        |s, law| checks::agrees(s, law, shapes());
    Parts slices_and_embeds "Slices, and embeddings into zeros."
        |s, law| checks::agrees(s, law, parts());
    Lookups selects_and_scatters "Selections by index and their adjoint, with repeated indices."
        |s, law| checks::agrees(s, law, lookups());
    Joins concatenates "Arrays one after another along an axis."
        |s, law| checks::agrees(s, law, joins());
    Sums sums "Sums over every choice of axes."
        |s, law| checks::agrees(s, law, reductions(ArrayOp::Sum));
    Maxima finds_maxima "Maxima over every choice of axes."
        |s, law| checks::agrees(s, law, reductions(ArrayOp::Max));
    Ranks goes_up_to_the_highest_rank "Arrays of `MAX_RANK` axes."
        |s, law| checks::agrees(s, law, super::case::highest_rank());
    Special honours_special_values "NaN, infinities, zeros of both signs, ties and overflow, as documented."
        |s, law| special::honours_special_values(s, law);
    Exact moves_entries_untouched "What only moves entries does not mix them, even beside NaN and infinities."
        |s, law| special::moves_untouched(s, law);
    Methods computes_what_methods_say "The methods of `Array` that are made of several operations."
        |s, law| checks::methods(s, law);
    Messages reports_wrong_shapes "A wrong shape is an error that names the operation and the shapes."
        |s, law| messages::reports_wrong_shapes(s, law);
    Carries carries_errors_on "What is computed from an array that carries an error carries the same error."
        |s, law| messages::carries_errors_on(s, law);
    Constants copies_constants_once "A `Constant` is copied to a device once."
        |s, law| checks::copies_constants_once(s, law);
    Large handles_large_arrays "Arrays of 10⁵ entries are computed like small ones."
        |s, law| checks::handles_large_arrays(s, law);
    Threads works_in_threads "Arrays are made, used and dropped in threads side by side."
        |s, law| checks::works_in_threads(s, law);
}

impl TensorLaw {
    /// All laws.
    pub const ALL: &[TensorLaw] = TensorLaw::EVERY;
}
