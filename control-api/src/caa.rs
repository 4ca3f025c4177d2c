//! Whether DNS lets a CA issue (RFC 8659): asked before an order, as a CA's refusal counts against
//! its limits and says less.

/// The CAA records that hold for a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Caa {
    /// The name that has them.
    pub at: String,
    /// All of them; at least one.
    pub records: Vec<CaaRecord>,
}

/// One record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CaaRecord {
    /// Whoever does not understand the tag must not issue.
    pub critical: bool,
    /// In lower case.
    pub tag: String,
    /// As it stands.
    pub value: String,
}

impl Caa {
    /// Whether a CA that answers to one of these domains (`caaIdentities` of its directory) may
    /// issue by http-01. A CA that names none is trusted to judge for itself.
    #[must_use]
    pub fn permits(&self, identities: &[String], wildcard: bool) -> bool {
        let known = |tag: &str| KNOWN.contains(&tag);
        if self.records.iter().any(|record| record.critical && !known(&record.tag)) {
            return false;
        }
        let tagged = |tag: &'static str| self.records.iter().filter(move |r| r.tag == tag);
        // RFC 8659 §4.3: issuewild takes the place of issue, for wildcards only.
        let tag =
            if wildcard && tagged("issuewild").next().is_some() { "issuewild" } else { "issue" };
        // Records that say nothing about issuing (iodef alone) forbid nothing.
        tagged(tag).next().is_none()
            || identities.is_empty()
            || tagged(tag).any(|record| names(&record.value, identities))
    }
}

/// Whether an issue property names one of the CAs, for our method (RFC 8657 §4). `;` names none.
fn names(value: &str, identities: &[String]) -> bool {
    let mut parts = value.split(';').map(str::trim);
    let domain = parts.next().unwrap_or_default().trim_end_matches('.');
    let methods = parts.filter_map(|part| part.split_once('='));
    let mut methods =
        methods.filter(|(key, _)| key.trim().eq_ignore_ascii_case("validationmethods"));
    identities.iter().any(|identity| identity.eq_ignore_ascii_case(domain))
        && methods.all(|(_, list)| list.split(',').any(|method| method.trim() == "http-01"))
}

const KNOWN: [&str; 6] =
    ["issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone"];

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(records: &[(bool, &str, &str)], wildcard: bool) -> bool {
        let record = |&(critical, tag, value): &(bool, &str, &str)| CaaRecord {
            critical,
            tag: tag.into(),
            value: value.into(),
        };
        let caa = Caa { at: "customer.com".into(), records: records.iter().map(record).collect() };
        caa.permits(&["letsencrypt.org".into()], wildcard)
    }

    #[test]
    fn the_records_decide_as_rfc_8659_says() {
        for (records, plain, wildcard) in [
            (&[(false, "issue", "letsencrypt.org")][..], true, true),
            (&[(false, "issue", " LetsEncrypt.org. ; a=b")], true, true),
            (&[(false, "issue", "pki.goog")], false, false),
            (&[(false, "issue", ";")], false, false),
            (&[(false, "issue", "")], false, false),
            (&[(false, "issue", "pki.goog"), (false, "issue", "letsencrypt.org")], true, true),
            (&[(false, "issuewild", ";")], true, false),
            (&[(false, "issue", ";"), (false, "issuewild", "letsencrypt.org")], false, true),
            (&[(false, "iodef", "mailto:a@b.c")], true, true),
            (&[(true, "tbs", "unknown")], false, false),
            (&[(false, "tbs", "unknown")], true, true),
            (&[(false, "issue", "letsencrypt.org; validationmethods=dns-01")], false, false),
            (&[(false, "issue", "letsencrypt.org; validationmethods=dns-01,http-01")], true, true),
        ] {
            assert_eq!(permits(records, false), plain, "{records:?}");
            assert_eq!(permits(records, true), wildcard, "wildcard {records:?}");
        }
    }
}
