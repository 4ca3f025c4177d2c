//! Which certificate a visitor sees.

use edge_state::KeyType::{P256, Rsa2048};

use crate::support::Lintel;
use crate::support::visitor::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostname_is_served_over_both_versions_of_http() {
    let lintel = Lintel::start().await;
    lintel.host("shop.customer.com", &[P256, Rsa2048]).await;
    for (alpn, protocol) in [("h2", "HTTP/2"), ("http/1.1", "HTTP/1.1")] {
        let page = lintel.visitor().alpn(&[alpn]).get("shop.customer.com", "/a?b=%20c").await;
        assert_eq!(page.status(), 200);
        let seen = json(&page);
        assert_eq!(seen["url"], "https://shop.customer.com/a?b=%20c");
        assert_eq!(seen["cf"]["httpProtocol"], protocol);
        assert_eq!(seen["cf"]["tlsVersion"], "TLSv1.3");
        assert_eq!(seen["cf"]["tlsCipher"], "AEAD-AES256-GCM-SHA384");
        assert_eq!(seen["cf"]["colo"], "test1");
        assert_eq!(seen["headers"]["host"], "shop.customer.com");
        assert_eq!(seen["headers"]["cf-connecting-ip"], "127.0.0.1");
        assert_eq!(seen["headers"]["cf-ray"], page.headers()["cf-ray"].to_str().unwrap());
    }
}
