//! What this process tells Prometheus, and whether it is well: `/metrics`, `/healthz`, `/readyz`.
//!
//! Every name is written here, once. Labels have few values: no hostname is ever one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
/// Unix seconds of the control plane's last answer; 0 before the first.
static LAST_ANSWER: AtomicU64 = AtomicU64::new(0);

/// Registers all metrics, once per process.
pub fn install() {
    RECORDER.get_or_init(|| {
        let builder = PrometheusBuilder::new().set_buckets(&SECONDS);
        let recorder = builder.unwrap_or_else(|_| PrometheusBuilder::new()).build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another metrics recorder is installed: /metrics stays empty");
        }
        describe();
        handle
    });
}

/// The text of `/metrics`.
#[must_use]
pub fn render() -> String {
    let answered = LAST_ANSWER.load(Ordering::Relaxed);
    if answered != 0 {
        #[expect(clippy::cast_precision_loss, reason = "seconds")]
        gauge!("lintel_edge_replica_age_seconds").set(now().saturating_sub(answered) as f64);
    }
    RECORDER
        .get()
        .map(|handle| {
            handle.run_upkeep();
            handle.render()
        })
        .unwrap_or_default()
}

/// How a connection on the HTTPS port ended its handshake.
#[derive(Clone, Copy, Debug)]
pub enum Handshake {
    /// Keys agreed upon.
    Done,
    /// No certificate for that name, or no name.
    UnrecognizedName,
    /// Took longer than allowed.
    TimedOut,
    /// Broken off, or nothing in common.
    Failed,
}

pub(crate) fn handshake(outcome: Handshake, took: Duration) {
    let outcome = match outcome {
        Handshake::Done => "done",
        Handshake::UnrecognizedName => "unrecognized_name",
        Handshake::TimedOut => "timed_out",
        Handshake::Failed => "failed",
    };
    counter!("lintel_edge_handshakes_total", "outcome" => outcome).increment(1);
    histogram!("lintel_edge_handshake_seconds").record(took.as_secs_f64());
}

pub(crate) fn connection_opened(port: &'static str) {
    counter!("lintel_edge_connections_total", "port" => port).increment(1);
    gauge!("lintel_edge_connections_open", "port" => port).increment(1);
}

pub(crate) fn connection_closed(port: &'static str) {
    gauge!("lintel_edge_connections_open", "port" => port).decrement(1);
}

pub(crate) fn connection_refused(reason: &'static str) {
    counter!("lintel_edge_connections_refused_total", "reason" => reason).increment(1);
}

pub(crate) fn connection_cut(reason: &'static str) {
    counter!("lintel_edge_connections_cut_total", "reason" => reason).increment(1);
}

pub(crate) fn accept_failed() {
    counter!("lintel_edge_accept_errors_total").increment(1);
}

pub(crate) fn request(status: u16, took: Duration) {
    counter!("lintel_edge_requests_total", "status" => status.to_string()).increment(1);
    histogram!("lintel_edge_request_seconds").record(took.as_secs_f64());
}

pub(crate) fn certificate_loaded(usable: bool) {
    let outcome = if usable { "usable" } else { "unusable" };
    counter!("lintel_edge_certificates_loaded_total", "outcome" => outcome).increment(1);
}

pub(crate) fn upstream(outcome: &'static str) {
    counter!("lintel_edge_upstream_total", "outcome" => outcome).increment(1);
}

pub(crate) fn replica_sequence(sequence: i64) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    gauge!("lintel_edge_replica_sequence").set(sequence as f64);
}

pub(crate) fn replica_records(records: u64, held_back: u64) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let (records, held_back) = (records as f64, held_back as f64);
    gauge!("lintel_edge_replica_records").set(records);
    gauge!("lintel_edge_replica_records_not_understood").set(held_back);
}

pub(crate) fn replica_answered() {
    LAST_ANSWER.store(now(), Ordering::Relaxed);
    gauge!("lintel_edge_replica_connected").set(1.0);
}

pub(crate) fn replica_pull_failed() {
    counter!("lintel_edge_replica_pull_errors_total").increment(1);
    gauge!("lintel_edge_replica_connected").set(0.0);
}

pub(crate) fn replica_read_failed() {
    counter!("lintel_edge_replica_read_errors_total").increment(1);
}

pub(crate) fn workerd_up(up: bool) {
    gauge!("lintel_edge_workerd_up").set(if up { 1.0 } else { 0.0 });
}

pub(crate) fn workerd_restarted() {
    counter!("lintel_edge_workerd_restarts_total").increment(1);
}

pub(crate) fn control_asked(outcome: &'static str) {
    counter!("lintel_edge_control_questions_total", "outcome" => outcome).increment(1);
}

pub(crate) fn logins_waiting(waiting: u64) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    gauge!("lintel_edge_login_events_waiting").set(waiting as f64);
}

pub(crate) fn logins_delivered(events: u64) {
    counter!("lintel_edge_login_events_delivered_total").increment(events);
}

pub(crate) fn logins_dropped(events: u64) {
    counter!("lintel_edge_login_events_dropped_total").increment(events);
}

pub(crate) fn client_certificate(outcome: &'static str) {
    counter!("lintel_edge_client_certificates_total", "outcome" => outcome).increment(1);
}

pub(crate) fn country_database_loaded(usable: bool) {
    let outcome = if usable { "usable" } else { "unusable" };
    counter!("lintel_edge_country_database_loads_total", "outcome" => outcome).increment(1);
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn describe() {
    let c = |name: &'static str, text: &'static str| describe_counter!(name, text);
    let g = |name: &'static str, text: &'static str| describe_gauge!(name, text);
    c("lintel_edge_handshakes_total", "TLS handshakes, by outcome");
    c("lintel_edge_connections_total", "Connections accepted, by port");
    g("lintel_edge_connections_open", "Connections open now, by port");
    c("lintel_edge_connections_refused_total", "Connections above a cap, by cap");
    c("lintel_edge_connections_cut_total", "Connections cut for being slow or idle, by reason");
    c("lintel_edge_accept_errors_total", "Failed accepts, for instance for want of descriptors");
    c("lintel_edge_requests_total", "Requests answered, by status");
    c("lintel_edge_certificates_loaded_total", "Certificates unsealed and parsed, by outcome");
    c("lintel_edge_upstream_total", "Requests to origins, by outcome");
    g("lintel_edge_replica_sequence", "Last change of the control plane that is served here");
    g("lintel_edge_replica_records", "Records in the replica");
    g("lintel_edge_replica_records_not_understood", "Records whose newest version is held back");
    g("lintel_edge_replica_connected", "1 if the control plane answered the last question");
    g("lintel_edge_replica_age_seconds", "Since the control plane's last answer");
    c("lintel_edge_replica_pull_errors_total", "Questions to the control plane that failed");
    c("lintel_edge_replica_read_errors_total", "Reads of the replica's file that failed");
    g("lintel_edge_workerd_up", "1 if workerd answers");
    c("lintel_edge_workerd_restarts_total", "Restarts of workerd");
    c("lintel_edge_control_questions_total", "The worker's questions, by outcome");
    g("lintel_edge_login_events_waiting", "Login events that the control plane does not have yet");
    c("lintel_edge_login_events_delivered_total", "Login events that it has");
    c("lintel_edge_login_events_dropped_total", "Login events lost: too many, or refused");
    c("lintel_edge_client_certificates_total", "Handshakes that asked for one, by outcome");
    c("lintel_edge_country_database_loads_total", "Reads of the country database, by outcome");
    describe_histogram!("lintel_edge_handshake_seconds", Unit::Seconds, "Duration of handshakes");
    describe_histogram!("lintel_edge_request_seconds", Unit::Seconds, "Duration of requests");
}

const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
