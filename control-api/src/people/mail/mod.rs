//! Mail: put on a list in the transaction that it belongs to, sealed, and sent afterwards, so that
//! no answer tells by its time whether anything goes out.
//!
//! - [`text`]: what people read
//! - [`server`]: how it goes out

mod server;
mod text;

use std::sync::Arc;
use std::time::Duration;

use edge_state::Hostname;
use edge_state::seal::Sealed;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use zeroize::Zeroizing;

pub(super) use server::Means;
use server::{Delivery, Trouble};
pub(super) use text::Text;

use super::eligible::{self, Candidate};
use super::{Error, People};
use crate::metrics::MAILS;
use crate::store::Tx;
use crate::store::mails::{self, MailRow};
use crate::vault::Place;

/// A mail that is to go out, as it waits for that.
#[derive(Deserialize, Serialize)]
pub(super) enum Letter {
    /// A code.
    Pin(PinLetter),
    /// Somebody asks to be let in.
    Approval(ApprovalLetter),
}

/// A code to sign in with. It goes out only if the address may get one.
#[derive(Deserialize, Serialize)]
pub(super) struct PinLetter {
    pub(super) auth_domain: Hostname,
    pub(super) identity_provider_id: String,
    pub(super) application_id: Option<String>,
    pub(super) email: String,
    pub(super) code: String,
    pub(super) ip: Option<String>,
    pub(super) country: Option<String>,
}

/// Somebody asks to be let in for a time, and `to` has a say in it.
#[derive(Deserialize, Serialize)]
pub(super) struct ApprovalLetter {
    pub(super) auth_domain: Hostname,
    pub(super) id: String,
    pub(super) to: String,
    pub(super) email: String,
    pub(super) application: String,
    pub(super) justification: String,
    pub(super) seconds: u64,
}

/// Wakes who sends mail.
#[derive(Clone, Default)]
pub(super) struct Mailbag(Arc<Notify>);

impl Mailbag {
    pub(super) fn wake(&self) {
        self.0.notify_one();
    }
}

/// A mail ready to go out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mail {
    /// Whom it is for.
    pub to: String,
    /// Subject and bodies.
    pub text: Text,
}

impl People {
    /// Puts a mail on the list; it goes out once the transaction is committed, and
    /// [`Mailbag::wake`] says so.
    pub(super) async fn post(
        &self,
        tx: &mut Tx,
        letter: &Letter,
        times: (i64, i64),
    ) -> Result<(), Error> {
        let id = Uuid::new_v4().to_string();
        let text = Zeroizing::new(serde_json::to_vec(letter)?);
        let sealed = self.vault.seal(&Place::Mail { id: id.clone() }, &text)?;
        mails::insert(tx, &id, sealed.as_str(), times).await?;
        Ok(())
    }

    /// Sends mail until `stop`. One per process; several processes share the list.
    pub async fn send_mail(self, stop: CancellationToken) {
        let delivery = match Delivery::by(&self.settings.mail) {
            Ok(Some(delivery)) => delivery,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "no mail can be sent");
                return;
            }
        };
        while !stop.is_cancelled() {
            match self.send_due(&delivery).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::error!(%error, "mail that is due cannot be read"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.mailbag.0.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {} // Another instance's, and second tries.
            }
        }
    }

    async fn send_due(&self, delivery: &Delivery) -> Result<usize, Error> {
        let rows = self.lease().await?;
        let sending = rows.iter().map(|row| self.send_one(delivery, row));
        for result in futures_util::future::join_all(sending).await {
            result?;
        }
        Ok(rows.len())
    }

    async fn lease(&self) -> Result<Vec<MailRow>, Error> {
        let now = self.clock.now_millis();
        // A look first, which keeps no writer waiting.
        if !mails::any_due(&mut self.db.read().await?, now).await? {
            return Ok(Vec::new());
        }
        let mut tx = self.db.begin().await?;
        let rows = mails::lease(&mut tx, (now, now + millis(LEASE)), AT_ONCE).await?;
        tx.commit().await?;
        Ok(rows)
    }

    async fn send_one(&self, delivery: &Delivery, row: &MailRow) -> Result<(), Error> {
        let outcome = match self.write(row).await {
            Ok(Some(mail)) => delivery.send(&mail).await,
            Ok(None) => Err(Trouble::NotToBeSent),
            Err(error) => {
                tracing::error!(mail = row.id, %error, "a mail cannot be written");
                Err(Trouble::Refused)
            }
        };
        let mut tx = self.db.begin().await?;
        let label = match outcome {
            Ok(()) => "sent",
            Err(Trouble::NotToBeSent) => "not_to_be_sent",
            Err(Trouble::Refused) => "refused",
            Err(Trouble::Later) => {
                let pause = FIRST_PAUSE * 2_u32.pow(u32::try_from(row.attempt).unwrap_or(0).min(6));
                let due_at = self.clock.now_millis() + millis(pause);
                mails::put_back(&mut tx, row, due_at).await?;
                "later"
            }
        };
        metrics::counter!(MAILS, "outcome" => label).increment(1);
        if label != "later" {
            mails::finish(&mut tx, row).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What goes out; `None`: nothing, as it may not.
    async fn write(&self, row: &MailRow) -> Result<Option<Mail>, Error> {
        let place = Place::Mail { id: row.id.clone() };
        let letter = self.vault.open(&place, &Sealed::from_text(row.sealed.clone()))?;
        let mut tx = self.db.read().await?;
        match serde_json::from_slice(&letter)? {
            Letter::Pin(pin) => {
                let who = Candidate {
                    auth_domain: &pin.auth_domain,
                    identity_provider_id: &pin.identity_provider_id,
                    application_id: pin.application_id.as_deref(),
                    email: &pin.email,
                };
                if !eligible::may_have_code(&mut tx, who).await? {
                    return Ok(None);
                }
                let text = text::pin(&mut tx, &pin).await?;
                Ok(Some(Mail { to: pin.email, text }))
            }
            Letter::Approval(letter) => {
                let text = text::approval(&mut tx, &letter, self.settings.https_port).await?;
                Ok(Some(Mail { to: letter.to, text }))
            }
        }
    }

    /// The mails that are due, as they would go out, and takes them off the list: what a test reads
    /// in the place of a mailbox.
    ///
    /// # Errors
    /// The database failed.
    pub async fn empty_mailbag(&self) -> Result<Vec<Mail>, Error> {
        let mut mails = Vec::new();
        for row in self.lease().await? {
            mails.extend(self.write(&row).await?);
            let mut tx = self.db.begin().await?;
            mails::finish(&mut tx, &row).await?;
            tx.commit().await?;
        }
        Ok(mails)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

const LOOK_EVERY: Duration = Duration::from_secs(2);
const AT_ONCE: i64 = 8;
/// Longer than a mail server may take.
const LEASE: Duration = Duration::from_mins(1);
const FIRST_PAUSE: Duration = Duration::from_secs(2);
