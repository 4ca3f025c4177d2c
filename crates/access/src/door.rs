//! Which applications stand before a path of a hostname.
//!
//! An origin may read a path otherwise than it was sent: decoded once or twice, with dot segments
//! resolved, slashes merged, `;parameters` dropped, backslashes turned, in lower case. So every
//! reading is judged, and a request has to be let in by the application of each of them.

use std::collections::BTreeSet;

use edge_state::Hostname;
use edge_state::access::GateRecord;
use edge_state::access::gate::Door;

use crate::{Known, Need};

/// What stands before a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Doors {
    /// Nothing, and nothing stands before any other path of this hostname.
    None,
    /// Nothing before this path; other paths of the hostname have applications.
    Beside,
    /// These applications, by id; that of the path as it was sent comes first. Never empty.
    Applications(Vec<String>),
    /// Origins may read this path in so many ways that nobody can say what it is.
    Unreadable,
}

/// More readings are no honest request.
const MAX_READINGS: usize = 96;

/// How often percent-encoding may be nested.
const MAX_DECODINGS: usize = 3;

/// All doors of a hostname, its own and those of the wildcard above it, that its owner made.
///
/// A name may change hands, and a pattern may cover names of others: another account's application
/// stands before none of them, whether it would keep people out or let them in.
///
/// # Errors
/// [`Need`]: the records have not been read.
pub fn of<'k>(
    host: &Hostname,
    owner: Option<&str>,
    known: &'k Known,
) -> Result<Vec<&'k Door>, Need> {
    let own = known.records.gate(host)?;
    let above = match host.wildcard() {
        Some(wildcard) => known.records.gate(&wildcard)?,
        None => None,
    };
    let doors = [own, above].into_iter().flatten().flat_map(|gate: &GateRecord| &gate.doors);
    let doors = doors.filter(|door| matches_host(&door.host_pattern, host.as_str()));
    Ok(doors.filter(|door| is_owners(door, owner)).collect())
}

fn is_owners(door: &Door, owner: Option<&str>) -> bool {
    match (door.account_id.as_deref(), owner) {
        (Some(account_id), Some(owner)) => account_id == owner,
        _ => true,
    }
}

/// What stands before this path, which is all before the first `?`.
///
/// # Errors
/// [`Need`]: the records have not been read.
pub fn find(
    host: &Hostname,
    owner: Option<&str>,
    path: &str,
    known: &Known,
) -> Result<Doors, Need> {
    let doors = of(host, owner, known)?;
    if doors.is_empty() {
        return Ok(Doors::None);
    }
    let readings = if doors.iter().all(|door| door.path_pattern.is_empty()) {
        vec![path.as_bytes().to_vec()] // Every path is the same to them.
    } else {
        match readings(path) {
            Some(readings) => readings,
            None => return Ok(Doors::Unreadable),
        }
    };
    let mut applications: Vec<String> = Vec::new();
    for door in readings.iter().filter_map(|path| most_specific(&doors, path)) {
        if !applications.contains(&door.application_id) {
            applications.push(door.application_id.clone());
        }
    }
    Ok(if applications.is_empty() { Doors::Beside } else { Doors::Applications(applications) })
}

/// The one of several doors that a path belongs to: exact hosts go before patterns, then the longer
/// path.
fn most_specific<'d>(doors: &[&'d Door], path: &[u8]) -> Option<&'d Door> {
    let matching = doors.iter().filter(|door| matches_any_spelling(&door.path_pattern, path));
    let literal = |pattern: &str| pattern.bytes().filter(|b| *b != b'*').count();
    matching.copied().max_by_key(|door| {
        let (host, path) = (door.host_pattern.as_str(), door.path_pattern.as_str());
        let exact = (!host.contains('*'), literal(host));
        // Of two that are the same to all this, whichever comes first by id: never by chance.
        (exact, literal(path), !path.contains('*'), std::cmp::Reverse(&door.application_id))
    })
}

/// Whether a hostname is meant by a pattern, `*` standing for any characters of the first label.
#[must_use]
pub fn matches_host(pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    let split = |text: &str| {
        let (label, rest) = text.split_once('.').unwrap_or((text, ""));
        (label.to_owned(), rest.to_owned())
    };
    let ((label_pattern, domain), (label, rest)) = (split(&pattern), split(host));
    domain == rest && matches_wildcard(label_pattern.as_bytes(), label.as_bytes())
}

/// A destination may be spelled with capitals or percent signs as well: its readings count, too.
fn matches_any_spelling(pattern: &str, path: &[u8]) -> bool {
    let decoded = decode(pattern.as_bytes());
    matches_path(pattern.as_bytes(), path)
        || matches_path(&decoded, path)
        || matches_path(&decoded.to_ascii_lowercase(), path)
}

/// Whether a path, with the slash in front, belongs to a pattern, without it: it is matched, or
/// below something that is.
fn matches_path(pattern: &[u8], path: &[u8]) -> bool {
    let pattern = pattern.strip_prefix(b"/").unwrap_or(pattern);
    let pattern = pattern.strip_suffix(b"/").unwrap_or(pattern);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    if pattern.is_empty() || matches_wildcard(pattern, path) {
        return true;
    }
    // What is below it: once more over the path, and not once for each of its slashes.
    let below = [pattern, b"/*"].concat();
    matches_wildcard(&below, path)
}

/// `*` stands for any bytes, none too. Greedy, with one way back: at most the product of both lengths.
fn matches_wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// Every way in which an origin may read a path, the path itself first; `None`: too many.
fn readings(path: &str) -> Option<Vec<Vec<u8>>> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/-_~.".contains(&b);
    let dotted = path.contains("/.") || path.contains("./") || path.ends_with('.');
    if path.bytes().all(plain) && !dotted && !path.contains("//") {
        return Some(vec![path.as_bytes().to_vec()]);
    }
    let mut decoded = vec![path.as_bytes().to_vec()];
    while let Some(next) = decoded.last().map(|last| decode(last)) {
        if decoded.last() == Some(&next) {
            break;
        }
        if decoded.len() > MAX_DECODINGS {
            return None;
        }
        decoded.push(next);
    }
    let mut readings = decoded;
    for change in [turn_backslashes, cut, drop_parameters, merge_slashes, resolve_dots] {
        // Resolved dots may bring slashes together, and merged slashes change what dots resolve to.
        extend(&mut readings, change)?;
    }
    extend(&mut readings, merge_slashes)?;
    extend(&mut readings, trim_segments)?;
    extend(&mut readings, <[u8]>::to_ascii_lowercase)?;
    Some(readings)
}

fn extend(readings: &mut Vec<Vec<u8>>, change: impl Fn(&[u8]) -> Vec<u8>) -> Option<()> {
    let mut known: BTreeSet<Vec<u8>> = readings.iter().cloned().collect();
    for at in 0..readings.len() {
        let changed = change(&readings[at]);
        if known.insert(changed.clone()) {
            readings.push(changed);
        }
    }
    (readings.len() <= MAX_READINGS).then_some(())
}

/// Percent-encoding, also as IIS once had it (`%u002f`), and slashes and dots as overlong UTF-8.
fn decode(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match hexadecimal(after, *first) {
            Some((byte, length)) => {
                decoded.push(byte);
                rest = &after[length..];
            }
            None => decoded.push(*first),
        }
    }
    for (overlong, byte) in [(b"\xC0\xAF", b'/'), (b"\xC0\xAE", b'.'), (b"\xC1\x9C", b'\\')] {
        while let Some(at) = decoded.windows(2).position(|pair| pair == overlong) {
            decoded.splice(at..at + 2, [byte]);
        }
    }
    decoded
}

/// The byte that `%XX` or `%u00XX` stands for, and how much follows the percent sign.
fn hexadecimal(after: &[u8], first: u8) -> Option<(u8, usize)> {
    let byte = |digits: &[u8]| {
        let text = std::str::from_utf8(digits).ok()?;
        u8::from_str_radix(text, 16).ok().filter(|_| !text.starts_with('+'))
    };
    match (first, after) {
        (b'%', [b'u' | b'U', b'0', b'0', high, low, ..]) => Some((byte(&[*high, *low])?, 5)),
        (b'%', [high, low, ..]) => Some((byte(&[*high, *low])?, 2)),
        _ => None,
    }
}

fn turn_backslashes(path: &[u8]) -> Vec<u8> {
    path.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect()
}

/// What was decoded to a query, a fragment or a NUL ends the path for who decodes first.
fn cut(path: &[u8]) -> Vec<u8> {
    path.split(|b| b"?#\0".contains(b)).next().unwrap_or_default().to_vec()
}

/// `;jsessionid=1` behind a segment (RFC 3986 §3.3).
fn drop_parameters(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|b| *b == b'/');
    let bare = segments.map(|segment| segment.split(|b| *b == b';').next().unwrap_or_default());
    bare.collect::<Vec<_>>().join(&b'/')
}

fn merge_slashes(path: &[u8]) -> Vec<u8> {
    let mut merged = path.to_vec();
    merged.dedup_by(|b, a| *a == b'/' && *b == b'/');
    merged
}

/// RFC 3986 §5.2.4.
fn resolve_dots(path: &[u8]) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut open = false; // Whether the path ends in a slash.
    for segment in path.strip_prefix(b"/").unwrap_or(path).split(|b| *b == b'/') {
        open = segment == b"." || segment == b"..";
        match segment {
            b"." => {}
            b".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    if open {
        segments.push(b"");
    }
    let mut resolved = b"/".to_vec();
    resolved.extend(segments.join(&b'/'));
    resolved
}

/// Windows forgets dots and spaces at the end of a name, and what follows `:`.
fn trim_segments(path: &[u8]) -> Vec<u8> {
    let segments = path.split(|b| *b == b'/').map(|segment| {
        let name = segment.split(|b| *b == b':').next().unwrap_or_default();
        let end =
            name.iter().rposition(|b| !matches!(b, b'.' | b' ' | b'\t')).map_or(0, |at| at + 1);
        &name[..end]
    });
    segments.collect::<Vec<_>>().join(&b'/')
}

#[cfg(test)]
mod tests;
