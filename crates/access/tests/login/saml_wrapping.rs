//! SECURITY: signature wrapping, XSW1 to XSW8 of SAML Raider and what came after, through the
//! callback, on responses that are signed in each of the three ways.

use saml::identity_provider::Signed;

use crate::saml_case::{Case, WAYS, says};
use crate::support::wrapping::{
    appended, around, in_advice, xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw7_same_id, xsw8,
};

const MISPLACED: &str = "hides in the response";
const DIGEST: &str = "digest";

#[track_caller]
fn of_responses(attack: fn(&str) -> String, reasons: &[&str]) {
    for signed in [Signed::Both, Signed::Response] {
        says(&Case::new(signed).attacked(attack), reasons);
    }
}

#[track_caller]
fn of_assertions(attack: fn(&str) -> String, reasons: &[&str]) {
    for signed in WAYS {
        says(&Case::new(signed).attacked(attack), reasons);
    }
}

#[test]
fn xsw1_original_response_inside_the_signature() {
    of_responses(xsw1, &[MISPLACED]);
}

#[test]
fn xsw2_original_response_before_the_signature() {
    of_responses(xsw2, &["Response"]);
}

#[test]
fn xsw3_evil_assertion_before_the_signed_one() {
    of_assertions(xsw3, &["holds 2 assertions", DIGEST]);
}

#[test]
fn xsw4_signed_assertion_inside_the_evil_one() {
    of_assertions(xsw4, &[MISPLACED]);
}

#[test]
fn xsw5_signed_assertion_altered_and_the_original_appended() {
    of_assertions(xsw5, &["holds 2 assertions", DIGEST]);
}

#[test]
fn xsw6_original_assertion_inside_the_signature_of_the_evil_one() {
    of_assertions(xsw6, &[MISPLACED]);
}

#[test]
fn xsw7_evil_assertion_in_extensions() {
    of_assertions(xsw7, &[MISPLACED]);
    of_assertions(xsw7_same_id, &["an ID occurs twice"]);
}

#[test]
fn xsw8_original_assertion_in_an_object_of_the_signature() {
    of_assertions(xsw8, &[MISPLACED]);
}

/// +1: CVE-2022-41912, CVE-2026-25922.
#[test]
fn row_01_two_assertions() {
    of_assertions(appended, &["holds 2 assertions", DIGEST]);
    of_assertions(in_advice, &[MISPLACED]);
    of_responses(around, &["Status", "Response"]);
}
