//! What is told about a SAML service provider and to it, judged by itself.

use std::collections::BTreeMap;

use access::saml::statement;
use serde_json::Value;

use super::body::{AttributeSource, CustomAttribute, CustomAttributes, SaasApp};
use super::service_provider;
use crate::api::ApiError;
use crate::api::access::applications::check::{invalid, one_of, read, texts, url};

impl SaasApp {
    /// Of the fields of SAML one that is set.
    pub(super) fn saml_fields(&self) -> Option<&'static str> {
        let given = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|l| !l.is_empty());
        [
            ("sp_entity_id", self.sp_entity_id.is_some()),
            ("consumer_service_url", self.consumer_service_url.is_some()),
            ("name_id_format", self.name_id_format.is_some()),
            ("default_relay_state", self.default_relay_state.is_some()),
            ("custom_attributes", !self.attributes().is_empty()),
            ("name_id_transform_jsonata", self.name_id_transform_jsonata.is_some()),
            ("saml_attribute_transform_jsonata", self.saml_attribute_transform_jsonata.is_some()),
            ("sp_metadata", self.sp_metadata.is_some()),
            ("sp_metadata_url", self.sp_metadata_url.is_some()),
            ("custom_entity_id", self.custom_entity_id.is_some()),
            ("name_id_source", self.name_id_source.is_some()),
            ("sp_certificates", given(&self.sp_certificates)),
            ("single_logout_service_url", self.single_logout_service_url.is_some()),
            ("require_signed_requests", self.require_signed_requests == Some(true)),
            ("sign", self.sign.is_some()),
            ("encrypt", self.encrypt.is_some()),
            ("allow_sha1", self.allow_sha1 == Some(true)),
        ]
        .into_iter()
        .find_map(|(field, set)| set.then_some(field))
    }

    /// Refuses what could not be spoken, as far as no metadata is asked.
    pub(super) fn judge_saml(&self) -> Result<(), ApiError> {
        if self.sp_metadata.is_some() && self.sp_metadata_url.is_some() {
            let message = "cannot stand beside sp_metadata: one of the two is the service \
                           provider's word";
            return Err(invalid("saas_app.sp_metadata_url", message));
        }
        // What the service provider's own metadata says need not be typed again.
        let described = self.sp_metadata.is_some() || self.sp_metadata_url.is_some();
        for (field, value) in [
            ("saas_app.sp_entity_id", &self.sp_entity_id),
            ("saas_app.consumer_service_url", &self.consumer_service_url),
        ] {
            if value.is_none() && !described {
                let message = "is missing: the service provider's documentation has it, or its \
                               metadata, which sp_metadata takes";
                return Err(invalid(field, message));
            }
        }
        for (field, text, max) in [
            ("sp_entity_id", &self.sp_entity_id, 1024),
            ("custom_entity_id", &self.custom_entity_id, 1024),
            ("sp_metadata", &self.sp_metadata, MAX_METADATA),
            ("default_relay_state", &self.default_relay_state, 2048),
            ("name_id_transform_jsonata", &self.name_id_transform_jsonata, MAX_TRANSFORM),
            ("group_filter_regex", &self.group_filter_regex, 1024),
        ] {
            texts(&format!("saas_app.{field}"), text.iter(), max)?;
        }
        let transform = self.saml_attribute_transform_jsonata.iter();
        texts("saas_app.saml_attribute_transform_jsonata", transform, MAX_TRANSFORM)?;
        self.judge_expressions()?;
        for (field, value) in [
            ("consumer_service_url", &self.consumer_service_url),
            ("sp_metadata_url", &self.sp_metadata_url),
            ("single_logout_service_url", &self.single_logout_service_url),
        ] {
            url(&format!("saas_app.{field}"), value.as_deref())?;
        }
        for (field, word, known) in [
            ("name_id_format", &self.name_id_format, &["id", "email"][..]),
            ("sign", &self.sign, &["both", "assertion", "response"]),
            ("encrypt", &self.encrypt, &["nothing", "assertion", "name_id"]),
        ] {
            if let Some(word) = word {
                one_of(&format!("saas_app.{field}"), word, known)?;
            }
        }
        let certificates = self.sp_certificates.as_deref().unwrap_or_default();
        if certificates.len() > MAX_CERTIFICATES {
            let message = format!("may hold {MAX_CERTIFICATES} entries");
            return Err(invalid("saas_app.sp_certificates", &message));
        }
        texts("saas_app.sp_certificates", certificates, MAX_METADATA)?;
        if let Some(source) = &self.name_id_source {
            source.judge("saas_app.name_id_source")?;
        }
        let attributes = self.attributes();
        if attributes.len() > MAX_ATTRIBUTES {
            let message = format!("may hold {MAX_ATTRIBUTES} entries");
            return Err(invalid("saas_app.custom_attributes", &message));
        }
        for (index, (name, attribute)) in attributes.into_iter().enumerate() {
            attribute.judge(name, &format!("saas_app.custom_attributes[{index}]"))?;
        }
        if self.sp_metadata_url.is_none() {
            service_provider::of(self, service_provider::uploaded(self)?.as_ref())?;
        }
        Ok(())
    }

    /// What would be found out when somebody signs in.
    fn judge_expressions(&self) -> Result<(), ApiError> {
        let checks: [(_, _, Check); 3] = [
            (
                "name_id_transform_jsonata",
                &self.name_id_transform_jsonata,
                statement::check_name_id_transform,
            ),
            (
                "saml_attribute_transform_jsonata",
                &self.saml_attribute_transform_jsonata,
                statement::check_attribute_transform,
            ),
            ("group_filter_regex", &self.group_filter_regex, statement::check_group_filter),
        ];
        for (field, expression, check) in checks {
            if let Some(expression) = expression {
                let field = format!("saas_app.{field}");
                check(expression)
                    .map_err(|why| invalid(&field, &format!("cannot be used: {why}")))?;
            }
        }
        Ok(())
    }

    /// The attributes, each with its key where they were a map.
    pub(super) fn attributes(&self) -> Vec<(Option<&str>, &CustomAttribute)> {
        match &self.custom_attributes {
            None => Vec::new(),
            Some(CustomAttributes::List(list)) => list.iter().map(|one| (None, one)).collect(),
            Some(CustomAttributes::Map(map)) => {
                map.iter().map(|(key, one)| (Some(key.as_str()), one)).collect()
            }
        }
    }
}

impl CustomAttribute {
    fn judge(&self, key: Option<&str>, field: &str) -> Result<(), ApiError> {
        if self.name.is_none() && key.is_none() {
            return Err(invalid(&format!("{field}.name"), "is missing"));
        }
        texts(&format!("{field}.name"), self.name.iter(), 350)?;
        texts(&format!("{field}.friendly_name"), self.friendly_name.iter(), 350)?;
        if let Some(format) = &self.name_format {
            one_of(&format!("{field}.name_format"), format, NAME_FORMATS)?;
        }
        let Some(source) = &self.source else {
            return Err(invalid(&format!("{field}.source"), "is missing"));
        };
        source.judge(&format!("{field}.source"))
    }
}

impl AttributeSource {
    fn judge(&self, field: &str) -> Result<(), ApiError> {
        texts(&format!("{field}.name"), self.name.iter(), 350)?;
        let by_provider = self.by_provider(field)?;
        texts(&format!("{field}.name_by_idp"), by_provider.values(), 350)?;
        if self.name.is_none() && by_provider.is_empty() {
            return Err(invalid(&format!("{field}.name"), "is missing: which attribute is meant"));
        }
        Ok(())
    }

    /// `name_by_idp`: a list of `{idp_id, source_name}`, or a map as older descriptions have it.
    pub(super) fn by_provider(&self, field: &str) -> Result<BTreeMap<String, String>, ApiError> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Named {
            idp_id: String,
            source_name: String,
        }
        let field = format!("{field}.name_by_idp");
        let mut names = BTreeMap::new();
        match &self.name_by_idp {
            None => {}
            Some(Value::Object(map)) => {
                for (idp, name) in map {
                    let wrong = || invalid(&format!("{field}.{idp}"), "must be a string");
                    names.insert(idp.clone(), name.as_str().ok_or_else(wrong)?.to_owned());
                }
            }
            Some(Value::Array(list)) => {
                for (index, entry) in list.iter().enumerate() {
                    let field = format!("{field}[{index}]");
                    let wrong = || invalid(&field, "must be {idp_id, source_name}");
                    let entry = entry.as_object().ok_or_else(wrong)?;
                    let entry: Named = read(entry).map_err(|_| wrong())?;
                    if names.insert(entry.idp_id, entry.source_name).is_some() {
                        return Err(invalid(&field, "names an identity provider a second time"));
                    }
                }
            }
            Some(_) => {
                return Err(invalid(&field, "must be a list of {idp_id, source_name}"));
            }
        }
        Ok(names)
    }
}

type Check = fn(&str) -> Result<(), String>;

const MAX_METADATA: usize = 256 << 10;
const MAX_TRANSFORM: usize = 16 << 10;
const MAX_CERTIFICATES: usize = 10;
const MAX_ATTRIBUTES: usize = 100;
const NAME_FORMATS: &[&str] = &[
    "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified",
    "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
    "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
];
