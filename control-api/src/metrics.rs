//! The names of all metrics of control-api, in this one place, and the way out to Prometheus.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Gauge: the sequence of the newest change for the edge.
pub const EDGE_SEQUENCE: &str = "lintel_edge_sequence";
/// Gauge, by `point_of_presence`: changes that it has not applied yet.
pub const POINT_LAG: &str = "lintel_point_of_presence_lag_changes";
/// Gauge, by `point_of_presence`: Unix seconds of its last request to the feed.
pub const POINT_LAST_SEEN: &str = "lintel_point_of_presence_last_seen_seconds";
/// Counter, by `point_of_presence`: probes that saw another certificate than the newest one.
pub const WRONG_CERTIFICATE: &str = "lintel_point_of_presence_wrong_certificate_total";
/// Gauge, by `publisher`: changes that it has not passed on yet.
pub const PUBLISHER_LAG: &str = "lintel_publisher_lag_changes";
/// Counter, by `publisher`: changes passed on.
pub const PUBLISHED: &str = "lintel_publisher_changes_total";
/// Counter, by `publisher` and `reason`: requests that failed and are repeated.
pub const PUBLISHER_FAILURES: &str = "lintel_publisher_failures_total";
/// Counter, by `authority` and `outcome` (`ok`, `problem`, `bad_nonce`, `unreachable`,
/// `malformed`): requests to CAs.
pub const AUTHORITY_REQUESTS: &str = "lintel_authority_requests_total";
/// Counter, by `kind` and `outcome` (`ok`, `retry`: the world was not ready, `failed`: we were not,
/// `late`: the lease had ended): jobs performed.
pub const JOBS: &str = "lintel_jobs_total";
/// Histogram, by `kind`: how long a job took.
pub const JOB_SECONDS: &str = "lintel_job_seconds";
/// Gauge: jobs whose time has come and that nobody has leased.
pub const JOBS_DUE: &str = "lintel_jobs_due";
/// Gauge: how long the job that is due for longest has been waiting.
pub const OLDEST_JOB: &str = "lintel_oldest_due_job_seconds";
/// Gauge, by `status`: certificates by the status of each.
pub const CERTIFICATES: &str = "lintel_certificates";
/// Counter: certificates whose successor took over.
pub const RENEWALS: &str = "lintel_renewals_total";
/// Gauge, by `status`: custom hostnames by `ssl.status`.
pub const HOSTNAMES: &str = "lintel_custom_hostnames";
/// Counter, by `method`, `route` and `status`: API requests.
pub const HTTP_REQUESTS: &str = "lintel_http_requests_total";
/// Histogram, by `method` and `route`: how long API requests took.
pub const HTTP_REQUEST_SECONDS: &str = "lintel_http_request_seconds";

/// Gauge, by `key` (`current`, `previous`): secrets under the current master key, and others.
pub const VAULT_RECORDS: &str = "lintel_vault_records";

/// Counter, by `outcome` (`accepted`, `too_many`, `unavailable`): codes that were asked for.
pub const PINS: &str = "lintel_access_pins_total";
/// Counter, by `outcome` (`sent`, `not_to_be_sent`: the address may get none, `refused`: by the mail
/// server, `later`: tried again): mails.
pub const MAILS: &str = "lintel_access_mails_total";
/// Counter, by `outcome` (`session`, `disabled`, `refused`): identities that were to begin a session.
pub const SIGN_INS: &str = "lintel_access_sign_ins_total";
/// Counter, by `kind` (`user`, `application`): revocations.
pub const REVOCATIONS: &str = "lintel_access_revocations_total";
/// Counter, by `outcome` (`allowed`, `denied`): lines of the login log.
pub const LOGINS: &str = "lintel_access_logins_total";
/// Counter, by `outcome` (`answered`, `failed`): what posture integrations were asked.
pub const POSTURE: &str = "lintel_access_posture_checks_total";
/// Counter, by `outcome` (`same`, `changed`, `failed`): SAML metadata that was fetched again.
pub const SAML_METADATA: &str = "lintel_access_saml_metadata_total";
/// Gauge: SAML peers whose metadata could not be fetched when that was last tried.
pub const SAML_METADATA_FAILING: &str = "lintel_access_saml_metadata_failing";
/// Gauge: global sessions that go on.
pub const SESSIONS: &str = "lintel_access_sessions";
/// Gauge: Access seats that are taken.
pub const SEATS: &str = "lintel_access_seats";

/// Renders what was measured.
#[derive(Clone)]
pub struct Exporter(PrometheusHandle);

impl Exporter {
    /// The text for `GET /metrics`.
    #[must_use]
    pub fn render(&self) -> String {
        // Folds what histograms have taken in since the last time.
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Begins to measure; once per process.
///
/// # Errors
/// It was begun before.
pub fn install() -> Result<Exporter, BuildError> {
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS)?;
    let handle = builder.install_recorder()?;
    describe();
    Ok(Exporter(handle))
}

fn describe() {
    describe_gauge!(VAULT_RECORDS, "Secrets under the current master key, and under others");
    describe_counter!(PINS, "Mailed codes that were asked for");
    describe_counter!(MAILS, "Mails by what became of them");
    describe_counter!(SIGN_INS, "Identities that were to begin a session");
    describe_counter!(REVOCATIONS, "Users and applications whose tokens were revoked");
    describe_counter!(LOGINS, "Lines of the login log");
    describe_counter!(POSTURE, "What posture integrations were asked");
    describe_counter!(SAML_METADATA, "SAML metadata that was fetched again");
    describe_gauge!(SAML_METADATA_FAILING, "SAML peers whose metadata could not be fetched");
    describe_gauge!(SESSIONS, "Global sessions that go on");
    describe_gauge!(SEATS, "Access seats that are taken");
    describe_gauge!(EDGE_SEQUENCE, "Sequence of the newest change for the edge");
    describe_gauge!(POINT_LAG, "Changes that a point of presence has not applied yet");
    describe_gauge!(POINT_LAST_SEEN, Unit::Seconds, "When a point of presence last asked");
    describe_counter!(WRONG_CERTIFICATE, "Probes that saw another certificate than the newest");
    describe_gauge!(PUBLISHER_LAG, "Changes that a publisher has not passed on yet");
    describe_counter!(PUBLISHED, "Changes that a publisher has passed on");
    describe_counter!(PUBLISHER_FAILURES, "Requests of a publisher that failed");
    describe_counter!(AUTHORITY_REQUESTS, "What was asked of certificate authorities");
    describe_counter!(JOBS, "Jobs performed");
    describe_histogram!(JOB_SECONDS, Unit::Seconds, "How long jobs took");
    describe_gauge!(JOBS_DUE, "Jobs that are due");
    describe_gauge!(OLDEST_JOB, Unit::Seconds, "How long the oldest due job has been waiting");
    describe_gauge!(CERTIFICATES, "Certificates by status");
    describe_counter!(RENEWALS, "Certificates whose successor took over");
    describe_gauge!(HOSTNAMES, "Custom hostnames by ssl.status");
    describe_counter!(HTTP_REQUESTS, "API requests");
    describe_histogram!(HTTP_REQUEST_SECONDS, Unit::Seconds, "How long API requests took");
}

const SECONDS: [f64; 11] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_rendered_with_its_help() {
        let exporter = install().unwrap();
        metrics::gauge!(PUBLISHER_LAG, "publisher" => "workers_kv").set(3.0);
        metrics::histogram!(JOB_SECONDS, "kind" => "order").record(0.2);
        let text = exporter.render();
        assert!(text.contains("# HELP lintel_publisher_lag_changes Changes that"), "{text}");
        assert!(
            text.contains(r#"lintel_publisher_lag_changes{publisher="workers_kv"} 3"#),
            "{text}"
        );
        assert!(text.contains(r#"lintel_job_seconds_bucket{kind="order",le="0.25"} 1"#), "{text}");
        assert!(install().is_err());
    }
}
