#!/usr/bin/env bash
# Installs what the tests need beside scripts/setup.sh: an ACME server, PostgreSQL, a browser, Python's API client,
# and what checks SAML from outside: xmlsec1 and the OASIS schemas.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

packages=()
need() { "$1" "$2" || packages+=("$3"); } # need CHECK ARGUMENT PACKAGE
exists() { compgen -G "$1" >/dev/null; }
need have pebble pebble
need exists '/usr/lib/postgresql/*/bin/postgres' postgresql
need have chromium chromium
need have openssl openssl
need have curl curl
need have xmlsec1 xmlsec1
need have xmllint libxml2-utils
need exists /usr/share/xml/opensaml/saml-schema-protocol-2.0.xsd opensaml-schemas
need exists /usr/share/xml/xmltooling/xenc-schema.xsd xmltooling-schemas
need have python3 python3
python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
[ ${#packages[@]} = 0 ] || apt_install "What the tests need" "${packages[@]}"

lock "$CACHE/setup.lock" "installing"
"$ROOT/scripts/venv.sh" >/dev/null # Tells of its progress on stderr.
"$ROOT/scripts/jsonata-suite.sh" >/dev/null # As above.
