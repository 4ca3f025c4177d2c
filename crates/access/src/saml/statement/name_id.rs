//! What the subject is called (SAML core §8.3).

use edge_state::access::saml::NameIdFormat;
use saml::name_id::{NameId, format};

use super::source::{Found, Lookup, is_anothers};
use super::{About, Asked, Notes, StatementError, transform};

/// The kind of name, before it is known from where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Email,
    Persistent,
    Transient,
    Unspecified,
}

impl Kind {
    fn format(self) -> &'static str {
        match self {
            Self::Email => format::EMAIL,
            Self::Persistent => format::PERSISTENT,
            Self::Transient => format::TRANSIENT,
            Self::Unspecified => format::UNSPECIFIED,
        }
    }
}

pub(super) fn of(asked: &Asked<'_>, notes: &mut Notes) -> Result<NameId, StatementError> {
    let settings = &asked.saml.name_id;
    let kind = kind(asked, settings.source.is_some() || settings.transform.is_some())?;
    let lookup = Lookup { identity: asked.identity, group_filter: None };
    let value = match (&settings.source, kind) {
        _ if let Some(expression) = &settings.transform => {
            notes.add(About::NameId, "made by name_id_transform_jsonata");
            transform::name_id(expression, asked)?
        }
        (Some(source), _) => one(lookup.source(source), notes)?,
        (None, Kind::Transient) => {
            notes.add(About::NameId, "transient: random, another one each time");
            asked.transient.clone()
        }
        (None, Kind::Persistent) => one(lookup.name("id"), notes)?,
        (None, Kind::Email | Kind::Unspecified) => {
            notes.add(About::NameId, "the person's e-mail address");
            asked.identity.email.clone()
        }
    };
    if value.trim() != value {
        let why =
            "it begins or ends with a blank: some applications keep that apart, others do not";
        return Err(StatementError::NoName(why.to_owned()));
    }
    notes.add(About::NameId, why(asked, kind));
    if is_anothers(asked.identity, &value) {
        return Err(StatementError::EmailIsAnothers);
    }
    Ok(NameId::new(value, kind.format()))
}

/// A format that is set is the one that is given. Otherwise the request chooses, as far as there
/// is such a name.
fn kind(asked: &Asked<'_>, chosen: bool) -> Result<Kind, StatementError> {
    let set = asked.saml.name_id.format.map(|format| match format {
        NameIdFormat::Email => Kind::Email,
        NameIdFormat::Id => Kind::Persistent,
    });
    // `encrypted` asks for a form, not for a kind; whether there is a key for it, others check.
    let wanted = asked
        .requested_format
        .filter(|format| ![format::UNSPECIFIED, format::ENCRYPTED].contains(format));
    let Some(wanted) = wanted else {
        // Service providers take an address for one more readily than for a name of no kind.
        return Ok(set.unwrap_or(if chosen { Kind::Unspecified } else { Kind::Email }));
    };
    let can = match set {
        Some(kind) => vec![kind],
        // A chosen attribute stays the same from one time to the next.
        None if chosen => vec![Kind::Email, Kind::Persistent],
        None => vec![Kind::Email, Kind::Persistent, Kind::Transient],
    };
    can.iter().copied().find(|kind| kind.format() == wanted).ok_or_else(|| {
        let given = can.iter().map(|kind| kind.format()).collect::<Vec<_>>().join(" or ");
        StatementError::NameIdFormat { asked: wanted.to_owned(), given }
    })
}

fn one(found: Found, notes: &mut Notes) -> Result<String, StatementError> {
    let Found { values, origin } = found;
    let [value] = <[String; 1]>::try_from(values).map_err(|values| {
        StatementError::NoName(match values.len() {
            0 => format!("it has no value: {origin}"),
            count => format!("it must be one value and would be {count}: {origin}"),
        })
    })?;
    notes.add(About::NameId, origin);
    Ok(value)
}

fn why(asked: &Asked<'_>, kind: Kind) -> String {
    let format = kind.format();
    match (asked.saml.name_id.format, asked.requested_format) {
        (Some(_), _) => format!("format {format}: the application is set up so (name_id_format)"),
        (None, Some(wanted)) if wanted == format => format!("format {format}: the request asks so"),
        (None, _) => {
            format!("format {format}: neither name_id_format nor the request says another")
        }
    }
}
