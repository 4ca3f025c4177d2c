//! Python's signxml checks what we sign, and we check what it signs.

use saml::identity_provider::Signed;

use crate::support::keys::IDP;
use crate::support::tools::ask_python;
use crate::support::world::World;

#[test]
fn signatures_are_accepted_both_ways() {
    let world = World::default();
    let question = |what: &str, xml: String| {
        vec![what.to_owned(), xml, IDP.pkcs8_pem(), IDP.certificate.pem()]
    };
    let ours = world.response(Signed::Assertion);
    let unsigned = without_signature(&ours);
    let questions = [
        question("verify", ours.clone()),
        question("verify", ours.replace("staff", "stuff")),
        question("sign", unsigned),
    ];
    let Some(answers) = ask_python("signxml_both_ways.py", &questions) else { return };
    assert_eq!(answers[0][0], "accepted", "{answers:?}");
    assert_eq!(answers[1][0], "refused", "{answers:?}");
    assert_eq!(answers[2][0], "signed", "{answers:?}");
    let login = world.receive(&answers[2][1]);
    assert!(login.is_ok(), "{login:?} {}", answers[2][1]);
    assert!(world.receive(&answers[2][1].replace("staff", "stuff")).is_err());
}

fn without_signature(xml: &str) -> String {
    let begin = xml.find("<ds:Signature").unwrap();
    let end = xml.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    [&xml[..begin], &xml[end..]].concat()
}
