use std::sync::Arc;

use edge_state::{Entry, Key, Records};
use proptest::prelude::*;

use super::*;

const HOST: &str = "app.example.com";

fn known(doors: &[(&str, &str, &str)]) -> Known {
    let (host, wildcard) = (name(HOST), name("*.example.com"));
    let mut records = Records::default();
    for (hostname, starred) in [(host, false), (wildcard, true)] {
        let doors = doors.iter().filter(|(_, pattern, _)| pattern.contains('*') == starred);
        let doors = doors.map(|(id, host, path)| Door {
            application_id: (*id).to_owned(),
            account_id: None,
            host_pattern: (*host).to_owned(),
            path_pattern: (*path).to_owned(),
        });
        let gate = GateRecord { hostname: hostname.clone(), doors: doors.collect() };
        let entry = if gate.doors.is_empty() { Entry::Absent } else { Entry::Gate(Arc::new(gate)) };
        records.insert(Key::Gate(hostname), entry);
    }
    Known::new(records)
}

fn name(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

fn applications(doors: &[(&str, &str, &str)], path: &str) -> Vec<String> {
    match find(&name(HOST), None, path, &known(doors)).unwrap() {
        Doors::Applications(applications) => applications,
        Doors::None | Doors::Beside => Vec::new(),
        Doors::Unreadable => vec!["unreadable".to_owned()],
    }
}

#[test]
fn the_most_specific_door_counts() {
    let doors = [
        ("root", HOST, ""),
        ("admin", HOST, "admin"),
        ("public", HOST, "admin/public"),
        ("star", HOST, "api/*/secret"),
        ("all", "*.example.com", "admin/public/more"),
        ("some", "a*p.example.com", ""),
    ];
    for (path, application) in [
        ("/", "root"),
        ("/admin", "admin"),
        ("/admin/", "admin"),
        ("/admin/users", "admin"),
        ("/administrator", "root"),
        ("/admin/public/x", "public"),
        ("/admin/public/more", "public"),
        ("/api/v1/secret", "star"),
        ("/api/v1/v2/secret/deeper", "star"),
        ("/api/secret", "root"),
    ] {
        assert_eq!(applications(&doors, path), [application], "{path}");
    }
    assert_eq!(applications(&doors[4..], "/x"), ["some"]);
    assert_eq!(applications(&doors[4..], "/admin/public/more"), ["some"]);
    assert_eq!(applications(&doors[4..5], "/admin/public/more"), ["all"]);
}

#[test]
fn a_wildcard_stands_for_characters_of_the_first_label() {
    for (pattern, host, fits) in [
        ("*.example.com", "a.example.com", true),
        ("*.example.com", "a.b.example.com", false),
        ("*.example.com", "example.com", false),
        ("dev-*.example.com", "dev-1.example.com", true),
        ("dev-*.example.com", "dev.example.com", false),
        ("*-dev-*.Example.com", "a-dev-b.example.com", true),
        ("a.example.com", "a.example.com", true),
        ("a.*.com", "a.example.com", false),
    ] {
        assert_eq!(matches_host(pattern, host), fits, "{pattern} {host}");
    }
}

#[test]
fn no_spelling_of_a_path_gets_past_its_door() {
    let doors = [("admin", HOST, "admin")];
    for path in [
        "/admin",
        "/admin/x",
        "/ADMIN",
        "/%61dmin",
        "/%2561dmin",
        "/%252561dmin",
        "//admin",
        "/./admin",
        "/x/../admin",
        "/x/%2e%2e/admin",
        "/x/%2E%2e%2fadmin",
        "/x/..%5cadmin",
        "/x\\..\\admin",
        "/x/..;/admin",
        "/x/..;a=b/admin",
        "/;/admin",
        "/admin;x=1/y",
        "/admin%3b",
        "/admin%00.png",
        "/admin%23",
        "/admin%3fa",
        "/admin%2fx",
        "/x/%c0%ae%c0%ae/admin",
        "/x/..%c0%afadmin",
        "/%u0061dmin",
        "/x%u002f..%u002fadmin",
        "/admin./x",
        "/admin%20/x",
        "/admin::$DATA",
        "/a//../admin",
        "/x//..//admin",
        "/%2fadmin",
        "/.//admin",
    ] {
        assert_eq!(applications(&doors, path), ["admin"], "{path}");
    }
}

#[test]
fn a_path_with_two_readings_has_two_doors() {
    let doors = [("root", HOST, ""), ("public", HOST, "public"), ("admin", HOST, "admin")];
    for path in
        ["/public/../admin", "/public/%2e%2e/admin", "/public/..;/admin", "/public\\..\\admin"]
    {
        let found = applications(&doors, path);
        assert_eq!(
            found.first().map(String::as_str),
            Some(if path.contains('\\') { "root" } else { "public" })
        );
        assert!(found.contains(&"admin".to_owned()), "{path}: {found:?}");
    }
    assert_eq!(applications(&doors, "/Admin"), ["root", "admin"]);
}

#[test]
fn a_door_may_be_spelled_as_people_do() {
    for pattern in ["Admin Area", "Admin%20Area", "/admin%20area/"] {
        for path in ["/Admin%20Area", "/admin%20area/x", "/%41dmin%20Area", "/ADMIN%20AREA"] {
            assert_eq!(applications(&[("a", HOST, pattern)], path), ["a"], "{pattern} {path}");
        }
    }
}

#[test]
fn what_nobody_can_read_is_said_to_be_so() {
    let deep = "/%25252525252e";
    assert_eq!(applications(&[("a", HOST, "admin")], deep), ["unreadable"]);
    assert_eq!(applications(&[("a", HOST, "")], deep), ["a"]);
}

#[test]
fn without_doors_nothing_is_asked() {
    assert_eq!(find(&name(HOST), None, "/", &known(&[])).unwrap(), Doors::None);
    let beside = find(&name(HOST), None, "/x", &known(&[("a", HOST, "admin")])).unwrap();
    assert_eq!(beside, Doors::Beside);
}

/// What an origin may do to a path, step by step, in any order.
fn origin_reading(path: &str, steps: &[u8]) -> Vec<u8> {
    let mut path = path.as_bytes().to_vec();
    let mut decodings = 0;
    for step in steps {
        path = match step % 5 {
            0 if decodings < MAX_DECODINGS => {
                decodings += 1;
                percent_encoding::percent_decode(&path).collect()
            }
            1 => merge_slashes(&path),
            2 => path.to_ascii_lowercase(),
            3 => turn_backslashes(&path),
            _ => path,
        };
    }
    path
}

proptest! {
    #[test]
    fn a_wildcard_matches_as_a_naive_reader_says(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
        fn naive(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|at| naive(rest, &text[at..])),
                Some((b, rest)) => text.first() == Some(b) && naive(rest, &text[1..]),
            }
        }
        let expected = naive(pattern.as_bytes(), text.as_bytes());
        prop_assert_eq!(matches_wildcard(pattern.as_bytes(), text.as_bytes()), expected);
    }

    /// Whatever an origin does to a path, if it then lies behind the door, the door was found.
    #[test]
    fn an_origin_finds_nothing_behind_the_door_that_was_not_judged(
        path in "/(x|a|%61|%2561|dmin|ADMIN|/|%2f|\\.\\./|%2e%2e/|\\./|;p|\\\\){0,8}",
        steps in prop::collection::vec(0_u8..5, 0..6),
    ) {
        let read = resolve_dots(&origin_reading(&path, &steps));
        if matches_path(b"admin", &read) {
            let found = applications(&[("admin", HOST, "admin")], &path);
            prop_assert!(!found.is_empty(), "{} is read as {}", path, String::from_utf8_lossy(&read));
        }
    }

    #[test]
    fn every_path_is_judged(path in "/\\PC{0,200}") {
        let _ = applications(&[("a", HOST, "admin*/x")], &path);
    }
}

#[test]
fn a_name_that_changed_hands_has_its_owners_doors_alone() {
    let door = |id: &str, account: Option<&str>| Door {
        application_id: id.to_owned(),
        account_id: account.map(str::to_owned),
        host_pattern: HOST.to_owned(),
        path_pattern: id.to_owned(),
    };
    let doors = vec![door("a", Some("1")), door("b", Some("2")), door("c", None)];
    let gate = GateRecord { hostname: name(HOST), doors };
    let mut records = Records::default();
    records.insert(Key::Gate(name(HOST)), Entry::Gate(Arc::new(gate)));
    records.insert(Key::Gate(name("*.example.com")), Entry::Absent);
    let known = Known::new(records);
    for (owner, ids) in [(Some("1"), "ac"), (Some("2"), "bc"), (Some("3"), "c"), (None, "abc")] {
        let doors = of(&name(HOST), owner, &known).unwrap();
        let found: String = doors.iter().map(|door| door.application_id.as_str()).collect();
        assert_eq!(found, ids, "{owner:?}");
    }
}

proptest! {
    /// What is below a door is found as by a reader who looks at every slash.
    #[test]
    fn what_is_below_a_path_belongs_to_it(pattern in "[a*/]{0,6}", path in "/[a/]{0,10}") {
        let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
        let bare = pattern.strip_prefix(b"/").unwrap_or(pattern);
        let bare = bare.strip_suffix(b"/").unwrap_or(bare);
        let rest = &path[1..];
        let mut ends = (0..rest.len()).filter(|at| rest[*at] == b'/').chain([rest.len()]);
        let naive = bare.is_empty() || ends.any(|end| matches_wildcard(bare, &rest[..end]));
        prop_assert_eq!(matches_path(pattern, path), naive);
    }
}
