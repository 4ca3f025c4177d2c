//! Real connections on loopback; names under `.localhost` need no DNS.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::dns;

/// Answers each path with these bytes, and remembers the requests.
struct Server {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(answer: impl Fn(&str, u16) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (log, answer) = (heard.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (log, answer) = (log.clone(), answer.clone());
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let mut byte = [0];
                        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                            return;
                        }
                        request.push(byte[0]);
                    }
                    let request = String::from_utf8(request).unwrap();
                    let path = request.split(' ').nth(1).unwrap().to_owned();
                    log.lock().unwrap().push(request);
                    let _ = stream.write_all(&answer(&path, port)).await;
                });
            }
        });
        Self { port, heard, task }
    }

    fn heard(&self) -> String {
        self.heard.lock().unwrap().join("")
    }
}

fn looker(port: u16, allow_private: bool) -> PublicHttp {
    let settings = dns::Settings { loopback_names: true, ..dns::Settings::default() };
    let resolver = Resolver::new(&settings).unwrap();
    PublicHttp::new(resolver, Settings { http_port: port, allow_private })
}

fn name() -> Hostname {
    Hostname::parse("app.localhost").unwrap()
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn redirect(status: u16, to: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} Moved\r\nlocation: {to}\r\n");
    (head + "content-length: 0\r\n\r\n").into_bytes()
}

async fn get(server: &Server, path: &str) -> Result<Answer, CheckError> {
    looker(server.port, true).get(&name(), path, AGENT).await
}

#[tokio::test]
async fn an_answer_is_compared_as_a_ca_does() {
    let server = Server::start(|_, _| ok("token.thumbprint\r\n")).await;
    let answer = get(&server, "/.well-known/acme-challenge/token").await.unwrap();
    assert!(answer.is("token.thumbprint") && !answer.is("token") && !answer.is(""));
    let heard = server.heard();
    assert!(heard.starts_with("GET /.well-known/acme-challenge/token HTTP/1.1\r\n"), "{heard}");
    assert!(heard.contains(&format!("host: app.localhost:{}\r\n", server.port)), "{heard}");
    assert!(heard.contains("user-agent: lintel/"), "{heard}");
}

#[tokio::test]
async fn a_private_address_is_not_connected_to() {
    let server = Server::start(|_, _| ok("")).await;
    let error = looker(server.port, false).get(&name(), "/", AGENT).await.unwrap_err();
    assert!(matches!(error, CheckError::Private { .. }), "{error}");
    assert_eq!(server.heard(), "");
}

#[tokio::test]
async fn redirects_are_followed_as_cas_follow_them() {
    let server = Server::start(|path, port| match path {
        "/relative" => redirect(301, "/end?a=b"),
        "/other" => redirect(307, &format!("http://other.localhost:{port}/relative")),
        "/303" => redirect(303, "/end"),
        "/port" => redirect(302, "http://app.localhost:8443/"),
        "/scheme" => redirect(302, "ftp://app.localhost/"),
        "/address" => redirect(302, "http://127.0.0.1/"),
        "/hexadecimal" => redirect(302, "http://0x7f000001/"),
        "/credentials" => redirect(302, &format!("http://a:b@app.localhost:{port}/end")),
        "/garbage" => redirect(302, "http://[::1"),
        path if path.starts_with("/loop") => redirect(308, &format!("{path}x")),
        _ => ok("end"),
    })
    .await;
    for path in ["/relative", "/other"] {
        let answer = get(&server, path).await.unwrap();
        assert!(answer.is("end"), "{path}");
        assert!(answer.url.ends_with("/end?a=b"), "{}", answer.url);
    }
    assert_eq!(get(&server, "/303").await.unwrap().status, 303);
    for path in ["/port", "/scheme", "/address", "/hexadecimal", "/credentials", "/garbage"] {
        let error = get(&server, path).await.unwrap_err();
        assert!(matches!(error, CheckError::Redirect { .. }), "{path}: {error}");
    }
    let before = server.heard.lock().unwrap().len();
    let error = get(&server, "/loop").await.unwrap_err();
    assert!(matches!(error, CheckError::Redirect { reason: "more than ten redirects", .. }));
    assert_eq!(server.heard.lock().unwrap().len() - before, 11);
}

#[tokio::test]
async fn a_body_is_read_up_to_its_bound() {
    let server = Server::start(|_, _| ok(&"x".repeat(1 << 20))).await;
    assert_eq!(get(&server, "/").await.unwrap().body.len(), MAX_BODY);
}

#[tokio::test]
async fn who_answers_nothing_is_given_up() {
    // Accepts, by the kernel, and never reads.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hop_timeout = Duration::from_millis(50);
    let looker = PublicHttp { hop_timeout, ..looker(port, true) };
    let error = looker.get(&name(), "/", AGENT).await.unwrap_err();
    assert!(matches!(error, CheckError::Timeout(_)), "{error}");
}

#[tokio::test]
async fn who_is_not_there_or_speaks_otherwise_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = looker(port, true).get(&name(), "/", AGENT).await.unwrap_err();
    assert!(matches!(error, CheckError::Connect { .. }), "{error}");
    let server = Server::start(|_, _| b"SSH-2.0-OpenSSH_9.2\r\n\r\n".to_vec()).await;
    let error = get(&server, "/").await.unwrap_err();
    assert!(matches!(error, CheckError::Http { .. }), "{error}");
}

#[tokio::test]
async fn a_point_of_presence_is_asked_for_the_hostname_at_its_own_address() {
    let server = Server::start(|_, _| redirect(301, "https://app.localhost/")).await;
    let address = format!("127.0.0.1:{}", server.port);
    let looker = looker(80, false);
    let answer = looker.get_at(&address, &name(), "/path").await.unwrap();
    assert_eq!(answer.status, 301, "a redirect is an answer");
    assert!(server.heard().contains("host: app.localhost\r\n"), "{}", server.heard());
    let error = looker.get_at("nowhere", &name(), "/").await.unwrap_err();
    assert!(matches!(error, CheckError::Address(_)), "{error}");
}
