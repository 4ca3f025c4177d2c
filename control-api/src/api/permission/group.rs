//! Kinds of permission, and their catalogue.

/// A kind of permission. Ids are Cloudflare's own, so that existing scripts find them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Area {
    /// The user's own tokens.
    ApiTokens,
    /// The user.
    UserDetails,
    /// Accounts.
    AccountSettings,
    /// Tokens that belong to an account.
    AccountApiTokens,
    /// Zones.
    Zone,
    /// Settings of zones.
    ZoneSettings,
    /// Custom hostnames and their certificates.
    SslAndCertificates,
    /// Access: applications, policies, tags.
    AccessApps,
    /// Access: organizations, identity providers, groups, users.
    AccessOrganizations,
    /// Access: service tokens.
    AccessServiceTokens,
    /// Access: CAs of client certificates.
    AccessCertificates,
    /// Access: pages of one's own.
    AccessCustomPages,
    /// Access: who signed in. Nobody changes that.
    AccessAuditLogs,
    /// Access: device posture.
    AccessDevicePosture,
    /// Lists, seats, risk scores.
    ZeroTrust,
}

/// How far a permission goes. Edit holds read.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Level {
    /// Look.
    Read,
    /// Look and change.
    Edit,
}

/// One line of `permission_groups`.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// 32 hexadecimal digits.
    pub id: &'static str,
    /// As people know it.
    pub name: &'static str,
    /// What it is about.
    pub area: Area,
    /// How far it goes.
    pub level: Level,
}

impl Group {
    /// By id, or by name, which is easier to remember.
    #[must_use]
    pub fn find(text: &str) -> Option<&'static Self> {
        GROUPS.iter().find(|group| group.id == text || group.name == text)
    }

    /// The kind of resource that it is for.
    #[must_use]
    pub fn scope(&self) -> &'static str {
        match self.area {
            Area::ApiTokens | Area::UserDetails => "com.cloudflare.api.user",
            Area::AccountSettings
            | Area::AccountApiTokens
            | Area::AccessApps
            | Area::AccessOrganizations
            | Area::AccessServiceTokens
            | Area::AccessCertificates
            | Area::AccessCustomPages
            | Area::AccessAuditLogs
            | Area::AccessDevicePosture
            | Area::ZeroTrust => "com.cloudflare.api.account",
            Area::Zone | Area::ZoneSettings | Area::SslAndCertificates => ZONE,
        }
    }
}

/// The name of the permission that an area and level ask for, to be told to who lacks it.
#[must_use]
pub fn name(area: Area, level: Level) -> &'static str {
    let group = GROUPS.iter().find(|group| group.area == area && group.level == level);
    group.map_or("", |group| group.name)
}

/// Every permission group that there is.
pub const GROUPS: [Group; 29] = [
    group("0cc3a61731504c89b99ec1be78b77aa0", "API Tokens Read", Area::ApiTokens, Level::Read),
    group("686d18d5ac6c441c867cbf6771e58a0a", "API Tokens Write", Area::ApiTokens, Level::Edit),
    group("8acbe5bb0d54464ab867149d7f7cf8ac", "User Details Read", Area::UserDetails, Level::Read),
    group("55a5e17cc99e4a3fa1f3432d262f2e55", "User Details Write", Area::UserDetails, Level::Edit),
    group(
        "c1fde68c7bcc44588cbb6ddbc16d6480",
        "Account Settings Read",
        Area::AccountSettings,
        Level::Read,
    ),
    group(
        "1af1fa2adc104452b74a9a3364202f20",
        "Account Settings Write",
        Area::AccountSettings,
        Level::Edit,
    ),
    group(
        "eb56a6953c034b9d97dd838155666f06",
        "Account API Tokens Read",
        Area::AccountApiTokens,
        Level::Read,
    ),
    group(
        "5bc3f8b21c554832afc660159ab75fa4",
        "Account API Tokens Write",
        Area::AccountApiTokens,
        Level::Edit,
    ),
    group("c8fed203ed3043cba015a93ad1616f1f", "Zone Read", Area::Zone, Level::Read),
    group("e6d2666161e84845a636613608cee8d5", "Zone Write", Area::Zone, Level::Edit),
    group(
        "517b21aee92c4d89936c976ba6e4be55",
        "Zone Settings Read",
        Area::ZoneSettings,
        Level::Read,
    ),
    group(
        "3030687196b94b638145a3953da2b699",
        "Zone Settings Write",
        Area::ZoneSettings,
        Level::Edit,
    ),
    group(
        "7b7216b327b04b8fbc8f524e1f9b7531",
        "SSL and Certificates Read",
        Area::SslAndCertificates,
        Level::Read,
    ),
    group(
        "c03055bc037c4ea9afb9a9f104b7b721",
        "SSL and Certificates Write",
        Area::SslAndCertificates,
        Level::Edit,
    ),
    group(
        "7ea222f6d5064cfa89ea366d7c1fee89",
        "Access: Apps and Policies Read",
        Area::AccessApps,
        Level::Read,
    ),
    group(
        "1e13c5124ca64b72b1969a67e8829049",
        "Access: Apps and Policies Write",
        Area::AccessApps,
        Level::Edit,
    ),
    group(
        "26bc23f853634eb4bff59983b9064fde",
        "Access: Organizations, Identity Providers, and Groups Read",
        Area::AccessOrganizations,
        Level::Read,
    ),
    group(
        "bfe0d8686a584fa680f4c53b5eb0de6d",
        "Access: Organizations, Identity Providers, and Groups Write",
        Area::AccessOrganizations,
        Level::Edit,
    ),
    group(
        "91f7ce32fa614d73b7e1fc8f0e78582b",
        "Access: Service Tokens Read",
        Area::AccessServiceTokens,
        Level::Read,
    ),
    group(
        "a1c0fec57cf94af79479a6d827fa518c",
        "Access: Service Tokens Write",
        Area::AccessServiceTokens,
        Level::Edit,
    ),
    group(
        "4f3196a5c95747b6ad82e34e1d0a694f",
        "Access: Mutual TLS Certificates Read",
        Area::AccessCertificates,
        Level::Read,
    ),
    group(
        "29d3afbfd4054af9accdd1118815ed05",
        "Access: Mutual TLS Certificates Write",
        Area::AccessCertificates,
        Level::Edit,
    ),
    group(
        "08e61dabe81a422dab0dea6fdef1a98a",
        "Access: Custom Pages Read",
        Area::AccessCustomPages,
        Level::Read,
    ),
    group(
        "4e5fd8ac327b4a358e48c66fcbeb856d",
        "Access: Custom Pages Write",
        Area::AccessCustomPages,
        Level::Edit,
    ),
    group(
        "b05b28e839c54467a7d6cba5d3abb5a3",
        "Access: Audit Logs Read",
        Area::AccessAuditLogs,
        Level::Read,
    ),
    group(
        "0f4841f80adb4bada5a09493300e7f8d",
        "Access: Device Posture Read",
        Area::AccessDevicePosture,
        Level::Read,
    ),
    group(
        "2fc1072ee6b743828db668fcb3f9dee7",
        "Access: Device Posture Write",
        Area::AccessDevicePosture,
        Level::Edit,
    ),
    group("3f376c8e6f764a938b848bd01c8995c4", "Zero Trust Read", Area::ZeroTrust, Level::Read),
    group("b33f02c6f7284e05a6f20741c0bb0567", "Zero Trust Write", Area::ZeroTrust, Level::Edit),
];

const fn group(id: &'static str, name: &'static str, area: Area, level: Level) -> Group {
    Group { id, name, area, level }
}

const ZONE: &str = "com.cloudflare.api.account.zone";
