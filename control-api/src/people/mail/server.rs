//! How mail goes out: by a mail server, or, on a developer's machine, into the log.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::{Error as SmtpError, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;

use super::Mail;
use crate::config::{Config, Protection, Smtp};

/// How mail goes out.
pub(crate) enum Means {
    /// By a mail server.
    Smtp(Box<Smtp>),
    /// Into the log.
    Log,
    /// Not at all.
    None,
}

/// Sends mail.
pub(super) enum Delivery {
    Smtp { transport: Box<AsyncSmtpTransport<Tokio1Executor>>, from: Mailbox },
    Log,
}

/// Why a mail did not go out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Trouble {
    /// It may not.
    NotToBeSent,
    /// It never will.
    Refused,
    /// It may another time.
    Later,
}

impl Means {
    pub(crate) fn of(config: &Config) -> Self {
        match (&config.smtp, config.show_mails) {
            (Some(smtp), _) => Self::Smtp(Box::new(smtp.clone())),
            (None, true) => Self::Log,
            (None, false) => Self::None,
        }
    }
}

impl Delivery {
    /// `None`: there are no means.
    pub(super) fn by(means: &Means) -> Result<Option<Self>, SmtpError> {
        let smtp = match means {
            Means::Smtp(smtp) => smtp,
            Means::Log => return Ok(Some(Self::Log)),
            Means::None => return Ok(None),
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.host);
        let tls = || TlsParameters::new(smtp.host.clone());
        let tls = match smtp.protection {
            Protection::Implicit => Tls::Wrapper(tls()?),
            Protection::StartTls => Tls::Required(tls()?),
            Protection::Loopback => Tls::None,
        };
        let mut builder = builder
            .port(smtp.port)
            .tls(tls)
            .timeout(Some(TIMEOUT))
            .pool_config(PoolConfig::new().max_size(4).idle_timeout(IDLE));
        if let Some((user, password)) = &smtp.credentials {
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Some(Self::Smtp { transport: Box::new(builder.build()), from: smtp.from.clone() }))
    }

    /// Neither addresses nor what a server says of them come into the log.
    pub(super) async fn send(&self, mail: &Mail) -> Result<(), Trouble> {
        let (transport, from) = match self {
            Self::Smtp { transport, from } => (transport, from),
            Self::Log => {
                let (to, text) = (&mail.to, &mail.text.plain);
                tracing::warn!(to, text, "on a developer's machine: a mail");
                return Ok(());
            }
        };
        let Ok(message) = message(from, mail) else { return Err(Trouble::Refused) };
        let sent = tokio::time::timeout(TIMEOUT, transport.send(message)).await;
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => {
                let status = error.status().map(|code| code.to_string());
                tracing::warn!(status, "the mail server refuses a mail");
                Err(Trouble::Refused)
            }
            Ok(Err(error)) => {
                let status = error.status().map(|code| code.to_string());
                let reason = if status.is_some() { String::new() } else { error.to_string() };
                tracing::warn!(status, reason, "a mail could not be handed over; again later");
                Err(Trouble::Later)
            }
            Err(_) => {
                tracing::warn!("the mail server did not answer in time; again later");
                Err(Trouble::Later)
            }
        }
    }
}

fn message(from: &Mailbox, mail: &Mail) -> Result<Message, lettre::error::Error> {
    let to: Address = mail.to.parse().map_err(|_| lettre::error::Error::MissingTo)?;
    let envelope = Envelope::new(Some(from.email.clone()), vec![to.clone()])?;
    let part =
        |kind: ContentType, body: &str| SinglePart::builder().header(kind).body(body.to_owned());
    let bodies = MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, &mail.text.plain))
        .singlepart(part(ContentType::TEXT_HTML, &mail.text.html));
    Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .envelope(envelope)
        .subject(&mail.text.subject)
        .message_id(None)
        .header(AutoSubmitted)
        .multipart(bodies)
}

/// RFC 3834 §5: no automatic answer to this.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

const TIMEOUT: Duration = Duration::from_secs(20);
const IDLE: Duration = Duration::from_secs(30);
