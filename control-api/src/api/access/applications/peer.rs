//! The service provider that a SAML application is: typed, uploaded, or fetched from its address.

use edge_state::access::saml::SamlApplication;
use saml::metadata::{Doubt, Entity, Finding};

use super::saas::{AuthType, SaasApp, endpoint, lint, record, service_provider};
use super::stored::Application;
use crate::api::ApiError;
use crate::api::access::metadata::{self, Prepared, Source};
use crate::api::access::object::Context;
use crate::saml_metadata::Role;

/// An application that speaks SAML, with what its service provider says of itself.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// As the edge has it.
    pub saml: SamlApplication,
    /// Its service provider's metadata, where there is any.
    pub entity: Option<Entity>,
    /// Where what was typed and the metadata disagree.
    pub remarks: Vec<String>,
}

/// Where the metadata of a SAML application is, if at an address.
#[must_use]
pub fn source(saas: &SaasApp) -> Option<Source> {
    Some(Source {
        field: "saas_app.sp_metadata_url",
        url: saas.metadata_url()?.to_owned(),
        role: Role::ServiceProvider,
        entity_id: saas.entity_id().map(str::to_owned),
        certificates_field: "saas_app.sp_certificates",
        // Those are the keys of the service provider's messages: who signs its metadata may be
        // somebody else.
        certificates: Vec::new(),
        allow_sha1: saas.allows_sha1(),
    })
}

/// Puts it together. `fetched` is what stands at its address.
pub fn read(
    saas: &SaasApp,
    fetched: Option<Entity>,
    origin: &str,
    id: &str,
) -> Result<Spoken, ApiError> {
    let entity = match saas.metadata_url() {
        Some(_) => fetched,
        None => service_provider::uploaded(saas)?,
    };
    let peer = service_provider::of(saas, entity.as_ref())?;
    let sso_endpoint = endpoint(origin, AuthType::Saml, id);
    let saml = record::of(saas, peer.service_provider, sso_endpoint)?;
    Ok(Spoken { saml, entity, remarks: peer.remarks })
}

/// A stored application; `None`: it does not speak SAML.
pub async fn of(
    cx: &mut Context<'_>,
    application: &Application,
    origin: &str,
) -> Result<Option<Spoken>, ApiError> {
    let saas = application.body.saas_app.as_ref();
    let Some(saas) = saas.filter(|saas| saas.auth_type() == AuthType::Saml) else {
        return Ok(None);
    };
    let fetched = metadata::entity(cx, &application.row.id).await?;
    read(saas, fetched, origin, &application.row.id).map(Some)
}

/// Refuses what could not be spoken with, before it is stored; answers what is worth a remark.
/// `prepared` is what was fetched for it, and absent where its address cannot have changed.
pub async fn judge(
    cx: &mut Context<'_>,
    saas: Option<&SaasApp>,
    stored: Option<&str>,
    prepared: Option<&Prepared>,
) -> Result<Vec<String>, ApiError> {
    let Some(saas) = saas.filter(|saas| saas.auth_type() == AuthType::Saml) else {
        return Ok(Vec::new());
    };
    let fetched = match (prepared, stored) {
        (Some(prepared), _) => prepared.entity().cloned(),
        (None, Some(id)) => metadata::entity(cx, id).await?,
        (None, None) => None,
    };
    let spoken = read(saas, fetched, "", "")?;
    let mut remarks = spoken.remarks;
    let found = lint::findings(&spoken.saml, spoken.entity.as_ref(), None, cx.app.clock.now());
    // Nobody who typed two fields is told each time what they did not type.
    let found = found.into_iter().filter(|finding| {
        spoken.entity.is_some() || *finding != Finding::Doubtful(Doubt::NoLogout)
    });
    remarks.extend(found.map(|finding| sentence(&finding)));
    Ok(remarks)
}

/// A finding, for people.
#[must_use]
pub fn sentence(finding: &Finding) -> String {
    match finding {
        Finding::Refused(fault) => format!("The service provider: {fault}. Signing in will fail."),
        Finding::Doubtful(doubt) => format!("The service provider: {doubt}."),
    }
}
