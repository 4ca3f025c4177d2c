//! Files by other implementations, which need no program here.

use saml::pasted::read_keys;

use crate::support::world::World;

#[test]
fn a_response_by_xmlsec1() {
    let mut world = World::default();
    let certificate = read_keys(include_bytes!("signer.crt")).unwrap();
    world.idp_peer.signing_keys = vec![certificate[0].public_key().clone()];
    let xml = include_str!("signed-by-xmlsec1.xml");
    let login = world.receive(xml).unwrap();
    assert_eq!(login.name_id().unwrap().value, "alice@example.com");
    assert_eq!(
        login.attribute("white\tspace  in the name").collect::<Vec<_>>(),
        ["a <b> & \rc \"d\" é 漢 😀", ""]
    );
    let targeted = "urn:oid:1.3.6.1.4.1.5923.1.1.1.10";
    assert_eq!(login.attribute(targeted).collect::<Vec<_>>(), ["opaque"]);
    assert_eq!(login.authn().unwrap().session_index.as_deref(), Some("_s1"));
    world.receive(&xml.replacen("opaque", "other!", 1)).unwrap_err();
}
