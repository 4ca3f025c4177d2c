//! The service provider that a SAML application is: typed, uploaded, or fetched from its address.

use edge_state::access::saml::SamlApplication;
use saml::metadata::{Doubt, Entity, Finding};

use super::body::ApplicationBody;
use super::saas::{AuthType, SaasApp, endpoint, lint, record, service_provider};
use super::stored::Application;
use crate::api::ApiError;
use crate::api::access::echo::Sent;
use crate::api::access::metadata::{self, Prepared, Source};
use crate::api::access::object::{Context, kind};
use crate::api::access::presets;
use crate::saml_metadata::Role;
use crate::store::access::objects;

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
    body: &ApplicationBody,
    stored: Option<&str>,
    prepared: Option<&Prepared>,
) -> Result<Vec<String>, ApiError> {
    let saas = body.saas_app.as_ref();
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
    remarks.extend(shared_name(cx, body, &spoken.saml).await?);
    Ok(remarks)
}

/// What is worth a remark where the `NameID` is an attribute that several providers may fill: each
/// keeps it unique among its own people alone.
pub async fn shared_name(
    cx: &mut Context<'_>,
    body: &ApplicationBody,
    saml: &SamlApplication,
) -> Result<Option<String>, ApiError> {
    let (Some(source), None) = (&saml.name_id.source, &saml.name_id.transform) else {
        return Ok(None);
    };
    let name = source.name.as_str();
    if OUR_OWN.contains(&name) {
        return Ok(None);
    }
    let allowed = body.allowed_idps.as_deref().unwrap_or_default();
    let (mut say, mut unnamed) = (0, 0);
    for row in objects::all(cx.tx, cx.account_id, kind::IDENTITY_PROVIDER).await? {
        let sent = Sent::read(&row.body)?;
        // A mailed code says nothing of anybody but the address.
        let is_silent = sent.text("type")? == Some("onetimepin") && name != "sub";
        let may = allowed.is_empty() || allowed.contains(&row.id);
        if !may || is_silent || !presets::is_enabled(&sent)? {
            continue;
        }
        say += 1;
        unnamed += usize::from(!source.name_by_idp.contains_key(&row.id));
    }
    Ok((say > 1 && unnamed > 0).then(|| {
        format!(
            "The NameID is {name:?} as the provider says it, and {say} providers may sign in: \
             people of whom two of them say the same are one person to the service provider. Let \
             one provider in (allowed_idps), or name the attribute for each \
             (name_id_source.name_by_idp)."
        )
    }))
}

/// A finding, for people.
#[must_use]
pub fn sentence(finding: &Finding) -> String {
    match finding {
        Finding::Refused(fault) => format!("The service provider: {fault}. Signing in will fail."),
        Finding::Doubtful(doubt) => format!("The service provider: {doubt}."),
    }
}

/// Names that say who somebody is in the whole organization, and an empty one, which says nothing.
const OUR_OWN: [&str; 4] = ["id", "user_uuid", "email", ""];
