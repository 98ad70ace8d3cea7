//! The formulas of the scenarios against numbers from elsewhere.
#![allow(clippy::unwrap_used, reason = "an error fails the test")]

mod toys;

use ad_conformance::scenario::{Scenario, scenarios};
use ad_conformance::{Law, Subject};
use nalgebra::DVector;

fn named(name: &str) -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name == name).unwrap()
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 2e-14 * expected.abs().max(1.0), "{found} {expected}");
    }
}

/// The results that DifferentiationInterfaceTest.jl has for these functions.
#[test]
fn formulas_give_the_reference_numbers() {
    let (x, cotangent) = ([0.42], |s: &Scenario| DVector::from_vec(s.cotangent.clone()));

    let s = named("num_to_num");
    let known = s.known(&x);
    close(&known.value, &[0.407_760_453_059_570]);
    close(known.jacobian.as_slice(), &[0.913_088_940_312_308]);
    close((&known.jacobian * s.tangent[0]).as_slice(), &[2.867_099_272_580_65]);
    close(known.jacobian.tr_mul(&cotangent(&s)).as_slice(), &[-0.076_090_745_026_025_7]);

    let s = named("num_to_vec");
    let known = s.known(&x);
    close(known.jacobian.as_slice(), &[0.913_088_940_312_308, 1.334_925_651_682_62]);
    close(known.hessians[0].as_slice(), &[-0.407_760_453_059_570]);
    close(known.hessians[1].as_slice(), &[-2.978_572_479_883_44]);
    close(known.jacobian.tr_mul(&cotangent(&s)).as_slice(), &[2.600_435_785_793_54]);

    let s = named("num_to_vec_halves");
    let pulled = s.known(&x).jacobian.tr_mul(&cotangent(&s));
    close(pulled.as_slice(), &[3.796_530_402_332_77]);

    let s = named("num_to_mat");
    let known = s.known(&x);
    close(&known.value[2..], &[0.952_090_341_590_516, 0.582_330_649_524_082]);
    close(&known.jacobian.as_slice()[2..], &[0.917_450_725_134_868, -4.877_712_222_599_34]);
    close(known.hessians[2].as_slice(), &[-8.568_813_074_314_64]);
    close(known.hessians[3].as_slice(), &[-20.963_903_382_866_9]);
    close(known.jacobian.tr_mul(&cotangent(&s)).as_slice(), &[15.152_727_863_980_2]);

    let s = named("num_to_mat_halves");
    let pulled = s.known(&x).jacobian.tr_mul(&cotangent(&s));
    close(pulled.as_slice(), &[-160.108_905_737_544]);

    let s = named("arr_to_num_double_loop");
    let known = s.known(&s.points[0]);
    let gradient =
        [282_334.0, 2_586_272.0, 10_571_418.0, 31_173_376.0, 76_241_750.0, 164_178_144.0];
    close(&known.value, &[152_814_025.0]);
    close(known.jacobian.as_slice(), &gradient);
    let h = &known.hessians[0];
    close(
        &[h[(0, 0)], h[(1, 1)], h[(5, 5)], h[(0, 1)], h[(0, 5)]],
        &[874_350.0, 4_328_496.0, 198_091_440.0, 960.0, 191_808.0],
    );
    let v = DVector::from_vec(s.tangent.clone());
    let hv = [
        -2_541_006.0,
        -23_276_448.0,
        -95_142_762.0,
        -280_560_384.0,
        -686_175_750.0,
        -1_477_603_296.0,
    ];
    close((h * &v).as_slice(), &hv);
    close((&known.jacobian * &v).as_slice(), &[-1_528_140_250.0]);

    let s = named("vec_to_vec");
    let pulled = s.known(&s.points[0]).jacobian.tr_mul(&cotangent(&s));
    let expected = [
        -6.784_796_349_357_43,
        1.017_429_248_447_24,
        6.224_347_435_903_78,
        8.565_835_571_473_56,
        7.779_331_915_578_57,
        2.113_400_193_537_82,
    ];
    close(pulled.as_slice(), &expected);
}

/// The results that the tests of AbstractDifferentiation.jl have at fixed inputs.
#[test]
fn acceptance_formulas_give_the_reference_numbers() {
    let s = named("fder");
    let known = s.known(&s.points[0]);
    close(&known.value, &[-0.238_655_150_787_012]);
    close(known.jacobian.as_slice(), &[4.347_086_040_803_81, -0.599_846_992_084_793]);
    close(&[known.hessians[0][(0, 0)]], &[-7.777_777_777_777_78]);

    let s = named("fgrad");
    let known = s.known(&s.points[0]);
    close(&known.value, &[1.1034]);
    let gradient = [0.192, 0.096, 0.064, 0.048, 0.0384, 1.0, 0.5, 1.0 / 3.0, 0.25, 0.2];
    close(known.jacobian.as_slice(), &gradient);
    let row: Vec<f64> = known.hessians[0].row(0).iter().copied().take(5).collect();
    close(&row, &[0.0, 0.48, 0.32, 0.24, 0.192]);

    let s = named("fjac");
    let known = s.known(&s.points[0]);
    close(&known.value, &[-1.25, 0.55, -1.95, 0.25, -1.1]);
    let s = named("fjac of y");
    let known = s.known(&s.points[0]);
    let pushed = &known.jacobian * DVector::from_vec(s.tangent.clone());
    close(pushed.as_slice(), &[-3.5, 4.0, -7.0, 7.5, -9.0]);
    let pulled = known.jacobian.tr_mul(&DVector::from_vec(s.cotangent.clone()));
    close(pulled.as_slice(), &[-3.0, 3.5, -2.0, -5.75, 1.75]);
}

/// The program of a scenario and its formula for the value are one function.
#[test]
fn programs_match_their_formulas() {
    for scenario in scenarios() {
        assert!(scenario.points.len() > 1, "{}", scenario.name);
        for x in &scenario.points {
            let (found, known) = (scenario.program.value(x).unwrap(), scenario.known(x));
            close(&found, &known.value);
            assert_eq!(known.jacobian.shape(), (found.len(), x.len()));
            assert_eq!(known.hessians.len(), found.len());
        }
    }
}

/// Most Jacobians are not square, so that a transposed result cannot pass.
#[test]
fn most_scenarios_are_not_square() {
    let all = scenarios();
    let square = |s: &&Scenario| s.tangent.len() == s.cotangent.len();
    assert!(3 * all.iter().filter(square).count() < all.len());
}

/// Every law has a name and a statement of its own, and the suite makes a test of it.
#[test]
fn the_suite_has_a_test_for_every_law() {
    let names: std::collections::HashSet<_> = Law::ALL.iter().map(|law| law.name()).collect();
    assert_eq!(names.len(), Law::ALL.len());
    let source = include_str!("../src/suite.rs");
    for law in Law::ALL {
        let entry = format!("{} {law:?},", law.name());
        assert!(source.contains(&entry), "`suite!` lacks `{entry}`");
    }
    assert!(!Law::ALL.contains(&Law::AllocatesNothing));
}

/// Without the allocator in the binary there is nothing to count, and the check says so.
#[test]
fn allocations_need_the_allocator() {
    let violations = Subject::new(toys::dual::ToyDual).check(Law::AllocatesNothing);
    assert!(violations[0].to_string().contains("CountingAllocator"));
}
