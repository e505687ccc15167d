//! Random programs, compared with an independent auditor (`testkit::simulation`): fifty seeds, or those that
//! `REFERO_SIMULATION` names.

#[test]
fn the_auditor_agrees_on_even_seeds() {
    testkit::simulation::run(1..51, (0, 2));
}

#[test]
fn the_auditor_agrees_on_odd_seeds() {
    testkit::simulation::run(1..51, (1, 2));
}
